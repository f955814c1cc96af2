-- Where each customer stood at the ends of a month
--
-- One row per buyer and calendar month since their first purchase, for the month that is not over (up to today) and the 24 before. New: one
-- purchase day so far. Repeat: two or more. Dormant and lapsed: the last is as long ago as `dormancy` says. Who has a subscription that runs
-- on that day is neither; one that is cancelled or finished and does not say when it ended runs on none. `none`: had not bought yet.
--
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column back          int   ja:"何か月前"  en:"Months back"
-- column month         date  ja:"月"  en:"Month"
-- column state_before  text  ja:"月初の状態"  en:"State before"
-- column state_after   text  ja:"月末の状態"  en:"State after"
SELECT
    held.customer_id, held.back, held.month,
    CASE
        WHEN held.days_before = 0 THEN 'none'
        WHEN days_between(held.last_before, held.month) - 1 < limits.dormant_days OR coalesce(contract.before, 0) = 1
            THEN CASE WHEN held.days_before = 1 THEN 'new' ELSE 'repeat' END
        WHEN days_between(held.last_before, held.month) - 1 < limits.lapsed_days THEN 'dormant'
        ELSE 'lapsed'
    END AS state_before,
    CASE
        WHEN days_between(held.last_on, held.end_on) < limits.dormant_days OR coalesce(contract.after, 0) = 1
            THEN CASE WHEN held.days = 1 THEN 'new' ELSE 'repeat' END
        WHEN days_between(held.last_on, held.end_on) < limits.lapsed_days THEN 'dormant'
        ELSE 'lapsed'
    END AS state_after
FROM (
    SELECT
        day.customer_id, span.back, span.month, least(add_days(span.next_month, -1), $today) AS end_on,
        max(day.ordered_on) AS last_on, max(CASE WHEN day.ordered_on < span.month THEN day.ordered_on END) AS last_before,
        count(*) AS days, count(CASE WHEN day.ordered_on < span.month THEN 1 END) AS days_before
    FROM (SELECT DISTINCT customer_id, ordered_on FROM purchases WHERE customer_id IS NOT NULL) AS day
    JOIN months_back AS span ON day.ordered_on < span.next_month
    WHERE span.back <= 24
    GROUP BY day.customer_id, span.back, span.month, span.next_month
) AS held
LEFT JOIN (
    SELECT
        contract.customer_id, span.back,
        max(CASE WHEN contract.started_on < span.month AND (contract.ended_on IS NULL OR contract.ended_on >= span.month) THEN 1 ELSE 0 END) AS before,
        max(CASE
            WHEN contract.started_on <= least(add_days(span.next_month, -1), $today)
                AND (contract.ended_on IS NULL OR contract.ended_on > least(add_days(span.next_month, -1), $today)) THEN 1
            ELSE 0
        END) AS after
    FROM (
        -- A contract that does not say when it began is taken to have run before.
        SELECT customer_id, coalesce(started_on, CAST('1970-01-01' AS DATE)) AS started_on, ended_on, status
        FROM contracts
    ) AS contract
    JOIN months_back AS span ON contract.started_on < span.next_month
    WHERE span.back <= 24 AND (contract.ended_on IS NOT NULL OR contract.status NOT IN ('cancelled', 'finished'))
    GROUP BY contract.customer_id, span.back
) AS contract ON contract.customer_id = held.customer_id AND contract.back = held.back
CROSS JOIN dormancy AS limits
