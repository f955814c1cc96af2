-- Orders and revenue by the scenario of the last message in the seven days before.
SELECT t.scenario, count(*) AS orders, sum(o.net) AS net
FROM (SELECT customer_id, ordered_at, net FROM orders WHERE status = 'completed') AS o
ASOF JOIN (SELECT customer_id, sent_at, scenario FROM sends WHERE state = 'accepted') AS t
  ON t.customer_id = o.customer_id AND o.ordered_at >= t.sent_at
WHERE t.sent_at > o.ordered_at - INTERVAL '7 days'
GROUP BY 1
ORDER BY 1
