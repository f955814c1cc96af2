-- Cart abandonment and recovery
--
-- Carts by the month in which they were first filled. A cart is abandoned when it held something and for `hours` after a change neither
-- changed again nor was ordered by its owner; it is open while that time is not over. It was ordered at once when it was never left, and its
-- owner ordered in that time, before it changed again. A cart emptied in time is none of these. The abandonment rate is of the carts that
-- are judged: all but the open ones, the emptied included. An abandoned cart is recovered when its owner orders within
-- `days` days of the change it was left at. The recovery rate is of abandoned carts that old alone, so that young ones do not
-- look lost. Amounts: what was left in the carts, and what the orders that followed came to (net; nothing where they were cancelled).
--
-- param hours int  = 3  ja:"放棄とみなす時間" en:"Hours until abandoned"
-- param days  int  = 7  ja:"戻りを見る日数" en:"Days to come back"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column month             date   ja:"月"  en:"Month"
-- column carts             int    ja:"カート数"  en:"Carts"
-- column ordered           int    ja:"離脱せず購入"  en:"Ordered at once"
-- column open              int    ja:"判定待ち"  en:"Still open"
-- column abandoned         int    ja:"カゴ落ち"  en:"Abandoned"
-- column rate              rate   ja:"カゴ落ち率"  en:"Abandonment rate"
-- column abandoned_amount  money  ja:"カゴ落ち金額"  en:"Amount left"
-- column observed          int    ja:"回収判定済み"  en:"Old enough to judge"
-- column recovered         int    ja:"回収"  en:"Recovered"
-- column recovery_rate     rate   ja:"回収率"  en:"Recovery rate"
-- column recovered_amount  money  ja:"回収金額"  en:"Amount recovered"
SELECT
    month,
    count(*) AS carts,
    CAST(sum(CASE WHEN left_at IS NULL AND has_ordered = 1 THEN 1 ELSE 0 END) AS BIGINT) AS ordered,
    CAST(sum(CASE WHEN left_at IS NULL AND has_ordered = 0 AND is_open = 1 THEN 1 ELSE 0 END) AS BIGINT) AS open,
    CAST(sum(CASE WHEN left_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS abandoned,
    CAST(sum(CASE WHEN left_at IS NOT NULL THEN 1 ELSE 0 END) AS DOUBLE)
        / nullif(sum(CASE WHEN left_at IS NULL AND has_ordered = 0 AND is_open = 1 THEN 0 ELSE 1 END), 0) AS rate,
    CAST(coalesce(sum(left_value), 0) AS DECIMAL(18, 4)) AS abandoned_amount,
    CAST(sum(is_observed) AS BIGINT) AS observed,
    CAST(sum(is_observed * is_recovered) AS BIGINT) AS recovered,
    CAST(sum(is_observed * is_recovered) AS DOUBLE) / nullif(sum(is_observed), 0) AS recovery_rate,
    CAST(coalesce(sum(CASE WHEN is_observed * is_recovered = 1 THEN order_value END), 0) AS DECIMAL(18, 4)) AS recovered_amount
FROM (
    SELECT
        month_start(shop_day(filled_at)) AS month, left_at, left_value, has_ordered, is_open, order_value,
        CASE WHEN left_at <= add_seconds($as_of, 0 - $days * 86400) THEN 1 ELSE 0 END AS is_observed,
        CASE WHEN order_at <= add_seconds(left_at, $days * 86400) THEN 1 ELSE 0 END AS is_recovered
    FROM (
        SELECT
            cart_id,
            min(CASE WHEN value > 0 THEN changed_at END) AS filled_at,
            max(CASE WHEN is_ordered THEN 1 ELSE 0 END) AS has_ordered,
            max(CASE WHEN value > 0 AND next_change_at IS NULL AND next_order_at IS NULL THEN 1 ELSE 0 END) AS is_open,
            first_value(changed_at ORDER BY changed_at) FILTER (WHERE is_left) AS left_at,
            first_value(value ORDER BY changed_at) FILTER (WHERE is_left) AS left_value,
            first_value(next_order_at ORDER BY changed_at) FILTER (WHERE is_left) AS order_at,
            first_value(next_order_value ORDER BY changed_at) FILTER (WHERE is_left) AS order_value
        FROM (
            SELECT
                cart_id, changed_at, value, next_change_at, next_order_at, next_order_value,
                value > 0 AND coalesce(least(next_change_at, next_order_at), $as_of) >= add_seconds(changed_at, $hours * 3600) AS is_left,
                value > 0 AND next_order_at < add_seconds(changed_at, $hours * 3600)
                    AND (next_change_at IS NULL OR next_order_at <= next_change_at) AS is_ordered
            FROM cart_changes
        ) AS change
        GROUP BY cart_id
    ) AS cart
    WHERE filled_at >= shop_midnight($from) AND filled_at < shop_midnight($to)
) AS judged
GROUP BY month
ORDER BY month
