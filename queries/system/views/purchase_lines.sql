-- Lines of purchases
--
-- What was in the orders that count as a purchase. A line without a product id goes by its SKU; a name or category that the order leaves
-- out is the catalogue's. `amount` is the line as sold: a refund on a part of an order is not shared out among its lines.
--
-- param count_free_orders bool = false
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column source       text    ja:"取込元"  en:"Source"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column ordered_at   instant ja:"注文日時"  en:"Ordered at"
-- column ordered_on   date    ja:"注文日"  en:"Ordered on"
-- column order_net    money   ja:"注文の純売上"  en:"Net of the order"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column name         text    ja:"商品名"  en:"Name"
-- column category     text    ja:"カテゴリ"  en:"Category"
-- column quantity     int     ja:"数量"  en:"Quantity"
-- column amount       money   ja:"明細金額"  en:"Amount"
SELECT
    line.order_id, line.source, bought.customer_id, bought.ordered_at, shop_day(bought.ordered_at) AS ordered_on,
    bought.net AS order_net, coalesce(line.product_id, line.sku) AS product_id, coalesce(line.name, product.name) AS name,
    coalesce(line.category, product.category) AS category, line.quantity, line.amount
FROM order_lines_history AS line
JOIN orders AS bought
    ON bought.source = line.source AND bought.order_id = line.order_id AND bought.revision_id = line.revision_id
LEFT JOIN catalogue AS product ON product.product_id = coalesce(line.product_id, line.sku)
WHERE bought.status = 'completed' AND (bought.net > 0 OR ($count_free_orders AND bought.net = 0))
