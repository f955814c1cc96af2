-- Expected against actual, by how often they had bought
--
-- The model fitted without the last days (`holdout_days` in the model of repeat buying) against them: buyers by the repeat days they
-- had before, the mean number of purchase days expected of each in the days held out, and how many came. 7 stands for 7 or more.
--
-- column repeats          int    ja:"それまでのリピート日数"  en:"Repeat days before"
-- column customers        int    ja:"会員数"  en:"Customers"
-- column expected         float  ja:"予測（1人あたり）"  en:"Expected, each"
-- column actual           float  ja:"実績（1人あたり）"  en:"Actual, each"
-- column expected_total   float  ja:"予測"  en:"Expected"
-- column actual_total     int    ja:"実績"  en:"Actual"
SELECT
    repeats, customers, expected_total / customers AS expected, CAST(actual_total AS DOUBLE) / customers AS actual, expected_total, actual_total
FROM (
    SELECT
        least(7, repeats) AS repeats, count(*) AS customers,
        sum(expected_orders(kind, holdout_r, holdout_alpha, holdout_a, holdout_b, repeats, recency_days, age_days, holdout_days)) AS expected_total,
        CAST(sum(later) AS BIGINT) AS actual_total
    FROM (
        SELECT
            model.kind, model.holdout_r, model.holdout_alpha, model.holdout_a, model.holdout_b, model.holdout_days,
            sum(CASE WHEN day.ordered_on <= model.held_from THEN 1 ELSE 0 END) - 1 AS repeats,
            days_between(buyer.first_ordered_on, max(CASE WHEN day.ordered_on <= model.held_from THEN day.ordered_on END)) AS recency_days,
            days_between(buyer.first_ordered_on, model.held_from) AS age_days,
            sum(CASE WHEN day.ordered_on > model.held_from THEN 1 ELSE 0 END) AS later
        FROM (SELECT DISTINCT customer_id, ordered_on FROM purchases WHERE customer_id IS NOT NULL) AS day
        JOIN buying_histories AS buyer ON buyer.customer_id = day.customer_id
        CROSS JOIN (
            SELECT
                kind, holdout_r, holdout_alpha, holdout_a, holdout_b, holdout_days, fitted_on, add_days(fitted_on, 0 - holdout_days) AS held_from
            FROM ltv_model
            WHERE holdout_r IS NOT NULL
        ) AS model
        WHERE buyer.sure AND buyer.first_ordered_on <= model.held_from AND day.ordered_on <= model.fitted_on
        GROUP BY
            day.customer_id, buyer.first_ordered_on, model.kind, model.holdout_r, model.holdout_alpha, model.holdout_a, model.holdout_b,
            model.holdout_days, model.held_from
    ) AS history
    GROUP BY least(7, repeats)
) AS counted
ORDER BY repeats
