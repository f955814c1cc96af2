-- Replenishment due
-- ja 買い替え・補充の時期
--
-- Customers whose last purchase of a product is as long ago as its buyers usually wait before buying it again: between the product's median
-- gap less `early` days and that plus `late` days. Only products that at least `min_repeaters` customers bought again. Of several
-- due products, the one due first. Who subscribes to the product is left out.
-- ja 商品ごとの再購入間隔（中央値）から見て、そろそろなくなる頃の会員です。再購入者が `min_repeaters` 人以上いる商品だけを対象にし、同じ商品の定期がある会員は含みません。
--
-- param early         int = 5
-- param late          int = 10
-- param min_repeaters int = 5
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column product_id    text  ja:"商品ID"  en:"Product"
-- column product_name  text  ja:"商品名"  en:"Product name"
-- column last_on       date  ja:"前回購入日"  en:"Last bought on"
-- column due_on        date  ja:"補充の目安日"  en:"Due on"
-- column gap_days      int   ja:"再購入間隔の中央値（日）"  en:"Median gap in days"
SELECT customer_id, product_id, product_name, last_on, due_on, gap_days
FROM (
    SELECT
        bought.customer_id,
        first_value(bought.product_id ORDER BY add_days(bought.last_on, gap.days), bought.product_id) AS product_id,
        first_value(bought.name ORDER BY add_days(bought.last_on, gap.days), bought.product_id) AS product_name,
        first_value(bought.last_on ORDER BY add_days(bought.last_on, gap.days), bought.product_id) AS last_on,
        min(add_days(bought.last_on, gap.days)) AS due_on,
        first_value(gap.days ORDER BY add_days(bought.last_on, gap.days), bought.product_id) AS gap_days
    FROM (
        SELECT customer_id, product_id, max(name) AS name, max(ordered_on) AS last_on
        FROM purchase_lines
        WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
        GROUP BY customer_id, product_id
    ) AS bought
    JOIN (
        SELECT product_id, CAST(round(median(own_gap)) AS BIGINT) AS days
        FROM (
            SELECT product_id, CAST(days_between(min(ordered_on), max(ordered_on)) AS DOUBLE) / (count(DISTINCT ordered_on) - 1) AS own_gap
            FROM purchase_lines
            WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
            GROUP BY product_id, customer_id
            HAVING count(DISTINCT ordered_on) > 1
        ) AS repeater
        GROUP BY product_id
        HAVING count(*) >= $min_repeaters
    ) AS gap ON gap.product_id = bought.product_id
    WHERE days_between(bought.last_on, $today) >= gap.days - $early AND days_between(bought.last_on, $today) <= gap.days + $late
      AND NOT EXISTS (
        SELECT 1
        FROM subscriptions AS contract
        WHERE contract.customer_id = bought.customer_id AND contract.product_id = bought.product_id AND contract.status = 'active')
    GROUP BY bought.customer_id
) AS due
ORDER BY customer_id
