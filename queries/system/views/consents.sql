-- Consents
--
-- The state of each permission, by its last change; a revocation wins a tie. Of people who were merged a revocation of one
-- is the person's, and a permission holds if each of them gave it (a guest who said nothing is not asked), until a later
-- word.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column purpose      text    ja:"目的"  en:"Purpose"
-- column state        text    ja:"状態"  en:"State"
-- column source       text    ja:"取得元"  en:"Source"
-- column wording      text    ja:"同意文言"  en:"Wording"
-- column evidence     text    ja:"証跡"  en:"Evidence"
-- column changed_at   instant ja:"変更日時"  en:"Changed at"
WITH word AS (
    SELECT
        this.occurred_at, this.known_at, this.ingested_at, this.position, this.customer_id, this.channel, this.purpose,
        this.state, this.source, this.wording, this.evidence, this.changed_at
    FROM consents_history AS this
    WHERE NOT EXISTS (
        SELECT 1
        FROM consents_history AS later
        WHERE later.customer_id = this.customer_id AND later.channel = this.channel AND later.purpose = this.purpose
          AND (later.occurred_at > this.occurred_at
            OR (later.occurred_at = this.occurred_at AND later.state = 'revoked' AND this.state <> 'revoked')
            OR (later.occurred_at = this.occurred_at AND later.state = this.state AND later.position > this.position)))
)
SELECT
    word.occurred_at, word.known_at, word.ingested_at, word.customer_id, word.channel, word.purpose, word.state,
    word.source, word.wording, word.evidence, word.changed_at
FROM word
LEFT JOIN people AS who ON who.customer_id = word.customer_id
WHERE who.customer_id IS NULL
UNION ALL
SELECT
    occurred_at, known_at, ingested_at, survivor_id AS customer_id, channel, purpose, state, source, wording, evidence,
    changed_at
FROM (
    SELECT
        word.occurred_at, word.known_at, word.ingested_at, who.survivor_id, word.channel, word.purpose, word.state,
        word.source, word.wording, word.evidence, word.changed_at, who.merged_at, who.members,
        row_number() OVER (
            PARTITION BY who.survivor_id, word.channel, word.purpose
            ORDER BY
                CASE WHEN word.occurred_at > who.merged_at THEN word.occurred_at END DESC NULLS LAST, word.state DESC,
                word.occurred_at DESC, word.position DESC) AS place,
        sum(CASE WHEN starts_with(word.customer_id, 'h-') THEN 0 ELSE 1 END) OVER (
            PARTITION BY who.survivor_id, word.channel, word.purpose) AS spoke
    FROM word
    JOIN people AS who ON who.customer_id = word.customer_id
) AS said
WHERE place = 1 AND (state = 'revoked' OR occurred_at > merged_at OR spoke = members)
