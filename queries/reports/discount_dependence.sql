-- Discount dependence
--
-- Of the customers with two purchases or more, those who never paid the full price: every one of their orders had a
-- discount.
--
-- column all_discounted  int     ja:"毎回値引で購入"  en:"Always with a discount"
-- column repeaters       int     ja:"2回以上の購入者"  en:"Two orders or more"
-- column share           rate    ja:"値引依存率"  en:"Share"
SELECT
    CAST(coalesce(sum(CASE WHEN discounted_orders = orders THEN 1 ELSE 0 END), 0) AS BIGINT) AS all_discounted,
    count(*) AS repeaters,
    CAST(sum(CASE WHEN discounted_orders = orders THEN 1 ELSE 0 END) AS DOUBLE) / nullif(count(*), 0) AS share
FROM customer_facts
WHERE orders >= 2
