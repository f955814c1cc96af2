-- Sends to one customer
--
-- Every message to the customer as it stands, ghosts among them, in the order in which they were due.
--
-- param customer text
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column entry_id     text    ja:"エントリーID"  en:"Entry"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column step         text    ja:"ステップ"  en:"Step"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column purpose      text    ja:"目的"  en:"Purpose"
-- column template     text    ja:"テンプレート"  en:"Template"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column state        text    ja:"状態"  en:"State"
-- column due_at       instant ja:"予定日時"  en:"Due at"
-- column detail       text    ja:"詳細"  en:"Detail"
-- column handed_at    instant ja:"引渡日時"  en:"Handed at"
-- column accepted_at  instant ja:"受付日時"  en:"Accepted at"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
SELECT
    send_id, entry_id, scenario, step, channel, purpose, template, arm, state, due_at, detail, handed_at, accepted_at, occurred_at
FROM sends
WHERE customer_id = $customer
ORDER BY due_at, send_id
