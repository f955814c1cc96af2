-- Events with whom they belong to
--
-- As `events`, and an anonymous event belongs to whoever was next identified in the same browser within 30 days. For
-- analysis: what was decided at the time did not know it, and no scenario reads this.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column event_id     text    ja:"イベントID"  en:"Event"
-- column name         text    ja:"名称"  en:"Name"
-- column source       text    ja:"取得元"  en:"Source"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column visitor_id   text    ja:"訪問者ID"  en:"Visitor"
-- column session_id   text    ja:"セッションID"  en:"Session"
-- column cart_id      text    ja:"カートID"  en:"Cart"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column category     text    ja:"カテゴリ"  en:"Category"
-- column value        money   ja:"金額"  en:"Value"
-- column url          text    ja:"URL"  en:"URL"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column properties   text    ja:"その他の属性"  en:"Properties"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.event_id, this.name, this.source,
    coalesce(who.survivor_id, this.customer_id, next.customer_id) AS customer_id, this.visitor_id, this.session_id,
    this.cart_id, this.order_id, this.product_id, this.category, this.value, this.url, this.send_id, this.properties
FROM events_history AS this
LEFT JOIN (
    SELECT anonymous.position, first_value(found.customer_id ORDER BY found.occurred_at, found.position) AS customer_id
    FROM events_history AS anonymous
    JOIN identifications AS found ON found.visitor_id = anonymous.visitor_id
    WHERE anonymous.customer_id IS NULL
      AND found.occurred_at >= anonymous.occurred_at
      AND found.occurred_at <= add_seconds(anonymous.occurred_at, 2592000)
    GROUP BY anonymous.position
) AS next ON next.position = this.position
LEFT JOIN survivors AS who ON who.customer_id = coalesce(this.customer_id, next.customer_id)
