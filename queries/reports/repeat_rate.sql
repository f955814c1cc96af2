-- New and repeat buyers by month
--
-- Who bought in each month. New is whose first purchase falls in it, repeat who had bought in an earlier one. The repeat rate is the share
-- of repeat buyers among the month's buyers; `returned_rate` is the share of all who had bought before the month and bought in it.
-- `complete` is false for the month that is not over. Guests are nobody's repeat and are left out.
--
-- param months int = 24
-- column month          date   ja:"月"  en:"Month"
-- column buyers         int    ja:"購入者数"  en:"Buyers"
-- column new_buyers     int    ja:"新規購入者"  en:"New buyers"
-- column repeat_buyers  int    ja:"リピート購入者"  en:"Repeat buyers"
-- column repeat_rate    rate   ja:"リピート率"  en:"Repeat rate"
-- column returned_rate  rate   ja:"既存会員の購入率"  en:"Share of earlier buyers"
-- column net_new        money  ja:"新規の純売上"  en:"Net of new buyers"
-- column net_repeat     money  ja:"リピートの純売上"  en:"Net of repeat buyers"
-- column repeat_share   rate   ja:"リピート売上比率"  en:"Repeat share of net"
-- column complete       bool   ja:"確定"  en:"Month is over"
SELECT
    month,
    new_buyers + repeat_buyers AS buyers,
    new_buyers, repeat_buyers,
    CAST(repeat_buyers AS DOUBLE) / nullif(new_buyers + repeat_buyers, 0) AS repeat_rate,
    CAST(repeat_buyers AS DOUBLE) / nullif(acquired - new_buyers, 0) AS returned_rate,
    net_new, net_repeat,
    CAST(net_repeat AS DOUBLE) / nullif(CAST(net_new + net_repeat AS DOUBLE), 0) AS repeat_share,
    back > 0 AS complete
FROM (
    SELECT
        span.month, span.back,
        CAST(coalesce(bought.new_buyers, 0) AS BIGINT) AS new_buyers,
        CAST(coalesce(bought.repeat_buyers, 0) AS BIGINT) AS repeat_buyers,
        CAST(coalesce(bought.net_new, 0) AS DECIMAL(18, 4)) AS net_new,
        CAST(coalesce(bought.net_repeat, 0) AS DECIMAL(18, 4)) AS net_repeat,
        sum(coalesce(bought.new_buyers, 0)) OVER (ORDER BY span.month) AS acquired
    FROM months_back AS span
    LEFT JOIN (
        SELECT
            month, sum(is_new) AS new_buyers, count(*) - sum(is_new) AS repeat_buyers,
            sum(CASE WHEN is_new = 1 THEN net ELSE 0 END) AS net_new, sum(CASE WHEN is_new = 0 THEN net ELSE 0 END) AS net_repeat
        FROM (
            SELECT
                purchase.customer_id, month_start(purchase.ordered_on) AS month,
                max(CASE WHEN months_between(buyer.first_ordered_on, purchase.ordered_on) = 0 THEN 1 ELSE 0 END) AS is_new,
                sum(purchase.net) AS net
            FROM purchases AS purchase
            JOIN (
                SELECT customer_id, min(ordered_on) AS first_ordered_on
                FROM purchases
                WHERE customer_id IS NOT NULL
                GROUP BY customer_id
            ) AS buyer ON buyer.customer_id = purchase.customer_id
            GROUP BY purchase.customer_id, month_start(purchase.ordered_on)
        ) AS customer_month
        GROUP BY month
    ) AS bought ON bought.month = span.month
) AS dated
WHERE back <= $months AND acquired > 0
ORDER BY month
