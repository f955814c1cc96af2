-- Messages of a customer by day
-- ja 会員への配信カレンダー
--
-- What one customer was sent on each shop day, and what is planned or put off to a day to come: from `days` before today on. A day of the future
-- also has the next step of each scenario that the customer is under way in, which is decided then.
-- ja 1人の会員に、いつ何を送ったか、これから何が予定されているかを日ごとに並べます。進行中のシナリオの次のステップは、その日に判定されます。
--
-- param customer text
-- param days     int  = 60
-- column day       date  ja:"日付"  en:"Day"
-- column state     text  ja:"状態"  en:"State"
-- column state_ja  text  ja:"状態（日本語）"  en:"State (Japanese)"
-- column state_en  text  ja:"状態（英語）"  en:"State (English)"
-- column channel   text  ja:"チャネル"  en:"Channel"
-- column scenario  text  ja:"シナリオ"  en:"Scenario"
-- column step      text  ja:"ステップ"  en:"Step"
-- column template  text  ja:"テンプレート"  en:"Template"
-- column messages  int   ja:"配信数"  en:"Messages"
SELECT
    line.day, line.state, words.state_ja, words.state_en, line.channel, line.scenario, line.step, line.template,
    count(*) AS messages
FROM (
    SELECT
        shop_day(coalesce(accepted_at, handed_at, due_at)) AS day,
        CASE
            WHEN state IN ('planned', 'claimed', 'deferred') THEN 'planned'
            WHEN state IN ('handed', 'ambiguous', 'parked') THEN 'unknown'
            ELSE state END AS state,
        channel, scenario, step, template
    FROM sends
    WHERE customer_id = $customer AND state <> 'stopped'
    UNION ALL
    SELECT shop_day(due_at), 'waiting', CAST(NULL AS VARCHAR), scenario, step, CAST(NULL AS VARCHAR)
    FROM entries
    WHERE customer_id = $customer AND status = 'waiting'
) AS line
JOIN (
    VALUES
        ('accepted', '配信', 'Sent'),
        ('failed', '配信失敗', 'Not delivered'),
        ('unknown', '結果不明', 'Outcome unknown'),
        ('ghost', 'ホールドアウト（送らず記録）', 'Held out'),
        ('planned', '配信予定', 'Planned'),
        ('waiting', '次のステップを判定', 'Next step is decided')
) AS words (state, state_ja, state_en) ON words.state = line.state
WHERE line.day >= add_days($today, 0 - $days)
GROUP BY line.day, line.state, words.state_ja, words.state_en, line.channel, line.scenario, line.step, line.template
ORDER BY line.day DESC, line.state, line.channel, line.scenario, line.step, line.template
