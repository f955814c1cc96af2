-- Points
--
-- Every change of points and every stated balance.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column change_id    text    ja:"変動ID"  en:"Change"
-- column source       text    ja:"取込元"  en:"Source"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column change       int     ja:"増減"  en:"Change of points"
-- column balance      int     ja:"残高"  en:"Balance"
-- column reason       text    ja:"理由"  en:"Reason"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column expires_on   date    ja:"有効期限"  en:"Expires on"
SELECT
    occurred_at, known_at, ingested_at, change_id, source, coalesce(who.survivor_id, this.customer_id) AS customer_id,
    change, balance, reason, order_id, expires_on
FROM points_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
