-- Decisions of tests
--
-- What tests have decided by themselves, the newest first: by which rule, what was done, and why in short. Waits are left out; the table
-- `decisions` has them, and all the evidence.
--
-- column test        text     ja:"テスト"  en:"Test"
-- column decided_at  instant  ja:"判断日時"  en:"Decided at"
-- column rule        text     ja:"規則コード"  en:"Rule code"
-- column rule_ja     text     ja:"規則"  en:"Rule (Japanese)"
-- column rule_en     text     ja:"規則（英語）"  en:"Rule"
-- column action      text     ja:"したことのコード"  en:"Action code"
-- column action_ja   text     ja:"したこと"  en:"Action (Japanese)"
-- column action_en   text     ja:"したこと（英語）"  en:"Action"
-- column why         text     ja:"理由コード"  en:"Reason code"
-- column why_ja      text     ja:"理由"  en:"Why (Japanese)"
-- column why_en      text     ja:"理由（英語）"  en:"Why"
SELECT
    test, decided_at, rule,
    CASE rule
        WHEN 'stop_at_harm' THEN '悪化したら停止' WHEN 'rollout' THEN '勝者を残りに配信' WHEN 'bandit' THEN '配分を自動で調整'
    END AS rule_ja,
    CASE rule
        WHEN 'stop_at_harm' THEN 'Stop at harm' WHEN 'rollout' THEN 'Winner to the rest' WHEN 'bandit' THEN 'Bandit'
    END AS rule_en,
    action,
    CASE action
        WHEN 'stop' THEN 'テストを停止' WHEN 'send_rest' THEN concat('残りに ', arm, ' を配信')
        WHEN 'split_rest' THEN '残りに予定の配分で配信' WHEN 'hold_rest' THEN '残りは保留（人が決める）'
        WHEN 'weigh' THEN '配分を変更' WHEN 'keep' THEN '変更なし'
    END AS action_ja,
    CASE action
        WHEN 'stop' THEN 'Stopped the test' WHEN 'send_rest' THEN concat('Sends ', arm, ' to the rest')
        WHEN 'split_rest' THEN 'Sends all arms to the rest' WHEN 'hold_rest' THEN 'The rest waits for a person'
        WHEN 'weigh' THEN 'Set new shares' WHEN 'keep' THEN 'Left all as it is'
    END AS action_en,
    why,
    CASE why
        WHEN 'harm' THEN concat(json_text(evidence, 'arm'), ' でガードレール ', json_text(evidence, 'metric'), ' が悪化')
        WHEN 'no_harm' THEN '悪化は見られない' WHEN 'won' THEN concat(json_text(evidence, 'arm'), ' がほかのどの群よりも良い')
        WHEN 'none_shown' THEN '差は示されなかった' WHEN 'learned' THEN 'これまでの結果による' WHEN 'not_due' THEN 'まだその時ではない'
        WHEN 'too_few' THEN concat(json_text(evidence, 'arm'), ' の人数が足りない（', json_text(evidence, 'units'), ' / ', json_text(evidence, 'needed'), '）')
        WHEN 'split_broken' THEN '人数の配分が予定と合わない' WHEN 'not_computable' THEN concat('計算できない（', json_text(evidence, 'what'), '）')
    END AS why_ja,
    CASE why
        WHEN 'harm' THEN concat(json_text(evidence, 'arm'), ' harms the guardrail ', json_text(evidence, 'metric'))
        WHEN 'no_harm' THEN 'no harm is shown' WHEN 'won' THEN concat(json_text(evidence, 'arm'), ' is better than each other arm')
        WHEN 'none_shown' THEN 'no arm is shown to be better' WHEN 'learned' THEN 'by what is known so far' WHEN 'not_due' THEN 'it is not time yet'
        WHEN 'too_few' THEN concat(json_text(evidence, 'arm'), ' has too few units (', json_text(evidence, 'units'), ' of ', json_text(evidence, 'needed'), ')')
        WHEN 'split_broken' THEN 'the arms do not have their planned sizes' WHEN 'not_computable' THEN concat('not computable: ', json_text(evidence, 'what'))
    END AS why_en
FROM (
    SELECT
        decision_id, test, decided_at, rule, json_text(action, 'do') AS action, json_text(action, 'arm') AS arm,
        json_text(why, 'why') AS why, why AS evidence
    FROM decisions
) AS taken
WHERE action <> 'wait'
ORDER BY decided_at DESC, decision_id
