-- Sent of a test inside a step
--
-- How far the sends of a test have come: how many were made and when the last of them was, how many are to go and when the next of them is due.
-- Who waits at the step for something else than the test's own decision is to go, too; who is held out is no part of the test.
--
-- param scenario text
-- param step     text
-- column sent         int      ja:"配信数"      en:"Sent"
-- column sent_until   instant  ja:"最後の配信"  en:"Last sent"
-- column to_go        int      ja:"残り"        en:"To go"
-- column next_due_at  instant  ja:"次の予定"    en:"Next due at"
SELECT
    made.sent, made.sent_until,
    made.to_go + waiting.to_go AS to_go,
    CASE
        WHEN waiting.next_due_at IS NULL OR made.next_due_at <= waiting.next_due_at THEN made.next_due_at
        ELSE waiting.next_due_at
    END AS next_due_at
FROM (
    SELECT
        CAST(coalesce(sum(1 - to_go), 0) AS BIGINT) AS sent,
        max(CASE WHEN to_go = 0 THEN coalesce(accepted_at, handed_at, planned_at, due_at) END) AS sent_until,
        CAST(coalesce(sum(to_go), 0) AS BIGINT) AS to_go,
        min(CASE WHEN to_go = 1 THEN due_at END) AS next_due_at
    FROM (
        SELECT
            accepted_at, handed_at, planned_at, due_at,
            CASE WHEN state IN ('planned', 'claimed', 'handed', 'deferred') THEN 1 ELSE 0 END AS to_go
        FROM sends
        WHERE scenario = $scenario AND step = $step AND arm IS NOT NULL AND state <> 'ghost'
    ) AS send
) AS made
CROSS JOIN (
    SELECT count(*) AS to_go, min(due_at) AS next_due_at
    FROM entries
    WHERE
        scenario = $scenario AND step = $step AND status = 'waiting' AND NOT held_out
        AND NOT starts_with(coalesce(reason, ''), 'rollout')
) AS waiting
