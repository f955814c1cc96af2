-- Subscription at risk
-- ja 定期解約の兆候
--
-- Customers with an active subscription who show signs of leaving: looked at the account or cancel pages lately (`page_like` in a page's address),
-- put off the shipment by `late` days or more beyond its interval, opted out of a channel lately, or are before shipment `early` or sooner, when most
-- leave. `signs` counts them; only customers with at least `min_signs` are in it.
-- ja 継続中の定期のうち、解約の兆候（解約・マイページの閲覧、お届けの延期、最近の配信停止、初期回）が `min_signs` 個以上ある会員です。
--
-- param days      int  = 14
-- param late      int  = 7
-- param early     int  = 3
-- param min_signs int  = 2
-- param page_like text = "%cancel%"
-- column customer_id       text  ja:"会員ID"  en:"Customer"
-- column subscription_id   text  ja:"定期契約番号"  en:"Subscription"
-- column next_shipment_on  date  ja:"次回お届け日"  en:"Next shipment"
-- column shipments         int   ja:"お届け回数"  en:"Shipments"
-- column signs             int   ja:"兆候の数"  en:"Signs"
-- column looked            bool  ja:"解約ページ閲覧"  en:"Looked at cancelling"
-- column put_off           bool  ja:"お届け延期"  en:"Put off"
-- column opted_out         bool  ja:"配信停止"  en:"Opted out"
-- column is_early          bool  ja:"初期回"  en:"Early shipment"
SELECT customer_id, subscription_id, next_shipment_on, shipments, signs, looked, put_off, opted_out, is_early
FROM (
    SELECT
        customer_id, subscription_id, next_shipment_on, shipments, looked, put_off, opted_out, is_early,
        CAST(looked AS BIGINT) + CAST(put_off AS BIGINT) + CAST(opted_out AS BIGINT) + CAST(is_early AS BIGINT) AS signs,
        row_number() OVER (
            PARTITION BY customer_id
            ORDER BY CAST(put_off AS BIGINT) + CAST(is_early AS BIGINT) DESC, next_shipment_on, subscription_id) AS place
    FROM (
        SELECT
            contract.customer_id, contract.subscription_id, contract.next_shipment_on, coalesce(contract.shipments, 0) AS shipments,
            page.customer_id IS NOT NULL AS looked,
            coalesce(days_between(shipped.last_on, contract.next_shipment_on) >= contract.interval_days + $late, FALSE) AS put_off,
            gone.customer_id IS NOT NULL AS opted_out,
            coalesce(contract.shipments, 0) < $early AS is_early
        FROM subscriptions AS contract
        LEFT JOIN (
            SELECT subscription_id, max(shop_day(coalesce(shipped_at, delivered_at))) AS last_on
            FROM shipments
            GROUP BY subscription_id
        ) AS shipped ON shipped.subscription_id = contract.subscription_id
        LEFT JOIN (
            SELECT DISTINCT customer_id
            FROM events
            WHERE url LIKE $page_like AND customer_id IS NOT NULL AND occurred_at >= add_seconds($as_of, 0 - $days * 86400)
        ) AS page ON page.customer_id = contract.customer_id
        LEFT JOIN (
            SELECT customer_id
            FROM consents
            WHERE purpose = 'marketing' AND state = 'revoked' AND occurred_at >= add_seconds($as_of, 0 - $days * 86400)
            UNION
            SELECT customer_id
            FROM suppressions
            WHERE reason <> 'bounced' AND occurred_at >= add_seconds($as_of, 0 - $days * 86400)
        ) AS gone ON gone.customer_id = contract.customer_id
        WHERE contract.status = 'active' AND contract.customer_id IS NOT NULL
    ) AS watched
) AS weighed
WHERE place = 1 AND signs >= $min_signs
ORDER BY customer_id
