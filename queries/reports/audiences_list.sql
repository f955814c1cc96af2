-- Audiences
--
-- The latest evaluation of each segment, and what changed since the one before. Before a second evaluation the change
-- cannot be said.
--
-- column segment   text    ja:"セグメント"  en:"Segment"
-- column as_of     instant ja:"時点"  en:"As of"
-- column members   int     ja:"人数"  en:"Members"
-- column previous  int     ja:"前回人数"  en:"Before"
-- column added     int     ja:"追加"  en:"Added"
-- column removed   int     ja:"除外"  en:"Removed"
SELECT
    segment,
    max(latest_at) AS as_of,
    CAST(sum(now) AS BIGINT) AS members,
    CASE WHEN max(evaluations) > 1 THEN CAST(sum(before) AS BIGINT) END AS previous,
    CASE WHEN max(evaluations) > 1 THEN CAST(sum(CASE WHEN now = 1 AND before = 0 THEN 1 ELSE 0 END) AS BIGINT) END AS added,
    CASE WHEN max(evaluations) > 1 THEN CAST(sum(CASE WHEN now = 0 AND before = 1 THEN 1 ELSE 0 END) AS BIGINT) END AS removed
FROM (
    SELECT
        evaluation.segment, member.customer_id,
        max(evaluation.latest_at) AS latest_at,
        max(evaluation.evaluations) AS evaluations,
        max(CASE WHEN member.customer_id IS NOT NULL AND evaluation.age = 1 THEN 1 ELSE 0 END) AS now,
        max(CASE WHEN member.customer_id IS NOT NULL AND evaluation.age = 2 THEN 1 ELSE 0 END) AS before
    FROM audience_runs AS evaluation
    LEFT JOIN audiences AS member ON member.run_id = evaluation.run_id AND member.segment = evaluation.segment
    WHERE evaluation.age <= 2
    GROUP BY evaluation.segment, member.customer_id
) AS member
GROUP BY segment
ORDER BY segment
