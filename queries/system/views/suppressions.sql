-- Suppressions
--
-- Channels that must not be used for a customer now. A lifted suppression is not listed.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column reason       text    ja:"理由"  en:"Reason"
-- column active       bool    ja:"有効"  en:"Active"
-- column source       text    ja:"取得元"  en:"Source"
-- column changed_at   instant ja:"変更日時"  en:"Changed at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, coalesce(who.survivor_id, this.customer_id) AS customer_id,
    this.channel, this.reason, this.active, this.source, this.changed_at
FROM suppressions_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE this.active AND NOT EXISTS (
    SELECT 1
    FROM suppressions_history AS later
    WHERE later.customer_id = this.customer_id AND later.channel = this.channel AND later.reason = this.reason
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
