-- Per scenario: messages, what was opened and clicked, and the customers reached.
SELECT
    scenario, count(*) AS sends,
    count(*) FILTER (WHERE state = 'accepted') AS accepted, count(opened_at) AS opened, count(clicked_at) AS clicked,
    count(DISTINCT customer_id) AS customers
FROM sends
WHERE sent_at >= CAST(add_days($today, -365) AS TIMESTAMP(6))
GROUP BY scenario
ORDER BY scenario
