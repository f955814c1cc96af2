-- Orders and revenue by the scenario of the last message in the seven days before.
SELECT scenario, count(*) AS orders, sum(net) AS net
FROM (
    SELECT o.order_id, o.net, t.scenario,
        row_number() OVER (PARTITION BY o.order_id ORDER BY t.sent_at DESC, t.send_id DESC) AS nth
    FROM orders AS o
    JOIN sends AS t ON t.customer_id = o.customer_id
    WHERE o.status = 'completed' AND t.state = 'accepted'
      AND t.sent_at <= o.ordered_at AND t.sent_at > o.ordered_at - INTERVAL '7 days'
) AS touch
WHERE nth = 1
GROUP BY scenario
ORDER BY scenario
