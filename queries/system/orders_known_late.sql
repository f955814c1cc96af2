-- Orders whose beginning became known late
--
-- How often an earlier revision of an order became known after a later one that says it is completed, and after `from_at`. As long as there is
-- none, whatever counted as placed at a moment from then on counts as placed ever after.
--
-- param from_at instant
-- column revisions  int  ja:"改訂数"  en:"Revisions"
SELECT count(*) AS revisions
FROM orders_history AS placed
JOIN orders_history AS earlier ON earlier.source = placed.source AND earlier.order_id = placed.order_id
WHERE placed.customer_id IS NOT NULL
  AND placed.status = 'completed'
  AND (earlier.occurred_at < placed.occurred_at
    OR (earlier.occurred_at = placed.occurred_at AND earlier.position < placed.position))
  AND greatest(earlier.occurred_at, earlier.known_at) > greatest(placed.occurred_at, placed.known_at)
  AND greatest(earlier.occurred_at, earlier.known_at) > $from_at
