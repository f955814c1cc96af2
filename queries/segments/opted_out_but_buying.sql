-- Opted out but buying
-- ja 配信停止中だが購入している会員
--
-- Customers who may not be written to for marketing on any channel, and bought in the last `days` days. Not for messages: for an offer on the
-- site or in the parcel to opt in again.
-- ja どのチャネルでもマーケティング配信ができない一方、直近 `days` 日以内に購入している会員です。配信ではなく、サイトや同梱物での再登録の案内に使います。
--
-- param days int = 90
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column opted_out        text   ja:"配信停止したチャネル"  en:"Opted out of"
SELECT buyer.customer_id, buyer.last_ordered_on, buyer.orders, buyer.net_revenue, closed.channels AS opted_out
FROM customer_facts AS buyer
JOIN (
    SELECT
        customer_id,
        max(CASE WHEN contactable THEN 1 ELSE 0 END) AS is_open,
        string_agg(CASE WHEN opted_out OR blocked THEN channel END, ', ' ORDER BY channel) AS channels
    FROM contactable
    GROUP BY customer_id
) AS closed ON closed.customer_id = buyer.customer_id
WHERE buyer.last_ordered_on > add_days($today, 0 - $days) AND closed.is_open = 0 AND closed.channels IS NOT NULL
ORDER BY buyer.customer_id
