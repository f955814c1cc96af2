-- Sends
--
-- One row per send, in its latest state, with the instants at which it was planned, handed over and accepted. A ghost is
-- the row of a customer held out, where the message would have been sent.
--
-- column occurred_at       instant ja:"発生日時"  en:"Occurred at"
-- column known_at          instant ja:"判明日時"  en:"Known at"
-- column ingested_at       instant ja:"取込日時"  en:"Ingested at"
-- column send_id           text    ja:"配信ID"  en:"Send"
-- column run_id            text    ja:"実行ID"  en:"Run"
-- column entry_id          text    ja:"エントリーID"  en:"Entry"
-- column scenario          text    ja:"シナリオ"  en:"Scenario"
-- column scenario_version  text    ja:"シナリオ版"  en:"Scenario version"
-- column step              text    ja:"ステップ"  en:"Step"
-- column customer_id       text    ja:"会員ID"  en:"Customer"
-- column channel           text    ja:"チャネル"  en:"Channel"
-- column purpose           text    ja:"目的"  en:"Purpose"
-- column template          text    ja:"テンプレート"  en:"Template"
-- column arm               text    ja:"グループ"  en:"Arm"
-- column state             text    ja:"状態"  en:"State"
-- column due_at            instant ja:"予定日時"  en:"Due at"
-- column cost              money   ja:"配信費"  en:"Cost"
-- column provider_id       text    ja:"配信事業者の受付番号"  en:"Provider id"
-- column detail            text    ja:"詳細"  en:"Detail"
-- column planned_at        instant ja:"計画日時"  en:"Planned at"
-- column handed_at         instant ja:"引渡日時"  en:"Handed at"
-- column accepted_at       instant ja:"受付日時"  en:"Accepted at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.send_id, this.run_id, this.entry_id, this.scenario,
    this.scenario_version, this.step, coalesce(who.survivor_id, this.customer_id) AS customer_id, this.channel,
    this.purpose, this.template, this.arm, this.state, this.due_at, this.cost, this.provider_id, this.detail,
    moves.planned_at, moves.handed_at, moves.accepted_at
FROM sends_history AS this
-- A send is one customer's: by customer too, so that those of one customer are added up alone.
JOIN (
    SELECT
        customer_id,
        max(position) AS position,
        min(CASE WHEN state IN ('planned', 'ghost') THEN occurred_at END) AS planned_at,
        min(CASE WHEN state = 'handed' THEN occurred_at END) AS handed_at,
        min(CASE WHEN state = 'accepted' THEN occurred_at END) AS accepted_at
    FROM sends_history
    GROUP BY send_id, customer_id
) AS moves ON moves.position = this.position AND moves.customer_id = this.customer_id
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
