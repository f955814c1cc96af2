-- Reasons of stops
--
-- The words for each reason why a send was not made.
--
-- column reason     text    ja:"理由"  en:"Reason"
-- column reason_ja  text    ja:"理由（日本語）"  en:"Reason (Japanese)"
-- column reason_en  text    ja:"理由（英語）"  en:"Reason (English)"
SELECT reason, reason_ja, reason_en
FROM (
    VALUES
        ('no_address', '連絡先がない', 'No address on this channel'),
        ('relay_address', 'モールの転送用アドレス（連絡に使えない）', 'The address is a mall''s, not to be written to'),
        ('no_consent', '配信の同意がない', 'No consent'),
        ('suppressed', '配信停止中（不達・苦情など）', 'Suppressed (bounce, complaint, by hand)'),
        ('line_blocked', 'LINEがブロックされている', 'LINE is blocked'),
        ('quota', '今月の配信可能通数に達した', 'The channel''s monthly quota is used up'),
        ('cap', '配信頻度の上限に達した', 'Frequency cap reached'),
        ('quiet', '配信停止時間帯', 'Quiet hours'),
        ('expired', '有効期限切れ', 'Too late to be of use'),
        ('exited', '離脱条件に該当（購入など）', 'Left the scenario (bought, …)'),
        ('excluded_same_address', '同じ連絡先の別の人に送る', 'Another person with the same address is sent to'),
        ('excluded_sent_lately', '最近配信を受け取った', 'Was sent a message lately')
) AS reasons (reason, reason_ja, reason_en)
