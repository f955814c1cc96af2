-- Units of experiments
--
-- How many units have met an arm of each experiment, whether they are known as customers or not.
--
-- column experiment  text ja:"実験"  en:"Experiment"
-- column units       int  ja:"単位数"  en:"Units"
SELECT experiment, count(DISTINCT coalesce(unit, customer_id)) AS units
FROM exposures
GROUP BY experiment
ORDER BY experiment
