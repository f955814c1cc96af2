-- Subscription contracts, stated or seen
--
-- Each subscription contract (定期): as the shop's system states it, or, where it states none, as its orders show it: begun with the first,
-- cancelled once the next is overdue by `contract_grace_days`. A contract is known by its number, whichever file tells of it and of its
-- orders. The interval is the contract's, else the mean of its own, else `contract_interval_days`. Cancelled and returned shipments do not
-- count.
--
-- param contract_interval_days int = 30
-- param contract_grace_days    int = 15
-- column subscription_id  text   ja:"定期契約番号"  en:"Subscription"
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column plan             text   ja:"コース"  en:"Plan"
-- column product_id       text   ja:"商品ID"  en:"Product"
-- column status           text   ja:"状態"  en:"Status"
-- column started_on       date   ja:"開始日"  en:"Started on"
-- column ended_on         date   ja:"終了日"  en:"Ended on"
-- column last_shipped_on  date   ja:"最終お届け日"  en:"Last shipment"
-- column interval_days    int    ja:"お届け間隔（日）"  en:"Interval in days"
-- column shipments        int    ja:"お届け回数"  en:"Shipments"
-- column amount           money  ja:"1回の金額"  en:"Amount per shipment"
-- column second_due_on    date   ja:"2回目の期限"  en:"Second shipment due by"
-- column inferred         bool   ja:"注文からの推定"  en:"Seen from orders"
SELECT
    subscription_id, customer_id, plan, product_id,
    CASE WHEN NOT inferred THEN status WHEN due_on < $today THEN 'cancelled' ELSE 'active' END AS status,
    started_on,
    CASE WHEN inferred AND due_on < $today THEN due_on ELSE ended_on END AS ended_on,
    last_shipped_on, interval_days, shipments, amount, second_due_on, inferred
FROM (
    SELECT
        subscription_id, customer_id, plan, product_id, status, started_on, ended_on, last_shipped_on, interval_days, shipments, amount,
        inferred, add_days(started_on, interval_days + $contract_grace_days) AS second_due_on,
        add_days(last_shipped_on, interval_days + $contract_grace_days) AS due_on
    FROM (
        SELECT
            coalesce(stated.subscription_id, seen.subscription_id) AS subscription_id,
            coalesce(stated.customer_id, seen.customer_id) AS customer_id,
            stated.plan, stated.product_id, stated.status,
            coalesce(stated.started_on, seen.started_on) AS started_on, stated.ended_on, seen.last_shipped_on,
            coalesce(
                stated.interval_days,
                CASE WHEN seen.steps > 0 THEN greatest(1, days_between(seen.started_on, seen.last_shipped_on) / seen.steps) END,
                $contract_interval_days
            ) AS interval_days,
            coalesce(stated.shipments, seen.shipments, 0) AS shipments,
            coalesce(stated.amount, seen.amount) AS amount,
            stated.subscription_id IS NULL AS inferred
        FROM subscriptions AS stated
        FULL JOIN (
            SELECT
                subscription_id, max(customer_id) AS customer_id, min(ordered_on) AS started_on, max(ordered_on) AS last_shipped_on,
                greatest(count(*), coalesce(max(subscription_count), 0)) AS shipments,
                -- From the first seen to the last: data may begin amid a contract, and a shipment between may have come back.
                coalesce(nullif(max(subscription_count) - min(subscription_count), 0), count(*) - 1) AS steps,
                last_value(net ORDER BY ordered_at) AS amount
            FROM purchases
            WHERE subscription_id IS NOT NULL
            GROUP BY subscription_id
        ) AS seen ON seen.subscription_id = stated.subscription_id
    ) AS joined
) AS dated
