-- Viewed together
--
-- For each product, what else was looked at in the sessions that looked at it, with the measures of `bought_together`. A view outside any
-- session counts to its browser's day.
--
-- param from         date  = 1900-01-01
-- param to           date  = 2200-01-01
-- param product      text  = ""
-- param min_sessions int   = 5  ja:"最少セッション数" en:"Fewest sessions"
-- param min_together int   = 3  ja:"最少同時閲覧" en:"Fewest together"
-- param min_lift     float = 0  ja:"最小リフト" en:"Least lift"
-- param top          int   = 200
-- column product_id      text  ja:"商品ID"  en:"Product"
-- column name            text  ja:"商品名"  en:"Name"
-- column other_id        text  ja:"同時閲覧商品ID"  en:"Viewed with"
-- column other_name      text  ja:"同時閲覧商品名"  en:"Its name"
-- column together        int   ja:"同時閲覧セッション数"  en:"Sessions with both"
-- column sessions        int   ja:"商品の閲覧セッション数"  en:"Sessions with the product"
-- column other_sessions  int   ja:"同時閲覧商品のセッション数"  en:"Sessions with the other"
-- column support         rate  ja:"支持度"  en:"Support"
-- column confidence      rate  ja:"信頼度"  en:"Confidence"
-- column lift            float ja:"リフト値"  en:"Lift"
SELECT
    ranked.product_id, product.name, ranked.other_id, other.name AS other_name, together, sessions, other_sessions, support, confidence, lift
FROM (
    SELECT
        product_id, other_id, together, sessions, other_sessions,
        CAST(together AS DOUBLE) / visits AS support,
        CAST(together AS DOUBLE) / sessions AS confidence,
        CAST(together * visits AS DOUBLE) / (sessions * other_sessions) AS lift,
        row_number() OVER (ORDER BY together DESC, sessions, other_sessions, product_id, other_id) AS place
    FROM (
        SELECT
            this.product_id, other.product_id AS other_id, count(*) AS together, max(this.sessions) AS sessions,
            max(other.sessions) AS other_sessions
        FROM (
            SELECT session, product_id, count(*) OVER (PARTITION BY product_id) AS sessions
            FROM (
                SELECT DISTINCT
                    coalesce(session_id, coalesce(visitor_id, customer_id) || ' ' || CAST(shop_day(occurred_at) AS VARCHAR)) AS session,
                    product_id
                FROM events
                WHERE name = 'product_viewed' AND product_id IS NOT NULL AND occurred_at >= shop_midnight($from)
                  AND occurred_at < shop_midnight($to)
            ) AS item
        ) AS this
        JOIN (
            SELECT session, product_id, count(*) OVER (PARTITION BY product_id) AS sessions
            FROM (
                SELECT DISTINCT
                    coalesce(session_id, coalesce(visitor_id, customer_id) || ' ' || CAST(shop_day(occurred_at) AS VARCHAR)) AS session,
                    product_id
                FROM events
                WHERE name = 'product_viewed' AND product_id IS NOT NULL AND occurred_at >= shop_midnight($from)
                  AND occurred_at < shop_midnight($to)
            ) AS item
        ) AS other ON other.session = this.session AND other.product_id <> this.product_id
        WHERE this.sessions >= $min_sessions AND other.sessions >= $min_sessions AND ($product = '' OR this.product_id = $product)
        GROUP BY this.product_id, other.product_id
        HAVING count(*) >= $min_together
    ) AS pair
    CROSS JOIN (
        SELECT count(DISTINCT coalesce(session_id, coalesce(visitor_id, customer_id) || ' ' || CAST(shop_day(occurred_at) AS VARCHAR))) AS visits
        FROM events
        WHERE name = 'product_viewed' AND product_id IS NOT NULL AND occurred_at >= shop_midnight($from)
          AND occurred_at < shop_midnight($to)
    ) AS total
    WHERE CAST(together * visits AS DOUBLE) / (sessions * other_sessions) >= $min_lift
) AS ranked
LEFT JOIN catalogue AS product ON product.product_id = ranked.product_id
LEFT JOIN catalogue AS other ON other.product_id = ranked.other_id
WHERE place <= $top
ORDER BY place
