-- LINE not linked yet
-- ja LINE未連携
--
-- Customers who may be written to by e-mail, bought in the last `days` days, and have never linked LINE; to invite them.
-- ja メールが届き、直近 `days` 日以内に購入していて、まだLINEを連携していない会員です。
--
-- param days int = 180
-- column customer_id      text  ja:"会員ID"  en:"Customer"
-- column last_ordered_on  date  ja:"最終購入日"  en:"Last purchase"
-- column orders           int   ja:"注文数"  en:"Orders"
SELECT buyer.customer_id, buyer.last_ordered_on, buyer.orders
FROM customer_facts AS buyer
JOIN (SELECT customer_id FROM contactable WHERE channel = 'email' AND contactable) AS mail ON mail.customer_id = buyer.customer_id
LEFT JOIN (
    SELECT DISTINCT coalesce(who.survivor_id, said.customer_id) AS customer_id
    FROM contacts_history AS said
    LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
    WHERE said.kind = 'line'
) AS linked ON linked.customer_id = buyer.customer_id
WHERE buyer.last_ordered_on > add_days($today, 0 - $days) AND linked.customer_id IS NULL
ORDER BY buyer.customer_id
