-- Runs
--
-- Each evaluation of a scenario, export, attribution or import.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column run_id       text    ja:"実行ID"  en:"Run"
-- column kind         text    ja:"種類"  en:"Kind"
-- column name         text    ja:"名称"  en:"Name"
-- column logical_at   instant ja:"論理日時"  en:"Logical time"
-- column definition   text    ja:"定義ハッシュ"  en:"Definition"
-- column members      int     ja:"件数"  en:"Members"
-- column counts       text    ja:"内訳"  en:"Counts"
SELECT
    occurred_at, known_at, ingested_at, run_id, kind, name, logical_at, definition, members, counts
FROM runs_history
