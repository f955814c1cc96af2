-- F2 follow-up on day N
-- ja F2育成（初回購入からN日目）
--
-- Customers whose only purchase day was exactly `days` days ago, with what they bought (the dearest line). Send it on days 7, 14 and 30.
-- ja 初回購入からちょうど `days` 日目で、まだ2回目の購入がない会員です。初回に買った商品（最も高い明細）が付きます。7・14・30日目の配信に使います。
--
-- param days int = 7
-- column customer_id       text   ja:"会員ID"  en:"Customer"
-- column first_ordered_on  date   ja:"初回購入日"  en:"First purchase"
-- column net_revenue       money  ja:"純売上"  en:"Net revenue"
-- column product_id        text   ja:"商品ID"  en:"Product"
-- column product_name      text   ja:"商品名"  en:"Product name"
-- column category          text   ja:"カテゴリ"  en:"Category"
SELECT buyer.customer_id, buyer.first_ordered_on, buyer.net_revenue, bought.product_id, bought.name AS product_name, bought.category
FROM customer_facts AS buyer
LEFT JOIN (
    SELECT
        customer_id,
        first_value(product_id ORDER BY amount DESC, product_id) AS product_id,
        first_value(name ORDER BY amount DESC, product_id) AS name,
        first_value(category ORDER BY amount DESC, product_id) AS category
    FROM purchase_lines
    WHERE ordered_on = add_days($today, 0 - $days) AND product_id IS NOT NULL
    GROUP BY customer_id
) AS bought ON bought.customer_id = buyer.customer_id
WHERE buyer.second_ordered_on IS NULL AND buyer.first_ordered_on = add_days($today, 0 - $days)
ORDER BY buyer.customer_id
