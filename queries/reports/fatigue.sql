-- Who is written to too often
-- ja 送りすぎの会員
--
-- Customers with more than `per_week` marketing messages accepted in the seven days before today, most first: how many in 7 and in 28 days, on
-- how many days, what they clicked of them, and whether they have opted out (or blocked, complained) since the first of these. Read it with the
-- report of frequency and response, which has the rates by how often people are written to.
-- ja 直近7日に `per_week` 通を超える販促を受け取った会員です。7日と28日の配信数、配信された日数、クリック、そのあとの配信停止（ブロック・迷惑報告を含む）を示します。頻度ごとの反応率は「配信頻度と反応」と合わせて見てください。
--
-- param per_week int = 3  ja:"週あたりの上限" en:"Most per week"
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column sent_7        int     ja:"7日の配信数"  en:"Sent in 7 days"
-- column sent_28       int     ja:"28日の配信数"  en:"Sent in 28 days"
-- column days_28       int     ja:"配信された日数（28日）"  en:"Days with a message (28)"
-- column clicked_28    int     ja:"クリックした配信（28日）"  en:"Clicked (28 days)"
-- column last_sent_at  instant ja:"最終配信日時"  en:"Last sent at"
-- column opted_out     bool    ja:"その後に配信停止"  en:"Opted out since"
SELECT
    sent.customer_id, sent.sent_7, sent.sent_28, sent.days_28, coalesce(click.clicked, 0) AS clicked_28, sent.last_sent_at,
    coalesce(gone.last_at > sent.first_sent_at, FALSE) AS opted_out
FROM (
    SELECT
        customer_id,
        CAST(sum(CASE WHEN accepted_at >= shop_midnight(add_days($today, 0 - 7)) THEN 1 ELSE 0 END) AS BIGINT) AS sent_7,
        count(*) AS sent_28,
        count(DISTINCT shop_day(accepted_at)) AS days_28,
        min(accepted_at) AS first_sent_at,
        max(accepted_at) AS last_sent_at
    FROM sends
    WHERE state = 'accepted' AND purpose = 'marketing'
      AND accepted_at >= shop_midnight(add_days($today, 0 - 28)) AND accepted_at < shop_midnight($today)
    GROUP BY customer_id
) AS sent
LEFT JOIN (
    SELECT message.customer_id, count(DISTINCT message.send_id) AS clicked
    FROM sends AS message
    JOIN receipts AS receipt ON receipt.send_id = message.send_id
    WHERE message.state = 'accepted' AND message.purpose = 'marketing'
      AND message.accepted_at >= shop_midnight(add_days($today, 0 - 28)) AND message.accepted_at < shop_midnight($today)
      AND receipt.kind = 'clicked' AND receipt.human AND receipt.occurred_at < shop_midnight($today)
    GROUP BY message.customer_id
) AS click ON click.customer_id = sent.customer_id
LEFT JOIN (
    SELECT customer_id, max(last_at) AS last_at
    FROM (
        SELECT customer_id, occurred_at AS last_at FROM consents WHERE purpose = 'marketing' AND state = 'revoked'
        UNION ALL
        SELECT customer_id, occurred_at AS last_at FROM suppressions WHERE reason <> 'bounced'
    ) AS word
    WHERE last_at < shop_midnight($today)
    GROUP BY customer_id
) AS gone ON gone.customer_id = sent.customer_id
WHERE sent.sent_7 > $per_week
ORDER BY sent.sent_7 DESC, sent.sent_28 DESC, sent.customer_id
