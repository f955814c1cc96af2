-- Changes of carts
--
-- Each change of each cart, with what came after it: the next change, and the first order of its owner within 30 days. The owner is the
-- customer, or whoever was identified in that browser within 30 days; else the browser itself, whose orders are those the site told of.
-- `value` is what the cart holds after the change as far as it was said; a removal alone does not say it. An order that was cancelled or
-- returned was placed all the same, and brought nothing.
--
-- column cart_id           text    ja:"カートID"  en:"Cart"
-- column customer_id       text    ja:"会員ID"  en:"Customer"
-- column changed_at        instant ja:"変更日時"  en:"Changed at"
-- column value             money   ja:"カート金額"  en:"Value"
-- column next_change_at    instant ja:"次の変更"  en:"Next change"
-- column next_order_at     instant ja:"次の注文"  en:"Next order"
-- column next_order_value  money   ja:"次の注文の金額"  en:"Value of the next order"
SELECT
    change.cart_id, change.customer_id, change.changed_at, change.value, change.next_change_at,
    min(placed.ordered_at) AS next_order_at,
    first_value(placed.value ORDER BY placed.ordered_at, placed.order_id) AS next_order_value
FROM (
    SELECT
        position,
        coalesce(cart_id, session_id, visitor_id, customer_id) AS cart_id,
        customer_id,
        coalesce('customer ' || customer_id, 'visitor ' || visitor_id) AS owner,
        occurred_at AS changed_at,
        value,
        lead(occurred_at) OVER (
            PARTITION BY coalesce(cart_id, session_id, visitor_id, customer_id) ORDER BY occurred_at, event_id) AS next_change_at
    FROM (
        SELECT
            cart.position, cart.event_id, cart.occurred_at, cart.cart_id, cart.session_id, cart.visitor_id, cart.value,
            coalesce(who.survivor_id, cart.customer_id, cart.identified_as) AS customer_id
        FROM cart_events_identified AS cart
        LEFT JOIN survivors AS who ON who.customer_id = coalesce(cart.customer_id, cart.identified_as)
        WHERE NOT cart.is_order
    ) AS known
) AS change
LEFT JOIN (
    SELECT
        'customer ' || customer_id AS owner, order_id, ordered_at,
        -- Some carts leave the money on an order that was cancelled or came back.
        CASE WHEN status = 'completed' THEN net ELSE CAST(0 AS DECIMAL(18, 4)) END AS value
    FROM orders
    WHERE customer_id IS NOT NULL
    UNION ALL
    SELECT
        'visitor ' || told.visitor_id AS owner, told.order_id, told.occurred_at AS ordered_at,
        coalesce(told.value, CAST(0 AS DECIMAL(18, 4))) AS value
    FROM cart_events_identified AS told
    WHERE told.is_order
) AS placed
    ON placed.owner = change.owner
    AND placed.ordered_at >= change.changed_at
    AND placed.ordered_at <= add_seconds(change.changed_at, 2592000)
GROUP BY change.position, change.cart_id, change.customer_id, change.changed_at, change.value, change.next_change_at
