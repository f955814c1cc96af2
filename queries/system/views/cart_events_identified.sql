-- Events of carts with who was identified next
--
-- As `cart_events`; and of an anonymous change who was next identified in the same browser within 30 days, when, and by which fact. For
-- analysis: what was decided at the time did not know it.
--
-- column position       int     ja:"位置"  en:"Position"
-- column occurred_at    instant ja:"発生日時"  en:"Occurred at"
-- column event_id       text    ja:"イベントID"  en:"Event"
-- column is_order       bool    ja:"注文"  en:"Order"
-- column cart_id        text    ja:"カートID"  en:"Cart"
-- column session_id     text    ja:"セッションID"  en:"Session"
-- column visitor_id     text    ja:"訪問者ID"  en:"Visitor"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column order_id       text    ja:"注文番号"  en:"Order no."
-- column value          money   ja:"金額"  en:"Value"
-- column identified_as  text    ja:"次に特定された会員ID"  en:"Identified as"
-- column identified_at  instant ja:"特定日時"  en:"Identified at"
-- column identified_by  int     ja:"特定した記録の位置"  en:"Identified by"
SELECT
    this.position, this.occurred_at, this.event_id, this.is_order, this.cart_id, this.session_id, this.visitor_id,
    this.customer_id, this.order_id, this.value, next.identified_as, next.identified_at, next.identified_by
FROM cart_events AS this
LEFT JOIN (
    SELECT
        anonymous.position,
        first_value(found.customer_id ORDER BY found.occurred_at, found.position) AS identified_as,
        min(found.occurred_at) AS identified_at,
        first_value(found.position ORDER BY found.occurred_at, found.position) AS identified_by
    FROM cart_events AS anonymous
    JOIN identifications AS found ON found.visitor_id = anonymous.visitor_id
    WHERE anonymous.customer_id IS NULL AND NOT anonymous.is_order
      AND found.occurred_at >= anonymous.occurred_at
      AND found.occurred_at <= add_seconds(anonymous.occurred_at, 2592000)
    GROUP BY anonymous.position
) AS next ON next.position = this.position
