-- Points about to expire
-- ja ポイント失効間近
--
-- Customers whose points expire within `days` days, by the last balance stated with an expiry, and who have at least `min_points`.
-- ja ポイントの有効期限が `days` 日以内に来る会員です。最後に連携された残高と期限で判定します。
--
-- param days       int = 30
-- param min_points int = 1
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column balance      int   ja:"ポイント残高"  en:"Balance"
-- column expires_on   date  ja:"有効期限"  en:"Expires on"
-- column days_left    int   ja:"残り日数"  en:"Days left"
SELECT customer_id, balance, expires_on, days_between($today, expires_on) AS days_left
FROM (
    SELECT
        customer_id,
        last_value(balance ORDER BY occurred_at, change_id) AS balance,
        last_value(expires_on ORDER BY occurred_at, change_id) AS expires_on
    FROM points
    WHERE balance IS NOT NULL
    GROUP BY customer_id
) AS stated
WHERE balance >= $min_points AND expires_on >= $today AND expires_on <= add_days($today, $days)
ORDER BY customer_id
