-- Overview, now and 30 days before
--
-- The key figures of the shop beside those of 30 days before: periods of 30 shop days follow each other, states are as
-- they were then.
--
-- column period        text    ja:"時点"  en:"Period"
-- column period_ja     text    ja:"時点（日本語）"  en:"Period (Japanese)"
-- column period_en     text    ja:"時点（英語）"  en:"Period (English)"
-- column net_revenue   money   ja:"純売上（30日）"  en:"Net revenue, 30 days"
-- column orders        int     ja:"購入件数（30日）"  en:"Purchases, 30 days"
-- column order_value   money   ja:"平均購入単価"  en:"Average purchase"
-- column new_buyers    int     ja:"新規購入者（30日）"  en:"New buyers, 30 days"
-- column buyers        int     ja:"累計購入者数"  en:"Buyers to date"
-- column repeat_rate   rate    ja:"リピート率"  en:"Repeat rate"
-- column f2_rate       rate    ja:"F2転換率（90日以内）"  en:"Second purchase within 90 days"
-- column line_friends  int     ja:"有効なLINE友だち"  en:"Active LINE friends"
-- column messages      int     ja:"配信数（30日）"  en:"Messages, 30 days"
-- column message_cost  money   ja:"配信費（30日）"  en:"Message cost, 30 days"
SELECT
    period.period, period.period_ja, period.period_en,
    CASE period.period WHEN 'now' THEN figure.net_revenue ELSE figure.net_revenue_before END AS net_revenue,
    CASE period.period WHEN 'now' THEN figure.orders ELSE figure.orders_before END AS orders,
    CASE period.period WHEN 'now' THEN figure.order_value ELSE figure.order_value_before END AS order_value,
    CASE period.period WHEN 'now' THEN figure.new_buyers ELSE figure.new_buyers_before END AS new_buyers,
    CASE period.period WHEN 'now' THEN figure.buyers ELSE figure.buyers_before END AS buyers,
    CASE period.period WHEN 'now' THEN figure.repeat_rate ELSE figure.repeat_rate_before END AS repeat_rate,
    CASE period.period WHEN 'now' THEN figure.f2_rate ELSE figure.f2_rate_before END AS f2_rate,
    CASE period.period WHEN 'now' THEN figure.line_friends ELSE figure.line_friends_before END AS line_friends,
    CASE period.period WHEN 'now' THEN figure.messages ELSE figure.messages_before END AS messages,
    CASE period.period WHEN 'now' THEN figure.message_cost ELSE figure.message_cost_before END AS message_cost
FROM key_figures AS figure
CROSS JOIN (
    VALUES
        (1, 'now', '現在', 'Now'),
        (2, 'before', '30日前', '30 days before')
) AS period (position, period, period_ja, period_en)
ORDER BY period.position
