-- Response to messages
--
-- What became of the messages accepted in a period, by channel, scenario or template (`by`): delivered, opened, clicked by a person, bounced, and
-- farewells (unsubscribed, blocked, complained); each message counts once per kind. `ordered` counts the messages whose customer bought
-- within `hours` of them, whether or not because of them: an order after three messages counts for each. It is of the messages whose hours
-- are over (`observed`), and the order rate is of those alone: young messages do not look like failures. Not every provider says what was
-- delivered, and many programs open mail by themselves, so compare openings with openings of the same channel only.
--
-- param by    text = "channel"  ja:"分け方（channel・scenario・template）" en:"Split by (channel, scenario, template)"
-- param hours int  = 72  ja:"反応とみなす時間" en:"Hours that count as a response"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column what          text  ja:"区分"  en:"What"
-- column accepted      int   ja:"配信数"  en:"Accepted"
-- column delivered     int   ja:"到達"  en:"Delivered"
-- column opened        int   ja:"開封"  en:"Opened"
-- column open_rate     rate  ja:"開封率"  en:"Open rate"
-- column clicked       int   ja:"クリック"  en:"Clicked"
-- column click_rate    rate  ja:"クリック率"  en:"Click rate"
-- column observed      int   ja:"判定済み"  en:"Old enough to judge"
-- column ordered       int   ja:"購入"  en:"Then bought"
-- column order_rate    rate  ja:"購入率"  en:"Order rate"
-- column bounced       int   ja:"不達"  en:"Bounced"
-- column left_us       int   ja:"配信停止・ブロック"  en:"Left us"
-- column leave_rate    rate  ja:"配信停止率"  en:"Leave rate"
SELECT
    what,
    count(*) AS accepted,
    CAST(sum(delivered) AS BIGINT) AS delivered,
    CAST(sum(opened) AS BIGINT) AS opened,
    CAST(sum(opened) AS DOUBLE) / count(*) AS open_rate,
    CAST(sum(clicked) AS BIGINT) AS clicked,
    CAST(sum(clicked) AS DOUBLE) / count(*) AS click_rate,
    CAST(sum(observed) AS BIGINT) AS observed,
    CAST(sum(observed * ordered) AS BIGINT) AS ordered,
    CAST(sum(observed * ordered) AS DOUBLE) / nullif(sum(observed), 0) AS order_rate,
    CAST(sum(bounced) AS BIGINT) AS bounced,
    CAST(sum(left_us) AS BIGINT) AS left_us,
    CAST(sum(left_us) AS DOUBLE) / count(*) AS leave_rate
FROM (
    SELECT
        sent.send_id, sent.what, sent.observed, coalesce(answer.delivered, 0) AS delivered, coalesce(answer.opened, 0) AS opened,
        coalesce(answer.clicked, 0) AS clicked, coalesce(answer.bounced, 0) AS bounced, coalesce(answer.left_us, 0) AS left_us,
        max(CASE WHEN bought.ordered_at IS NOT NULL THEN 1 ELSE 0 END) AS ordered
    FROM (
        SELECT
            send_id, customer_id, accepted_at, CASE $by WHEN 'scenario' THEN scenario WHEN 'template' THEN template ELSE channel END AS what,
            CASE WHEN accepted_at <= add_seconds($as_of, 0 - $hours * 3600) THEN 1 ELSE 0 END AS observed
        FROM sends
        WHERE state = 'accepted' AND accepted_at >= shop_midnight($from) AND accepted_at < shop_midnight($to)
    ) AS sent
    LEFT JOIN (
        SELECT
            send_id,
            max(CASE WHEN kind = 'delivered' THEN 1 ELSE 0 END) AS delivered,
            max(CASE WHEN kind = 'opened' THEN 1 ELSE 0 END) AS opened,
            max(CASE WHEN kind = 'clicked' AND human THEN 1 ELSE 0 END) AS clicked,
            max(CASE WHEN kind = 'bounced' THEN 1 ELSE 0 END) AS bounced,
            max(CASE WHEN kind IN ('unsubscribed', 'blocked', 'complained') THEN 1 ELSE 0 END) AS left_us
        FROM receipts
        GROUP BY send_id
    ) AS answer ON answer.send_id = sent.send_id
    LEFT JOIN purchases AS bought
        ON bought.customer_id = sent.customer_id
        AND bought.ordered_at > sent.accepted_at
        AND bought.ordered_at <= add_seconds(sent.accepted_at, $hours * 3600)
    GROUP BY sent.send_id, sent.what, sent.observed, answer.delivered, answer.opened, answer.clicked, answer.bounced, answer.left_us
) AS message
GROUP BY what
ORDER BY what
