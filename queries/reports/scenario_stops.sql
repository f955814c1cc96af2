-- Stops of a scenario
--
-- Why messages of a scenario were not made, by reason and channel. An empty channel means that the whole step was
-- stopped.
--
-- param scenario text
-- column reason     text    ja:"理由"  en:"Reason"
-- column reason_ja  text    ja:"理由（日本語）"  en:"Reason (Japanese)"
-- column reason_en  text    ja:"理由（英語）"  en:"Reason (English)"
-- column channel    text    ja:"チャネル"  en:"Channel"
-- column stops      int     ja:"見送り数"  en:"Stops"
-- column customers  int     ja:"会員数"  en:"Customers"
SELECT
    counted.reason,
    coalesce(words.reason_ja, counted.reason) AS reason_ja,
    coalesce(words.reason_en, counted.reason) AS reason_en,
    counted.channel, counted.stops, counted.customers
FROM (
    SELECT reason, channel, count(*) AS stops, count(DISTINCT customer_id) AS customers
    FROM stops
    WHERE scenario = $scenario
    GROUP BY reason, channel
) AS counted
LEFT JOIN stop_reasons AS words ON words.reason = counted.reason
ORDER BY counted.stops DESC, counted.reason, counted.channel
