-- Events of a source
--
-- How many events of a source are known: the measurement of ingest waits until it sees what it sent.
--
-- param source text
-- column events  int  ja:"イベント数"  en:"Events"
SELECT count(*) AS events FROM events WHERE source = $source
