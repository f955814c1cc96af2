-- LINE block rate
--
-- Of the LINE messages accepted, by scenario, those after which the customer blocked us within `hours` hours: a block counts for the last LINE message
-- before it alone. A message whose hours are not over yet is left out.
--
-- param hours int  = 72  ja:"送信後の時間" en:"Hours after a message"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column scenario   text  ja:"シナリオ"  en:"Scenario"
-- column accepted   int   ja:"配信数"  en:"Accepted"
-- column customers  int   ja:"会員数"  en:"Customers"
-- column blocks     int   ja:"ブロック"  en:"Blocks"
-- column rate       rate  ja:"ブロック率"  en:"Block rate"
SELECT
    send.scenario,
    count(*) AS accepted,
    count(DISTINCT send.customer_id) AS customers,
    CAST(sum(CASE WHEN gone.send_id IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS blocks,
    CAST(sum(CASE WHEN gone.send_id IS NOT NULL THEN 1 ELSE 0 END) AS DOUBLE) / count(*) AS rate
FROM sends AS send
LEFT JOIN (
    SELECT DISTINCT send_id
    FROM (
        SELECT
            block.customer_id, block.at,
            last_value(before.send_id ORDER BY before.accepted_at, before.send_id) AS send_id,
            max(before.accepted_at) AS sent_at
        FROM (
            SELECT coalesce(who.survivor_id, said.customer_id) AS customer_id, said.occurred_at AS at
            FROM suppressions_history AS said
            LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
            WHERE said.channel = 'line' AND said.reason = 'blocked' AND said.active
        ) AS block
        JOIN sends AS before ON before.customer_id = block.customer_id
        WHERE before.channel = 'line' AND before.state = 'accepted' AND before.accepted_at <= block.at
        GROUP BY block.customer_id, block.at
    ) AS blamed
    WHERE at <= add_seconds(sent_at, $hours * 3600)
) AS gone ON gone.send_id = send.send_id
WHERE send.channel = 'line' AND send.state = 'accepted' AND send.accepted_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND send.accepted_at >= shop_midnight($from) AND send.accepted_at < shop_midnight($to)
GROUP BY send.scenario
ORDER BY send.scenario
