-- Order lines
--
-- The lines of the current revision of each order.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column revision_id  text    ja:"改訂ID"  en:"Revision"
-- column source       text    ja:"取得元"  en:"Source"
-- column line_no      int     ja:"明細番号"  en:"Line"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column sku          text    ja:"SKU"  en:"SKU"
-- column name         text    ja:"名称"  en:"Name"
-- column category     text    ja:"カテゴリ"  en:"Category"
-- column quantity     int     ja:"数量"  en:"Quantity"
-- column unit_price   money   ja:"単価"  en:"Unit price"
-- column amount       money   ja:"明細金額"  en:"Amount"
SELECT
    line.occurred_at, line.known_at, line.ingested_at, line.order_id, line.revision_id, line.source,
    line.line_no, line.product_id, line.sku, line.name, line.category, line.quantity, line.unit_price,
    line.amount
FROM order_lines_history AS line
JOIN orders AS current
    ON current.source = line.source AND current.order_id = line.order_id AND current.revision_id = line.revision_id
