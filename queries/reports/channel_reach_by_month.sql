-- Opt-ins, opt-outs and reach by month
--
-- For each of the last `months` months, how many customers gave or took back their permission for marketing or became unreachable, and
-- how many had permission at its end. Several changes of one customer in one month count once, by the last; of merged people the
-- last word of any. A month in which nothing changed has no row, and the present one is not over.
--
-- param months int = 12
-- column month      date  ja:"月"  en:"Month"
-- column channel    text  ja:"チャネル"  en:"Channel"
-- column opted_in   int   ja:"新規同意"  en:"Opted in"
-- column opted_out  int   ja:"配信停止"  en:"Opted out"
-- column bounced    int   ja:"不達・ブロック"  en:"Bounced or blocked"
-- column permitted  int   ja:"月末の同意者数"  en:"Permitted at the end"
SELECT
    month, channel, opted_in, opted_out, bounced, permitted
FROM (
    SELECT
        month, channel, opted_in, opted_out, bounced,
        CAST(sum(gained) OVER (PARTITION BY channel ORDER BY month) AS BIGINT) AS permitted
    FROM (
        SELECT
            month, channel,
            CAST(sum(opted_in) AS BIGINT) AS opted_in,
            CAST(sum(opted_out) AS BIGINT) AS opted_out,
            CAST(sum(bounced) AS BIGINT) AS bounced,
            sum(gained) AS gained
        FROM (
            -- Who comes to hold permission in a month or to lose it: the month's last word against the last before it.
            SELECT
                month, channel,
                CASE WHEN state = 'granted' AND coalesce(former, '') <> 'granted' THEN 1 ELSE 0 END AS opted_in,
                CASE WHEN state = 'revoked' AND coalesce(former, '') <> 'revoked' THEN 1 ELSE 0 END AS opted_out,
                0 AS bounced,
                CASE WHEN state = 'granted' THEN 1 ELSE 0 END - CASE WHEN coalesce(former, '') = 'granted' THEN 1 ELSE 0 END AS gained
            FROM (
                SELECT
                    month, channel, customer_id, state,
                    lag(state) OVER (PARTITION BY channel, customer_id ORDER BY month) AS former
                FROM (
                    SELECT
                        month_start(shop_day(said.occurred_at)) AS month, said.channel,
                        coalesce(who.survivor_id, said.customer_id) AS customer_id,
                        last_value(said.state ORDER BY said.occurred_at, said.state, said.position) AS state
                    FROM consents_history AS said
                    LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
                    WHERE said.purpose = 'marketing'
                    GROUP BY month_start(shop_day(said.occurred_at)), said.channel, coalesce(who.survivor_id, said.customer_id)
                ) AS word
            ) AS turn
            UNION ALL
            SELECT month, channel, 0 AS opted_in, 0 AS opted_out, count(*) AS bounced, 0 AS gained
            FROM (
                SELECT DISTINCT
                    month_start(shop_day(said.occurred_at)) AS month, said.channel,
                    coalesce(who.survivor_id, said.customer_id) AS customer_id
                FROM suppressions_history AS said
                LEFT JOIN survivors AS who ON who.customer_id = said.customer_id
                WHERE said.active AND said.reason <> 'opted_out'
            ) AS lost
            GROUP BY month, channel
        ) AS moved
        GROUP BY month, channel
    ) AS counted
) AS summed
WHERE months_between(month, $today) < $months
ORDER BY month, channel
