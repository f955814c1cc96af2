-- RFM grid
--
-- Buyers and their net revenue by R (days since the last purchase) and F (orders), 5 is best. A cell without buyers has no row.
-- `method` is `thresholds` (limits that mean the same every day: see the data dictionary under `customer_rfm`), `percent_rank` (a fifth
-- of the buyers of all time in each score, equal values with equal scores) or `ntile` (fifths of equal size that part equal values by id).
-- Where half of the buyers bought once, no rank can fill every score of F: thresholds can.
--
-- param method text = "thresholds"
-- column r             int     ja:"R（最終購入）"  en:"R (recency)"
-- column f             int     ja:"F（購入頻度）"  en:"F (frequency)"
-- column customers     int     ja:"会員数"  en:"Customers"
-- column share         rate    ja:"会員構成比"  en:"Share of customers"
-- column net_revenue   money   ja:"純売上"  en:"Net revenue"
-- column per_customer  money   ja:"1人あたり純売上"  en:"Net per customer"
WITH cell AS (
    -- Customers of one day and one number of orders score the same: some thousands of cells are ranked, and not every customer.
    SELECT last_ordered_on, orders, count(*) AS buyers, sum(net_revenue) AS net
    FROM customer_facts
    GROUP BY last_ordered_on, orders
), recency AS (
    SELECT
        last_ordered_on,
        CAST(sum(sum(buyers)) OVER (ORDER BY last_ordered_on) - sum(buyers) AS BIGINT) AS older,
        CAST(sum(sum(buyers)) OVER () AS BIGINT) AS n
    FROM cell
    GROUP BY last_ordered_on
), frequency AS (
    SELECT orders, CAST(sum(sum(buyers)) OVER (ORDER BY orders) - sum(buyers) AS BIGINT) AS rarer
    FROM cell
    GROUP BY orders
)
SELECT
    r, f, customers,
    CAST(customers AS DOUBLE) / CAST(sum(customers) OVER () AS DOUBLE) AS share,
    CAST(net AS DECIMAL(18, 4)) AS net_revenue,
    CAST(CAST(net AS DOUBLE) / customers AS DECIMAL(18, 4)) AS per_customer
FROM (
    SELECT r, f, CAST(sum(buyers) AS BIGINT) AS customers, sum(net) AS net
    FROM (
        SELECT r, f, 1 AS buyers, net_revenue AS net FROM customer_rfm WHERE $method = 'thresholds'
        UNION ALL
        SELECT
            1 + least(4, CAST(floor(CAST(5 * older AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS r,
            1 + least(4, CAST(floor(CAST(5 * rarer AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS f,
            cell.buyers, cell.net
        FROM cell
        JOIN recency ON recency.last_ordered_on = cell.last_ordered_on
        JOIN frequency ON frequency.orders = cell.orders
        WHERE $method = 'percent_rank'
        UNION ALL
        SELECT
            CAST(ntile(5) OVER (ORDER BY last_ordered_on, customer_id) AS BIGINT) AS r,
            CAST(ntile(5) OVER (ORDER BY orders, customer_id) AS BIGINT) AS f,
            1 AS buyers, net_revenue AS net
        FROM customer_facts
        WHERE $method = 'ntile'
    ) AS scored
    GROUP BY r, f
) AS summed
ORDER BY r DESC, f DESC
