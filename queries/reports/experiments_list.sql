-- Experiments
--
-- Every experiment with exposures: its arms, how many customers have met one, and since when.
--
-- column experiment        text    ja:"実験"  en:"Experiment"
-- column scenario          text    ja:"シナリオ"  en:"Scenario"
-- column arms              int     ja:"グループ数"  en:"Arms"
-- column customers         int     ja:"会員数"  en:"Customers"
-- column first_exposed_at  instant ja:"開始"  en:"First exposure"
-- column last_exposed_at   instant ja:"最新"  en:"Last exposure"
-- column days              int     ja:"経過日数"  en:"Days running"
SELECT
    experiment,
    max(scenario) AS scenario,
    count(DISTINCT arm) AS arms,
    count(DISTINCT customer_id) AS customers,
    min(occurred_at) AS first_exposed_at,
    max(occurred_at) AS last_exposed_at,
    days_between(shop_day(min(occurred_at)), $today) AS days
FROM exposures
GROUP BY experiment
ORDER BY experiment
