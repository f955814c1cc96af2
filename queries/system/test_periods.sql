-- Periods of a test whose weights change
--
-- How often the weights of a test had been set when each of `exposed` met it, by the moment at which their message was due: in 0 the declared
-- ones are in force. A dimension, as those of `queries/dimensions`.
--
-- param test text
-- column customer_id  text ja:"会員ID"  en:"Customer"
-- column value        text ja:"区分"  en:"Slice"
SELECT customer_id, CAST(changes AS VARCHAR) AS value
FROM (
    SELECT
        customer_id,
        sum(change) OVER (ORDER BY happened_at, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS changes
    FROM (
        SELECT CAST(NULL AS VARCHAR) AS customer_id, decided_at AS happened_at, 0 AS place, 1 AS change
        FROM decisions
        WHERE rule = 'bandit' AND test = $test AND json_text(action, 'do') = 'weigh'
        UNION ALL
        SELECT
            exposed.customer_id, min(coalesce(send.due_at, exposed.exposed_at)) AS happened_at, 1 AS place, 0 AS change
        FROM exposed
        LEFT JOIN exposures AS first
            ON first.customer_id = exposed.customer_id
            AND first.occurred_at = exposed.exposed_at
            AND first.experiment = $test
        LEFT JOIN sends AS send ON send.send_id = first.send_id
        GROUP BY exposed.customer_id
    ) AS moved
) AS counted
WHERE customer_id IS NOT NULL
