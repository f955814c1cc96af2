-- Segments of a night
--
-- The segments whose members were saved for exactly this night, or a later one: it is not answered anew.
--
-- param night instant
-- column segment  text  ja:"セグメント"  en:"Segment"
SELECT DISTINCT name AS segment
FROM runs_history
WHERE kind = 'segment' AND logical_at >= $night
ORDER BY segment
