-- CPM: from state to state within a month
--
-- Where the buyers stood when a month began and where when it ended, by the types and limits of the CPM portfolio: `none` had not bought
-- yet. One row per month, state before and state after; the newest of the `months` last complete months comes first. Stocks hide that 流行
-- leaves fastest and that every 離脱 was somebody active: the flow shows it.
--
-- param months       int   = 1
-- param lapse_days   int   = 240  ja:"離脱とみなす日数" en:"Days until lapsed"
-- param infant_days  int   = 90  ja:"よちよちの在籍日数（未満）" en:"Tenure of infants, days (below)"
-- param good_days    int   = 210  ja:"優良の在籍日数（以上）" en:"Tenure of the good, days (from)"
-- param good_amount  money = 70000  ja:"コツコツと分ける累計金額" en:"Amount that is much"
-- column month           date  ja:"月"  en:"Month"
-- column state_before    text  ja:"月初の状態コード"  en:"State before, code"
-- column state_after     text  ja:"月末の状態コード"  en:"State after, code"
-- column state_before_ja text  ja:"月初の状態"  en:"State before (Japanese)"
-- column state_before_en text  ja:"月初の状態（英語）"  en:"State before"
-- column state_after_ja  text  ja:"月末の状態"  en:"State after (Japanese)"
-- column state_after_en  text  ja:"月末の状態（英語）"  en:"State after"
-- column customers       int   ja:"会員数"  en:"Customers"
-- column share           rate  ja:"月初の状態に占める割合"  en:"Share of the state before"
SELECT
    flow.month, flow.state_before, flow.state_after, before.ja AS state_before_ja, before.en AS state_before_en,
    after.ja AS state_after_ja, after.en AS state_after_en, flow.customers,
    CAST(flow.customers AS DOUBLE) / sum(flow.customers) OVER (PARTITION BY flow.month, flow.state_before) AS share
FROM (
    SELECT month, state_before, state_after, count(*) AS customers
    FROM (
        SELECT
            month,
            CASE
                WHEN orders_before = 0 THEN 'none'
                WHEN orders_before = 1 THEN 'first'
                WHEN days_between(first_on, last_before) < $infant_days THEN 'infant'
                WHEN net_before < $good_amount THEN 'steady'
                WHEN days_between(first_on, last_before) < $good_days THEN 'trend'
                ELSE 'good'
            END || CASE
                WHEN orders_before = 0 THEN '' WHEN days_between(last_before, month) - 1 >= $lapse_days THEN '_lapsed' ELSE '_active'
            END AS state_before,
            CASE
                WHEN orders = 1 THEN 'first'
                WHEN days_between(first_on, last_on) < $infant_days THEN 'infant'
                WHEN net < $good_amount THEN 'steady'
                WHEN days_between(first_on, last_on) < $good_days THEN 'trend'
                ELSE 'good'
            END || CASE WHEN days_between(last_on, next_month) - 1 >= $lapse_days THEN '_lapsed' ELSE '_active' END AS state_after
        FROM (
            -- Both ends of the month in one pass: a purchase before the month counts for both.
            SELECT
                span.month, span.next_month, day.customer_id,
                min(day.ordered_on) AS first_on, max(day.ordered_on) AS last_on,
                max(CASE WHEN day.ordered_on < span.month THEN day.ordered_on END) AS last_before,
                sum(day.orders) AS orders, sum(CASE WHEN day.ordered_on < span.month THEN day.orders ELSE 0 END) AS orders_before,
                sum(day.net) AS net, sum(CASE WHEN day.ordered_on < span.month THEN day.net ELSE 0 END) AS net_before
            FROM (
                SELECT customer_id, ordered_on, count(*) AS orders, sum(net) AS net
                FROM purchases
                WHERE customer_id IS NOT NULL
                GROUP BY customer_id, ordered_on
            ) AS day
            JOIN months_back AS span ON day.ordered_on < span.next_month
            WHERE span.back BETWEEN 1 AND $months
            GROUP BY span.month, span.next_month, day.customer_id
        ) AS held
    ) AS customer
    GROUP BY month, state_before, state_after
) AS flow
JOIN cpm_states AS before ON before.state = flow.state_before
JOIN cpm_states AS after ON after.state = flow.state_after
ORDER BY flow.month DESC, before.place, after.place
