-- Customers
--
-- The latest revision of each profile, whatever source it came from. No addresses. Of people who were merged it is the
-- survivor's; a survivor without one has the last that came of the others.
--
-- column occurred_at    instant ja:"発生日時"  en:"Occurred at"
-- column known_at       instant ja:"判明日時"  en:"Known at"
-- column ingested_at    instant ja:"取込日時"  en:"Ingested at"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column revision_id    text    ja:"改訂ID"  en:"Revision"
-- column source         text    ja:"取得元"  en:"Source"
-- column birthday       date    ja:"誕生日"  en:"Birthday"
-- column gender         text    ja:"性別"  en:"Gender"
-- column prefecture     text    ja:"都道府県"  en:"Prefecture"
-- column registered_on  date    ja:"会員登録日"  en:"Registered on"
-- column acquisition    text    ja:"獲得経路"  en:"Acquisition"
-- column attributes     text    ja:"任意属性"  en:"Attributes"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, coalesce(who.survivor_id, this.customer_id) AS customer_id,
    this.revision_id, this.source, this.birthday, this.gender, this.prefecture, this.registered_on, this.acquisition,
    this.attributes
FROM customers_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE NOT EXISTS (
    SELECT 1
    FROM customers_history AS later
    WHERE later.customer_id = this.customer_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
  AND NOT EXISTS (
    SELECT 1
    FROM survivors AS merged
    JOIN customers_history AS own ON own.customer_id = merged.survivor_id
    WHERE merged.customer_id = this.customer_id)
  AND NOT EXISTS (
    SELECT 1
    FROM survivors AS merged
    JOIN survivors AS other ON other.survivor_id = merged.survivor_id
    JOIN customers_history AS theirs ON theirs.customer_id = other.customer_id
    WHERE merged.customer_id = this.customer_id AND theirs.position > this.position)
