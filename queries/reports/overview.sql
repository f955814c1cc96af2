-- Overview
--
-- The shop in one row: revenue, orders, new buyers, messages and cost of the last 30 shop days, today included; buyers,
-- repeat rate, second purchases and LINE friends as they stand. How they compare is in `reports/kpis`.
--
-- param model text = "last"
-- column net_revenue   money   ja:"純売上（直近30日）"  en:"Net revenue, last 30 days"
-- column orders        int     ja:"購入件数（直近30日）"  en:"Purchases, last 30 days"
-- column order_value   money   ja:"平均購入単価（直近30日）"  en:"Average purchase, last 30 days"
-- column new_buyers    int     ja:"新規購入者（直近30日）"  en:"New buyers, last 30 days"
-- column buyers        int     ja:"累計購入者数"  en:"Buyers to date"
-- column repeat_rate   rate    ja:"リピート率"  en:"Repeat rate"
-- column f2_rate       rate    ja:"F2転換率（90日以内）"  en:"Second purchase within 90 days"
-- column line_friends  int     ja:"有効なLINE友だち"  en:"Active LINE friends"
-- column messages      int     ja:"配信数（直近30日）"  en:"Messages, last 30 days"
-- column message_cost  money   ja:"配信費（直近30日）"  en:"Message cost, last 30 days"
-- column credited_net  money   ja:"配信の貢献売上（直近30日）"  en:"Credited to messages, last 30 days"
SELECT
    figure.net_revenue, figure.orders, figure.order_value, figure.new_buyers, figure.buyers, figure.repeat_rate, figure.f2_rate,
    figure.line_friends, figure.messages, figure.message_cost,
    credit.net AS credited_net
FROM key_figures AS figure
CROSS JOIN (
    SELECT CAST(coalesce(sum(net), 0) AS DECIMAL(18, 4)) AS net
    FROM current_credits
    WHERE model = $model AND days_between(booked_on, $today) < 30
) AS credit
