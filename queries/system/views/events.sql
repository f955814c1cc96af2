-- Events
--
-- Everything a visitor or customer did. Orders are not here: they come from the shop alone (`orders`).
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
    occurred_at, known_at, ingested_at, event_id, name, source,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, visitor_id, session_id, cart_id, order_id, product_id,
    category, value, url, send_id, properties
FROM events_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
