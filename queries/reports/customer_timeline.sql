-- Customer timeline
--
-- What happened with one customer, newest first, at most 500 rows: orders, carts and checkouts (not every page viewed),
-- passes through scenarios, messages and the answers to them, consents, and the reason for each message that was not
-- sent.
--
-- param customer text
-- column happened_at  instant ja:"日時"  en:"At"
-- column kind         text    ja:"種類"  en:"Kind"
-- column what_ja      text    ja:"内容"  en:"What (Japanese)"
-- column what_en      text    ja:"内容（英語）"  en:"What"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column amount       money   ja:"金額"  en:"Amount"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
SELECT happened_at, kind, what_ja, what_en, channel, amount, scenario
FROM (
    SELECT
        ordered_at AS happened_at, 'order' AS kind,
        concat(
            '注文 ', order_id,
            CASE status WHEN 'cancelled' THEN '（キャンセル済み）' WHEN 'returned' THEN '（返品済み）' ELSE '' END) AS what_ja,
        concat('Order ', order_id, CASE status WHEN 'completed' THEN '' ELSE concat(' (', status, ')') END) AS what_en,
        sales_channel AS channel, net AS amount, CAST(NULL AS VARCHAR) AS scenario
    FROM orders
    WHERE customer_id = $customer
    UNION ALL
    SELECT
        occurred_at, 'event',
        CASE name
            WHEN 'cart_updated' THEN CASE WHEN value > 0 THEN 'カートを更新' ELSE 'カートを空にした' END
            WHEN 'product_added' THEN 'カートに商品を追加'
            WHEN 'product_removed' THEN 'カートから商品を削除'
            WHEN 'checkout_started' THEN '購入手続きを開始'
            WHEN 'coupon_applied' THEN 'クーポンを適用'
            ELSE name END,
        CASE name
            WHEN 'cart_updated' THEN CASE WHEN value > 0 THEN 'Cart updated' ELSE 'Cart emptied' END
            WHEN 'product_added' THEN 'Added to cart'
            WHEN 'product_removed' THEN 'Removed from cart'
            WHEN 'checkout_started' THEN 'Checkout started'
            WHEN 'coupon_applied' THEN 'Coupon applied'
            ELSE name END,
        NULL, value, NULL
    FROM events
    WHERE customer_id = $customer AND name NOT LIKE '%viewed' AND name NOT IN ('page', 'session_started', 'products_searched', 'order_placed')
    UNION ALL
    SELECT
        coalesce(accepted_at, handed_at, due_at), 'send',
        concat(
            CASE state
                WHEN 'ghost' THEN 'ホールドアウトのため送らずに記録'
                WHEN 'accepted' THEN '配信'
                WHEN 'failed' THEN '配信失敗'
                WHEN 'ambiguous' THEN '結果不明（確認待ち）'
                WHEN 'parked' THEN '結果不明（保留）'
                WHEN 'stopped' THEN '送信直前に中止'
                WHEN 'deferred' THEN '後で配信'
                ELSE '配信予定' END,
            '：', template, CASE WHEN arm IS NULL THEN '' ELSE concat('（', arm, '）') END,
            CASE WHEN detail IS NULL THEN '' ELSE concat(' ', detail) END),
        concat(
            CASE state
                WHEN 'ghost' THEN 'Held out, recorded and not sent'
                WHEN 'accepted' THEN 'Sent'
                WHEN 'failed' THEN 'Not delivered'
                WHEN 'ambiguous' THEN 'Outcome unknown, being checked'
                WHEN 'parked' THEN 'Outcome unknown, parked'
                WHEN 'stopped' THEN 'Stopped just before sending'
                WHEN 'deferred' THEN 'To be sent later'
                ELSE 'Planned' END,
            ': ', template, CASE WHEN arm IS NULL THEN '' ELSE concat(' (', arm, ')') END,
            CASE WHEN detail IS NULL THEN '' ELSE concat(' ', detail) END),
        channel, CASE WHEN state = 'accepted' THEN cost END, scenario
    FROM sends
    WHERE customer_id = $customer
    UNION ALL
    SELECT
        occurred_at, 'receipt',
        CASE kind
            WHEN 'delivered' THEN '到達'
            WHEN 'opened' THEN CASE WHEN human THEN '開封' ELSE '開封（機械）' END
            WHEN 'clicked' THEN CASE WHEN human THEN 'クリック' ELSE 'クリック（機械）' END
            WHEN 'bounced' THEN '不達'
            WHEN 'complained' THEN '迷惑メール報告'
            WHEN 'unsubscribed' THEN '配信停止の申し出'
            WHEN 'blocked' THEN 'ブロック'
            ELSE kind END,
        CASE kind
            WHEN 'delivered' THEN 'Delivered'
            WHEN 'opened' THEN CASE WHEN human THEN 'Opened' ELSE 'Opened by a machine' END
            WHEN 'clicked' THEN CASE WHEN human THEN 'Clicked' ELSE 'Clicked by a machine' END
            WHEN 'bounced' THEN 'Bounced'
            WHEN 'complained' THEN 'Reported as spam'
            WHEN 'unsubscribed' THEN 'Unsubscribed'
            WHEN 'blocked' THEN 'Blocked us'
            ELSE kind END,
        channel, NULL, NULL
    FROM receipts
    WHERE customer_id = $customer
    UNION ALL
    SELECT
        stop.occurred_at, 'stop',
        concat(
            '見送り：', coalesce(words.reason_ja, stop.reason),
            CASE WHEN stop.detail IS NULL THEN '' ELSE concat('（', stop.detail, '）') END, ' ステップ ', stop.step),
        concat(
            'Not sent: ', coalesce(words.reason_en, stop.reason),
            CASE WHEN stop.detail IS NULL THEN '' ELSE concat(' (', stop.detail, ')') END, ', step ', stop.step),
        stop.channel, NULL, stop.scenario
    FROM stops AS stop
    LEFT JOIN stop_reasons AS words ON words.reason = stop.reason
    WHERE stop.customer_id = $customer
    UNION ALL
    SELECT
        entered_at, 'entry',
        CASE WHEN held_out THEN 'シナリオに参加（ホールドアウト）' ELSE 'シナリオに参加' END,
        CASE WHEN held_out THEN 'Entered the scenario, held out' ELSE 'Entered the scenario' END,
        NULL, NULL, scenario
    FROM entries
    WHERE customer_id = $customer
    UNION ALL
    SELECT
        occurred_at, 'entry',
        concat(
            CASE status WHEN 'exited' THEN 'シナリオから離脱' ELSE 'シナリオを完了' END,
            CASE WHEN reason IS NULL THEN '' ELSE concat('（', reason, '）') END),
        concat(
            CASE status WHEN 'exited' THEN 'Left the scenario' ELSE 'Finished the scenario' END,
            CASE WHEN reason IS NULL THEN '' ELSE concat(' (', reason, ')') END),
        NULL, NULL, scenario
    FROM entries
    WHERE customer_id = $customer AND status IN ('exited', 'finished')
    UNION ALL
    SELECT
        said.occurred_at, 'consent',
        concat(CASE said.state WHEN 'granted' THEN '同意' ELSE '同意の撤回' END, '：', said.purpose),
        concat(CASE said.state WHEN 'granted' THEN 'Consent given: ' ELSE 'Consent withdrawn: ' END, said.purpose),
        said.channel, NULL, NULL
    FROM consents_history AS said
    LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
    WHERE coalesce(who.survivor_id, said.customer_id) = $customer
    UNION ALL
    SELECT
        said.occurred_at, 'suppression',
        concat(CASE WHEN said.active THEN '配信停止：' ELSE '配信停止の解除：' END, said.reason),
        concat(CASE WHEN said.active THEN 'Suppressed: ' ELSE 'Suppression lifted: ' END, said.reason),
        said.channel, NULL, NULL
    FROM suppressions_history AS said
    LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
    WHERE coalesce(who.survivor_id, said.customer_id) = $customer
) AS happened
ORDER BY happened_at DESC, kind, what_en, channel, scenario, what_ja
LIMIT 500
