-- Message frequency and response
--
-- Customers by the number of marketing messages accepted for them in the `days` before today, and what they did in that time: clicked one of
-- these messages, and after the first of them ordered, opted out (or blocked, complained). Read it for over-sending: opt-outs that rise with
-- frequency. The busy get more messages because they are busy, so higher order rates of the often written to are no effect of the messages.
--
-- param days    int  = 28
-- param channel text = ""  ja:"チャネル" en:"Channel"
-- column messages      text  ja:"配信数"  en:"Messages"
-- column customers     int   ja:"会員数"  en:"Customers"
-- column clicked       int   ja:"クリック"  en:"Clicked"
-- column click_rate    rate  ja:"クリック率"  en:"Click rate"
-- column ordered       int   ja:"購入"  en:"Ordered"
-- column order_rate    rate  ja:"購入率"  en:"Order rate"
-- column opted_out     int   ja:"配信停止"  en:"Opted out"
-- column opt_out_rate  rate  ja:"配信停止率"  en:"Opt-out rate"
SELECT
    band.messages, count(*) AS customers,
    CAST(sum(clicked) AS BIGINT) AS clicked,
    CAST(sum(clicked) AS DOUBLE) / count(*) AS click_rate,
    CAST(sum(ordered) AS BIGINT) AS ordered,
    CAST(sum(ordered) AS DOUBLE) / count(*) AS order_rate,
    CAST(sum(opted_out) AS BIGINT) AS opted_out,
    CAST(sum(opted_out) AS DOUBLE) / count(*) AS opt_out_rate
FROM (
    SELECT
        sent.customer_id, sent.n, sent.clicked,
        CASE WHEN bought.last_at > sent.first_at THEN 1 ELSE 0 END AS ordered,
        CASE WHEN gone.last_at > sent.first_at THEN 1 ELSE 0 END AS opted_out
    FROM (
        SELECT
            message.customer_id, count(*) AS n, min(message.accepted_at) AS first_at,
            max(CASE WHEN click.send_id IS NOT NULL THEN 1 ELSE 0 END) AS clicked
        FROM sends AS message
        LEFT JOIN (
            SELECT DISTINCT send_id FROM receipts WHERE kind = 'clicked' AND human AND occurred_at < shop_midnight($today)
        ) AS click ON click.send_id = message.send_id
        WHERE message.state = 'accepted' AND message.purpose = 'marketing' AND ($channel = '' OR message.channel = $channel)
          AND message.accepted_at >= shop_midnight(add_days($today, 0 - $days)) AND message.accepted_at < shop_midnight($today)
        GROUP BY message.customer_id
    ) AS sent
    LEFT JOIN (
        SELECT customer_id, max(ordered_at) AS last_at FROM purchases WHERE ordered_at < shop_midnight($today) GROUP BY customer_id
    ) AS bought ON bought.customer_id = sent.customer_id
    LEFT JOIN (
        SELECT customer_id, max(last_at) AS last_at
        FROM (
            SELECT customer_id, occurred_at AS last_at
            FROM consents
            WHERE purpose = 'marketing' AND state = 'revoked' AND ($channel = '' OR channel = $channel)
            UNION ALL
            SELECT customer_id, occurred_at AS last_at
            FROM suppressions
            WHERE reason <> 'bounced' AND ($channel = '' OR channel = $channel)
        ) AS word
        WHERE last_at < shop_midnight($today)
        GROUP BY customer_id
    ) AS gone ON gone.customer_id = sent.customer_id
) AS customer
JOIN (
    VALUES (1, 1, 1, '1'), (2, 2, 2, '2'), (3, 3, 4, '3-4'), (4, 5, 8, '5-8'), (5, 9, 12, '9-12'), (6, 13, 1000000, '13+')
) AS band (place, low, high, messages) ON customer.n >= band.low AND customer.n <= band.high
GROUP BY band.place, band.messages
ORDER BY band.place
