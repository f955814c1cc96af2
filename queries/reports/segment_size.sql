-- Size of a segment
--
-- Its members on each night that was saved.
--
-- param segment text
-- column night    date  ja:"日付"  en:"Night"
-- column members  int   ja:"人数"  en:"Members"
-- column entered  int   ja:"追加"  en:"Entered"
-- column left     int   ja:"除外"  en:"Left"
SELECT night, members, entered, "left"
FROM segment_nights
WHERE segment = $segment
ORDER BY night
