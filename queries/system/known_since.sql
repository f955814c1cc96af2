-- Known since
--
-- Since when the shop has known a customer: their registration, and the first of their orders, profiles and addresses.
--
-- param customer text
-- column registered_on  date    ja:"会員登録日"  en:"Registered on"
-- column since          instant ja:"最初の記録"  en:"First record"
SELECT min(registered_on) AS registered_on, min(since) AS since
FROM (
    SELECT registered_on, occurred_at AS since FROM customers_history WHERE customer_id = $customer
    UNION ALL
    SELECT CAST(NULL AS DATE), ordered_at FROM orders_history WHERE customer_id = $customer
    UNION ALL
    SELECT CAST(NULL AS DATE), occurred_at FROM contacts_history WHERE customer_id = $customer
) AS record
