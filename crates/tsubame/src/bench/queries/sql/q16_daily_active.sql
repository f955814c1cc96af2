-- Events, visitors and customers of each of the last 184 days.
SELECT
    CAST(occurred_at AS DATE) AS day, count(*) AS events, count(DISTINCT visitor_id) AS visitors,
    count(DISTINCT customer_id) AS customers
FROM events
WHERE occurred_at >= CAST(add_days($today, -184) AS TIMESTAMP(6))
GROUP BY 1
ORDER BY 1
