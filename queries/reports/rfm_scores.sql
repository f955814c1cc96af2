-- RFM scores
--
-- R, F and M of each buyer (5 is best) and the values behind them: days since the last purchase, orders and net revenue
-- over all purchases up to `$as_of`. Score = 1 + min(4, floor(5 * buyers strictly worse / (buyers - 1))): equal values
-- get equal scores.
--
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column r                int     ja:"R"  en:"R"
-- column f                int     ja:"F"  en:"F"
-- column m                int     ja:"M"  en:"M"
-- column recency_days     int     ja:"最終購入からの日数"  en:"Days since last purchase"
-- column orders           int     ja:"注文数"  en:"Orders"
-- column net_revenue      money   ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date    ja:"最終購入日"  en:"Last purchase"
SELECT customer_id, r, f, m, recency_days, orders, net_revenue, last_ordered_on
FROM customer_ranks
ORDER BY r DESC, f DESC, m DESC, customer_id
