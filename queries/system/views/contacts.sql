-- Contacts
--
-- Whether a customer has an address of a kind, by the last change. The address itself is in the vault. Whoever was merged
-- lends the survivor what they lack.
--
-- column occurred_at   instant ja:"発生日時"  en:"Occurred at"
-- column known_at      instant ja:"判明日時"  en:"Known at"
-- column ingested_at   instant ja:"取込日時"  en:"Ingested at"
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column kind          text    ja:"種類"  en:"Kind"
-- column address_hash  text    ja:"連絡先ハッシュ"  en:"Address hash"  personal:"hidden"
-- column active        bool    ja:"有効"  en:"Active"
-- column source        text    ja:"取得元"  en:"Source"
-- column changed_at    instant ja:"変更日時"  en:"Changed at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, coalesce(who.survivor_id, this.customer_id) AS customer_id,
    this.kind, this.address_hash, this.active, this.source, this.changed_at
FROM contacts_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE NOT EXISTS (
    SELECT 1
    FROM contacts_history AS later
    WHERE later.customer_id = this.customer_id AND later.kind = this.kind
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
  AND NOT EXISTS ( -- The survivor has had one of their own.
    SELECT 1
    FROM survivors AS merged
    JOIN contacts_history AS own ON own.customer_id = merged.survivor_id
    WHERE merged.customer_id = this.customer_id AND own.kind = this.kind)
  AND NOT EXISTS ( -- Another one's came later.
    SELECT 1
    FROM survivors AS merged
    JOIN survivors AS other ON other.survivor_id = merged.survivor_id
    JOIN contacts_history AS theirs ON theirs.customer_id = other.customer_id
    WHERE merged.customer_id = this.customer_id AND theirs.kind = this.kind AND theirs.position > this.position)
