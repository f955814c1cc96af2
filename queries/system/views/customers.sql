-- Customers
--
-- What is known of each person, member by member: the last that any source stated, for a source that leaves a member out (a site that tells a
-- plan and no birthday) takes nothing back. Of people who were merged the survivor's own word comes before the others'. No addresses.
--
-- column occurred_at    instant ja:"発生日時"  en:"Occurred at"
-- column known_at       instant ja:"判明日時"  en:"Known at"
-- column ingested_at    instant ja:"取込日時"  en:"Ingested at"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column revision_id    text    ja:"改訂ID"  en:"Revision"
-- column source         text    ja:"取得元"  en:"Source"
-- column birthday       date    ja:"誕生日"  en:"Birthday"  personal:"year"
-- column gender         text    ja:"性別"  en:"Gender"
-- column prefecture     text    ja:"都道府県"  en:"Prefecture"
-- column registered_on  date    ja:"会員登録日"  en:"Registered on"
-- column acquisition    text    ja:"獲得経路"  en:"Acquisition"
-- column attributes     text    ja:"任意属性"  en:"Attributes"  personal:"hidden"
SELECT
    last_value(this.occurred_at ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) AS occurred_at,
    last_value(this.known_at ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) AS known_at,
    last_value(this.ingested_at ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) AS ingested_at,
    coalesce(who.survivor_id, this.customer_id) AS customer_id,
    last_value(this.revision_id ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) AS revision_id,
    last_value(this.source ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) AS source,
    last_value(this.birthday ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.birthday IS NOT NULL) AS birthday,
    last_value(this.gender ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.gender IS NOT NULL) AS gender,
    last_value(this.prefecture ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.prefecture IS NOT NULL) AS prefecture,
    last_value(this.registered_on ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.registered_on IS NOT NULL) AS registered_on,
    last_value(this.acquisition ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.acquisition IS NOT NULL) AS acquisition,
    last_value(this.attributes ORDER BY who.survivor_id IS NULL, this.occurred_at, this.position) FILTER (WHERE this.attributes IS NOT NULL) AS attributes
FROM customers_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
GROUP BY coalesce(who.survivor_id, this.customer_id)
