-- Predicted lifetime value
--
-- Each buyer's past net revenue and what is expected of the next `months` months of 30 days, discounted by `discount` a month and
-- multiplied by `margin` (1 is net revenue itself). P(alive) is the chance that they will ever buy again. The model (MBG/NBD, or what the
-- shop states as ltv_model; values by Gamma-Gamma) and how well it foretold are on the same page; it knows no seasons and no campaigns.
-- `sure` is false for who may have bought before the data begin. The 500 most valuable.
--
-- param months   int   = 12
-- param margin   float = 1.0
-- param discount float = 0.0
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column p_alive          rate   ja:"継続確率"  en:"P(alive)"
-- column expected_orders  float  ja:"予測購入日数"  en:"Expected purchase days"
-- column order_value      money  ja:"予測単価"  en:"Expected value of one"
-- column predicted        money  ja:"予測LTV"  en:"Predicted value"
-- column net_revenue      money  ja:"これまでの純売上"  en:"Net revenue so far"
-- column total            money  ja:"合計"  en:"Both"
-- column sure             bool   ja:"初回が確実"  en:"First order is sure"
SELECT
    customer_id, p_alive, expected_orders, CAST(order_value AS DECIMAL(18, 4)) AS order_value,
    CAST($margin * discounted * order_value AS DECIMAL(18, 4)) AS predicted,
    CAST($margin * CAST(net_revenue AS DOUBLE) AS DECIMAL(18, 4)) AS net_revenue,
    CAST($margin * (discounted * order_value + CAST(net_revenue AS DOUBLE)) AS DECIMAL(18, 4)) AS total,
    sure
FROM (
    SELECT
        history.customer_id, history.net_revenue, history.sure,
        p_alive(model.kind, model.r, model.alpha, model.a, model.b, history.repeats, history.recency_days, history.age_days) AS p_alive,
        expected_orders(model.kind, model.r, model.alpha, model.a, model.b, history.repeats, history.recency_days, history.age_days, 30 * $months)
            AS expected_orders,
        discounted_orders(
            model.kind, model.r, model.alpha, model.a, model.b, history.repeats, history.recency_days, history.age_days, $months, $discount
        ) AS discounted,
        expected_order_value(model.p, model.q, model.v, history.repeats, history.repeat_value) AS order_value
    FROM buying_histories AS history
    CROSS JOIN ltv_model AS model
) AS customer
ORDER BY predicted DESC NULLS LAST, expected_orders DESC NULLS LAST, customer_id
LIMIT 500
