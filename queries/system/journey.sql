-- The Complete Journey in a line
--
-- What the real shop beside the demo holds.
--
-- column households   int   ja:"世帯数"         en:"Households"
-- column baskets      int   ja:"買い物回数"     en:"Baskets"
-- column net_revenue  money ja:"純売上"         en:"Net revenue"
-- column sends        int   ja:"配信数"         en:"Sends"
-- column coupons_used int   ja:"クーポン使用数" en:"Coupons used"
SELECT
    (SELECT count(DISTINCT customer_id) FROM orders) AS households,
    (SELECT count(*) FROM orders) AS baskets,
    (SELECT CAST(coalesce(sum(net), 0) AS DECIMAL(18, 4)) FROM orders) AS net_revenue,
    (SELECT count(*) FROM sends) AS sends,
    (SELECT count(*) FROM events WHERE name = 'coupon_redeemed') AS coupons_used
