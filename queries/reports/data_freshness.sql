-- Data freshness
--
-- Rows per table, the last instant something happened and the last instant something came in, as known at `$as_of`.
--
-- column table_name   text    ja:"テーブル"  en:"Table"
-- column records      int     ja:"行数"  en:"Rows"
-- column occurred_at  instant ja:"最新の発生日時"  en:"Last occurred"
-- column ingested_at  instant ja:"最新の取込日時"  en:"Last ingested"
SELECT 'audiences' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM audiences_history
UNION ALL
SELECT 'consents' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM consents_history
UNION ALL
SELECT 'contacts' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM contacts_history
UNION ALL
SELECT 'credits' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM credits_history
UNION ALL
SELECT 'customer_facts' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM customer_facts_history
UNION ALL
SELECT 'customers' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM customers_history
UNION ALL
SELECT 'entries' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM entries_history
UNION ALL
SELECT 'events' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM events_history
UNION ALL
SELECT 'exposures' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM exposures_history
UNION ALL
SELECT 'order_lines' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM order_lines_history
UNION ALL
SELECT 'orders' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM orders_history
UNION ALL
SELECT 'receipts' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM receipts_history
UNION ALL
SELECT 'runs' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM runs_history
UNION ALL
SELECT 'sends' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM sends_history
UNION ALL
SELECT 'stops' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM stops_history
UNION ALL
SELECT 'suppressions' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM suppressions_history
UNION ALL
SELECT 'touches' AS table_name, count(*) AS records, max(occurred_at) AS occurred_at, max(ingested_at) AS ingested_at
FROM touches_history
ORDER BY table_name
