-- Passes of one customer
--
-- Where each pass of the customer through a scenario stands, oldest first.
--
-- param customer text
-- column entry_id          text    ja:"エントリーID"  en:"Entry"
-- column scenario          text    ja:"シナリオ"  en:"Scenario"
-- column scenario_version  text    ja:"シナリオ版"  en:"Scenario version"
-- column entry_key         text    ja:"エントリーキー"  en:"Entry key"
-- column entered_at        instant ja:"開始日時"  en:"Entered at"
-- column status            text    ja:"状態"  en:"Status"
-- column step              text    ja:"ステップ"  en:"Step"
-- column due_at            instant ja:"予定日時"  en:"Due at"
-- column held_out          bool    ja:"ホールドアウト"  en:"Held out"
-- column reason            text    ja:"理由"  en:"Reason"
-- column occurred_at       instant ja:"発生日時"  en:"Occurred at"
SELECT entry_id, scenario, scenario_version, entry_key, entered_at, status, step, due_at, held_out, reason, occurred_at
FROM entries
WHERE customer_id = $customer
ORDER BY entered_at, entry_id
