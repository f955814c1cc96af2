-- Coupons by scenario
-- ja シナリオ別のクーポン
--
-- What became of the codes of their own that the messages of each scenario told: used by whoever was told it while it was good, used by them
-- too late, and used by somebody else (`coupon_leak`, which earns the scenario nothing). Codes by the day they were issued, uses by the day of
-- the order, as of the last night. `use_rate` is of the codes issued in these days: the share that their owner has used in time, once or more
-- often, on whatever day until now. It may still rise while codes are good.
-- ja 1通ごとに発行したコードのうち、本人が期限内に使った注文、期限後に使った注文、他人が使った注文（貢献には数えません）の件数です。コードは発行日、利用は注文日で数えます。利用率は、期間内に発行したコードのうち、本人が期限内に1回以上使ったもの（利用日は問わず、前夜まで）の割合です。有効期限が残るコードがあるうちは、まだ上がります。
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column scenario     text  ja:"シナリオ"  en:"Scenario"
-- column issued       int   ja:"発行数"  en:"Codes issued"
-- column used         int   ja:"本人の利用"  en:"Used by their owner"
-- column use_rate     rate  ja:"利用率"  en:"Of issued"
-- column late         int   ja:"期限後の利用"  en:"Used too late"
-- column coupon_leak  int   ja:"他人の利用"  en:"Used by others"
SELECT
    scenario,
    CAST(sum(issued) AS BIGINT) AS issued,
    CAST(sum(used) AS BIGINT) AS used,
    CAST(sum(codes_used) AS DOUBLE) / nullif(sum(issued), 0) AS use_rate,
    CAST(sum(late) AS BIGINT) AS late,
    CAST(sum(coupon_leak) AS BIGINT) AS coupon_leak
FROM (
    SELECT
        coupon.scenario, count(*) AS issued, sum(CASE WHEN own.send_id IS NOT NULL THEN 1 ELSE 0 END) AS codes_used,
        0 AS used, 0 AS late, 0 AS coupon_leak
    FROM coupons AS coupon
    LEFT JOIN sends AS send ON send.send_id = coupon.send_id
    LEFT JOIN (SELECT DISTINCT send_id FROM coupon_uses WHERE by_owner AND in_time) AS own ON own.send_id = coupon.send_id
    WHERE shop_day(coupon.issued_at) >= $from AND shop_day(coupon.issued_at) < $to
      AND coalesce(send.state, '') NOT IN ('failed', 'stopped')
    GROUP BY coupon.scenario
    UNION ALL
    SELECT
        scenario, 0 AS issued, 0 AS codes_used,
        sum(CASE WHEN by_owner AND in_time THEN 1 ELSE 0 END) AS used,
        sum(CASE WHEN by_owner AND NOT in_time THEN 1 ELSE 0 END) AS late,
        sum(CASE WHEN by_owner THEN 0 ELSE 1 END) AS coupon_leak
    FROM coupon_uses
    WHERE shop_day(ordered_at) >= $from AND shop_day(ordered_at) < $to
    GROUP BY scenario
) AS part
GROUP BY scenario
ORDER BY scenario
