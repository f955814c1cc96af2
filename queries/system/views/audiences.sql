-- Audiences
--
-- The members of each evaluation of a segment.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column run_id       text    ja:"実行ID"  en:"Run"
-- column segment      text    ja:"セグメント"  en:"Segment"
-- column definition   text    ja:"定義ハッシュ"  en:"Definition"
-- column as_of        instant ja:"時点"  en:"As of"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
SELECT
    occurred_at, known_at, ingested_at, run_id, segment, definition, as_of,
    coalesce(who.survivor_id, this.customer_id) AS customer_id
FROM audiences_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
