-- Customer RFM by thresholds
--
-- Buyers of the last `rfm_days` days, scored 1 to 5 (5 is best) by limits that anybody can check by hand: R by days since the
-- last purchase (up to `rfm_r5` is 5, up to `rfm_r4` is 4, …), F by orders (`rfm_f5` or more is 5, …), M by net revenue
-- (`rfm_m5` or more is 5, …). While `rfm_m5` is 0, M is scored by rank: 1 + min(4, floor(5 * buyers strictly worse / (buyers - 1))).
-- F and M count the last `rfm_days` days. A shop states its own limits under [definitions] in tsubame.toml.
--
-- param rfm_days int = 730
-- param rfm_r5 int = 30
-- param rfm_r4 int = 90
-- param rfm_r3 int = 180
-- param rfm_r2 int = 365
-- param rfm_f5 int = 10
-- param rfm_f4 int = 5
-- param rfm_f3 int = 3
-- param rfm_f2 int = 2
-- param rfm_m5 money = 0
-- param rfm_m4 money = 0
-- param rfm_m3 money = 0
-- param rfm_m2 money = 0
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column r                int    ja:"R"  en:"R"
-- column f                int    ja:"F"  en:"F"
-- column m                int    ja:"M"  en:"M"
-- column recency_days     int    ja:"最終購入からの日数"  en:"Days since last purchase"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
SELECT
    customer_id,
    CASE
        WHEN recency_days <= $rfm_r5 THEN 5 WHEN recency_days <= $rfm_r4 THEN 4 WHEN recency_days <= $rfm_r3 THEN 3
        WHEN recency_days <= $rfm_r2 THEN 2 ELSE 1
    END AS r,
    CASE WHEN orders >= $rfm_f5 THEN 5 WHEN orders >= $rfm_f4 THEN 4 WHEN orders >= $rfm_f3 THEN 3 WHEN orders >= $rfm_f2 THEN 2 ELSE 1 END AS f,
    CASE
        WHEN $rfm_m5 = 0 THEN 1 + least(4, 5 * poorer / greatest(n - 1, 1))
        WHEN net_revenue >= $rfm_m5 THEN 5 WHEN net_revenue >= $rfm_m4 THEN 4 WHEN net_revenue >= $rfm_m3 THEN 3
        WHEN net_revenue >= $rfm_m2 THEN 2 ELSE 1
    END AS m,
    recency_days, orders, net_revenue, last_ordered_on
FROM (
    SELECT
        customer_id, orders, net_revenue, last_ordered_on,
        days_between(last_ordered_on, $today) AS recency_days,
        count(*) OVER () AS n,
        CAST(rank() OVER (ORDER BY net_revenue) AS BIGINT) - 1 AS poorer
    FROM (
        SELECT
            customer_id, CAST(sum(orders) AS BIGINT) AS orders, CAST(sum(net) AS DECIMAL(18, 4)) AS net_revenue,
            max(ordered_on) AS last_ordered_on
        FROM purchase_days
        WHERE ordered_on > add_days($today, 0 - $rfm_days)
        GROUP BY customer_id
    ) AS buyer
) AS ranked
