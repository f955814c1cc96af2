-- Points about to expire
-- ja ポイント失効間近
--
-- Customers whose points expire within `days` days, by the last expiry stated, and who have at least `min_points` by now.
-- ja ポイントの有効期限が `days` 日以内に来る会員です。最後に連携された期限と、いまの残高で判定します。
--
-- param days       int = 30
-- param min_points int = 1
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column balance      int   ja:"ポイント残高"  en:"Balance"
-- column expires_on   date  ja:"有効期限"  en:"Expires on"
-- column days_left    int   ja:"残り日数"  en:"Days left"
SELECT stated.customer_id, point.balance, stated.expires_on, days_between($today, stated.expires_on) AS days_left
FROM (
    SELECT customer_id, last_value(expires_on ORDER BY occurred_at, known_at, change_id) AS expires_on
    FROM points
    WHERE expires_on IS NOT NULL
    GROUP BY customer_id
) AS stated
JOIN point_balances AS point ON point.customer_id = stated.customer_id
WHERE point.balance >= $min_points AND stated.expires_on >= $today AND stated.expires_on <= add_days($today, $days)
ORDER BY stated.customer_id
