-- Revenue by day
--
-- Orders and revenue by shop day of the order. Gross counts every order placed, whatever became of it; net counts
-- purchases after discounts and everything refunded up to `$as_of` (restated). A buyer's first purchase day is new,
-- later days are repeat. Orders of nothing are left out, unless the shop counts free orders ([definitions]
-- count_free_orders = true).
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column day            date    ja:"注文日"  en:"Day"
-- column orders_placed  int     ja:"受注件数"  en:"Orders placed"
-- column gross          money   ja:"総売上"  en:"Gross"
-- column orders         int     ja:"購入件数"  en:"Purchases"
-- column net            money   ja:"純売上"  en:"Net"
-- column buyers         int     ja:"購入者数"  en:"Buyers"
-- column new_buyers     int     ja:"新規購入者数"  en:"New buyers"
-- column net_new        money   ja:"純売上（新規）"  en:"Net, new"
-- column net_repeat     money   ja:"純売上（リピート）"  en:"Net, repeat"
-- column net_guest      money   ja:"純売上（ゲスト）"  en:"Net, guests"
SELECT
    part.day,
    CAST(sum(part.placed) AS BIGINT) AS orders_placed,
    CAST(sum(part.gross) AS DECIMAL(18, 4)) AS gross,
    CAST(sum(part.bought) AS BIGINT) AS orders,
    CAST(sum(part.net) AS DECIMAL(18, 4)) AS net,
    count(DISTINCT CASE WHEN part.bought = 1 THEN part.customer_id END) AS buyers,
    count(DISTINCT CASE WHEN part.bought = 1 AND part.day = buyer.first_ordered_on THEN part.customer_id END) AS new_buyers,
    CAST(sum(CASE WHEN part.day = buyer.first_ordered_on THEN part.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_new,
    CAST(sum(CASE WHEN part.day > buyer.first_ordered_on THEN part.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_repeat,
    CAST(sum(CASE WHEN part.customer_id IS NULL THEN part.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_guest
FROM (
    SELECT customer_id, shop_day(ordered_at) AS day, 1 AS placed, gross, 0 AS bought, CAST(0 AS DECIMAL(18, 4)) AS net
    FROM orders
    WHERE gross > 0
    UNION ALL
    -- What counts as a purchase is said there. A free one may be of nothing at all, and was placed all the same.
    SELECT customer_id, ordered_on AS day, CASE WHEN gross > 0 THEN 0 ELSE 1 END AS placed, CAST(0 AS DECIMAL(18, 4)) AS gross, 1 AS bought, net
    FROM purchases
) AS part
LEFT JOIN customer_facts AS buyer ON buyer.customer_id = part.customer_id
WHERE part.day >= $from AND part.day < $to
GROUP BY part.day
ORDER BY part.day
