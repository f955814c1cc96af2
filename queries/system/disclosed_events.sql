-- Events of one customer
--
-- Everything the customer was seen doing under one of their ids, oldest first.
--
-- param customer text
-- column occurred_at  instant  ja:"発生日時"  en:"Occurred at"
-- column name         text     ja:"名称"  en:"Name"
-- column source       text     ja:"取得元"  en:"Source"
-- column visitor_id   text     ja:"訪問者ID"  en:"Visitor"
-- column session_id   text     ja:"セッションID"  en:"Session"
-- column cart_id      text     ja:"カートID"  en:"Cart"
-- column order_id     text     ja:"注文番号"  en:"Order"
-- column product_id   text     ja:"商品ID"  en:"Product"
-- column category     text     ja:"カテゴリ"  en:"Category"
-- column value        money    ja:"金額"  en:"Value"
-- column url          text     ja:"URL"  en:"URL"
-- column send_id      text     ja:"配信ID"  en:"Send"
-- column properties   text     ja:"その他の属性"  en:"Properties"
-- column event_id     text     ja:"イベントID"  en:"Event"
SELECT
    occurred_at, name, source, visitor_id, session_id, cart_id, order_id, product_id, category, value, url, send_id,
    properties, event_id
FROM events
WHERE customer_id = $customer
ORDER BY occurred_at, event_id
