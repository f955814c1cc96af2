-- Session funnel by origin
--
-- View, cart, checkout and order by where a session came from (`by` = source: our message's channel, else the campaign's source, else the
-- site that linked, else direct) or what it was on (`by` = device). Steps are those of the session funnel: each counts sessions that
-- took all steps before it. What the site did not tell is `direct` or `unknown`.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- param by   text = "source"  ja:"分け方（source・device）" en:"Split by (source, device)"
-- column origin       text  ja:"流入元・端末"  en:"Origin"
-- column origin_ja    text  ja:"流入元・端末（日本語）"  en:"Origin (Japanese)"
-- column origin_en    text  ja:"流入元・端末（英語）"  en:"Origin (English)"
-- column sessions     int   ja:"セッション数"  en:"Sessions"
-- column viewed       int   ja:"商品閲覧"  en:"Viewed"
-- column carted       int   ja:"カート"  en:"Cart"
-- column checked_out  int   ja:"購入手続き"  en:"Checkout"
-- column ordered      int   ja:"注文"  en:"Ordered"
-- column cart_rate    rate  ja:"カート率"  en:"Cart rate"
-- column order_rate   rate  ja:"購入率（閲覧比）"  en:"Order rate (of viewed)"
SELECT
    origin,
    CASE origin
        WHEN 'direct' THEN '直接・不明' WHEN 'unknown' THEN '不明' WHEN 'mobile' THEN 'スマートフォン' WHEN 'tablet' THEN 'タブレット'
        WHEN 'desktop' THEN 'パソコン' ELSE origin
    END AS origin_ja,
    CASE origin
        WHEN 'direct' THEN 'Direct or not told' WHEN 'unknown' THEN 'Not told' WHEN 'mobile' THEN 'Mobile' WHEN 'tablet' THEN 'Tablet'
        WHEN 'desktop' THEN 'Desktop' ELSE origin
    END AS origin_en,
    count(*) AS sessions,
    CAST(sum(viewed) AS BIGINT) AS viewed,
    CAST(sum(viewed * carted) AS BIGINT) AS carted,
    CAST(sum(viewed * carted * checked_out) AS BIGINT) AS checked_out,
    CAST(sum(viewed * carted * checked_out * ordered) AS BIGINT) AS ordered,
    CAST(sum(viewed * carted) AS DOUBLE) / nullif(sum(viewed), 0) AS cart_rate,
    CAST(sum(viewed * carted * checked_out * ordered) AS DOUBLE) / nullif(sum(viewed), 0) AS order_rate
FROM (
    SELECT
        session.session_id, session.viewed, session.carted,
        CASE $by
            WHEN 'device' THEN
                CASE
                    WHEN session.agent IS NULL THEN 'unknown'
                    WHEN session.agent LIKE '%iPad%' OR session.agent LIKE '%Tablet%'
                        OR (session.agent LIKE '%Android%' AND session.agent NOT LIKE '%Mobile%') THEN 'tablet'
                    WHEN session.agent LIKE '%Mobi%' OR session.agent LIKE '%iPhone%' OR session.agent LIKE '%Android%' THEN 'mobile'
                    ELSE 'desktop'
                END
            ELSE coalesce(send.channel, session.campaign, regexp_replace(session.referrer, '^https?://(www\.)?([^/:?#]*).*$', '\2'), 'direct')
        END AS origin,
        CASE WHEN session.checkout_at IS NOT NULL THEN 1 ELSE 0 END AS checked_out,
        max(CASE WHEN session.said_ordered = 1 OR placed.order_id IS NOT NULL THEN 1 ELSE 0 END) AS ordered
    FROM (
        SELECT
            session_id,
            max(customer_id) AS customer_id,
            max(CASE WHEN name = 'product_viewed' THEN 1 ELSE 0 END) AS viewed,
            max(CASE WHEN name = 'product_added' OR (name = 'cart_updated' AND value > 0) THEN 1 ELSE 0 END) AS carted,
            min(CASE WHEN name = 'checkout_started' THEN occurred_at END) AS checkout_at,
            max(CASE WHEN name IN ('order_completed', 'order_placed') THEN 1 ELSE 0 END) AS said_ordered,
            min(occurred_at) AS first_at,
            max(occurred_at) AS last_at,
            first_value(send_id ORDER BY occurred_at, event_id) FILTER (WHERE send_id IS NOT NULL) AS send_id,
            max(CASE WHEN $by = 'device' THEN json_text(properties, '_context.userAgent') END) AS agent,
            min(CASE WHEN $by <> 'device' THEN lower(json_text(properties, '_context.campaign.source')) END) AS campaign,
            first_value(nullif(json_text(properties, '_context.page.referrer'), '') ORDER BY occurred_at, event_id) AS referrer
        FROM events
        WHERE session_id IS NOT NULL
        GROUP BY session_id
    ) AS session
    LEFT JOIN (SELECT send_id, max(channel) AS channel FROM sends_history GROUP BY send_id) AS send ON send.send_id = session.send_id
    LEFT JOIN orders AS placed
        ON placed.customer_id = session.customer_id
        AND placed.ordered_at >= session.checkout_at
        AND placed.ordered_at <= add_seconds(session.last_at, 1800)
    WHERE session.first_at >= shop_midnight($from) AND session.first_at < shop_midnight($to)
    GROUP BY
        session.session_id, session.viewed, session.carted, session.agent, session.campaign, session.referrer, session.checkout_at,
        send.channel
) AS walked
GROUP BY origin
ORDER BY sessions DESC, origin
