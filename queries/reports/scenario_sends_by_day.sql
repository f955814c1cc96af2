-- Sends of a scenario by day
--
-- Messages of a scenario by shop day and channel: accepted by the provider, not delivered for a fault, and kept back as
-- ghosts of the holdout.
--
-- param scenario text
-- column day       date    ja:"日付"  en:"Day"
-- column channel   text    ja:"チャネル"  en:"Channel"
-- column accepted  int     ja:"配信数"  en:"Sent"
-- column failed    int     ja:"失敗・結果不明"  en:"Failed or unknown"
-- column ghosts    int     ja:"未配信の対照"  en:"Ghosts"
-- column cost      money   ja:"配信費"  en:"Cost"
SELECT
    shop_day(coalesce(accepted_at, handed_at, due_at)) AS day,
    channel,
    CAST(sum(CASE WHEN state = 'accepted' THEN 1 ELSE 0 END) AS BIGINT) AS accepted,
    CAST(sum(CASE WHEN state IN ('failed', 'ambiguous', 'parked') THEN 1 ELSE 0 END) AS BIGINT) AS failed,
    CAST(sum(CASE WHEN state = 'ghost' THEN 1 ELSE 0 END) AS BIGINT) AS ghosts,
    CAST(sum(CASE WHEN state = 'accepted' THEN cost ELSE 0 END) AS DECIMAL(18, 4)) AS cost
FROM sends
WHERE scenario = $scenario AND state IN ('accepted', 'failed', 'ambiguous', 'parked', 'ghost')
GROUP BY shop_day(coalesce(accepted_at, handed_at, due_at)), channel
ORDER BY day, channel
