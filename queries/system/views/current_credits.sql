-- Current credits
--
-- The credits under the newest version of each model. Credits of an older version stay in `credits`; adding both would
-- count an order twice.
--
-- column order_id       text    ja:"注文番号"  en:"Order"
-- column revision_id    text    ja:"改訂ID"  en:"Revision"
-- column touch_id       text    ja:"接触ID"  en:"Touch"
-- column send_id        text    ja:"配信ID"  en:"Send"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column scenario       text    ja:"シナリオ"  en:"Scenario"
-- column channel        text    ja:"チャネル"  en:"Channel"
-- column model          text    ja:"貢献モデル"  en:"Model"
-- column model_version  text    ja:"モデル版"  en:"Model version"
-- column gross          money   ja:"総売上"  en:"Gross"
-- column net            money   ja:"純売上"  en:"Net"
-- column booked_on      date    ja:"計上日"  en:"Booked on"
-- column ordered_at     instant ja:"注文日時"  en:"Ordered at"
SELECT
    credit.order_id, credit.revision_id, credit.touch_id, credit.send_id,
    coalesce(who.survivor_id, credit.customer_id) AS customer_id, credit.scenario, credit.channel, credit.model,
    credit.model_version, credit.gross, credit.net, credit.booked_on, credit.ordered_at
FROM credits_history AS credit
LEFT JOIN survivors AS who ON who.customer_id = credit.customer_id
JOIN (
    SELECT this.model, this.model_version
    FROM credits_history AS this
    JOIN (SELECT max(position) AS position FROM credits_history GROUP BY model) AS newest ON newest.position = this.position
) AS version ON version.model = credit.model AND version.model_version = credit.model_version
