-- People compared
--
-- What we know of some customers, to judge whether two of them are one person. No addresses. `customers` are their ids,
-- separated by blanks.
--
-- param customers text
-- column customer_id       text  ja:"会員ID"  en:"Customer"
-- column registered_on     date  ja:"会員登録日"  en:"Registered on"
-- column gender            text  ja:"性別"  en:"Gender"
-- column birthday          date  ja:"誕生日"  en:"Birthday"
-- column prefecture        text  ja:"都道府県"  en:"Prefecture"
-- column orders            int   ja:"注文数"  en:"Orders"
-- column net_revenue       money ja:"純売上"  en:"Net revenue"
-- column first_ordered_on  date  ja:"初回購入日"  en:"First purchase"
-- column last_ordered_on   date  ja:"最終購入日"  en:"Last purchase"
SELECT
    coalesce(profile.customer_id, facts.customer_id) AS customer_id, profile.registered_on, profile.gender, profile.birthday,
    profile.prefecture, coalesce(facts.orders, 0) AS orders,
    coalesce(facts.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue, facts.first_ordered_on, facts.last_ordered_on
FROM (SELECT * FROM customers WHERE strpos(concat(' ', $customers, ' '), concat(' ', customer_id, ' ')) > 0) AS profile
FULL JOIN (SELECT * FROM customer_facts WHERE strpos(concat(' ', $customers, ' '), concat(' ', customer_id, ' ')) > 0) AS facts
    ON facts.customer_id = profile.customer_id
ORDER BY customer_id
