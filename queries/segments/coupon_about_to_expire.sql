-- Coupon about to expire
-- ja クーポン失効間近
--
-- Customers with a coupon that the shop told of by the event `coupon_issued` (members `coupon` and `expires_on`, a date), which expires within
-- `days` days and which they have not used since. Of several, the one that expires first.
-- ja イベント `coupon_issued`（`coupon` と `expires_on`）で連携されたクーポンのうち、未使用で期限が `days` 日以内のものを持つ会員です。
--
-- param days int = 1
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column coupon       text  ja:"クーポン"  en:"Coupon"
-- column expires_on   date  ja:"有効期限"  en:"Expires on"
-- column days_left    int   ja:"残り日数"  en:"Days left"
SELECT customer_id, coupon, expires_on, days_between($today, expires_on) AS days_left
FROM (
    SELECT
        issued.customer_id,
        first_value(issued.coupon ORDER BY issued.expires_on, issued.coupon) AS coupon,
        min(issued.expires_on) AS expires_on
    FROM (
        SELECT
            customer_id, json_text(properties, 'coupon') AS coupon, TRY_CAST(json_text(properties, 'expires_on') AS DATE) AS expires_on,
            occurred_at
        FROM events
        WHERE name = 'coupon_issued' AND customer_id IS NOT NULL
    ) AS issued
    WHERE issued.coupon IS NOT NULL AND issued.expires_on >= $today
      AND NOT EXISTS (
        SELECT 1
        FROM orders AS used
        WHERE used.customer_id = issued.customer_id AND used.coupon = issued.coupon AND used.ordered_at >= issued.occurred_at
          AND used.status <> 'cancelled')
    GROUP BY issued.customer_id
) AS held
WHERE expires_on <= add_days($today, $days)
ORDER BY customer_id
