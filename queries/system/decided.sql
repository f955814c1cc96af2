-- Decided by rules
--
-- What one test has decided by itself, or all of them, in the order in which it counts.
--
-- param test text = ''
-- column decision_id  text    ja:"判断ID"  en:"Decision"
-- column rule         text    ja:"規則"  en:"Rule"
-- column test         text    ja:"テスト"  en:"Test"
-- column version      text    ja:"版"  en:"Version"
-- column decided_at   instant ja:"判断日時"  en:"Decided at"
-- column action       text    ja:"したこと"  en:"Action"
-- column why          text    ja:"根拠"  en:"Evidence"
SELECT decision_id, rule, test, version, decided_at, action, why
FROM decisions
WHERE $test = '' OR test = $test
ORDER BY decided_at, decision_id
