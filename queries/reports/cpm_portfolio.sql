-- CPM portfolio
--
-- Buyers by type and state. Tenure is the days from the first to the last purchase. 初回 bought once; よちよち has two orders
-- or more and a tenure below `infant_days`; above that コツコツ spent less than `good_amount` in all, 流行 at least that with
-- a tenure below `good_days`, 優良 at least that and longer. Lapsed is whose last purchase is `lapse_days` ago or longer.
-- Reaching a threshold counts as over it. Two orders on one day are two here, as the amount counts them both.
--
-- param lapse_days  int   = 240  ja:"離脱とみなす日数" en:"Days until lapsed"
-- param infant_days int   = 90  ja:"よちよちの在籍日数（未満）" en:"Tenure of infants, days (below)"
-- param good_days   int   = 210  ja:"優良の在籍日数（以上）" en:"Tenure of the good, days (from)"
-- param good_amount money = 70000  ja:"コツコツと分ける累計金額" en:"Amount that is much"
-- column type         text   ja:"タイプコード"  en:"Type code"
-- column type_ja      text   ja:"タイプ"  en:"Type (Japanese)"
-- column type_en      text   ja:"タイプ（英語）"  en:"Type"
-- column state        text   ja:"状態"  en:"State"
-- column state_ja     text   ja:"状態（日本語）"  en:"State (Japanese)"
-- column state_en     text   ja:"状態（英語）"  en:"State (English)"
-- column customers    int    ja:"会員数"  en:"Customers"
-- column share        rate   ja:"構成比"  en:"Share of customers"
-- column net_revenue  money  ja:"純売上"  en:"Net revenue"
SELECT
    class.type, class.type_ja, class.type_en, class.state, class.state_ja, class.state_en,
    coalesce(held.customers, 0) AS customers,
    CAST(coalesce(held.customers, 0) AS DOUBLE) / nullif(sum(held.customers) OVER (), 0) AS share,
    CAST(coalesce(held.net, 0) AS DECIMAL(18, 4)) AS net_revenue
FROM (
    VALUES
        (1, 'first', '初回', 'First', 'active', '現役', 'Active'), (1, 'first', '初回', 'First', 'lapsed', '離脱', 'Lapsed'),
        (2, 'infant', 'よちよち', 'Infant', 'active', '現役', 'Active'), (2, 'infant', 'よちよち', 'Infant', 'lapsed', '離脱', 'Lapsed'),
        (3, 'steady', 'コツコツ', 'Steady', 'active', '現役', 'Active'), (3, 'steady', 'コツコツ', 'Steady', 'lapsed', '離脱', 'Lapsed'),
        (4, 'trend', '流行', 'Trend', 'active', '現役', 'Active'), (4, 'trend', '流行', 'Trend', 'lapsed', '離脱', 'Lapsed'),
        (5, 'good', '優良', 'Good', 'active', '現役', 'Active'), (5, 'good', '優良', 'Good', 'lapsed', '離脱', 'Lapsed')
) AS class (place, type, type_ja, type_en, state, state_ja, state_en)
LEFT JOIN (
    SELECT type, state, count(*) AS customers, sum(net_revenue) AS net
    FROM (
        SELECT
            net_revenue,
            CASE
                WHEN orders = 1 THEN 'first'
                WHEN days_between(first_ordered_on, last_ordered_on) < $infant_days THEN 'infant'
                WHEN net_revenue < $good_amount THEN 'steady'
                WHEN days_between(first_ordered_on, last_ordered_on) < $good_days THEN 'trend'
                ELSE 'good'
            END AS type,
            CASE WHEN days_between(last_ordered_on, $today) >= $lapse_days THEN 'lapsed' ELSE 'active' END AS state
        FROM customer_facts
    ) AS buyer
    GROUP BY type, state
) AS held ON held.type = class.type AND held.state = class.state
ORDER BY class.place, class.state
