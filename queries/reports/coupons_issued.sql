-- Coupons issued
-- ja 発行したクーポン
--
-- The codes of their own that messages told their customers, so that the shop's cart can be told them, and whether each was used: by whoever
-- was told it, or by somebody else. Uses are as of the last night; messages that surely reached nobody are left out.
-- ja 1通ごとに発行したクーポンコードの一覧です。CSVにしてカートに登録できます。利用の有無（本人か他人か）は前夜までのものです。届かなかったことが確かな配信は除きます。
--
-- param scenario text = ""
-- param since    date = 1900-01-01
-- column code           text     ja:"コード"  en:"Code"
-- column send_id        text     ja:"配信ID"  en:"Send"
-- column scenario       text     ja:"シナリオ"  en:"Scenario"
-- column step           text     ja:"ステップ"  en:"Step"
-- column channel        text     ja:"チャネル"  en:"Channel"
-- column issued_at      instant  ja:"発行日時"  en:"Issued at"
-- column expires_on     date     ja:"有効期限"  en:"Expires on"
-- column used_on        date     ja:"利用日"  en:"Used on"
-- column used_by_owner  bool     ja:"本人の利用"  en:"Used by its owner"
SELECT
    issued.code, issued.send_id, issued.scenario, issued.step, issued.channel, issued.issued_at, issued.expires_on,
    used.used_on, used.used_by_owner
FROM coupons AS issued
LEFT JOIN sends AS send ON send.send_id = issued.send_id
LEFT JOIN (
    SELECT
        send_id, min(shop_day(ordered_at)) AS used_on,
        max(CASE WHEN by_owner THEN 1 ELSE 0 END) > 0 AS used_by_owner
    FROM coupon_uses
    GROUP BY send_id
) AS used ON used.send_id = issued.send_id
WHERE ($scenario = '' OR issued.scenario = $scenario)
  AND shop_day(issued.issued_at) >= $since
  AND coalesce(send.state, '') NOT IN ('failed', 'stopped')
ORDER BY issued.issued_at, issued.send_id
