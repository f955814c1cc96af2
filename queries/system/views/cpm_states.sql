-- States of the CPM portfolio
--
-- The words for each, in the order of a customer's way through them.
--
-- column place  int   ja:"順"  en:"Place"
-- column state  text  ja:"状態コード"  en:"State code"
-- column ja     text  ja:"状態"  en:"State (Japanese)"
-- column en     text  ja:"状態（英語）"  en:"State"
SELECT place, state, ja, en
FROM (
    VALUES
        (0, 'none', '未購入', 'Not yet a buyer'),
        (1, 'first_active', '初回・現役', 'First, active'), (2, 'first_lapsed', '初回・離脱', 'First, lapsed'),
        (3, 'infant_active', 'よちよち・現役', 'Infant, active'), (4, 'infant_lapsed', 'よちよち・離脱', 'Infant, lapsed'),
        (5, 'steady_active', 'コツコツ・現役', 'Steady, active'), (6, 'steady_lapsed', 'コツコツ・離脱', 'Steady, lapsed'),
        (7, 'trend_active', '流行・現役', 'Trend, active'), (8, 'trend_lapsed', '流行・離脱', 'Trend, lapsed'),
        (9, 'good_active', '優良・現役', 'Good, active'), (10, 'good_lapsed', '優良・離脱', 'Good, lapsed')
) AS word (place, state, ja, en)
