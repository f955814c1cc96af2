-- States of a customer's life with the shop
--
-- The words for each, in their order.
--
-- column place  int   ja:"順"  en:"Place"
-- column state  text  ja:"状態コード"  en:"State code"
-- column ja     text  ja:"状態"  en:"State (Japanese)"
-- column en     text  ja:"状態（英語）"  en:"State"
SELECT place, state, ja, en
FROM (
    VALUES
        (0, 'none', '未購入', 'Not yet a buyer'), (1, 'new', '新規', 'New'), (2, 'repeat', 'リピート', 'Repeat'),
        (3, 'dormant', '休眠', 'Dormant'), (4, 'lapsed', '離脱', 'Lapsed')
) AS word (place, state, ja, en)
