-- Decisions
--
-- What tests have decided by themselves, by rules that they declared: what was done and from what it was seen, as JSON. To leave all as it is
-- is a decision too; it is told once, until its reason changes.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column decision_id  text    ja:"判断ID"  en:"Decision"
-- column rule         text    ja:"規則"  en:"Rule"
-- column test         text    ja:"テスト"  en:"Test"
-- column version      text    ja:"版"  en:"Version"
-- column decided_at   instant ja:"判断日時"  en:"Decided at"
-- column action       text    ja:"したこと"  en:"Action"
-- column why          text    ja:"根拠"  en:"Evidence"
SELECT
    occurred_at, known_at, ingested_at, decision_id, rule, test, version, decided_at, action, why
FROM decisions_history
