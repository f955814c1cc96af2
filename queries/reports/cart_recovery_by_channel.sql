-- Carts recovered, by the channel of the message in between
--
-- Abandoned carts (see `cart_abandonment`) whose owner ordered within `days` days, by the last message that reached them between leaving and
-- ordering; `none` came back without one. `clicked` counts those who clicked a message in that time. People come back without messages
-- too: what a message adds is said by its scenario's holdout, not here.
--
-- param hours int  = 3  ja:"放棄とみなす時間" en:"Hours until abandoned"
-- param days  int  = 7  ja:"戻りを見る日数" en:"Days to come back"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column channel           text   ja:"チャネル"  en:"Channel"
-- column channel_ja        text   ja:"チャネル（日本語）"  en:"Channel (Japanese)"
-- column channel_en        text   ja:"チャネル（英語）"  en:"Channel (English)"
-- column carts             int    ja:"回収カート数"  en:"Carts recovered"
-- column abandoned_amount  money  ja:"カゴ落ち金額"  en:"Amount left"
-- column recovered_amount  money  ja:"回収金額"  en:"Amount recovered"
-- column clicked           int    ja:"うちクリックあり"  en:"Of which clicked"
-- column clicked_amount    money  ja:"クリックありの回収金額"  en:"Amount of the clicked"
SELECT
    channel,
    CASE channel WHEN 'none' THEN '配信なし' ELSE channel END AS channel_ja,
    CASE channel WHEN 'none' THEN 'No message' ELSE channel END AS channel_en,
    count(*) AS carts,
    CAST(sum(left_value) AS DECIMAL(18, 4)) AS abandoned_amount,
    CAST(sum(order_value) AS DECIMAL(18, 4)) AS recovered_amount,
    CAST(sum(clicked) AS BIGINT) AS clicked,
    CAST(sum(CASE WHEN clicked = 1 THEN order_value ELSE 0 END) AS DECIMAL(18, 4)) AS clicked_amount
FROM (
    SELECT
        cart.cart_id, cart.left_value, cart.order_value,
        coalesce(last_value(send.channel ORDER BY send.accepted_at, send.send_id) FILTER (WHERE send.send_id IS NOT NULL), 'none') AS channel,
        max(CASE WHEN click.clicked_at <= cart.order_at THEN 1 ELSE 0 END) AS clicked
    FROM (
        SELECT
            cart_id, max(customer_id) AS customer_id,
            min(CASE WHEN value > 0 THEN changed_at END) AS filled_at,
            first_value(changed_at ORDER BY changed_at) FILTER (WHERE is_left) AS left_at,
            first_value(value ORDER BY changed_at) FILTER (WHERE is_left) AS left_value,
            first_value(next_order_at ORDER BY changed_at) FILTER (WHERE is_left) AS order_at,
            first_value(next_order_value ORDER BY changed_at) FILTER (WHERE is_left) AS order_value
        FROM (
            SELECT
                cart_id, customer_id, changed_at, value, next_order_at, next_order_value,
                value > 0 AND coalesce(least(next_change_at, next_order_at), $as_of) >= add_seconds(changed_at, $hours * 3600) AS is_left
            FROM cart_changes
        ) AS change
        GROUP BY cart_id
    ) AS cart
    LEFT JOIN sends AS send
        ON send.customer_id = cart.customer_id AND send.state = 'accepted' AND send.purpose = 'marketing'
        AND send.accepted_at > cart.left_at AND send.accepted_at <= cart.order_at
    LEFT JOIN (
        SELECT send_id, min(occurred_at) AS clicked_at FROM receipts WHERE kind = 'clicked' AND human GROUP BY send_id
    ) AS click ON click.send_id = send.send_id
    WHERE cart.order_at <= add_seconds(cart.left_at, $days * 86400)
      AND cart.filled_at >= shop_midnight($from) AND cart.filled_at < shop_midnight($to)
    GROUP BY cart.cart_id, cart.left_value, cart.order_value
) AS recovered
GROUP BY channel
ORDER BY recovered_amount DESC, channel
