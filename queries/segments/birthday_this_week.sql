-- Birthday this week
-- ja 誕生日が近い会員
--
-- Customers whose birthday is today or on one of the six days after. Who was born on 29 February celebrates on the 28th
-- in other years.
-- ja 今日から7日以内に誕生日を迎える会員です。2月29日生まれの人は、平年は2月28日とします。
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column birthday     date    ja:"誕生日"  en:"Birthday"
-- column celebrates   date    ja:"今年の誕生日"  en:"Celebrates on"
SELECT profile.customer_id, profile.birthday, add_days($today, day.ahead) AS celebrates
FROM customers AS profile
CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6)) AS day (ahead)
WHERE (
        extract(month FROM profile.birthday) = extract(month FROM add_days($today, day.ahead))
        AND extract(day FROM profile.birthday) = extract(day FROM add_days($today, day.ahead))
    ) OR (
        extract(month FROM profile.birthday) = 2 AND extract(day FROM profile.birthday) = 29
        AND extract(month FROM add_days($today, day.ahead)) = 2 AND extract(day FROM add_days($today, day.ahead)) = 28
        AND extract(month FROM add_days($today, day.ahead + 1)) = 3
    )
ORDER BY profile.customer_id
