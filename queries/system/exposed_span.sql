-- Span of an exposure
--
-- How many are in each arm of `exposed`, since when, and when enough is known of them: `ready_at` is the end of the window of
-- the `people`-th, empty while fewer were exposed.
--
-- param people int = 30
-- column arm               text    ja:"グループ"  en:"Arm"
-- column exposed           int     ja:"対象者数"  en:"Exposed"
-- column first_exposed_at  instant ja:"開始"  en:"First exposure"
-- column last_exposed_at   instant ja:"最新"  en:"Last exposure"
-- column ready_at          instant ja:"観測完了"  en:"Enough known at"
SELECT
    arm,
    count(*) AS exposed,
    min(exposed_at) AS first_exposed_at,
    max(exposed_at) AS last_exposed_at,
    max(CASE WHEN place = $people THEN until END) AS ready_at
FROM (
    SELECT arm, exposed_at, until, CAST(row_number() OVER (PARTITION BY arm ORDER BY until) AS BIGINT) AS place
    FROM exposed
) AS unit
GROUP BY arm
ORDER BY arm
