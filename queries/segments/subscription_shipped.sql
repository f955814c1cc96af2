-- Subscription just shipped
-- ja 定期の発送後
--
-- Customers with a shipment of a subscription that left exactly `days` days ago; of several, the one with the highest number. Give `nth` to reach
-- only those of the third, 0 for all. For usage guides, reviews, and thanks for the third.
-- ja 定期のお届けがちょうど `days` 日前に発送された会員です。`nth` を指定すると、その回だけに絞ります（0は全回）。使い方やレビュー依頼に使います。
--
-- param days int = 1
-- param nth  int = 0
-- column customer_id      text  ja:"会員ID"  en:"Customer"
-- column subscription_id  text  ja:"定期契約番号"  en:"Subscription"
-- column count            int   ja:"回数"  en:"Shipment no."
-- column shipped_on       date  ja:"発送日"  en:"Shipped on"
-- column product_id       text  ja:"商品ID"  en:"Product"
-- column product_name     text  ja:"商品名"  en:"Product name"
SELECT sent.customer_id, sent.subscription_id, sent.count, sent.shipped_on, contract.product_id, product.name AS product_name
FROM (
    SELECT
        customer_id,
        first_value(subscription_id ORDER BY count DESC, subscription_id) AS subscription_id,
        max(count) AS count,
        max(shop_day(shipped_at)) AS shipped_on
    FROM shipments
    WHERE customer_id IS NOT NULL AND subscription_id IS NOT NULL AND shop_day(shipped_at) = add_days($today, 0 - $days)
      AND ($nth = 0 OR count = $nth)
    GROUP BY customer_id
) AS sent
LEFT JOIN (
    SELECT subscription_id, max(product_id) AS product_id FROM subscriptions GROUP BY subscription_id
) AS contract ON contract.subscription_id = sent.subscription_id
LEFT JOIN catalogue AS product ON product.product_id = contract.product_id
ORDER BY sent.customer_id
