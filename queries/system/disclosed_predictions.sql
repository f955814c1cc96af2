-- Predictions of one customer
--
-- What the newest model of repeat buying expects of the customer within a year. No row of who has not bought, or before the first fit.
--
-- param customer text
-- column p_alive          rate   ja:"継続確率"  en:"P(alive)"
-- column expected_orders  float  ja:"予測購入日数"  en:"Expected purchase days"
-- column order_value      float  ja:"予測単価"  en:"Expected value of one"
-- column predicted_net    money  ja:"予測純売上"  en:"Predicted net"
-- column sure             bool   ja:"初回が確実"  en:"First order is sure"
SELECT p_alive, expected_orders, order_value, predicted_net, sure
FROM predictions
WHERE customer_id = $customer
