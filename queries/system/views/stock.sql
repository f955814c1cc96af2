-- Stock
--
-- The last known stock of each product and SKU.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column sku          text    ja:"SKU"  en:"SKU"
-- column source       text    ja:"取込元"  en:"Source"
-- column location     text    ja:"在庫拠点"  en:"Location"
-- column quantity     int     ja:"在庫数"  en:"Quantity"
-- column changed_at   instant ja:"変更日時"  en:"Changed at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.product_id, this.sku, this.source, this.location,
    this.quantity, this.changed_at
FROM stock_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM stock_history AS later
    WHERE later.source = this.source AND later.product_id = this.product_id AND (later.sku IS NOT DISTINCT FROM this.sku) AND (later.location IS NOT DISTINCT FROM this.location)
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
