-- Revenue by day
--
-- Orders and revenue by shop day of the order. Gross counts every order placed, whatever became of it; net counts
-- purchases after discounts and everything refunded up to `$as_of` (restated). A buyer's first purchase day is new,
-- later days are repeat.
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
    placed.day,
    count(*) AS orders_placed,
    CAST(sum(placed.gross) AS DECIMAL(18, 4)) AS gross,
    CAST(sum(placed.bought) AS BIGINT) AS orders,
    CAST(sum(placed.net) AS DECIMAL(18, 4)) AS net,
    count(DISTINCT CASE WHEN placed.bought = 1 THEN placed.customer_id END) AS buyers,
    count(DISTINCT CASE WHEN placed.bought = 1 AND placed.day = buyer.first_ordered_on THEN placed.customer_id END) AS new_buyers,
    CAST(sum(CASE WHEN placed.day = buyer.first_ordered_on THEN placed.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_new,
    CAST(sum(CASE WHEN placed.day > buyer.first_ordered_on THEN placed.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_repeat,
    CAST(sum(CASE WHEN placed.customer_id IS NULL THEN placed.net ELSE 0 END) AS DECIMAL(18, 4)) AS net_guest
FROM (
    SELECT
        customer_id, shop_day(ordered_at) AS day, gross,
        CASE WHEN status = 'completed' AND net > 0 THEN 1 ELSE 0 END AS bought,
        CASE WHEN status = 'completed' AND net > 0 THEN net ELSE 0 END AS net
    FROM orders
    WHERE gross > 0
) AS placed
LEFT JOIN customer_facts AS buyer ON buyer.customer_id = placed.customer_id
WHERE placed.day >= $from AND placed.day < $to
GROUP BY placed.day
ORDER BY placed.day
