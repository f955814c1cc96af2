-- Subscription continuation by plan
--
-- Contracts (定期) from shipment n to n+1 as in subscription continuation, for each plan, or (where a contract has none) product. The
-- survival is the share of a plan's contracts expected to reach the next shipment.
--
-- param shipments int = 12  ja:"回数" en:"Shipments"
-- column plan       text  ja:"コース"  en:"Plan"
-- column shipment   int   ja:"お届け回"  en:"From shipment"
-- column continued  int   ja:"継続"  en:"Continued"
-- column cancelled  int   ja:"解約"  en:"Cancelled"
-- column censored   int   ja:"観測途中"  en:"Still open"
-- column rate       rate  ja:"継続率"  en:"Continuation"
-- column survival   rate  ja:"残存率"  en:"Survival to next"
SELECT
    plan, shipment, continued, cancelled, censored, rate,
    CASE
        WHEN min(rate) OVER (PARTITION BY plan ORDER BY shipment) = 0 THEN CAST(0 AS DOUBLE)
        ELSE exp(coalesce(sum(CASE WHEN rate > 0 THEN ln(rate) END) OVER (PARTITION BY plan ORDER BY shipment), 0))
    END AS survival
FROM (
    SELECT
        plan, shipment, continued, cancelled, censored,
        CAST(continued AS DOUBLE) / nullif(continued + cancelled, 0) AS rate
    FROM (
        SELECT
            contract.plan, step.n AS shipment,
            CAST(sum(CASE WHEN contract.shipments > step.n THEN contract.contracts ELSE 0 END) AS BIGINT) AS continued,
            CAST(sum(CASE WHEN contract.shipments = step.n THEN contract.cancelled ELSE 0 END) AS BIGINT) AS cancelled,
            CAST(sum(CASE WHEN contract.shipments = step.n THEN contract.contracts - contract.cancelled ELSE 0 END) AS BIGINT) AS censored
        FROM (
            SELECT
                coalesce(plan, product_id, '-') AS plan, shipments, count(*) AS contracts,
                sum(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END) AS cancelled
            FROM contracts
            WHERE shipments >= 1
            GROUP BY coalesce(plan, product_id, '-'), shipments
        ) AS contract
        JOIN generate_series(1, 600) AS step (n) ON step.n <= contract.shipments
        WHERE step.n <= $shipments
        GROUP BY contract.plan, step.n
    ) AS counted
) AS rated
ORDER BY plan, shipment
