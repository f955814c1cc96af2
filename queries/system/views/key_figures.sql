-- Key figures, now and 30 days before
--
-- One row. Revenue, orders, new buyers, messages and cost count the last 30 shop days, today included, and the 30
-- before. The repeat rate is the share of all buyers who bought on two days or more. The F2 rate is that of the buyers
-- whose first purchase is 90 to 454 days ago: a second purchase within 90 days of it. A LINE friend has an active LINE
-- link and has not blocked us.
--
-- column net_revenue          money   ja:"純売上（直近30日）"  en:"Net revenue, last 30 days"
-- column net_revenue_before   money   ja:"純売上（その前の30日）"  en:"Net revenue, 30 days before"
-- column orders               int     ja:"購入件数（直近30日）"  en:"Purchases, last 30 days"
-- column orders_before        int     ja:"購入件数（その前の30日）"  en:"Purchases, 30 days before"
-- column order_value          money   ja:"平均購入単価（直近30日）"  en:"Average purchase, last 30 days"
-- column order_value_before   money   ja:"平均購入単価（その前の30日）"  en:"Average purchase, 30 days before"
-- column new_buyers           int     ja:"新規購入者（直近30日）"  en:"New buyers, last 30 days"
-- column new_buyers_before    int     ja:"新規購入者（その前の30日）"  en:"New buyers, 30 days before"
-- column buyers               int     ja:"累計購入者数"  en:"Buyers to date"
-- column buyers_before        int     ja:"累計購入者数（30日前）"  en:"Buyers, 30 days ago"
-- column repeat_rate          rate    ja:"リピート率"  en:"Repeat rate"
-- column repeat_rate_before   rate    ja:"リピート率（30日前）"  en:"Repeat rate, 30 days ago"
-- column f2_rate              rate    ja:"F2転換率（90日以内）"  en:"Second purchase within 90 days"
-- column f2_rate_before       rate    ja:"F2転換率（30日前）"  en:"Second purchase, 30 days ago"
-- column line_friends         int     ja:"有効なLINE友だち"  en:"Active LINE friends"
-- column line_friends_before  int     ja:"有効なLINE友だち（30日前）"  en:"Active LINE friends, 30 days ago"
-- column messages             int     ja:"配信数（直近30日）"  en:"Messages, last 30 days"
-- column messages_before      int     ja:"配信数（その前の30日）"  en:"Messages, 30 days before"
-- column message_cost         money   ja:"配信費（直近30日）"  en:"Message cost, last 30 days"
-- column message_cost_before  money   ja:"配信費（その前の30日）"  en:"Message cost, 30 days before"
SELECT
    purchase.net AS net_revenue, purchase.net_before AS net_revenue_before,
    purchase.orders, purchase.orders_before,
    CAST(CAST(purchase.net AS DOUBLE) / nullif(purchase.orders, 0) AS DECIMAL(18, 4)) AS order_value,
    CAST(CAST(purchase.net_before AS DOUBLE) / nullif(purchase.orders_before, 0) AS DECIMAL(18, 4)) AS order_value_before,
    buyer.new_buyers, buyer.new_buyers_before,
    buyer.buyers, buyer.buyers_before,
    CAST(buyer.repeaters AS DOUBLE) / nullif(buyer.buyers, 0) AS repeat_rate,
    CAST(buyer.repeaters_before AS DOUBLE) / nullif(buyer.buyers_before, 0) AS repeat_rate_before,
    CAST(buyer.f2 AS DOUBLE) / nullif(buyer.matured, 0) AS f2_rate,
    CAST(buyer.f2_before AS DOUBLE) / nullif(buyer.matured_before, 0) AS f2_rate_before,
    friend.friends AS line_friends, friend.friends_before AS line_friends_before,
    message.messages, message.messages_before,
    message.cost AS message_cost, message.cost_before AS message_cost_before
