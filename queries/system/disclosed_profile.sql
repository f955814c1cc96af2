-- Profile of one customer
--
-- What was last stated of the customer, member by member; `source` and `occurred_at` are those of the last statement. No addresses.
--
-- param customer text
-- column gender         text     ja:"性別"  en:"Gender"
-- column birthday       date     ja:"誕生日"  en:"Birthday"
-- column prefecture     text     ja:"都道府県"  en:"Prefecture"
-- column registered_on  date     ja:"会員登録日"  en:"Registered on"
-- column acquisition    text     ja:"獲得経路"  en:"Acquisition"
-- column attributes     text     ja:"任意属性"  en:"Attributes"
-- column source         text     ja:"取得元"  en:"Source"
-- column occurred_at    instant  ja:"発生日時"  en:"Occurred at"
SELECT gender, birthday, prefecture, registered_on, acquisition, attributes, source, occurred_at
FROM customers
WHERE customer_id = $customer
