-- Catalogue
--
-- Each product once, whatever number of sources tell of it: member by member what was last stated.
--
-- column product_id  text    ja:"商品ID"  en:"Product"
-- column sku         text    ja:"SKU"  en:"SKU"
-- column name        text    ja:"商品名"  en:"Name"
-- column category    text    ja:"カテゴリ"  en:"Category"
-- column price       money   ja:"価格"  en:"Price"
-- column cost        money   ja:"原価"  en:"Cost"
-- column url         text    ja:"URL"  en:"URL"
-- column image_url   text    ja:"画像URL"  en:"Image"
-- column status      text    ja:"状態"  en:"Status"
SELECT
    product_id,
    last_value(sku ORDER BY occurred_at, position) FILTER (WHERE sku IS NOT NULL) AS sku,
    last_value(name ORDER BY occurred_at, position) FILTER (WHERE name IS NOT NULL) AS name,
    last_value(category ORDER BY occurred_at, position) FILTER (WHERE category IS NOT NULL) AS category,
    last_value(price ORDER BY occurred_at, position) FILTER (WHERE price IS NOT NULL) AS price,
    last_value(cost ORDER BY occurred_at, position) FILTER (WHERE cost IS NOT NULL) AS cost,
    last_value(url ORDER BY occurred_at, position) FILTER (WHERE url IS NOT NULL) AS url,
    last_value(image_url ORDER BY occurred_at, position) FILTER (WHERE image_url IS NOT NULL) AS image_url,
    last_value(status ORDER BY occurred_at, position) AS status
FROM products_history
GROUP BY product_id
