-- New members
-- ja 新規登録会員
--
-- Members who registered between `days` and `days_max` days ago and have not bought since; for a welcome series.
-- ja 登録から `days`〜`days_max` 日で、登録後まだ購入のない会員です。ウェルカム配信に使います。
--
-- param days     int = 0
-- param days_max int = 7
-- column customer_id    text  ja:"会員ID"  en:"Customer"
-- column registered_on  date  ja:"会員登録日"  en:"Registered on"
-- column days_since     int   ja:"登録からの日数"  en:"Days since registration"
-- column acquisition    text  ja:"獲得経路"  en:"Acquisition"
SELECT
    member.customer_id, member.registered_on, days_between(member.registered_on, $today) AS days_since, member.acquisition
FROM customers AS member
LEFT JOIN customer_facts AS buyer ON buyer.customer_id = member.customer_id
WHERE member.registered_on <= add_days($today, 0 - $days)
  AND member.registered_on >= add_days($today, 0 - $days_max)
  AND (buyer.last_ordered_on IS NULL OR buyer.last_ordered_on < member.registered_on)
ORDER BY member.customer_id
