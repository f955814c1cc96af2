-- One-off F2, trial to subscription, second shipment
--
-- Three rates that are mixed up too often. One-off F2 (単品F2): of those who began with a one-off order, whose next purchase day within
-- `days` days is a one-off one. 引上率: of the same people, who placed a first subscription order within `days` days. Second shipment (定期2回目
-- 継続): of contracts that went on or ended after the first shipment, those that went on. Only people observed `days` days, and contracts
-- already decided, count (of contracts seen from orders, those whose second shipment would be overdue by now); `open` are the others. First purchases from `from` on and before `to`; with `product`, the trial: only who bought
-- it on the first day. A contract that does not say when it began counts where `from` is not given. The interval is Wilson's, 95 %.
--
-- param days    int  = 90
-- param from    date = 1900-01-01
-- param to      date = 2200-01-01
-- param product text = ""
-- column figure     text  ja:"指標コード"  en:"Figure code"
-- column figure_ja  text  ja:"指標"  en:"Figure (Japanese)"
-- column figure_en  text  ja:"指標（英語）"  en:"Figure"
-- column hits       int   ja:"達成"  en:"Reached it"
-- column people     int   ja:"対象"  en:"Observed"
-- column rate       rate  ja:"率"  en:"Rate"
-- column low        rate  ja:"下限"  en:"Low"
-- column high       rate  ja:"上限"  en:"High"
-- column open       int   ja:"観測途中"  en:"Still open"
SELECT
    word.figure, word.figure_ja, word.figure_en,
    CAST(coalesce(counted.hits, 0) AS BIGINT) AS hits, CAST(coalesce(counted.people, 0) AS BIGINT) AS people,
    counted.hits / nullif(counted.people, 0) AS rate,
    CASE WHEN counted.people > 0 THEN greatest(0.0, (counted.hits + z2 / 2 - z * spread) / (counted.people + z2)) END AS low,
    CASE WHEN counted.people > 0 THEN least(1.0, (counted.hits + z2 / 2 + z * spread) / (counted.people + z2)) END AS high,
    CAST(coalesce(counted.open, 0) AS BIGINT) AS open
FROM (
    VALUES
        (1, 'one_off_f2', '単品F2転換率', 'One-off second purchase', 1.959963984540054, 3.8414588206941236),
        (2, 'pulled_up', '引上率（単品→定期）', 'One-off to subscription', 1.959963984540054, 3.8414588206941236),
        (3, 'second_shipment', '定期2回目継続率', 'Second shipment of a subscription', 1.959963984540054, 3.8414588206941236)
) AS word (place, figure, figure_ja, figure_en, z, z2)
LEFT JOIN (
    SELECT figure, hits, people, open, sqrt(hits * (people - hits) / nullif(people, 0) + 3.8414588206941236 / 4) AS spread
    FROM (
        SELECT
            which.figure,
            CAST(sum(CASE WHEN buyer.ripe = 1 AND buyer.gap <= $days AND buyer.to_one_off = which.to_one_off THEN 1 ELSE 0 END) AS DOUBLE) AS hits,
            CAST(sum(buyer.ripe) AS DOUBLE) AS people, sum(1 - buyer.ripe) AS open
        FROM (
            SELECT
                turn.to_one_off,
                CASE turn.to_one_off
                    WHEN 1 THEN CASE WHEN NOT first.second_subscribed THEN days_between(first.first_ordered_on, first.second_ordered_on) END
                    ELSE days_between(first.first_ordered_on, first.subscribed_on)
                END AS gap,
                CASE WHEN days_between(first.first_ordered_on, $today) >= $days THEN 1 ELSE 0 END AS ripe
            FROM first_purchases AS first
            CROSS JOIN (VALUES (1), (0)) AS turn (to_one_off)
            WHERE NOT first.first_subscribed AND first.first_ordered_on >= $from AND first.first_ordered_on < $to
              AND ($product = '' OR first.customer_id IN (
                SELECT purchase.customer_id
                FROM order_lines AS line
                JOIN purchases AS purchase ON purchase.source = line.source AND purchase.order_id = line.order_id
                JOIN customer_facts AS facts
                    ON facts.customer_id = purchase.customer_id AND facts.first_ordered_on = purchase.ordered_on
                WHERE line.product_id = $product OR line.sku = $product))
        ) AS buyer
        JOIN (VALUES (1, 'one_off_f2'), (0, 'pulled_up')) AS which (to_one_off, figure) ON which.to_one_off = buyer.to_one_off
        GROUP BY which.figure
        UNION ALL
        SELECT
            'second_shipment' AS figure,
            CAST(coalesce(sum(CASE WHEN decided AND shipments >= 2 THEN 1 ELSE 0 END), 0) AS DOUBLE) AS hits,
            CAST(coalesce(sum(CASE WHEN decided THEN 1 ELSE 0 END), 0) AS DOUBLE) AS people,
            sum(CASE WHEN decided THEN 0 ELSE 1 END) AS open
        FROM (
            -- Of contracts seen from orders only those old enough: a shipment shows at once, its absence only when it is overdue.
            SELECT shipments, (shipments >= 2 OR status = 'cancelled') AND (NOT inferred OR second_due_on < $today) AS decided
            FROM contracts
            WHERE shipments >= 1 AND coalesce(started_on, CAST('1900-01-01' AS DATE)) >= $from
              AND coalesce(started_on, CAST('1900-01-01' AS DATE)) < $to
        ) AS contract
    ) AS summed
) AS counted ON counted.figure = word.figure
ORDER BY word.place
