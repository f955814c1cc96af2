-- Rank about to fall
-- ja 会員ランクが下がりそうな会員
--
-- Customers whose rank (by net revenue of the last `days` days: `silver`, `gold`, `platinum` and more) will be lower in `ahead` days if they buy
-- nothing, because old purchases drop out of the count. `needed` is what they would have to spend by then to keep it.
-- ja 直近 `days` 日の購入金額で決まるランクが、このまま購入がないと `ahead` 日後に下がる会員です。維持に必要な金額が付きます。
--
-- param days     int   = 365
-- param ahead    int   = 30
-- param silver   money = 10000
-- param gold     money = 30000
-- param platinum money = 100000
-- column customer_id  text   ja:"会員ID"  en:"Customer"
-- column rank         text   ja:"現在のランク"  en:"Rank now"
-- column falls_to     text   ja:"下がった後のランク"  en:"Rank then"
-- column spent        money  ja:"現在の対象金額"  en:"Spent that counts now"
-- column remaining    money  ja:"その時点で残る金額"  en:"Of which counts then"
-- column needed       money  ja:"維持に必要な金額"  en:"Needed to keep it"
SELECT
    customer_id,
    CASE WHEN spent >= $platinum THEN 'platinum' WHEN spent >= $gold THEN 'gold' ELSE 'silver' END AS rank,
    CASE WHEN remaining >= $gold THEN 'gold' WHEN remaining >= $silver THEN 'silver' ELSE 'regular' END AS falls_to,
    CAST(spent AS DECIMAL(18, 4)) AS spent,
    CAST(remaining AS DECIMAL(18, 4)) AS remaining,
    CAST(CASE WHEN spent >= $platinum THEN $platinum WHEN spent >= $gold THEN $gold ELSE $silver END - remaining AS DECIMAL(18, 4)) AS needed
FROM (
    SELECT
        customer_id, sum(net) AS spent,
        sum(CASE WHEN ordered_on > add_days($today, $ahead - $days) THEN net ELSE 0 END) AS remaining
    FROM purchases
    WHERE customer_id IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
    GROUP BY customer_id
) AS counted
WHERE (spent >= $platinum AND remaining < $platinum)
   OR (spent >= $gold AND remaining < $gold)
   OR (spent >= $silver AND remaining < $silver)
ORDER BY customer_id
