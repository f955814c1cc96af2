-- LINE link rate
--
-- Of the members active in the last `days` days (they registered, bought, or were seen on the site), those whose LINE account is linked and who
-- have not blocked us. `linked_ever` counts the blocked too. Who refused messages, but did not block, is linked.
--
-- param days int = 365
-- column active       int   ja:"アクティブ会員数"  en:"Active members"
-- column linked       int   ja:"LINE連携中"  en:"Linked"
-- column rate         rate  ja:"LINE連携率"  en:"Link rate"
-- column linked_ever  int   ja:"連携経験あり"  en:"Ever linked"
-- column blocked      int   ja:"ブロック中"  en:"Blocked"
SELECT
    count(*) AS active,
    CAST(coalesce(sum(CASE WHEN line.customer_id IS NOT NULL AND block.customer_id IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS linked,
    CAST(sum(CASE WHEN line.customer_id IS NOT NULL AND block.customer_id IS NULL THEN 1 ELSE 0 END) AS DOUBLE) / nullif(count(*), 0) AS rate,
    CAST(coalesce(sum(CASE WHEN ever.customer_id IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS linked_ever,
    CAST(coalesce(sum(CASE WHEN block.customer_id IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS blocked
FROM (
    SELECT customer_id FROM customers WHERE registered_on >= add_days($today, 0 - $days)
    UNION
    SELECT customer_id FROM purchases WHERE customer_id IS NOT NULL AND ordered_on >= add_days($today, 0 - $days)
    UNION
    SELECT customer_id FROM events WHERE customer_id IS NOT NULL AND occurred_at >= shop_midnight(add_days($today, 0 - $days))
) AS member
LEFT JOIN (SELECT DISTINCT customer_id FROM contacts WHERE kind = 'line' AND active) AS line ON line.customer_id = member.customer_id
LEFT JOIN (
    SELECT DISTINCT coalesce(who.survivor_id, said.customer_id) AS customer_id
    FROM contacts_history AS said
    LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
    WHERE said.kind = 'line' AND said.active
) AS ever ON ever.customer_id = member.customer_id
LEFT JOIN (SELECT DISTINCT customer_id FROM suppressions WHERE channel = 'line' AND reason = 'blocked') AS block
    ON block.customer_id = member.customer_id
