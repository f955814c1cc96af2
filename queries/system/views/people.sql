-- People
--
-- Everybody who is one person with somebody else: each merged customer with their survivor, and each survivor with
-- themselves. `merged_at` is when the last of them was, `members` how many of them are no guests.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column survivor_id  text    ja:"統合先"  en:"Survivor"
-- column merged_at    instant ja:"統合日時"  en:"Merged at"
-- column members      int     ja:"会員数"  en:"Members"
SELECT
    one.customer_id, one.survivor_id, person.merged_at,
    person.others + CASE WHEN starts_with(one.survivor_id, 'h-') THEN 0 ELSE 1 END AS members
FROM (
    SELECT customer_id, survivor_id FROM survivors
    UNION
    SELECT survivor_id AS customer_id, survivor_id FROM survivors
) AS one
JOIN (
    SELECT survivor_id, max(merged_at) AS merged_at, sum(CASE WHEN starts_with(customer_id, 'h-') THEN 0 ELSE 1 END) AS others
    FROM survivors
    GROUP BY survivor_id
) AS person ON person.survivor_id = one.survivor_id
