-- Sales reconciliation
--
-- Every figure as the cart has it, by source and day, so that it can be held against the cart's own lists: what was
-- ordered, and of that what was cancelled and returned. `by` is `ordered` (day of the order) or `shipped` (day of the
-- shipment; what was not shipped is left out). Shipping and fees are as charged: `tax_inside` is the part of the tax
-- that they contain, or what else the cart's total differs by, so that
-- total = goods - discount - points + shipping + fee + tax - tax_inside. Net revenue is of what was neither cancelled nor
-- returned.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- param by   text = "ordered"
-- column day               date   ja:"日"  en:"Day"
-- column source            text   ja:"取得元"  en:"Source"
-- column currency          text   ja:"通貨"  en:"Currency"
-- column orders            int    ja:"受注件数"  en:"Orders"
-- column total             money  ja:"受注"  en:"Ordered"
-- column cancelled_orders  int    ja:"取消件数"  en:"Orders cancelled"
-- column cancelled         money  ja:"取消"  en:"Cancelled"
-- column returned_orders   int    ja:"返品件数"  en:"Orders returned"
-- column returned          money  ja:"返品"  en:"Returned"
-- column goods             money  ja:"商品（税抜）"  en:"Goods without tax"
-- column discount          money  ja:"値引"  en:"Discount"
-- column points            money  ja:"ポイント"  en:"Points"
-- column shipping          money  ja:"送料"  en:"Shipping"
-- column fee               money  ja:"手数料"  en:"Fees"
-- column tax               money  ja:"消費税"  en:"Tax"
-- column tax_inside        money  ja:"うち送料・手数料の税"  en:"Tax inside shipping and fees"
-- column net               money  ja:"純売上"  en:"Net"
SELECT
    placed.day,
    placed.source,
    placed.currency,
    count(*) AS orders,
    CAST(sum(placed.total) AS DECIMAL(18, 4)) AS total,
    CAST(sum(CASE WHEN placed.status = 'cancelled' THEN 1 ELSE 0 END) AS BIGINT) AS cancelled_orders,
    CAST(sum(CASE WHEN placed.status = 'cancelled' THEN placed.total ELSE 0 END) AS DECIMAL(18, 4)) AS cancelled,
    CAST(sum(CASE WHEN placed.status = 'returned' THEN 1 ELSE 0 END) AS BIGINT) AS returned_orders,
    CAST(sum(CASE
        WHEN placed.status = 'returned' THEN placed.total
        WHEN placed.status = 'completed' THEN placed.refunded
        ELSE 0
    END) AS DECIMAL(18, 4)) AS returned,
    CAST(sum(placed.gross) AS DECIMAL(18, 4)) AS goods,
    CAST(sum(placed.discount - placed.points_used) AS DECIMAL(18, 4)) AS discount,
    CAST(sum(placed.points_used) AS DECIMAL(18, 4)) AS points,
    CAST(sum(placed.shipping) AS DECIMAL(18, 4)) AS shipping,
    CAST(sum(placed.fee) AS DECIMAL(18, 4)) AS fee,
    CAST(sum(placed.tax) AS DECIMAL(18, 4)) AS tax,
    CAST(sum(placed.gross - placed.discount + placed.shipping + placed.fee + placed.tax - placed.total) AS DECIMAL(18, 4))
        AS tax_inside,
    CAST(sum(CASE WHEN placed.status = 'completed' THEN placed.net ELSE 0 END) AS DECIMAL(18, 4)) AS net
FROM (
    SELECT
        CASE WHEN $by = 'shipped' THEN shipped_on ELSE shop_day(ordered_at) END AS day,
        source, currency, status, gross, discount, points_used, refunded, net, tax, shipping, fee,
        coalesce(total, gross - discount + tax + shipping + fee) AS total
    FROM orders
) AS placed
WHERE placed.day >= $from AND placed.day < $to
GROUP BY placed.day, placed.source, placed.currency
ORDER BY placed.day, placed.source, placed.currency
