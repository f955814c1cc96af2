-- Interest in products
--
-- When each customer last looked at a product, put it into the cart or on the wish list, and when they last bought it.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column product_id   text    ja:"商品ID"  en:"Product"
-- column interest     text    ja:"関心の強さ"  en:"Strongest interest"
-- column last_at      instant ja:"最後の関心"  en:"Last interest"
-- column bought_at    instant ja:"最終購入"  en:"Last bought"
SELECT
    seen.customer_id, seen.product_id,
    CASE seen.strength WHEN 3 THEN 'carted' WHEN 2 THEN 'wished' ELSE 'viewed' END AS interest,
    seen.last_at, bought.last_at AS bought_at
FROM (
    SELECT
        customer_id, product_id, max(occurred_at) AS last_at,
        max(CASE WHEN name IN ('product_added', 'cart_updated') THEN 3 WHEN name = 'product_added_to_wishlist' THEN 2 ELSE 1 END) AS strength
    FROM events
    WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
      AND (name IN ('product_viewed', 'product_added', 'product_added_to_wishlist') OR (name = 'cart_updated' AND value > 0))
    GROUP BY customer_id, product_id
) AS seen
LEFT JOIN (
    SELECT customer_id, product_id, max(ordered_at) AS last_at FROM purchase_lines GROUP BY customer_id, product_id
) AS bought ON bought.customer_id = seen.customer_id AND bought.product_id = seen.product_id
