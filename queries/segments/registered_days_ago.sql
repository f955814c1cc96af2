-- Registered so many days ago
-- ja 登録からN日目の会員
--
-- Members for whom today is day `days` since they registered; for a survey or a coupon on day 100.
-- ja 今日が会員登録からちょうど `days` 日目の会員です。登録100日のクーポンやアンケートに使います。
--
-- param days int = 100
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column registered_on    date   ja:"会員登録日"  en:"Registered on"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
SELECT member.customer_id, member.registered_on, coalesce(buyer.orders, 0) AS orders, buyer.last_ordered_on
FROM customers AS member
LEFT JOIN customer_facts AS buyer ON buyer.customer_id = member.customer_id
WHERE member.registered_on = add_days($today, 0 - $days)
ORDER BY member.customer_id
