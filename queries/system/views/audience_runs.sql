-- Audience evaluations
--
-- The evaluations of each segment, the latest with age 1, the one before with age 2. An export that found nobody has no
-- member rows: it is known by its run, under the name of its segment.
--
-- column segment      text    ja:"セグメント"  en:"Segment"
-- column run_id       text    ja:"実行ID"  en:"Run"
-- column as_of        instant ja:"時点"  en:"As of"
-- column age          int     ja:"新しい順"  en:"Age"
-- column evaluations  int     ja:"評価回数"  en:"Evaluations"
-- column latest_at    instant ja:"最新の時点"  en:"Latest"
SELECT
    segment, run_id, as_of,
    CAST(row_number() OVER (PARTITION BY segment ORDER BY as_of DESC, run_id DESC) AS BIGINT) AS age,
    count(*) OVER (PARTITION BY segment) AS evaluations,
    max(as_of) OVER (PARTITION BY segment) AS latest_at
FROM (
    SELECT segment, run_id, max(as_of) AS as_of FROM audiences_history GROUP BY segment, run_id
    UNION ALL
    SELECT name AS segment, run_id, logical_at AS as_of FROM runs_history WHERE kind = 'export' AND members = 0
) AS evaluation
