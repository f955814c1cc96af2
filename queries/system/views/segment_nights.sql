-- Nights of segments
--
-- The size of each segment on each night that was saved, and who came and went since the night before. `age` is 1 for the last night.
--
-- column segment     text     ja:"セグメント"    en:"Segment"
-- column as_of       instant  ja:"時点"          en:"As of"
-- column night       date     ja:"日付"          en:"Night"
-- column definition  text     ja:"定義ハッシュ"  en:"Definition"
-- column members     int      ja:"人数"          en:"Members"
-- column entered     int      ja:"追加"          en:"Entered"
-- column left        int      ja:"除外"          en:"Left"
-- column age         int      ja:"新しい順"      en:"Age"
SELECT
    run.name AS segment, run.logical_at AS as_of, shop_day(run.logical_at) AS night, run.definition, run.members,
    coalesce(change.entered, 0) AS entered, coalesce(change.gone, 0) AS "left",
    CAST(row_number() OVER (PARTITION BY run.name ORDER BY run.logical_at DESC) AS BIGINT) AS age
FROM runs_history AS run
LEFT JOIN (
    SELECT
        run_id, CAST(sum(CASE WHEN entered THEN 1 ELSE 0 END) AS BIGINT) AS entered,
        CAST(sum(CASE WHEN entered THEN 0 ELSE 1 END) AS BIGINT) AS gone
    FROM segment_changes_history
    GROUP BY run_id
) AS change ON change.run_id = run.run_id
WHERE run.kind = 'segment'
