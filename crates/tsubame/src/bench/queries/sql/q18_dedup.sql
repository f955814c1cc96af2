-- Events, each counted once.
SELECT count(*) AS events, sum(copies) AS rows, max(copies) AS copies
FROM (SELECT event_id, count(*) AS copies FROM events GROUP BY event_id) AS event
