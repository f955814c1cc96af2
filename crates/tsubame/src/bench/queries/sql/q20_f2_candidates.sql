-- Customers whose only order is two weeks old and who had no message for a week.
SELECT buyer.customer_id, buyer.first_on
FROM (
    SELECT customer_id, min(CAST(ordered_at AS DATE)) AS first_on, count(*) AS orders
    FROM orders
    WHERE status = 'completed'
    GROUP BY customer_id
) AS buyer
WHERE buyer.orders = 1 AND buyer.first_on BETWEEN add_days($today, -16) AND add_days($today, -14)
  AND NOT EXISTS (
    SELECT 1 FROM sends AS s
    WHERE s.customer_id = buyer.customer_id AND s.sent_at >= CAST(add_days($today, -7) AS TIMESTAMP(6)))
ORDER BY buyer.customer_id
