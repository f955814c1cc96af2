-- Exposed to an experiment
--
-- Who met an arm of an experiment, once per customer, in the arm met first. People who were merged after they had met
-- different arms are left out (`reports/contaminated` counts them). The window ends `within_seconds` later.
--
-- param experiment     text
-- param within_seconds int
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column exposed_at   instant ja:"接触日時"  en:"Exposed at"
-- column until        instant ja:"計測終了"  en:"Until"
-- column mature       bool    ja:"観測済み"  en:"Window over"
SELECT
    customer_id, arm, exposed_at,
    add_seconds(exposed_at, $within_seconds) AS until,
    add_seconds(exposed_at, $within_seconds) <= $as_of AS mature
FROM (
    SELECT
        coalesce(who.survivor_id, this.customer_id) AS customer_id,
        first_value(this.arm ORDER BY this.occurred_at, this.position) AS arm,
        min(this.occurred_at) AS exposed_at
    FROM exposures_history AS this
    LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
    WHERE this.experiment = $experiment
    GROUP BY coalesce(who.survivor_id, this.customer_id)
) AS met
WHERE NOT EXISTS (
    SELECT 1
    FROM contaminated AS other
    WHERE other.experiment = $experiment AND other.customer_id = met.customer_id)
ORDER BY customer_id
