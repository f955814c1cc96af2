-- From state to state within a month
--
-- How many customers were in which state when a month began and in which when it ended: the last `months` complete months, the newest
-- first. Dormant to repeat is who came back; new to dormant is who never became a repeat customer.
--
-- param months int = 1
-- column month         date  ja:"月"  en:"Month"
-- column state_before  text  ja:"月初の状態コード"  en:"State before, code"
-- column state_after   text  ja:"月末の状態コード"  en:"State after, code"
-- column state_before_ja  text  ja:"月初の状態"  en:"State before (Japanese)"
-- column state_before_en  text  ja:"月初の状態（英語）"  en:"State before"
-- column state_after_ja   text  ja:"月末の状態"  en:"State after (Japanese)"
-- column state_after_en   text  ja:"月末の状態（英語）"  en:"State after"
-- column customers     int   ja:"会員数"  en:"Customers"
-- column share         rate  ja:"月初の状態に占める割合"  en:"Share of the state before"
SELECT
    flow.month, flow.state_before, flow.state_after, before.ja AS state_before_ja, before.en AS state_before_en,
    after.ja AS state_after_ja, after.en AS state_after_en, flow.customers,
    CAST(flow.customers AS DOUBLE) / sum(flow.customers) OVER (PARTITION BY flow.month, flow.state_before) AS share
FROM (
    SELECT month, state_before, state_after, count(*) AS customers
    FROM lifecycle_months
    WHERE back BETWEEN 1 AND $months
    GROUP BY month, state_before, state_after
) AS flow
JOIN lifecycle_states AS before ON before.state = flow.state_before
JOIN lifecycle_states AS after ON after.state = flow.state_after
ORDER BY flow.month DESC, before.place, after.place
