-- Credit by channel
--
-- What each channel's messages cost and what the chosen model credits them with. Messages by the day they were accepted;
-- orders and money by the day of the order, net as it stands at `$as_of` (refunds and cancellations taken off). Under
-- models that share an order among touches an order counts on every channel that has a share, so orders do not add up
-- over channels; the money does, but under `any`, which gives each touch all of it. Credit is not effect: the effect of a
-- scenario is on its own page.
--
-- param model text = "last"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column channel        text    ja:"チャネル"  en:"Channel"
-- column sends          int     ja:"配信数"  en:"Sends"
-- column accepted       int     ja:"受付数"  en:"Accepted"
-- column cost           money   ja:"配信費"  en:"Cost"
-- column orders_placed  int     ja:"貢献受注件数"  en:"Orders credited, as placed"
-- column orders         int     ja:"貢献購入件数"  en:"Purchases credited"
-- column gross          money   ja:"貢献総売上"  en:"Gross credited"
-- column net            money   ja:"貢献純売上"  en:"Net credited"
-- column net_per_send   money   ja:"1通あたり純売上"  en:"Net per message"
-- column roas           float   ja:"ROAS"  en:"ROAS"
SELECT
    channel,
    CAST(sum(sends) AS BIGINT) AS sends,
    CAST(sum(accepted) AS BIGINT) AS accepted,
    CAST(sum(cost) AS DECIMAL(18, 4)) AS cost,
    CAST(sum(orders_placed) AS BIGINT) AS orders_placed,
    CAST(sum(orders) AS BIGINT) AS orders,
    CAST(sum(gross) AS DECIMAL(18, 4)) AS gross,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
    CAST(CAST(sum(net) AS DOUBLE) / nullif(sum(accepted), 0) AS DECIMAL(18, 4)) AS net_per_send,
    CAST(sum(net) AS DOUBLE) / nullif(CAST(sum(cost) AS DOUBLE), 0) AS roas
FROM (
    SELECT
        channel,
        count(*) AS sends,
        sum(CASE WHEN state = 'accepted' THEN 1 ELSE 0 END) AS accepted,
        sum(CASE WHEN state = 'accepted' THEN cost ELSE 0 END) AS cost,
        0 AS orders_placed, 0 AS orders, CAST(0 AS DECIMAL(18, 4)) AS gross, CAST(0 AS DECIMAL(18, 4)) AS net
    FROM sends
    WHERE state IN ('handed', 'accepted', 'failed', 'ambiguous', 'parked')
      AND shop_day(coalesce(accepted_at, handed_at, due_at)) >= $from
      AND shop_day(coalesce(accepted_at, handed_at, due_at)) < $to
    GROUP BY channel
    UNION ALL
    SELECT
        channel, 0 AS sends, 0 AS accepted, CAST(0 AS DECIMAL(18, 4)) AS cost,
        sum(CASE WHEN gross > 0 THEN 1 ELSE 0 END) AS orders_placed,
        sum(CASE WHEN net > 0 THEN 1 ELSE 0 END) AS orders,
        sum(gross) AS gross, sum(net) AS net
    FROM (
        SELECT channel, order_id, sum(gross) AS gross, sum(net) AS net
        FROM current_credits
        WHERE model = $model AND shop_day(ordered_at) >= $from AND shop_day(ordered_at) < $to
        GROUP BY channel, order_id
    ) AS credited
    GROUP BY channel
) AS part
GROUP BY channel
ORDER BY channel
