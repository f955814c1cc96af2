-- Months, counted back
--
-- The calendar months of the last fifty years: `back` is 0 for the one that is not over, 1 for the last complete one, and so on.
--
-- column back        int   ja:"何か月前"  en:"Months back"
-- column month       date  ja:"月"  en:"Month"
-- column next_month  date  ja:"翌月"  en:"Next month"
SELECT
    back,
    make_date(1970 + (since - back) / 12, (since - back) % 12 + 1, 1) AS month,
    make_date(1970 + (since - back + 1) / 12, (since - back + 1) % 12 + 1, 1) AS next_month
FROM (
    SELECT series.back, months_between(CAST('1970-01-01' AS DATE), $today) AS since
    FROM generate_series(0, 599) AS series (back)
) AS counted
WHERE since - back >= 0
