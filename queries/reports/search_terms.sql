-- Search terms
--
-- What people type into the shop's search (event `products_searched`, member `query`), and what came of it in the same session: a product
-- looked at afterwards, something put into the cart, an order the site told of. Terms that differ in case or outer spaces are one. Terms of fewer
-- than `min_people` people are left out: what one person types may be about that person.
--
-- param from       date = 1900-01-01
-- param to         date = 2200-01-01
-- param min_people int  = 2  ja:"最少人数" en:"Fewest people"
-- param top        int  = 100
-- column term       text  ja:"検索語"  en:"Term"
-- column searches   int   ja:"検索数"  en:"Searches"
-- column people     int   ja:"人数"  en:"People"
-- column viewed     int   ja:"その後の商品閲覧"  en:"Then viewed"
-- column carted     int   ja:"その後のカート"  en:"Then carted"
-- column ordered    int   ja:"その後の注文"  en:"Then ordered"
-- column view_rate  rate  ja:"閲覧率"  en:"View rate"
-- column order_rate rate  ja:"注文率"  en:"Order rate"
SELECT
    term, searches, people, viewed, carted, ordered, CAST(viewed AS DOUBLE) / searches AS view_rate, CAST(ordered AS DOUBLE) / searches AS order_rate
FROM (
    SELECT
        term, searches, people, viewed, carted, ordered, row_number() OVER (ORDER BY searches DESC, people DESC, term) AS place
    FROM (
        SELECT
            term, count(*) AS searches, count(DISTINCT person) AS people,
            CAST(sum(CASE WHEN last_view_at > at THEN 1 ELSE 0 END) AS BIGINT) AS viewed,
            CAST(sum(CASE WHEN last_cart_at > at THEN 1 ELSE 0 END) AS BIGINT) AS carted,
            CAST(sum(CASE WHEN last_order_at > at THEN 1 ELSE 0 END) AS BIGINT) AS ordered
        FROM (
            SELECT
                search.term, search.person, search.at, session.last_view_at, session.last_cart_at, session.last_order_at
            FROM (
                SELECT
                    lower(trim(json_text(properties, 'query'))) AS term, coalesce(customer_id, visitor_id) AS person, occurred_at AS at, session_id
                FROM events
                WHERE name = 'products_searched' AND occurred_at >= shop_midnight($from) AND occurred_at < shop_midnight($to)
            ) AS search
            LEFT JOIN session_states AS session ON session.session_id = search.session_id
        ) AS followed
        WHERE term <> ''
        GROUP BY term
    ) AS counted
    WHERE people >= $min_people
) AS ranked
WHERE place <= $top
ORDER BY place
