-- Moments of a metric and of its past
--
-- Sufficient statistics of `metric` (y) and of the same before the first exposure, `before` (x), over `exposed`, per arm and per value of
-- `dimension`, of the people whose window is over; the others are counted apart. Sums are exact, in 4 and 8 decimals, and are given as texts,
-- since no floating point number holds them.
--
-- column arm    text ja:"グループ"  en:"Arm"
-- column slice  text ja:"区分"  en:"Slice"
-- column n      int  ja:"観測済み人数"  en:"Window over"
-- column open   int  ja:"観測途中"  en:"Still open"
-- column y      text ja:"合計"  en:"Sum"
-- column yy     text ja:"二乗和"  en:"Sum of squares"
-- column x      text ja:"事前の合計"  en:"Sum before"
-- column xx     text ja:"事前の二乗和"  en:"Sum of squares before"
-- column xy     text ja:"積和"  en:"Sum of products"
SELECT
    arm, slice,
    CAST(sum(over) AS BIGINT) AS n,
    CAST(count(*) - sum(over) AS BIGINT) AS open,
    CAST(coalesce(sum(y), 0) AS VARCHAR) AS y,
    CAST(coalesce(sum(y * y), 0) AS VARCHAR) AS yy,
    CAST(coalesce(sum(x), 0) AS VARCHAR) AS x,
    CAST(coalesce(sum(x * x), 0) AS VARCHAR) AS xx,
    CAST(coalesce(sum(x * y), 0) AS VARCHAR) AS xy
FROM (
    SELECT
        exposed.arm,
        dimension.value AS slice,
        CASE WHEN exposed.mature THEN 1 ELSE 0 END AS over,
        CASE WHEN exposed.mature THEN CAST(coalesce(metric.value, 0) AS DECIMAL(18, 4)) END AS y,
        CASE WHEN exposed.mature THEN CAST(coalesce(before.value, 0) AS DECIMAL(18, 4)) END AS x
    FROM exposed
    LEFT JOIN metric ON metric.customer_id = exposed.customer_id
    LEFT JOIN before ON before.customer_id = exposed.customer_id
    LEFT JOIN dimension ON dimension.customer_id = exposed.customer_id
) AS unit
GROUP BY arm, slice
ORDER BY arm, slice
