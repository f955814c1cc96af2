-- Credits booked so far
--
-- The rows of every order of which a revision arrived after `since` and up to `until`, whenever they were booked.
--
-- param since instant
-- param until instant
-- column order_id       text    ja:"注文番号"  en:"Order"
-- column revision_id    text    ja:"版"  en:"Revision"
-- column touch_id       text    ja:"接触ID"  en:"Touch"
-- column send_id        text    ja:"配信ID"  en:"Send"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column scenario       text    ja:"シナリオ"  en:"Scenario"
-- column channel        text    ja:"チャネル"  en:"Channel"
-- column model          text    ja:"モデル"  en:"Model"
-- column model_version  text    ja:"モデル版"  en:"Model version"
-- column gross          money   ja:"受注時の貢献"  en:"Gross"
-- column net            money   ja:"純額の貢献"  en:"Net"
SELECT
    credit.order_id, credit.revision_id, credit.touch_id, credit.send_id, coalesce(who.survivor_id, credit.customer_id) AS customer_id,
    credit.scenario, credit.channel, credit.model, credit.model_version, credit.gross, credit.net
FROM credits_history AS credit
LEFT JOIN survivors AS who ON who.customer_id = credit.customer_id
JOIN (
    SELECT DISTINCT order_id
    FROM orders_history
    WHERE greatest(ingested_at, known_at) > $since AND greatest(ingested_at, known_at) <= $until
) AS arrived ON arrived.order_id = credit.order_id
ORDER BY credit.order_id, credit.model, credit.touch_id, credit.revision_id
