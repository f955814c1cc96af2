-- Points of one customer
--
-- Every change of points and every balance that was stated, oldest first.
--
-- param customer text
-- column change_id    text     ja:"変動ID"  en:"Change"
-- column source       text     ja:"取得元"  en:"Source"
-- column change       int      ja:"増減"  en:"Change of points"
-- column balance      int      ja:"残高"  en:"Balance"
-- column reason       text     ja:"理由"  en:"Reason"
-- column order_id     text     ja:"注文番号"  en:"Order"
-- column expires_on   date     ja:"有効期限"  en:"Expires on"
-- column occurred_at  instant  ja:"発生日時"  en:"Occurred at"
SELECT change_id, source, change, balance, reason, order_id, expires_on, occurred_at
FROM points
WHERE customer_id = $customer
ORDER BY occurred_at, change_id, source
