-- Anniversary of the first purchase
-- ja 初回購入の記念日
--
-- Customers whose first purchase was a whole number of years before one of the next `ahead` days, today included. Who began on 29 February
-- celebrates on the 28th in other years.
-- ja 初回購入からちょうど1年・2年…の日が、今日から `ahead` 日以内に来る会員です。
--
-- param ahead int = 7
-- column customer_id       text   ja:"会員ID"  en:"Customer"
-- column first_ordered_on  date   ja:"初回購入日"  en:"First purchase"
-- column celebrates        date   ja:"記念日"  en:"Anniversary"
-- column years             int    ja:"年数"  en:"Years"
-- column orders            int    ja:"注文数"  en:"Orders"
SELECT customer_id, first_ordered_on, celebrates, years, orders
FROM (
    SELECT
        buyer.customer_id, buyer.first_ordered_on, buyer.orders,
        extract(year FROM $today) + turn.n - extract(year FROM buyer.first_ordered_on) AS years,
        CASE
            WHEN extract(month FROM buyer.first_ordered_on) = 2 AND extract(day FROM buyer.first_ordered_on) = 29
                THEN add_days(make_date(extract(year FROM $today) + turn.n, 3, 1), -1)
            ELSE make_date(
                extract(year FROM $today) + turn.n, extract(month FROM buyer.first_ordered_on), extract(day FROM buyer.first_ordered_on))
        END AS celebrates
    FROM customer_facts AS buyer
    CROSS JOIN (VALUES (0), (1)) AS turn (n) -- The days ahead may reach into the next year.
) AS anniversary
WHERE years >= 1 AND celebrates >= $today AND celebrates < add_days($today, $ahead)
ORDER BY customer_id
