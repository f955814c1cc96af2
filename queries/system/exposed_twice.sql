-- Exposed to several arms
--
-- How many people met several arms of a test, after visitors are known to be the customers they turned out to be.
--
-- param experiment text
-- param since      instant
-- column people  int  ja:"人数"  en:"People"
SELECT count(*) AS people
FROM (
    SELECT coalesce(survivor.survivor_id, visitor.customer_id, this.customer_id, this.unit) AS customer_id
    FROM exposures_history AS this
    LEFT JOIN (
        SELECT from_id AS visitor_id, first_value(survivor_id ORDER BY occurred_at DESC, position DESC) AS customer_id
        FROM identities_history
        WHERE kind = 'visitor' AND linked
        GROUP BY from_id
    ) AS visitor ON visitor.visitor_id = this.unit AND this.customer_id IS NULL
    LEFT JOIN survivors AS survivor ON survivor.customer_id = coalesce(this.customer_id, visitor.customer_id)
    WHERE this.experiment = $experiment AND this.occurred_at >= $since
    GROUP BY coalesce(survivor.survivor_id, visitor.customer_id, this.customer_id, this.unit)
    HAVING count(DISTINCT this.arm) > 1
) AS unit
