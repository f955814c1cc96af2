-- What happened
--
-- Counts for the demo's report: sends by channel and state, stops and receipts by kind, orders, events, exports, and what
-- the models credit.
--
-- column what    text  ja:"対象" en:"What"
-- column which   text  ja:"内訳" en:"Which"
-- column records int   ja:"件数" en:"Records"
-- column amount  money ja:"金額" en:"Amount"
SELECT 'sends' AS what, concat(channel, ' ', state) AS which, count(*) AS records, CAST(sum(cost) AS DECIMAL(18, 4)) AS amount
FROM sends GROUP BY channel, state
UNION ALL
SELECT 'stops', reason, count(*), CAST(NULL AS DECIMAL(18, 4)) FROM stops_history WHERE channel IS NULL GROUP BY reason
UNION ALL
SELECT 'receipts', kind, count(*), CAST(NULL AS DECIMAL(18, 4)) FROM receipts_history WHERE human OR kind <> 'clicked' GROUP BY kind
UNION ALL
SELECT 'orders', status, count(*), CAST(sum(net) AS DECIMAL(18, 4)) FROM orders GROUP BY status
UNION ALL
SELECT 'events', name, count(*), CAST(NULL AS DECIMAL(18, 4)) FROM events_history GROUP BY name
UNION ALL
SELECT 'exports', name, count(*), CAST(NULL AS DECIMAL(18, 4)) FROM runs_history WHERE kind = 'export' GROUP BY name
UNION ALL
-- Under `any` each touch takes the whole order: its sum is no revenue.
SELECT 'credits', model, count(*), CAST(sum(net) AS DECIMAL(18, 4)) FROM credits_history WHERE model <> 'any' GROUP BY model
ORDER BY what, which
