-- People whom scenarios did not send to by their plan
--
-- By scenario and reason: whole steps that were stopped, and those who were excluded at the entrance. `names` are the scenarios, separated
-- by commas.
--
-- param names text
-- column scenario   text  ja:"シナリオ"  en:"Scenario"
-- column reason     text  ja:"理由"  en:"Reason"
-- column customers  int   ja:"会員数"  en:"Customers"
SELECT scenario, reason, count(DISTINCT customer_id) AS customers
FROM (
    SELECT scenario, reason, customer_id
    FROM stops
    WHERE coalesce(channel, '') = '' AND strpos(concat(',', $names, ','), concat(',', scenario, ',')) > 0
    UNION ALL
    SELECT scenario, reason, customer_id
    FROM entries
    WHERE status = 'exited' AND (reason LIKE 'excluded by %' OR reason = 'global_holdout')
        AND strpos(concat(',', $names, ','), concat(',', scenario, ',')) > 0
) AS stopped
GROUP BY scenario, reason
ORDER BY scenario, reason
