-- Exposed to an experiment
--
-- Who met an arm of an experiment, once per customer, in the arm met first. The window ends `within_seconds` later.
--
-- param experiment     text
-- param within_seconds int
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column exposed_at   instant ja:"接触日時"  en:"Exposed at"
-- column until        instant ja:"計測終了"  en:"Until"
-- column mature       bool    ja:"観測済み"  en:"Window over"
SELECT
    this.customer_id, this.arm, this.occurred_at AS exposed_at,
    add_seconds(this.occurred_at, $within_seconds) AS until,
    add_seconds(this.occurred_at, $within_seconds) <= $as_of AS mature
FROM exposures_history AS this
WHERE this.experiment = $experiment
  AND NOT EXISTS (
    SELECT 1
    FROM exposures_history AS earlier
    WHERE earlier.experiment = this.experiment AND earlier.customer_id = this.customer_id
      AND (earlier.occurred_at < this.occurred_at
        OR (earlier.occurred_at = this.occurred_at AND earlier.position < this.position)))
ORDER BY this.customer_id
