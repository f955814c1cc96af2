-- Buyers as if they had met a test
--
-- Everybody who had bought in the year before `$at`, as if they had met a test then in which every arm is the same, and been followed for
-- `within_seconds`: what an A/A test on the past is made of.
--
-- param at             instant
-- param within_seconds int
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column exposed_at   instant ja:"接触日時"  en:"Exposed at"
-- column until        instant ja:"計測終了"  en:"Until"
-- column mature       bool    ja:"観測済み"  en:"Window over"
SELECT
    customer_id, CAST('all' AS VARCHAR) AS arm,
    $at AS exposed_at,
    add_seconds($at, $within_seconds) AS until,
    add_seconds($at, $within_seconds) <= $as_of AS mature
FROM (
    SELECT customer_id
    FROM purchases
    WHERE customer_id IS NOT NULL AND ordered_at <= $at AND ordered_at > add_seconds($at, -31536000)
    GROUP BY customer_id
) AS buyer
