-- Saved members
--
-- Who was in each segment on the night saved last, by the ids they had then: what tonight's answer is compared with.
--
-- column segment      text  ja:"セグメント"  en:"Segment"
-- column customer_id  text  ja:"会員ID"      en:"Customer"
SELECT this.segment, this.customer_id
FROM segment_changes_history AS this
WHERE this.entered AND NOT EXISTS (
    SELECT 1
    FROM segment_changes_history AS later
    WHERE later.segment = this.segment AND later.customer_id = this.customer_id AND later.as_of > this.as_of)
ORDER BY this.segment, this.customer_id
