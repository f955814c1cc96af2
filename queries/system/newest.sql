-- Newest fact
--
-- When anything last came in: what pages show as the age of the data.
--
-- column ingested_at  instant ja:"最新の取込日時"  en:"Last ingested"
SELECT max(ingested_at) AS ingested_at
FROM (
    SELECT max(ingested_at) AS ingested_at FROM orders_history
    UNION ALL
    SELECT max(ingested_at) AS ingested_at FROM customers_history
    UNION ALL
    SELECT max(ingested_at) AS ingested_at FROM events_history
    UNION ALL
    SELECT max(ingested_at) AS ingested_at FROM sends_history
    UNION ALL
    SELECT max(ingested_at) AS ingested_at FROM receipts_history
) AS part
