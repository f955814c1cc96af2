-- Contaminated people
--
-- How many people each experiment's read-out leaves out, because they were merged after they had met different arms of it.
--
-- column experiment  text ja:"実験"  en:"Experiment"
-- column people      int  ja:"人数"  en:"People"
SELECT experiment, count(*) AS people
FROM contaminated
GROUP BY experiment
ORDER BY experiment
