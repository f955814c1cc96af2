-- Retention by cohort: customers and money
--
-- Of the buyers first seen in a month, who bought in each later calendar month, and what they spent beside the first month. Age 0 is the month
-- of the first purchase. Only months that are over are shown; a month in which nobody came back is a zero.
--
-- param months int = 24
-- column cohort           date   ja:"初回購入月"  en:"First purchase"
-- column age              int    ja:"経過月"  en:"Age in months"
-- column customers        int    ja:"初回購入者数"  en:"First buyers"
-- column active           int    ja:"購入した会員数"  en:"Bought in the month"
-- column retention        rate   ja:"購入した割合"  en:"Share who bought"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column money_retention  rate   ja:"初月比の純売上"  en:"Net of the first month"
SELECT
    cell.cohort, age.age,
    CAST(sum(CASE WHEN cell.age = 0 THEN cell.buyers ELSE 0 END) AS BIGINT) AS customers,
    CAST(sum(CASE WHEN cell.age = age.age THEN cell.buyers ELSE 0 END) AS BIGINT) AS active,
    CAST(sum(CASE WHEN cell.age = age.age THEN cell.buyers ELSE 0 END) AS DOUBLE) / sum(CASE WHEN cell.age = 0 THEN cell.buyers END) AS retention,
    CAST(sum(CASE WHEN cell.age = age.age THEN cell.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(sum(CASE WHEN cell.age = age.age THEN cell.net ELSE 0 END) AS DOUBLE) / nullif(CAST(sum(CASE WHEN cell.age = 0 THEN cell.net END) AS DOUBLE), 0)
        AS money_retention
FROM (
    SELECT cohort, age, count(*) AS buyers, sum(net) AS net
    FROM (
        SELECT
            purchase.customer_id,
            month_start(buyer.first_ordered_on) AS cohort,
            months_between(buyer.first_ordered_on, purchase.ordered_on) AS age,
            sum(purchase.net) AS net
        FROM purchases AS purchase
        JOIN (
            SELECT customer_id, min(ordered_on) AS first_ordered_on
            FROM purchases
            WHERE customer_id IS NOT NULL
            GROUP BY customer_id
        ) AS buyer ON buyer.customer_id = purchase.customer_id
        GROUP BY purchase.customer_id, buyer.first_ordered_on, months_between(buyer.first_ordered_on, purchase.ordered_on)
    ) AS customer_month
    GROUP BY cohort, age
) AS cell
CROSS JOIN generate_series(0, 600) AS age (age)
WHERE age.age <= $months AND age.age < months_between(cell.cohort, $today)
GROUP BY cell.cohort, age.age
ORDER BY cell.cohort, age.age
