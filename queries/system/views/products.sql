-- Products
--
-- The current revision of each product.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column revision_id  text    ja:"版"  en:"Revision"
-- column source       text    ja:"取込元"  en:"Source"
-- column sku          text    ja:"SKU"  en:"SKU"
-- column name         text    ja:"商品名"  en:"Name"
-- column category     text    ja:"カテゴリ"  en:"Category"
-- column price        money   ja:"価格"  en:"Price"
-- column cost         money   ja:"原価"  en:"Cost"
-- column url          text    ja:"URL"  en:"URL"
-- column image_url    text    ja:"画像URL"  en:"Image"
-- column status       text    ja:"状態"  en:"Status"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.product_id, this.revision_id, this.source,
    this.sku, this.name, this.category, this.price, this.cost, this.url, this.image_url, this.status
FROM products_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM products_history AS later
    WHERE later.source = this.source AND later.product_id = this.product_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
