-- Subscription cancelled
-- ja 定期解約者
--
-- Customers who cancelled a subscription between `days` and `days_max` days ago and have no other that runs. With the reason, where the shop
-- told it.
-- ja `days`〜`days_max` 日前に定期を解約し、ほかに継続中の定期がない会員です。
--
-- param days     int = 0
-- param days_max int = 90
-- column customer_id      text  ja:"会員ID"  en:"Customer"
-- column subscription_id  text  ja:"定期契約番号"  en:"Subscription"
-- column ended_on         date  ja:"終了日"  en:"Ended on"
-- column shipments        int   ja:"お届け回数"  en:"Shipments"
-- column product_id       text  ja:"商品ID"  en:"Product"
-- column reason           text  ja:"解約理由"  en:"Reason"
SELECT ended.customer_id, ended.subscription_id, ended.ended_on, ended.shipments, ended.product_id, ended.reason
FROM (
    SELECT
        customer_id,
        last_value(subscription_id ORDER BY coalesce(ended_on, shop_day(occurred_at)), subscription_id) AS subscription_id,
        max(coalesce(ended_on, shop_day(occurred_at))) AS ended_on,
        last_value(shipments ORDER BY coalesce(ended_on, shop_day(occurred_at)), subscription_id) AS shipments,
        last_value(product_id ORDER BY coalesce(ended_on, shop_day(occurred_at)), subscription_id) AS product_id,
        last_value(reason ORDER BY coalesce(ended_on, shop_day(occurred_at)), subscription_id) AS reason
    FROM subscriptions
    WHERE status = 'cancelled' AND customer_id IS NOT NULL
    GROUP BY customer_id
) AS ended
LEFT JOIN (SELECT DISTINCT customer_id FROM contracts WHERE status = 'active') AS running
    ON running.customer_id = ended.customer_id
WHERE ended.ended_on <= add_days($today, 0 - $days)
  AND ended.ended_on >= add_days($today, 0 - $days_max)
  AND running.customer_id IS NULL
ORDER BY ended.customer_id
