-- Contaminated
--
-- People who were merged after they had met different arms of one experiment. The arm met first is theirs from then on, and
-- read-outs leave them out.
--
-- column experiment   text    ja:"実験"  en:"Experiment"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arms         int     ja:"群の数"  en:"Arms"
SELECT exposure.experiment, who.survivor_id AS customer_id, count(DISTINCT exposure.arm) AS arms
FROM exposures_history AS exposure
JOIN people AS who ON who.customer_id = exposure.customer_id
GROUP BY exposure.experiment, who.survivor_id
HAVING count(DISTINCT exposure.arm) > 1
