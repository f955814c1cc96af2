-- Won by ads, bought once
-- ja 広告経由の1回きりの購入者
--
-- Customers whom an advertisement brought (`acquisition` begins with `from`) and who bought on one day only, at least `days` days ago.
-- ja 獲得経路が `from` で始まり、購入が1日だけで、`days` 日以上2回目のない会員です。
--
-- param from text = "ad"
-- param days int  = 30
-- column customer_id       text   ja:"会員ID"  en:"Customer"
-- column acquisition       text   ja:"獲得経路"  en:"Acquisition"
-- column first_ordered_on  date   ja:"初回購入日"  en:"First purchase"
-- column days_since        int    ja:"初回からの日数"  en:"Days since"
-- column net_revenue       money  ja:"純売上"  en:"Net revenue"
SELECT
    buyer.customer_id, member.acquisition, buyer.first_ordered_on, days_between(buyer.first_ordered_on, $today) AS days_since,
    buyer.net_revenue
FROM customer_facts AS buyer
JOIN customers AS member ON member.customer_id = buyer.customer_id
WHERE starts_with(member.acquisition, $from)
  AND buyer.second_ordered_on IS NULL
  AND buyer.first_ordered_on <= add_days($today, 0 - $days)
ORDER BY buyer.customer_id
