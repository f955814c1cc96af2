-- Everybody
--
-- Each customer the shop knows, by a profile or by a purchase, once.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
SELECT customer_id FROM customers
UNION
SELECT customer_id FROM purchases WHERE customer_id IS NOT NULL
