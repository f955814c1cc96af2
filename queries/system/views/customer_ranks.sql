-- Customer ranks
--
-- Customer facts with what depends on the other buyers or on the day. `net_revenue_top` = buyers with strictly greater
-- net revenue / buyers, so the top q is `net_revenue_top < q`. R (days since the last purchase), F (orders) and M (net
-- revenue), over all purchases up to `$as_of`, score 1 + min(4, floor(5 * worse / (n - 1))), where worse counts the
-- buyers strictly worse: equal values get equal scores.
--
-- column customer_id        text    ja:"会員ID"  en:"Customer"
-- column first_ordered_on   date    ja:"初回購入日"  en:"First purchase"
-- column second_ordered_on  date    ja:"2回目購入日"  en:"Second purchase"
-- column last_ordered_on    date    ja:"最終購入日"  en:"Last purchase"
-- column orders             int     ja:"注文数"  en:"Orders"
-- column purchase_days      int     ja:"購入日数"  en:"Purchase days"
-- column discounted_orders  int     ja:"値引注文数"  en:"Discounted orders"
-- column gross_revenue      money   ja:"総売上"  en:"Gross revenue"
-- column net_revenue        money   ja:"純売上"  en:"Net revenue"
-- column net_revenue_top    rate    ja:"純売上の上位割合"  en:"Top share by net revenue"
-- column recency_days       int     ja:"最終購入からの日数"  en:"Days since last purchase"
-- column r                  int     ja:"R"  en:"R"
-- column f                  int     ja:"F"  en:"F"
-- column m                  int     ja:"M"  en:"M"
SELECT
    customer_id, first_ordered_on, second_ordered_on, last_ordered_on, orders, purchase_days, discounted_orders,
    gross_revenue, net_revenue,
    CAST(richer AS DOUBLE) / n AS net_revenue_top,
    days_between(last_ordered_on, $today) AS recency_days,
    1 + least(4, CAST(floor(CAST(5 * older AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS r,
    1 + least(4, CAST(floor(CAST(5 * rarer AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS f,
    1 + least(4, CAST(floor(CAST(5 * poorer AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS m
FROM (
    SELECT
        fact.customer_id, fact.first_ordered_on, fact.second_ordered_on, fact.last_ordered_on, fact.orders, fact.purchase_days,
        fact.discounted_orders, fact.gross_revenue, fact.net_revenue, recency.older, frequency.rarer, recency.n,
        recency.n - count(*) OVER (ORDER BY fact.net_revenue) AS richer,
        CAST(rank() OVER (ORDER BY fact.net_revenue) AS BIGINT) - 1 AS poorer
    FROM customer_facts AS fact
    -- Few days and few numbers of orders are different: those are ranked, and not every customer.
    JOIN (
        SELECT
            last_ordered_on,
            CAST(sum(buyers) OVER (ORDER BY last_ordered_on) - buyers AS BIGINT) AS older,
            CAST(sum(buyers) OVER () AS BIGINT) AS n
        FROM (SELECT last_ordered_on, count(*) AS buyers FROM customer_facts GROUP BY last_ordered_on) AS day
    ) AS recency ON recency.last_ordered_on = fact.last_ordered_on
    JOIN (
        SELECT orders, CAST(sum(buyers) OVER (ORDER BY orders) - buyers AS BIGINT) AS rarer
        FROM (SELECT orders, count(*) AS buyers FROM customer_facts GROUP BY orders) AS number
    ) AS frequency ON frequency.orders = fact.orders
) AS ranked
