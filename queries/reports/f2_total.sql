-- Second purchase (F2) in total
--
-- Over the customers whose first purchase falls on `from` or later and before `to`: how many have been observed `days`
-- days or more, and how many of those bought on a later day within `days` days.
--
-- param days int  = 90
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column buyers   int     ja:"初回購入者数"  en:"First buyers"
-- column matured  int     ja:"観測済み人数"  en:"Observed N days"
-- column f2       int     ja:"F2人数"  en:"Bought again"
-- column rate     rate    ja:"F2転換率"  en:"F2 rate"
SELECT
    count(*) AS buyers,
    CAST(coalesce(sum(matured), 0) AS BIGINT) AS matured,
    CAST(coalesce(sum(f2), 0) AS BIGINT) AS f2,
    CAST(sum(f2) AS DOUBLE) / nullif(sum(matured), 0) AS rate
FROM (
    SELECT
        CASE WHEN days_between(first_ordered_on, $today) >= $days THEN 1 ELSE 0 END AS matured,
        CASE WHEN days_between(first_ordered_on, $today) >= $days
            AND days_between(first_ordered_on, second_ordered_on) <= $days THEN 1 ELSE 0 END AS f2
    FROM customer_facts
    WHERE first_ordered_on >= $from AND first_ordered_on < $to
) AS buyer
