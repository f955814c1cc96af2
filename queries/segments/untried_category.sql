-- Category not yet tried
-- ja まだ買っていない人気カテゴリ
--
-- For customers who bought in the last `days` days: the category with the most buyers in which they never bought.
-- ja 直近 `days` 日以内の購入者に、購入者が最も多く、本人がまだ買っていないカテゴリを付けます。
--
-- param days int = 90
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column category     text  ja:"カテゴリ"  en:"Category"
-- column buyers       int   ja:"カテゴリの購入者数"  en:"Buyers of the category"
SELECT customer_id, category, buyers
FROM (
    SELECT
        customer.customer_id,
        first_value(popular.category ORDER BY popular.buyers DESC, popular.category) AS category,
        max(popular.buyers) AS buyers
    FROM (SELECT customer_id FROM customer_facts WHERE last_ordered_on > add_days($today, 0 - $days)) AS customer
    CROSS JOIN (
        SELECT category, count(DISTINCT customer_id) AS buyers
        FROM purchase_lines
        WHERE category IS NOT NULL AND customer_id IS NOT NULL
        GROUP BY category
    ) AS popular
    LEFT JOIN (
        SELECT DISTINCT customer_id, category FROM purchase_lines WHERE customer_id IS NOT NULL AND category IS NOT NULL
    ) AS tried ON tried.customer_id = customer.customer_id AND tried.category = popular.category
    WHERE tried.category IS NULL
    GROUP BY customer.customer_id
) AS untried
ORDER BY customer_id
