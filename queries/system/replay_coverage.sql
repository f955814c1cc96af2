-- What a replay can know
--
-- Of what happened under these names (separated by commas): since when there is any, how much of it lies from `from_at` up to, not
-- including, `to_at`, and of how much of that it is only assumed when it became known. Orders go by the name `order_placed`. What Segment's
-- clients say of a cart counts as `cart_updated`.
--
-- param from_at instant
-- param to_at   instant
-- param names   text
-- column first_at  instant ja:"最初の記録"  en:"First one"
-- column facts     int     ja:"期間内の件数"  en:"In the period"
-- column assumed   int     ja:"うち判明日時が推定"  en:"Known since an assumed time"
SELECT
    min(occurred_at) AS first_at,
    count(CASE WHEN occurred_at >= $from_at AND occurred_at < $to_at THEN 1 END) AS facts,
    count(CASE WHEN occurred_at >= $from_at AND occurred_at < $to_at AND known_at < ingested_at - INTERVAL '1' DAY THEN 1 END) AS assumed
FROM (
    SELECT
        CASE WHEN name IN ('product_added', 'product_removed', 'cart_viewed') THEN 'cart_updated' ELSE name END AS name,
        occurred_at, known_at, ingested_at
    FROM events_history
    WHERE name NOT IN ('order_placed', 'order_completed')
    UNION ALL
    SELECT 'order_placed', occurred_at, known_at, ingested_at
    FROM orders_history
) AS happened
WHERE strpos(concat(',', $names, ','), concat(',', name, ',')) > 0
