-- Order lines of one customer
--
-- The lines of each order as it stands.
--
-- param customer text
-- column order_id    text   ja:"注文番号"  en:"Order"
-- column source      text   ja:"取得元"  en:"Source"
-- column line_no     int    ja:"明細番号"  en:"Line"
-- column product_id  text   ja:"商品ID"  en:"Product"
-- column sku         text   ja:"SKU"  en:"SKU"
-- column name        text   ja:"名称"  en:"Name"
-- column category    text   ja:"カテゴリ"  en:"Category"
-- column quantity    int    ja:"数量"  en:"Quantity"
-- column unit_price  money  ja:"単価"  en:"Unit price"
-- column amount      money  ja:"金額"  en:"Amount"
SELECT
    line.order_id, line.source, line.line_no, line.product_id, line.sku, line.name, line.category, line.quantity,
    line.unit_price, line.amount
FROM order_lines AS line
JOIN (SELECT source, order_id FROM orders WHERE customer_id = $customer) AS placed
    ON placed.source = line.source AND placed.order_id = line.order_id
ORDER BY line.source, line.order_id, line.line_no
