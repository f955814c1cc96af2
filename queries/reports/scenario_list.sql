-- Scenarios
--
-- Every scenario anybody has entered: where its entries stand, what was sent, what was kept back to measure it, and what
-- the chosen model credits it with. What it added is on its own page.
--
-- param model text = "last"
-- column scenario      text    ja:"シナリオ"  en:"Scenario"
-- column entries       int     ja:"エントリー数"  en:"Entries"
-- column waiting       int     ja:"進行中"  en:"Waiting"
-- column held_out      int     ja:"ホールドアウト"  en:"Held out"
-- column sends         int     ja:"配信数"  en:"Messages sent"
-- column ghosts        int     ja:"未配信の対照"  en:"Ghost sends"
-- column stops         int     ja:"見送り"  en:"Stops"
-- column cost          money   ja:"配信費"  en:"Cost"
-- column credited_net  money   ja:"貢献純売上"  en:"Net credited"
-- column last_sent_at  instant ja:"最終配信"  en:"Last sent"
SELECT
    scenario,
    CAST(sum(entries) AS BIGINT) AS entries,
    CAST(sum(waiting) AS BIGINT) AS waiting,
    CAST(sum(held_out) AS BIGINT) AS held_out,
    CAST(sum(sends) AS BIGINT) AS sends,
    CAST(sum(ghosts) AS BIGINT) AS ghosts,
    CAST(sum(stops) AS BIGINT) AS stops,
    CAST(sum(cost) AS DECIMAL(18, 4)) AS cost,
    CAST(sum(net) AS DECIMAL(18, 4)) AS credited_net,
    max(last_sent_at) AS last_sent_at
FROM (
    SELECT
        scenario, 0 AS entries, 0 AS waiting, 0 AS held_out,
        sum(CASE WHEN state = 'accepted' THEN 1 ELSE 0 END) AS sends,
        sum(CASE WHEN state = 'ghost' THEN 1 ELSE 0 END) AS ghosts,
        0 AS stops,
        sum(CASE WHEN state = 'accepted' THEN cost ELSE 0 END) AS cost,
        CAST(0 AS DECIMAL(18, 4)) AS net,
        max(accepted_at) AS last_sent_at
    FROM sends
    GROUP BY scenario
    UNION ALL
    SELECT
        scenario, count(*),
        sum(CASE WHEN status = 'waiting' THEN 1 ELSE 0 END),
        sum(CASE WHEN held_out THEN 1 ELSE 0 END),
        0, 0, 0, CAST(0 AS DECIMAL(18, 4)), CAST(0 AS DECIMAL(18, 4)), NULL
    FROM entries
    GROUP BY scenario
    UNION ALL
    SELECT
        scenario, 0, 0, 0, 0, 0, count(*), CAST(0 AS DECIMAL(18, 4)), CAST(0 AS DECIMAL(18, 4)), NULL
    FROM stops
    GROUP BY scenario
    UNION ALL
    SELECT
        scenario, 0, 0, 0, 0, 0, 0, CAST(0 AS DECIMAL(18, 4)), sum(net), NULL
    FROM current_credits
    WHERE model = $model
    GROUP BY scenario
) AS part
GROUP BY scenario
ORDER BY scenario
