-- Exposed by day
--
-- How many of `exposed` met each arm on each shop day.
--
-- column day      date ja:"日付"  en:"Day"
-- column arm      text ja:"グループ"  en:"Arm"
-- column exposed  int  ja:"人数"  en:"Exposed"
-- column matured  int  ja:"観測済み人数"  en:"Window over"
SELECT
    shop_day(exposed_at) AS day, arm, count(*) AS exposed,
    CAST(sum(CASE WHEN mature THEN 1 ELSE 0 END) AS BIGINT) AS matured
FROM exposed
GROUP BY shop_day(exposed_at), arm
ORDER BY day, arm
