-- Moments of a metric
--
-- Sufficient statistics of `metric` (customer_id, value) over `exposed` per arm, of the customers whose window is over;
-- the others are counted apart. Sums are exact, then rounded once.
--
-- column arm          text    ja:"グループ"  en:"Arm"
-- column n            int     ja:"観測済み人数"  en:"Window over"
-- column sum_value    float   ja:"合計"  en:"Sum"
-- column sum_squares  float   ja:"二乗和"  en:"Sum of squares"
-- column open         int     ja:"観測途中"  en:"Still open"
SELECT
    arm,
    CAST(sum(over) AS BIGINT) AS n,
    CAST(sum(CASE WHEN over = 1 THEN value ELSE 0 END) AS DOUBLE) AS sum_value,
    CAST(sum(CASE WHEN over = 1 THEN value * value ELSE 0 END) AS DOUBLE) AS sum_squares,
    CAST(sum(1 - over) AS BIGINT) AS open
FROM (
    SELECT
        exposed.arm,
        CASE WHEN exposed.until <= $as_of THEN 1 ELSE 0 END AS over,
        CAST(coalesce(metric.value, 0) AS DECIMAL(18, 4)) AS value
    FROM exposed
    LEFT JOIN metric ON metric.customer_id = exposed.customer_id
) AS unit
GROUP BY arm
ORDER BY arm
