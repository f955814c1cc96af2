-- Entries
--
-- Where each pass of a customer through a scenario stands: the last move of each entry.
--
-- column occurred_at       instant ja:"発生日時"  en:"Occurred at"
-- column known_at          instant ja:"判明日時"  en:"Known at"
-- column ingested_at       instant ja:"取込日時"  en:"Ingested at"
-- column entry_id          text    ja:"エントリーID"  en:"Entry"
-- column run_id            text    ja:"実行ID"  en:"Run"
-- column scenario          text    ja:"シナリオ"  en:"Scenario"
-- column scenario_version  text    ja:"シナリオ版"  en:"Scenario version"
-- column customer_id       text    ja:"会員ID"  en:"Customer"
-- column entry_key         text    ja:"エントリーキー"  en:"Entry key"
-- column entered_at        instant ja:"開始日時"  en:"Entered at"
-- column status            text    ja:"状態"  en:"Status"
-- column step              text    ja:"ステップ"  en:"Step"
-- column due_at            instant ja:"予定日時"  en:"Due at"
-- column held_out          bool    ja:"ホールドアウト"  en:"Held out"
-- column reason            text    ja:"理由"  en:"Reason"
-- column context           text    ja:"差込値"  en:"Context"
SELECT
    occurred_at, known_at, ingested_at, entry_id, run_id, scenario, scenario_version,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, entry_key, entered_at, status, step, due_at, held_out,
    reason, context
FROM entries_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE this.position IN (SELECT max(position) FROM entries_history GROUP BY entry_id)
