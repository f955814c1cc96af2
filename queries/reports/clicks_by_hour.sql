-- Clicks by hour
--
-- When people click our messages: human clicks of the last `days` days by hour of the shop's day and channel, beside the messages accepted in
-- that hour. Hours in which nothing was sent look poor for that reason alone, so mind the messages.
--
-- param days int = 90
-- column hour       int   ja:"時"  en:"Hour"
-- column channel    text  ja:"チャネル"  en:"Channel"
-- column clicks     int   ja:"クリック数"  en:"Clicks"
-- column customers  int   ja:"会員数"  en:"Customers"
-- column messages   int   ja:"配信数"  en:"Messages"
SELECT
    hour, channel, CAST(sum(clicks) AS BIGINT) AS clicks, CAST(sum(customers) AS BIGINT) AS customers,
    CAST(sum(messages) AS BIGINT) AS messages
FROM (
    SELECT hour, channel, sum(clicks) AS clicks, count(*) AS customers, 0 AS messages
    FROM (
        SELECT
            seconds_between(shop_midnight(shop_day(occurred_at)), occurred_at) / 3600 AS hour, channel, customer_id, count(*) AS clicks
        FROM receipts
        WHERE kind = 'clicked' AND human AND occurred_at >= shop_midnight(add_days($today, 0 - $days))
        GROUP BY seconds_between(shop_midnight(shop_day(occurred_at)), occurred_at) / 3600, channel, customer_id
    ) AS clicker
    GROUP BY hour, channel
    UNION ALL
    SELECT
        seconds_between(shop_midnight(shop_day(accepted_at)), accepted_at) / 3600 AS hour, channel, 0 AS clicks, 0 AS customers,
        count(*) AS messages
    FROM sends
    WHERE state = 'accepted' AND accepted_at >= shop_midnight(add_days($today, 0 - $days))
    GROUP BY seconds_between(shop_midnight(shop_day(accepted_at)), accepted_at) / 3600, channel
) AS part
GROUP BY hour, channel
ORDER BY hour, channel
