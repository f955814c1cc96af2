-- What a lake is made of beside orders: events.
SELECT customer_id, name, CAST(CAST(occurred_at AS TIMESTAMP(6)) AS BIGINT) AS occurred_at
FROM events
