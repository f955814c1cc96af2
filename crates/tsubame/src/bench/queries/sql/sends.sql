-- What a lake is made of beside orders: messages.
SELECT customer_id, scenario, CAST(CAST(sent_at AS TIMESTAMP(6)) AS BIGINT) AS sent_at
FROM sends
