-- Stops
--
-- The reasons why sends were not made, one row per channel tried.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column run_id       text    ja:"実行ID"  en:"Run"
-- column entry_id     text    ja:"エントリーID"  en:"Entry"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column step         text    ja:"ステップ"  en:"Step"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column reason       text    ja:"理由"  en:"Reason"
-- column detail       text    ja:"詳細"  en:"Detail"
SELECT
    occurred_at, known_at, ingested_at, run_id, entry_id, scenario, step,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, channel, reason, detail
FROM stops_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
