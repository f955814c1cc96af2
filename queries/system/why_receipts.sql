-- Answers to messages of one customer
--
-- What providers and our own pages said of each message: the first of each kind, by a person or by a machine.
--
-- param customer text
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column kind         text    ja:"種類"  en:"Kind"
-- column human        bool    ja:"人の操作"  en:"Human"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
SELECT send_id, kind, human, min(occurred_at) AS occurred_at
FROM receipts
WHERE customer_id = $customer
GROUP BY send_id, kind, human
ORDER BY occurred_at, send_id, kind
