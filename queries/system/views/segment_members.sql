-- Members of segments
--
-- Who was in each segment on the last night that was saved by `$as_of`: asked as of a past night, it says who was in it then. What is heard
-- of later does not change a saved night.
--
-- column segment      text     ja:"セグメント"  en:"Segment"
-- column customer_id  text     ja:"会員ID"      en:"Customer"
-- column entered_at   instant  ja:"追加日時"    en:"Entered at"
SELECT this.segment, coalesce(who.survivor_id, this.customer_id) AS customer_id, min(this.as_of) AS entered_at
FROM segment_changes_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE this.entered AND NOT EXISTS (
    SELECT 1
    FROM segment_changes_history AS later
    WHERE later.segment = this.segment AND later.customer_id = this.customer_id AND later.as_of > this.as_of)
GROUP BY this.segment, coalesce(who.survivor_id, this.customer_id)
