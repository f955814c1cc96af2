-- Credit by day
--
-- What the chosen model credits each channel with, by the day it is booked: orders on their day, refunds and
-- cancellations as negative amounts on theirs.
--
-- param model text = "last"
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- column day      date    ja:"計上日"  en:"Booked on"
-- column channel  text    ja:"チャネル"  en:"Channel"
-- column orders   int     ja:"件数"  en:"Orders"
-- column gross    money   ja:"貢献総売上"  en:"Gross credited"
-- column net      money   ja:"貢献純売上"  en:"Net credited"
SELECT
    booked_on AS day, channel,
    count(DISTINCT CASE WHEN gross > 0 THEN order_id END) AS orders,
    CAST(sum(gross) AS DECIMAL(18, 4)) AS gross,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net
FROM current_credits
WHERE model = $model AND booked_on >= $from AND booked_on < $to
GROUP BY booked_on, channel
ORDER BY booked_on, channel
