-- Lifetime value by cohort
--
-- Cumulative net revenue per acquired customer, by month of the first purchase and age in calendar months (0 is the
-- month of the first purchase). Only months that are over are shown, so each cell is observed for the whole cohort; the
-- others have no row and are not zero.
--
-- param months int = 24
-- column cohort       date    ja:"初回購入月"  en:"First purchase"
-- column age          int     ja:"経過月"  en:"Age in months"
-- column customers    int     ja:"会員数"  en:"Customers"
-- column net_revenue  money   ja:"累計純売上"  en:"Cumulative net"
-- column ltv          money   ja:"1人あたり累計純売上"  en:"Cumulative net per customer"
SELECT
    cell.cohort, age.age,
    CAST(sum(CASE WHEN cell.age = 0 THEN cell.buyers ELSE 0 END) AS BIGINT) AS customers,
    CAST(sum(cell.net) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(CAST(sum(cell.net) AS DOUBLE) / sum(CASE WHEN cell.age = 0 THEN cell.buyers ELSE 0 END) AS DECIMAL(18, 4)) AS ltv
FROM (
    -- Every customer buys at age 0, and has one first day.
    SELECT cohort, age, CAST(sum(CASE WHEN nth = 1 THEN 1 ELSE 0 END) AS BIGINT) AS buyers, sum(net) AS net
    FROM (
        SELECT
            month_start(first_ordered_on) AS cohort,
            months_between(first_ordered_on, ordered_on) AS age,
            nth, net
        FROM purchase_days
    ) AS day
    GROUP BY cohort, age
) AS cell
JOIN generate_series(0, 600) AS age (age) ON age.age >= cell.age
WHERE age.age <= $months AND age.age < months_between(cell.cohort, $today)
GROUP BY cell.cohort, age.age
ORDER BY cell.cohort, age.age
