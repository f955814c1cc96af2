-- Sessions to be kept
--
-- Parts of sessions put together, whatever came in which part.
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
    session_id, max(customer_id) AS customer_id, max(viewed) AS viewed, max(carted) AS carted, min(checkout_at) AS checkout_at,
    max(ordered) AS ordered, min(first_at) AS first_at, max(last_at) AS last_at,
    max(last_view_at) AS last_view_at, max(last_cart_at) AS last_cart_at, max(last_order_at) AS last_order_at
FROM session_states
GROUP BY session_id
ORDER BY session_id