FROM (
    SELECT
        CAST(coalesce(sum(CASE WHEN age < 30 THEN net END), 0) AS DECIMAL(18, 4)) AS net,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN net END), 0) AS DECIMAL(18, 4)) AS net_before,
        CAST(coalesce(sum(CASE WHEN age < 30 THEN 1 END), 0) AS BIGINT) AS orders,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN 1 END), 0) AS BIGINT) AS orders_before
    FROM (SELECT net, days_between(ordered_on, $today) AS age FROM purchases) AS recent
    WHERE age < 60
) AS purchase
CROSS JOIN (
    SELECT
        count(*) AS buyers,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN 1 END), 0) AS BIGINT) AS buyers_before,
        CAST(coalesce(sum(CASE WHEN age < 30 THEN 1 END), 0) AS BIGINT) AS new_buyers,
        CAST(coalesce(sum(CASE WHEN age >= 30 AND age < 60 THEN 1 END), 0) AS BIGINT) AS new_buyers_before,
        CAST(coalesce(sum(CASE WHEN gap <= age THEN 1 END), 0) AS BIGINT) AS repeaters,
        CAST(coalesce(sum(CASE WHEN gap <= age - 30 THEN 1 END), 0) AS BIGINT) AS repeaters_before,
        CAST(coalesce(sum(CASE WHEN age >= 90 AND age < 455 THEN 1 END), 0) AS BIGINT) AS matured,
        CAST(coalesce(sum(CASE WHEN age >= 120 AND age < 485 THEN 1 END), 0) AS BIGINT) AS matured_before,
        CAST(coalesce(sum(CASE WHEN age >= 90 AND age < 455 AND gap <= 90 THEN 1 END), 0) AS BIGINT) AS f2,
        CAST(coalesce(sum(CASE WHEN age >= 120 AND age < 485 AND gap <= 90 THEN 1 END), 0) AS BIGINT) AS f2_before
    FROM (
        SELECT days_between(first_ordered_on, $today) AS age, days_between(first_ordered_on, second_ordered_on) AS gap
        FROM customer_facts
    ) AS bought
) AS buyer
CROSS JOIN (
    SELECT CAST(sum(now) AS BIGINT) AS friends, CAST(sum(before) AS BIGINT) AS friends_before
    FROM (
        SELECT count(*) AS now, 0 AS before
        FROM contacts AS contact
        WHERE contact.kind = 'line' AND contact.active
          AND NOT EXISTS (
            SELECT 1
            FROM suppressions AS block
            WHERE block.customer_id = contact.customer_id AND block.channel = 'line' AND block.reason = 'blocked')
        UNION ALL
        SELECT 0 AS now, count(*) AS before
        FROM (
            -- By whoever they are now, as above: their own link comes before that of whom they absorbed, and any block is theirs.
            SELECT
                max(CASE WHEN who.survivor_id IS NULL THEN past.is_linked END) AS own_linked,
                max(CASE WHEN who.survivor_id IS NOT NULL THEN past.is_linked END) AS absorbed_linked,
                max(past.is_blocked) AS is_blocked
            FROM (
                SELECT
                    customer_id,
                    CASE
                        WHEN linked_at IS NOT NULL AND (unlinked_at IS NULL OR linked_at > unlinked_at) THEN 1
                        WHEN unlinked_at IS NOT NULL THEN 0
                    END AS is_linked,
                    CASE WHEN blocked_at IS NULL OR unblocked_at > blocked_at THEN 0 ELSE 1 END AS is_blocked
                FROM (
                    -- Linked last after any unlinking, and not blocked since. One aggregate instead of two windows.
                    SELECT
                        customer_id,
                        max(CASE WHEN kind = 'link' AND active THEN occurred_at END) AS linked_at,
                        max(CASE WHEN kind = 'link' AND NOT active THEN occurred_at END) AS unlinked_at,
                        max(CASE WHEN kind = 'block' AND active THEN occurred_at END) AS blocked_at,
                        max(CASE WHEN kind = 'block' AND NOT active THEN occurred_at END) AS unblocked_at
                    FROM (
                        SELECT customer_id, 'link' AS kind, active, occurred_at FROM contacts_history WHERE kind = 'line'
                        UNION ALL
                        SELECT customer_id, 'block' AS kind, active, occurred_at
                        FROM suppressions_history
                        WHERE channel = 'line' AND reason = 'blocked'
                    ) AS change
                    WHERE occurred_at <= add_seconds($as_of, -2592000)
                    GROUP BY customer_id
                ) AS said
            ) AS past
            LEFT JOIN survivors AS who ON who.customer_id = past.customer_id
            GROUP BY coalesce(who.survivor_id, past.customer_id)
        ) AS customer
        WHERE coalesce(own_linked, absorbed_linked) = 1 AND is_blocked = 0
    ) AS counted
) AS friend
CROSS JOIN (
    SELECT
        CAST(coalesce(sum(CASE WHEN age < 30 THEN 1 END), 0) AS BIGINT) AS messages,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN 1 END), 0) AS BIGINT) AS messages_before,
        CAST(coalesce(sum(CASE WHEN age < 30 THEN cost END), 0) AS DECIMAL(18, 4)) AS cost,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN cost END), 0) AS DECIMAL(18, 4)) AS cost_before
    FROM (SELECT cost, days_between(shop_day(accepted_at), $today) AS age FROM sends WHERE state = 'accepted') AS accepted
    WHERE age < 60
) AS message
