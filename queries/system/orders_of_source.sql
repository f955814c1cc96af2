-- Orders of a source
--
-- How many different orders have come in from a source: what an import added is the difference.
--
-- param source text
-- column orders  int  ja:"注文数"  en:"Orders"
SELECT count(DISTINCT order_id) AS orders
FROM orders_history
WHERE source = $source
