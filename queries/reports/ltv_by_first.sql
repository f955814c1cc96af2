-- Lifetime value by what came first
--
-- Cumulative net revenue per acquired customer at each age in calendar months, by the first order: `product` and `category` (whoever
-- bought several counts in each), `channel`, `coupon`, or by the customer's `acquisition`. At each age only customers whose months up to
-- it are over count, above and below the line. It says who is worth more, not that the product or the coupon made them so.
--
-- param by      text = "channel"  ja:"分け方（channel・product・category・coupon・acquisition）" en:"Split by (channel, product, category, coupon, acquisition)"
-- param months  int  = 12
-- param least   int  = 1  ja:"最少会員数" en:"Fewest customers"
-- column first        text   ja:"初回の内容"  en:"First"
-- column age          int    ja:"経過月"  en:"Age in months"
-- column customers    int    ja:"会員数"  en:"Customers"
-- column net_revenue  money  ja:"累計純売上"  en:"Cumulative net"
-- column ltv          money  ja:"1人あたり累計純売上"  en:"Cumulative net per customer"
SELECT first, age, customers, net_revenue, CAST(CAST(net_revenue AS DOUBLE) / customers AS DECIMAL(18, 4)) AS ltv
FROM (
    SELECT
        cell.first, age.age,
        CAST(sum(CASE WHEN cell.age = 0 THEN cell.buyers ELSE 0 END) AS BIGINT) AS customers,
        CAST(sum(cell.net) AS DECIMAL(18, 4)) AS net_revenue
    FROM (
        -- Every customer buys at age 0, so its buyers are all of them; `observed` is the last age whose months are over.
        SELECT first, observed, age, count(*) AS buyers, sum(net) AS net
        FROM (
            SELECT
                label.first, purchase.customer_id,
                months_between(buyer.first_ordered_on, $today) - 1 AS observed,
                months_between(buyer.first_ordered_on, purchase.ordered_on) AS age,
                sum(purchase.net) AS net
            FROM purchases AS purchase
            JOIN (
                SELECT
                    customer_id, min(ordered_on) AS first_ordered_on,
                    first_value(source ORDER BY ordered_at, order_id) AS source, first_value(order_id ORDER BY ordered_at, order_id) AS order_id
                FROM purchases
                WHERE customer_id IS NOT NULL
                GROUP BY customer_id
            ) AS buyer ON buyer.customer_id = purchase.customer_id
            JOIN (
                SELECT source, order_id, coalesce(sales_channel, '-') AS first
                FROM purchases
                WHERE $by = 'channel'
                UNION ALL
                SELECT source, order_id, coalesce(coupon, '-') AS first
                FROM purchases
                WHERE $by = 'coupon'
                UNION ALL
                SELECT purchase.source, purchase.order_id, coalesce(profile.acquisition, '-') AS first
                FROM purchases AS purchase
                LEFT JOIN customers AS profile ON profile.customer_id = purchase.customer_id
                WHERE $by = 'acquisition'
                UNION ALL
                SELECT DISTINCT source, order_id, coalesce(product_id, '-') AS first
                FROM purchase_lines
                WHERE $by = 'product'
                UNION ALL
                SELECT DISTINCT source, order_id, coalesce(category, '-') AS first
                FROM purchase_lines
                WHERE $by = 'category'
            ) AS label ON label.source = buyer.source AND label.order_id = buyer.order_id
            GROUP BY label.first, purchase.customer_id, buyer.first_ordered_on, months_between(buyer.first_ordered_on, purchase.ordered_on)
        ) AS customer_month
        GROUP BY first, observed, age
    ) AS cell
    JOIN generate_series(0, 600) AS age (age) ON age.age >= cell.age AND age.age <= cell.observed
    WHERE age.age <= $months
    GROUP BY cell.first, age.age
) AS summed
WHERE customers >= $least
ORDER BY first, age
