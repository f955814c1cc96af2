-- Sessions
--
-- What each session came to: 1 where it viewed a product, filled a cart, or says itself that it ordered, and when it last did; when its
-- checkout began; and the greatest of the customer ids it named, as it named it.
--
-- column session_id     text     ja:"セッションID"  en:"Session"
-- column customer_id    text     ja:"会員ID"  en:"Customer"
-- column viewed         int      ja:"商品閲覧"  en:"Viewed a product"
-- column carted         int      ja:"カート"  en:"Filled a cart"
-- column checkout_at    instant  ja:"購入手続き日時"  en:"Checkout at"
-- column ordered        int      ja:"注文"  en:"Ordered"
-- column first_at       instant  ja:"開始日時"  en:"Began at"
-- column last_at        instant  ja:"終了日時"  en:"Ended at"
-- column last_view_at   instant  ja:"最後の商品閲覧"  en:"Last view"
-- column last_cart_at   instant  ja:"最後のカート"  en:"Last put into the cart"
-- column last_order_at  instant  ja:"最後の注文"  en:"Last order"
SELECT
    session_id,
    max(customer_id) AS customer_id,
    max(CASE WHEN name = 'product_viewed' THEN 1 ELSE 0 END) AS viewed,
    max(CASE WHEN name = 'product_added' OR (name = 'cart_updated' AND value > 0) THEN 1 ELSE 0 END) AS carted,
    min(CASE WHEN name = 'checkout_started' THEN occurred_at END) AS checkout_at,
    max(CASE WHEN name IN ('order_completed', 'order_placed') THEN 1 ELSE 0 END) AS ordered,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    max(CASE WHEN name = 'product_viewed' THEN occurred_at END) AS last_view_at,
    max(CASE WHEN name = 'product_added' OR (name = 'cart_updated' AND value > 0) THEN occurred_at END) AS last_cart_at,
    max(CASE WHEN name IN ('order_completed', 'order_placed') THEN occurred_at END) AS last_order_at
FROM events_history
WHERE session_id IS NOT NULL
GROUP BY session_id
