-- Exposed to a test of a site
--
-- Who met an arm of a test, once per person, in the arm met first: a visitor counts as the customer they turned out to be. Units that
-- met several arms are left out (`system/exposed_twice` counts them). The window ends `within_seconds` later.
--
-- param experiment     text
-- param since          instant
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
        customer_id, min(arm) AS arm, min(occurred_at) AS exposed_at, count(DISTINCT arm) AS arms
    FROM (
        SELECT
            coalesce(survivor.survivor_id, visitor.customer_id, this.customer_id, this.unit) AS customer_id,
            this.arm, this.occurred_at
        FROM exposures_history AS this
        LEFT JOIN (
            SELECT from_id AS visitor_id, first_value(survivor_id ORDER BY occurred_at DESC, position DESC) AS customer_id
            FROM identities_history
            WHERE kind = 'visitor' AND linked
            GROUP BY from_id
        ) AS visitor ON visitor.visitor_id = this.unit AND this.customer_id IS NULL
        LEFT JOIN survivors AS survivor ON survivor.customer_id = coalesce(this.customer_id, visitor.customer_id)
        WHERE this.experiment = $experiment AND this.occurred_at >= $since
    ) AS met
    GROUP BY customer_id
) AS unit
WHERE arms = 1
