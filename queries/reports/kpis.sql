-- Key figures
--
-- One row per figure: its value now and, where it can be said, 30 days earlier. Revenue, orders, new buyers, messages
-- and cost count the last 30 shop days, today included, against the 30 before. The repeat rate is the share of all
-- buyers who bought on two days or more. The F2 rate is that of the buyers whose first purchase is 90 to 454 days ago: a
-- second purchase within 90 days of it. A LINE friend has an active LINE link and has not blocked us. `unit` is count,
-- money or rate.
--
-- param model text = "last"
-- column name      text    ja:"指標"  en:"Figure"
-- column name_ja   text    ja:"指標（日本語）"  en:"Figure (Japanese)"
-- column name_en   text    ja:"指標（英語）"  en:"Figure (English)"
-- column value     float   ja:"現在"  en:"Now"
-- column previous  float   ja:"30日前"  en:"30 days before"
-- column unit      text    ja:"単位"  en:"Unit"
SELECT
    kpi.name, kpi.name_ja, kpi.name_en,
    CASE kpi.name
        WHEN 'net_revenue_30d' THEN CAST(figure.net_revenue AS DOUBLE)
        WHEN 'orders_30d' THEN CAST(figure.orders AS DOUBLE)
        WHEN 'order_value_30d' THEN CAST(figure.order_value AS DOUBLE)
        WHEN 'new_buyers_30d' THEN CAST(figure.new_buyers AS DOUBLE)
        WHEN 'customers' THEN CAST(figure.buyers AS DOUBLE)
        WHEN 'repeat_rate' THEN CAST(figure.repeat_rate AS DOUBLE)
        WHEN 'f2_rate_90d' THEN CAST(figure.f2_rate AS DOUBLE)
        WHEN 'line_friends' THEN CAST(figure.line_friends AS DOUBLE)
        WHEN 'messages_30d' THEN CAST(figure.messages AS DOUBLE)
        WHEN 'message_cost_30d' THEN CAST(figure.message_cost AS DOUBLE)
        WHEN 'credited_net_30d' THEN CAST(credit.net AS DOUBLE)
    END AS value,
    CASE kpi.name
        WHEN 'net_revenue_30d' THEN CAST(figure.net_revenue_before AS DOUBLE)
        WHEN 'orders_30d' THEN CAST(figure.orders_before AS DOUBLE)
        WHEN 'order_value_30d' THEN CAST(figure.order_value_before AS DOUBLE)
        WHEN 'new_buyers_30d' THEN CAST(figure.new_buyers_before AS DOUBLE)
        WHEN 'customers' THEN CAST(figure.buyers_before AS DOUBLE)
        WHEN 'repeat_rate' THEN CAST(figure.repeat_rate_before AS DOUBLE)
        WHEN 'f2_rate_90d' THEN CAST(figure.f2_rate_before AS DOUBLE)
        WHEN 'line_friends' THEN CAST(figure.line_friends_before AS DOUBLE)
        WHEN 'messages_30d' THEN CAST(figure.messages_before AS DOUBLE)
        WHEN 'message_cost_30d' THEN CAST(figure.message_cost_before AS DOUBLE)
        WHEN 'credited_net_30d' THEN CAST(credit.net_before AS DOUBLE)
    END AS previous,
    kpi.unit
FROM (
    VALUES
        (1, 'net_revenue_30d', '純売上（直近30日）', 'Net revenue, last 30 days', 'money'),
        (2, 'orders_30d', '購入件数（直近30日）', 'Purchases, last 30 days', 'count'),
        (3, 'order_value_30d', '平均購入単価（直近30日）', 'Average purchase, last 30 days', 'money'),
        (4, 'new_buyers_30d', '新規購入者（直近30日）', 'New buyers, last 30 days', 'count'),
        (5, 'customers', '累計購入者数', 'Buyers to date', 'count'),
        (6, 'repeat_rate', 'リピート率', 'Repeat rate', 'rate'),
        (7, 'f2_rate_90d', 'F2転換率（90日以内）', 'Second purchase within 90 days', 'rate'),
        (8, 'line_friends', '有効なLINE友だち', 'Active LINE friends', 'count'),
        (9, 'messages_30d', '配信数（直近30日）', 'Messages, last 30 days', 'count'),
        (10, 'message_cost_30d', '配信費（直近30日）', 'Message cost, last 30 days', 'money'),
        (11, 'credited_net_30d', '配信の貢献売上（直近30日）', 'Revenue credited to messages, last 30 days', 'money')
) AS kpi (position, name, name_ja, name_en, unit)
CROSS JOIN key_figures AS figure
CROSS JOIN (
    SELECT
        CAST(coalesce(sum(CASE WHEN age < 30 THEN net END), 0) AS DECIMAL(18, 4)) AS net,
        CAST(coalesce(sum(CASE WHEN age >= 30 THEN net END), 0) AS DECIMAL(18, 4)) AS net_before
    FROM (SELECT net, days_between(booked_on, $today) AS age FROM current_credits WHERE model = $model) AS booked
    WHERE age < 60
) AS credit
ORDER BY kpi.position
