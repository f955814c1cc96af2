-- Buyers by the chance that they will buy again
--
-- All buyers in five bands of P(alive), with the purchase days and the net revenue expected of each band within `predict_days` of today
-- (365, or what [definitions] states). Revenue is empty where the model of values could not be fitted.
--
-- column band             text   ja:"継続確率"  en:"P(alive)"
-- column customers        int    ja:"会員数"  en:"Customers"
-- column share            rate   ja:"構成比"  en:"Share of customers"
-- column expected_orders  float  ja:"予測購入日数"  en:"Expected purchase days"
-- column predicted_net    money  ja:"予測純売上"  en:"Predicted net"
-- column net_revenue      money  ja:"これまでの純売上"  en:"Net revenue so far"
SELECT
    word.band, coalesce(held.customers, 0) AS customers,
    CAST(coalesce(held.customers, 0) AS DOUBLE) / sum(held.customers) OVER () AS share,
    held.expected_orders, held.predicted_net, held.net_revenue
FROM (VALUES (4, '80-100%'), (3, '60-80%'), (2, '40-60%'), (1, '20-40%'), (0, '0-20%')) AS word (place, band)
LEFT JOIN (
    SELECT
        place, count(*) AS customers, sum(expected_orders) AS expected_orders,
        CAST(sum(predicted_net) AS DECIMAL(18, 4)) AS predicted_net, CAST(sum(net_revenue) AS DECIMAL(18, 4)) AS net_revenue
    FROM (
        SELECT least(4, CAST(floor(p_alive * 5) AS BIGINT)) AS place, expected_orders, predicted_net, net_revenue
        FROM predictions
        WHERE p_alive IS NOT NULL
    ) AS banded
    GROUP BY place
) AS held ON held.place = word.place
WHERE EXISTS (SELECT 1 FROM ltv_model WHERE r IS NOT NULL)
ORDER BY word.place DESC
