-- RFM by percentile
-- ja RFMパーセンタイル
--
-- Customers in the top shares by recency, frequency and money at once; 1 leaves a measure out. A customer is in the top q if fewer than q of all buyers
-- are strictly better.
-- ja 最終購入日（R）・購入回数（F）・購入金額（M）がそれぞれ上位の割合に入る会員です。1を指定するとその指標は問いません。
--
-- param r_top float = 0.30
-- param f_top float = 0.30
-- param m_top float = 0.30
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column r_share          rate   ja:"Rの上位割合"  en:"Top share by R"
-- column f_share          rate   ja:"Fの上位割合"  en:"Top share by F"
-- column m_share          rate   ja:"Mの上位割合"  en:"Top share by M"
SELECT customer_id, last_ordered_on, orders, net_revenue, r_share, f_share, m_share
FROM (
    SELECT
        customer_id, last_ordered_on, orders, net_revenue,
        CAST(rank() OVER (ORDER BY last_ordered_on DESC) - 1 AS DOUBLE) / count(*) OVER () AS r_share,
        CAST(rank() OVER (ORDER BY orders DESC) - 1 AS DOUBLE) / count(*) OVER () AS f_share,
        CAST(rank() OVER (ORDER BY net_revenue DESC) - 1 AS DOUBLE) / count(*) OVER () AS m_share
    FROM customer_facts
) AS ranked
WHERE r_share < $r_top AND f_share < $f_top AND m_share < $m_top
ORDER BY customer_id
