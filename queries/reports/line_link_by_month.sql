-- LINE links by month of registration
--
-- Of the members who registered in a month, those whose LINE account is linked now and who have not blocked us, and those who linked it within
-- `days` days of registering (of those registered that long ago).
--
-- param days int = 30
-- column month     date  ja:"登録月"  en:"Registered in"
-- column members   int   ja:"登録会員数"  en:"Members"
-- column linked    int   ja:"LINE連携中"  en:"Linked now"
-- column rate      rate  ja:"LINE連携率"  en:"Link rate"
-- column observed  int   ja:"観測済み人数"  en:"Observed N days"
-- column in_time   int   ja:"N日以内に連携"  en:"Linked within N days"
-- column in_time_rate rate ja:"N日以内の連携率"  en:"Rate within N days"
SELECT
    month,
    count(*) AS members,
    CAST(sum(linked) AS BIGINT) AS linked,
    CAST(sum(linked) AS DOUBLE) / count(*) AS rate,
    CAST(sum(observed) AS BIGINT) AS observed,
    CAST(sum(observed * in_time) AS BIGINT) AS in_time,
    CAST(sum(observed * in_time) AS DOUBLE) / nullif(sum(observed), 0) AS in_time_rate
FROM (
    SELECT
        month_start(member.registered_on) AS month,
        CASE WHEN line.active AND block.customer_id IS NULL THEN 1 ELSE 0 END AS linked,
        CASE WHEN days_between(member.registered_on, $today) >= $days THEN 1 ELSE 0 END AS observed,
        CASE WHEN days_between(member.registered_on, line.first_on) <= $days THEN 1 ELSE 0 END AS in_time
    FROM customers AS member
    LEFT JOIN (
        SELECT own.customer_id, min(own.first_on) AS first_on, max(CASE WHEN now.customer_id IS NOT NULL THEN 1 ELSE 0 END) = 1 AS active
        FROM (
            SELECT coalesce(who.survivor_id, said.customer_id) AS customer_id, min(shop_day(said.occurred_at)) AS first_on
            FROM contacts_history AS said
            LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
            WHERE said.kind = 'line' AND said.active
            GROUP BY coalesce(who.survivor_id, said.customer_id)
        ) AS own
        LEFT JOIN (SELECT DISTINCT customer_id FROM contacts WHERE kind = 'line' AND active) AS now ON now.customer_id = own.customer_id
        GROUP BY own.customer_id
    ) AS line ON line.customer_id = member.customer_id
    LEFT JOIN (SELECT DISTINCT customer_id FROM suppressions WHERE channel = 'line' AND reason = 'blocked') AS block
        ON block.customer_id = member.customer_id
    WHERE member.registered_on IS NOT NULL
) AS member
GROUP BY month
ORDER BY month
