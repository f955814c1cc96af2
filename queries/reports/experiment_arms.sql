-- Arms of an experiment
--
-- Each customer counts in the first arm met; people who were merged after they had met several are left out. Purchases,
-- conversion rate and revenue are those within `within_seconds` after the exposure, over the customers whose window is
-- over (`matured`). Clicks and farewells (unsubscribed, blocked, complained) are answers to the message of the
-- exposure. A higher rate alone makes no winner: see the read-out.
--
-- param experiment     text
-- param within_seconds int = 432000
-- column arm               text    ja:"グループ"  en:"Arm"
-- column exposed           int     ja:"対象者数"  en:"Exposed"
-- column matured           int     ja:"観測済み人数"  en:"Window over"
-- column clicked           int     ja:"クリック人数"  en:"Clicked"
-- column left_us           int     ja:"解除・ブロック人数"  en:"Unsubscribed or blocked"
-- column conversions       int     ja:"購入者数"  en:"Converted"
-- column rate              rate    ja:"購入率"  en:"Conversion"
-- column net_revenue       money   ja:"純売上"  en:"Net revenue"
-- column net_per_customer  money   ja:"1人あたり純売上"  en:"Net per customer"
SELECT
    arm,
    count(*) AS exposed,
    CAST(sum(matured) AS BIGINT) AS matured,
    CAST(sum(clicked) AS BIGINT) AS clicked,
    CAST(sum(left_us) AS BIGINT) AS left_us,
    CAST(sum(matured * converted) AS BIGINT) AS conversions,
    CAST(sum(matured * converted) AS DOUBLE) / nullif(sum(matured), 0) AS rate,
    CAST(sum(CASE WHEN matured = 1 THEN net ELSE 0 END) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(CAST(sum(CASE WHEN matured = 1 THEN net ELSE 0 END) AS DOUBLE) / nullif(sum(matured), 0) AS DECIMAL(18, 4))
        AS net_per_customer
FROM (
    SELECT
        unit.customer_id, unit.arm,
        CASE WHEN add_seconds(unit.occurred_at, $within_seconds) <= $as_of THEN 1 ELSE 0 END AS matured,
        coalesce(answer.clicked, 0) AS clicked,
        coalesce(answer.left_us, 0) AS left_us,
        max(CASE WHEN purchase.order_id IS NOT NULL THEN 1 ELSE 0 END) AS converted,
        coalesce(sum(purchase.net), 0) AS net
    FROM (
        SELECT
            coalesce(who.survivor_id, this.customer_id) AS customer_id,
            first_value(this.arm ORDER BY this.occurred_at, this.position) AS arm,
            min(this.occurred_at) AS occurred_at,
            first_value(this.send_id ORDER BY this.occurred_at, this.position) AS send_id
        FROM exposures_history AS this
        LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
        WHERE this.experiment = $experiment
          AND NOT EXISTS (
            SELECT 1
            FROM contaminated AS other
            JOIN people AS one ON one.survivor_id = other.customer_id
            WHERE other.experiment = $experiment AND one.customer_id = this.customer_id)
        GROUP BY coalesce(who.survivor_id, this.customer_id)
    ) AS unit
    LEFT JOIN (
        SELECT
            send_id,
            max(CASE WHEN kind = 'clicked' AND human THEN 1 ELSE 0 END) AS clicked,
            max(CASE WHEN kind IN ('unsubscribed', 'blocked', 'complained') THEN 1 ELSE 0 END) AS left_us
        FROM receipts
        GROUP BY send_id
    ) AS answer ON answer.send_id = unit.send_id
    LEFT JOIN purchases AS purchase
        ON purchase.customer_id = unit.customer_id
        AND purchase.ordered_at > unit.occurred_at
        AND purchase.ordered_at <= add_seconds(unit.occurred_at, $within_seconds)
    GROUP BY unit.customer_id, unit.arm, unit.occurred_at, answer.clicked, answer.left_us
) AS customer
GROUP BY arm
ORDER BY arm
