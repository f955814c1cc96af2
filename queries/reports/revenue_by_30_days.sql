-- Revenue by 30 days
--
-- Purchases in periods of 30 shop days counted back from today, so that each is as long as the next: the last year, the
-- newest first.
--
-- column until        date    ja:"期間の最終日"  en:"Last day"
-- column net          money   ja:"純売上"  en:"Net"
-- column orders       int     ja:"購入件数"  en:"Purchases"
-- column order_value  money   ja:"平均購入単価"  en:"Average purchase"
-- column buyers       int     ja:"購入者数"  en:"Buyers"
-- column new_buyers   int     ja:"新規購入者数"  en:"New buyers"
SELECT
    add_days($today, 0 - 30 * period) AS until,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
    count(*) AS orders,
    CAST(CAST(sum(net) AS DOUBLE) / count(*) AS DECIMAL(18, 4)) AS order_value,
    count(DISTINCT customer_id) AS buyers,
    count(DISTINCT CASE WHEN is_new THEN customer_id END) AS new_buyers
FROM (
    SELECT
        CAST(floor(CAST(days_between(purchase.ordered_on, $today) AS DOUBLE) / 30) AS BIGINT) AS period,
        purchase.customer_id, purchase.net,
        purchase.ordered_on = buyer.first_ordered_on AS is_new
    FROM purchases AS purchase
    LEFT JOIN customer_facts AS buyer ON buyer.customer_id = purchase.customer_id
    WHERE days_between(purchase.ordered_on, $today) < 360
) AS dated
GROUP BY period
ORDER BY period
