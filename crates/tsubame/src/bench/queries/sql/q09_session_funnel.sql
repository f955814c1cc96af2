-- Sessions by source: those that viewed, filled a cart, went to the checkout, ordered.
SELECT
    source, count(*) AS sessions,
    sum(viewed) AS viewed, sum(viewed * carted) AS carted, sum(viewed * carted * checked) AS checked,
    sum(viewed * carted * checked * ordered) AS ordered
FROM (
    SELECT
        session_id, min(source) AS source,
        max(CASE WHEN name = 'product_viewed' THEN 1 ELSE 0 END) AS viewed,
        max(CASE WHEN name = 'cart_updated' THEN 1 ELSE 0 END) AS carted,
        max(CASE WHEN name = 'checkout_started' THEN 1 ELSE 0 END) AS checked,
        max(CASE WHEN name = 'order_completed' THEN 1 ELSE 0 END) AS ordered
    FROM events
    GROUP BY session_id
) AS session
GROUP BY source
ORDER BY source
