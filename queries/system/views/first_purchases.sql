-- First purchases, one-off or subscription
--
-- How each buyer began: with a one-off order (単品) or a subscription (定期), what the second purchase day was, and when the first
-- subscription order came. A day with a subscription order among its orders is a subscription's.
--
-- column customer_id          text  ja:"会員ID"  en:"Customer"
-- column first_ordered_on     date  ja:"初回購入日"  en:"First purchase"
-- column first_subscribed     bool  ja:"初回が定期"  en:"Began with a subscription"
-- column second_ordered_on    date  ja:"2回目購入日"  en:"Second purchase"
-- column second_subscribed    bool  ja:"2回目が定期"  en:"Second is a subscription"
-- column subscribed_on        date  ja:"定期開始日"  en:"First subscription order"
SELECT
    facts.customer_id, facts.first_ordered_on,
    coalesce(subscription.on_first = 1, FALSE) AS first_subscribed,
    facts.second_ordered_on,
    coalesce(subscription.on_second = 1, FALSE) AS second_subscribed,
    subscription.subscribed_on
FROM customer_facts AS facts
LEFT JOIN (
    SELECT
        purchase.customer_id, min(purchase.ordered_on) AS subscribed_on,
        max(CASE WHEN purchase.ordered_on = buyer.first_ordered_on THEN 1 ELSE 0 END) AS on_first,
        max(CASE WHEN purchase.ordered_on = buyer.second_ordered_on THEN 1 ELSE 0 END) AS on_second
    FROM purchases AS purchase
    JOIN customer_facts AS buyer ON buyer.customer_id = purchase.customer_id
    WHERE purchase.subscription_id IS NOT NULL
    GROUP BY purchase.customer_id
) AS subscription ON subscription.customer_id = facts.customer_id
