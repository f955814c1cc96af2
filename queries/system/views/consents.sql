-- Consents
--
-- The state of each permission, by its last change; a revocation wins a tie.
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
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.customer_id, this.channel, this.purpose, this.state,
    this.source, this.wording, this.evidence, this.changed_at
FROM consents_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM consents_history AS later
    WHERE later.customer_id = this.customer_id AND later.channel = this.channel AND later.purpose = this.purpose
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.state = 'revoked' AND this.state <> 'revoked')
        OR (later.occurred_at = this.occurred_at AND later.state = this.state AND later.position > this.position)))
