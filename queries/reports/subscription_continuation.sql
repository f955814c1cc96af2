-- Subscription continuation
--
-- Contracts (定期) from shipment n to n+1. Continued had shipment n+1; cancelled ended after n; open ones, paused ones and those
-- that ran to their agreed end stand at n and are neither. The rate is continued / (continued + cancelled); the survival is
-- the running product of the rates; the naive rate divides by all who reached n and reads too low while contracts are young. Where the
-- shop's system states no contracts they are seen from the orders: cancelled once the next shipment is overdue.
--
-- column shipment   int   ja:"お届け回"  en:"From shipment"
-- column next_one   int   ja:"次のお届け回"  en:"To shipment"
-- column continued  int   ja:"継続"  en:"Continued"
-- column cancelled  int   ja:"解約"  en:"Cancelled"
-- column censored   int   ja:"観測途中"  en:"Still open"
-- column rate       rate  ja:"継続率"  en:"Continuation"
-- column naive      rate  ja:"単純継続率"  en:"Naive rate"
-- column survival   rate  ja:"残存率"  en:"Survival to next"
SELECT
    shipment, shipment + 1 AS next_one, continued, cancelled, censored, rate,
    CAST(continued AS DOUBLE) / (continued + cancelled + censored) AS naive,
    CASE
        WHEN min(rate) OVER (ORDER BY shipment) = 0 THEN CAST(0 AS DOUBLE)
        ELSE exp(coalesce(sum(CASE WHEN rate > 0 THEN ln(rate) END) OVER (ORDER BY shipment), 0))
    END AS survival
FROM (
    SELECT
        shipment, continued, cancelled, censored,
        CAST(continued AS DOUBLE) / nullif(continued + cancelled, 0) AS rate
    FROM (
        SELECT
            step.n AS shipment,
            CAST(sum(CASE WHEN contract.shipments > step.n THEN contract.contracts ELSE 0 END) AS BIGINT) AS continued,
            CAST(sum(CASE WHEN contract.shipments = step.n THEN contract.cancelled ELSE 0 END) AS BIGINT) AS cancelled,
            CAST(sum(CASE WHEN contract.shipments = step.n THEN contract.contracts - contract.cancelled ELSE 0 END) AS BIGINT) AS censored
        FROM (
            SELECT shipments, count(*) AS contracts, sum(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END) AS cancelled
            FROM contracts
            WHERE shipments >= 1
            GROUP BY shipments
        ) AS contract
        JOIN generate_series(1, 600) AS step (n) ON step.n <= contract.shipments
        GROUP BY step.n
    ) AS counted
) AS rated
ORDER BY shipment
