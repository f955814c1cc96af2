-- The time before a test
--
-- `exposed`, as if everybody had met the test `lookback_seconds` earlier and been followed until they did meet it: what a metric asks
-- of it is its own past.
--
-- param lookback_seconds int
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column exposed_at   instant ja:"接触日時"  en:"Exposed at"
-- column until        instant ja:"計測終了"  en:"Until"
-- column mature       bool    ja:"観測済み"  en:"Window over"
SELECT
    customer_id, arm,
    add_seconds(exposed_at, -$lookback_seconds) AS exposed_at,
    exposed_at AS until,
    mature
FROM exposed
