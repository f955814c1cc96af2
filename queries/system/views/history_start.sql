-- Where history begins
--
-- One row. A customer's first order in the data is surely the first of all from `first_from` on: a year after the data begin, or the
-- day that a shop states under [definitions] as `first_orders_from` because its history is whole from there.
--
-- param first_orders_from date = 1900-01-01
-- column data_from   date  ja:"データの開始日"  en:"Data begin"
-- column first_from  date  ja:"初回購入を確実とみなす開始日"  en:"First orders are sure from"
SELECT
    data_from,
    CASE WHEN $first_orders_from > CAST('1900-01-01' AS DATE) THEN $first_orders_from ELSE add_days(data_from, 365) END AS first_from
FROM (SELECT min(first_ordered_on) AS data_from FROM customer_facts) AS data
