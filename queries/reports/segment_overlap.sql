-- Overlap with other segments
--
-- Who is in this segment and in another, on the last night that was saved of this one. A segment that was not saved on that night is left out.
--
-- param segment text
-- column segment         text  ja:"セグメント"                  en:"Segment"
-- column members         int   ja:"人数"                        en:"Members"
-- column both            int   ja:"重複"                        en:"In both"
-- column share_of_this   rate  ja:"このセグメントに占める割合"  en:"Share of this segment"
-- column share_of_other  rate  ja:"相手に占める割合"            en:"Share of the other"
SELECT
    other.segment, count(*) AS members, count(this.customer_id) AS both,
    CAST(count(this.customer_id) AS DOUBLE) / nullif((SELECT count(*) FROM segment_members WHERE segment = $segment), 0) AS share_of_this,
    CAST(count(this.customer_id) AS DOUBLE) / count(*) AS share_of_other
FROM segment_members AS other
LEFT JOIN (SELECT customer_id FROM segment_members WHERE segment = $segment) AS this ON this.customer_id = other.customer_id
JOIN (SELECT segment FROM segment_nights WHERE age = 1 AND as_of = (SELECT max(as_of) FROM segment_nights WHERE segment = $segment)) AS same
    ON same.segment = other.segment
WHERE other.segment <> $segment
GROUP BY other.segment
ORDER BY both DESC, other.segment
