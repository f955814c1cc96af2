-- Best hour to send
-- ja 最適な配信時間帯
--
-- For each customer the hour of the shop's day in which they clicked our messages most in the last `days` days; the earlier of equals. Only those with at
-- least `min_clicks` clicks in all. Give half of them the usual hour, or nobody will know whether it helped.
-- ja 会員ごとに、直近 `days` 日で最もクリックの多かった時間帯です。クリックが `min_clicks` 回以上の会員だけが対象です。
--
-- param days       int = 90
-- param min_clicks int = 3
-- column customer_id     text  ja:"会員ID"  en:"Customer"
-- column hour            int   ja:"時"  en:"Hour"
-- column clicks_in_hour  int   ja:"その時間帯のクリック"  en:"Clicks in that hour"
-- column clicks          int   ja:"クリック数"  en:"Clicks"
SELECT customer_id, hour, clicks_in_hour, clicks
FROM (
    SELECT
        customer_id,
        first_value(hour ORDER BY n DESC, hour) AS hour,
        max(n) AS clicks_in_hour,
        CAST(sum(n) AS BIGINT) AS clicks
    FROM (
        SELECT customer_id, seconds_between(shop_midnight(shop_day(occurred_at)), occurred_at) / 3600 AS hour, count(*) AS n
        FROM receipts
        WHERE kind = 'clicked' AND human AND occurred_at >= shop_midnight(add_days($today, 0 - $days))
        GROUP BY customer_id, seconds_between(shop_midnight(shop_day(occurred_at)), occurred_at) / 3600
    ) AS hourly
    GROUP BY customer_id
) AS customer
WHERE clicks >= $min_clicks
ORDER BY customer_id
