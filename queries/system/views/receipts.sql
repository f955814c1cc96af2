-- Receipts
--
-- What providers and our own redirect said after a send.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column receipt_id   text    ja:"受信記録ID"  en:"Receipt"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column kind         text    ja:"種類"  en:"Kind"
-- column human        bool    ja:"人の操作"  en:"Human"
-- column link         text    ja:"リンク"  en:"Link"
-- column source       text    ja:"取得元"  en:"Source"
SELECT
    occurred_at, known_at, ingested_at, receipt_id, send_id,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, channel, kind, human, link, source
FROM receipts_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
