-- Contacts
--
-- Whether a customer has an address of a kind, by the last change. The address itself is in the vault.
--
-- column occurred_at   instant ja:"発生日時"  en:"Occurred at"
-- column known_at      instant ja:"判明日時"  en:"Known at"
-- column ingested_at   instant ja:"取込日時"  en:"Ingested at"
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column kind          text    ja:"種類"  en:"Kind"
-- column address_hash  text    ja:"連絡先ハッシュ"  en:"Address hash"
-- column active        bool    ja:"有効"  en:"Active"
-- column source        text    ja:"取得元"  en:"Source"
-- column changed_at    instant ja:"変更日時"  en:"Changed at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.customer_id, this.kind, this.address_hash,
    this.active, this.source, this.changed_at
FROM contacts_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM contacts_history AS later
    WHERE later.customer_id = this.customer_id AND later.kind = this.kind
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
