-- What a customer costs and is worth
--
-- By month of the first purchase: advertising of that month (ad_spend; empty where none is recorded) per first buyer, net revenue and margin per customer over 12 calendar
-- months, and the age in months at which the customers had paid back what they cost. Margin is net revenue less the cost of the goods, and only
-- given where the cost of every line is known; elsewhere the payback is by net revenue, as `basis` says. 12 months are empty until they are over.
--
-- column cohort          date   ja:"初回購入月"  en:"First purchase"
-- column customers       int    ja:"初回購入者数"  en:"First buyers"
-- column spend           money  ja:"広告費"  en:"Ad spend"
-- column cpo             money  ja:"1人あたり広告費（CPO）"  en:"Ad spend per first buyer"
-- column net_12          money  ja:"12か月純売上LTV"  en:"12-month net per customer"
-- column margin_12       money  ja:"12か月粗利LTV"  en:"12-month margin per customer"
-- column cost_known      rate   ja:"原価が分かる売上の割合"  en:"Share of net with known cost"
-- column basis           text   ja:"回収の基準コード"  en:"Basis code"
-- column basis_ja        text   ja:"回収の基準"  en:"Basis (Japanese)"
-- column basis_en        text   ja:"回収の基準（英語）"  en:"Basis"
-- column payback_months  int    ja:"回収までの月数"  en:"Paid back at age, months"
SELECT
    cohort, customers, spend,
    CAST(CAST(spend AS DOUBLE) / customers AS DECIMAL(18, 4)) AS cpo,
    CAST(CASE WHEN months_between(cohort, $today) >= 12 THEN CAST(net_12 AS DOUBLE) / customers END AS DECIMAL(18, 4)) AS net_12,
    CAST(CASE WHEN months_between(cohort, $today) >= 12 AND unknown = 0 THEN CAST(net_12 - cost_12 AS DOUBLE) / customers END AS DECIMAL(18, 4))
        AS margin_12,
    1 - CAST(unknown_net AS DOUBLE) / nullif(CAST(net AS DOUBLE), 0) AS cost_known,
    CASE WHEN unknown = 0 THEN 'margin' ELSE 'net' END AS basis,
    CASE WHEN unknown = 0 THEN '粗利' ELSE '純売上' END AS basis_ja,
    CASE WHEN unknown = 0 THEN 'Margin' ELSE 'Net revenue' END AS basis_en,
    CASE WHEN spend > 0 THEN CASE WHEN unknown = 0 THEN by_margin ELSE by_net END END AS payback_months
FROM (
    SELECT
        cohort,
        CAST(sum(CASE WHEN age = 0 THEN buyers ELSE 0 END) AS BIGINT) AS customers,
        max(spend) AS spend, sum(net) AS net, sum(unknown) AS unknown, sum(unknown_net) AS unknown_net,
        sum(CASE WHEN age < 12 THEN net ELSE 0 END) AS net_12, sum(CASE WHEN age < 12 THEN cost ELSE 0 END) AS cost_12,
        min(CASE WHEN net_to >= spend THEN age END) AS by_net, min(CASE WHEN net_to - cost_to >= spend THEN age END) AS by_margin
    FROM (
        SELECT
            cell.cohort, cell.age, cell.buyers, cell.net, cell.cost, cell.unknown, cell.unknown_net,
            CAST(spent.cost AS DECIMAL(18, 4)) AS spend,
            sum(cell.net) OVER (PARTITION BY cell.cohort ORDER BY cell.age) AS net_to,
            sum(cell.cost) OVER (PARTITION BY cell.cohort ORDER BY cell.age) AS cost_to
        FROM (
            SELECT
                cohort, age, count(DISTINCT customer_id) AS buyers, sum(net) AS net, sum(coalesce(cost, 0)) AS cost,
                sum(CASE WHEN cost IS NULL THEN 1 ELSE 0 END) AS unknown, sum(CASE WHEN cost IS NULL THEN net ELSE 0 END) AS unknown_net
            FROM (
                SELECT
                    purchase.customer_id, month_start(buyer.first_ordered_on) AS cohort,
                    months_between(buyer.first_ordered_on, purchase.ordered_on) AS age, purchase.net, goods.cost
                FROM purchases AS purchase
                JOIN (
                    SELECT customer_id, min(ordered_on) AS first_ordered_on
                    FROM purchases
                    WHERE customer_id IS NOT NULL
                    GROUP BY customer_id
                ) AS buyer ON buyer.customer_id = purchase.customer_id
                LEFT JOIN (
                    -- One line of unknown cost leaves the order's unknown.
                    SELECT line.source, line.order_id, CASE WHEN count(*) = count(product.cost) THEN sum(line.quantity * product.cost) END AS cost
                    FROM order_lines AS line
                    LEFT JOIN (SELECT product_id, max(cost) AS cost FROM products GROUP BY product_id) AS product
                        ON product.product_id = coalesce(line.product_id, line.sku)
                    GROUP BY line.source, line.order_id
                ) AS goods ON goods.source = purchase.source AND goods.order_id = purchase.order_id
            ) AS bought
            GROUP BY cohort, age
        ) AS cell
        LEFT JOIN (
            SELECT month_start(spent_on) AS month, sum(cost) AS cost
            FROM ad_spend
            GROUP BY month_start(spent_on)
        ) AS spent ON spent.month = cell.cohort
    ) AS running
    WHERE age < months_between(cohort, $today) OR age = 0
    GROUP BY cohort
) AS cohorts
ORDER BY cohort
