-- Happenings
--
-- What identified customers did from `from_at` up to, not including, `to_at`: their events, and their orders as
-- `order_placed` at the time they were placed, known when their first revision was. `names` limits it to some names,
-- separated by commas; empty means all. Orders come from the shop alone: an `order_placed` or `order_completed` sent by
-- a browser is left out. Segment's clients say of a cart what was added or removed, or that it was looked at: whoever asks for
-- `cart_updated` gets those too, under that name. Their value is what is known of the cart's: what was added is at least in it.
--
-- param from_at instant
-- param to_at   instant
-- param names   text = ""
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column name         text    ja:"名称"  en:"Name"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column event_id     text    ja:"イベントID"  en:"Event"
-- column source       text    ja:"取得元"  en:"Source"
-- column visitor_id   text    ja:"訪問者ID"  en:"Visitor"
-- column session_id   text    ja:"セッションID"  en:"Session"
-- column cart_id      text    ja:"カートID"  en:"Cart"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column category     text    ja:"カテゴリ"  en:"Category"
-- column value        money   ja:"金額"  en:"Value"
-- column url          text    ja:"URL"  en:"URL"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column properties   text    ja:"その他の属性"  en:"Properties"
SELECT
    customer_id, name, occurred_at, known_at, event_id, source, visitor_id, session_id, cart_id, order_id, product_id, category,
    value, url, send_id, properties
FROM (
    SELECT
        customer_id,
        -- Under its own name where that is asked for.
        CASE
            WHEN (name IN ('product_added', 'product_removed') OR (name = 'cart_viewed' AND value > 0))
                AND strpos(concat(',', $names, ','), ',cart_updated,') > 0
                AND strpos(concat(',', $names, ','), concat(',', name, ',')) = 0
            THEN 'cart_updated' ELSE name
        END AS name,
        occurred_at, known_at, event_id, source, visitor_id, session_id, cart_id, order_id, product_id, category, value, url, send_id,
        properties
    FROM events_history
    WHERE customer_id IS NOT NULL AND name NOT IN ('order_placed', 'order_completed')
    UNION ALL
    -- Under both names where both are asked for; the first condition is known before anything is read.
    SELECT
        customer_id, 'cart_updated', occurred_at, known_at, event_id, source, visitor_id, session_id, cart_id, order_id, product_id,
        category, value, url, send_id, properties
    FROM events_history
    WHERE ($names = '' OR (strpos(concat(',', $names, ','), ',cart_updated,') > 0
            AND (strpos($names, 'product_') > 0 OR strpos($names, 'cart_viewed') > 0)))
      AND ($names = '' OR strpos(concat(',', $names, ','), concat(',', name, ',')) > 0)
      AND customer_id IS NOT NULL
      AND (name IN ('product_added', 'product_removed') OR (name = 'cart_viewed' AND value > 0))
    UNION ALL
    SELECT
        placed.customer_id, 'order_placed', placed.ordered_at, placed.known_at, placed.order_id AS event_id, placed.source, NULL, NULL, NULL,
        placed.order_id, NULL, NULL, placed.net, NULL, placed.send_id, NULL
    FROM orders_history AS placed
    WHERE placed.customer_id IS NOT NULL
      AND placed.status = 'completed'
      AND NOT EXISTS (
        SELECT 1
        FROM orders_history AS earlier
        WHERE earlier.source = placed.source AND earlier.order_id = placed.order_id
          AND (earlier.occurred_at < placed.occurred_at
            OR (earlier.occurred_at = placed.occurred_at AND earlier.position < placed.position)))
) AS happening
WHERE occurred_at >= $from_at AND occurred_at < $to_at
  AND ($names = '' OR strpos(concat(',', $names, ','), concat(',', name, ',')) > 0)
ORDER BY customer_id, occurred_at, name, event_id
