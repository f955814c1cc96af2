-- Next subscription shipment
-- ja 定期の次回お届け前
--
-- Customers with an active subscription whose next shipment is in `days` days; of several, the first. `count` is which shipment it will be: give
-- `nth` to reach only those before their third, 0 for all.
-- ja 継続中の定期の次回お届けが `days` 日後の会員です。`nth` を指定すると、その回のお届け前だけに絞ります（0は全回）。
--
-- param days int = 7
-- param nth  int = 0
-- column customer_id       text  ja:"会員ID"  en:"Customer"
-- column subscription_id   text  ja:"定期契約番号"  en:"Subscription"
-- column next_shipment_on  date  ja:"次回お届け日"  en:"Next shipment"
-- column count             int   ja:"回数"  en:"Shipment no."
-- column product_id        text  ja:"商品ID"  en:"Product"
-- column product_name      text  ja:"商品名"  en:"Product name"
-- column amount            money ja:"1回の金額"  en:"Amount per shipment"
SELECT
    due.customer_id, due.subscription_id, due.next_shipment_on, due.count, due.product_id, product.name AS product_name, due.amount
FROM (
    SELECT
        customer_id,
        first_value(subscription_id ORDER BY subscription_id) AS subscription_id,
        first_value(next_shipment_on ORDER BY subscription_id) AS next_shipment_on,
        first_value(coalesce(shipments, 0) + 1 ORDER BY subscription_id) AS count,
        first_value(product_id ORDER BY subscription_id) AS product_id,
        first_value(amount ORDER BY subscription_id) AS amount
    FROM subscriptions
    WHERE status = 'active' AND customer_id IS NOT NULL AND next_shipment_on = add_days($today, $days)
      AND ($nth = 0 OR coalesce(shipments, 0) + 1 = $nth)
    GROUP BY customer_id
) AS due
LEFT JOIN catalogue AS product ON product.product_id = due.product_id
ORDER BY due.customer_id
