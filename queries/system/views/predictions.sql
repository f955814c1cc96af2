-- Predictions per customer
--
-- What the newest model of repeat buying makes of each buyer's history as of today: whether they will ever buy again, on how many days
-- within `predict_days`, and what a purchase day of theirs is worth on average. Empty where the model could not be fitted; no rows before
-- the first fit. Where `sure` is false the history may lack the customer's beginning, and both readings are too low or too high.
--
-- param predict_days int = 365
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column p_alive          rate   ja:"継続確率"  en:"P(alive)"
-- column expected_orders  float  ja:"予測購入日数"  en:"Expected purchase days"
-- column order_value      float  ja:"予測単価"  en:"Expected value of one"
-- column predicted_net    money  ja:"予測純売上"  en:"Predicted net"
-- column repeats          int    ja:"リピート購入日数"  en:"Repeat days"
-- column recency_days     int    ja:"初回から最終までの日数"  en:"First to last, days"
-- column age_days         int    ja:"初回からの日数"  en:"Days since first"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column sure             bool   ja:"初回が確実"  en:"First order is sure"
SELECT
    customer_id, p_alive, expected_orders, order_value,
    CAST(expected_orders * order_value AS DECIMAL(18, 4)) AS predicted_net,
    repeats, recency_days, age_days, net_revenue, sure
FROM (
    SELECT
        history.customer_id, history.repeats, history.recency_days, history.age_days, history.net_revenue, history.sure,
        p_alive(model.kind, model.r, model.alpha, model.a, model.b, history.repeats, history.recency_days, history.age_days) AS p_alive,
        expected_orders(model.kind, model.r, model.alpha, model.a, model.b, history.repeats, history.recency_days, history.age_days, $predict_days)
            AS expected_orders,
        expected_order_value(model.p, model.q, model.v, history.repeats, history.repeat_value) AS order_value
    FROM buying_histories AS history
    CROSS JOIN ltv_model AS model
) AS predicted
