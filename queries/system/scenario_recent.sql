-- Recent sends and stops of scenarios
--
-- By scenario, what was sent and what was stopped in the last `days` days. Messages of a test list are of no scenario.
--
-- param days int = 30
-- column scenario  text  ja:"シナリオ"  en:"Scenario"
-- column sends     int   ja:"配信数"    en:"Messages sent"
-- column stops     int   ja:"見送り"    en:"Stops"
SELECT scenario, CAST(sum(sends) AS BIGINT) AS sends, CAST(sum(stops) AS BIGINT) AS stops
FROM (
    SELECT scenario, count(*) AS sends, 0 AS stops
    FROM sends
    WHERE state = 'accepted' AND shop_day(accepted_at) > $today - $days
    GROUP BY scenario
    UNION ALL
    SELECT scenario, 0, count(*)
    FROM stops
    WHERE shop_day(occurred_at) > $today - $days
    GROUP BY scenario
) AS part
WHERE scenario NOT LIKE '%/test'
GROUP BY scenario
ORDER BY scenario
