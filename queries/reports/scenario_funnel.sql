-- Scenario funnel
--
-- Customers of a scenario, those messaged beside those held out: entered, first send (for the held out the moment at
-- which it would have been sent), clicked by a person, and bought within `within_seconds` of the first send. `rate` is
-- the share of those who entered, `of_sent` the share of those with a first send. `customers` and `rate` count who
-- bought so far; the `of_sent` of that step is of those alone whose time is over, above and below the line. Compare the
-- arms by `of_sent`, and judge the difference by the read-out, not by this table. `arm` (treated or holdout) shows one
-- of them.
--
-- param scenario       text
-- param within_seconds int = 432000
-- param arm text = ""
-- column step_no    int     ja:"順"  en:"No."
-- column step       text    ja:"段階"  en:"Step"
-- column step_ja    text    ja:"段階（日本語）"  en:"Step (Japanese)"
-- column step_en    text    ja:"段階（英語）"  en:"Step (English)"
-- column arm        text    ja:"グループ"  en:"Arm"
-- column arm_ja     text    ja:"グループ（日本語）"  en:"Arm (Japanese)"
-- column arm_en     text    ja:"グループ（英語）"  en:"Arm (English)"
-- column customers  int     ja:"会員数"  en:"Customers"
-- column rate       rate    ja:"エントリー比"  en:"Of entered"
-- column of_sent    rate    ja:"配信比"  en:"Of first sends"
SELECT
    step.step_no, step.step, step.step_ja, step.step_en, counted.arm,
    CASE counted.arm WHEN 'holdout' THEN 'ホールドアウト' ELSE '配信対象' END AS arm_ja,
    CASE counted.arm WHEN 'holdout' THEN 'Held out' ELSE 'Treated' END AS arm_en,
    CAST(CASE step.step WHEN 'entered' THEN entered WHEN 'sent' THEN sent WHEN 'clicked' THEN clicked ELSE converted END AS BIGINT)
        AS customers,
    CAST(CASE step.step WHEN 'entered' THEN entered WHEN 'sent' THEN sent WHEN 'clicked' THEN clicked ELSE converted END AS DOUBLE)
        / entered AS rate,
    CASE step.step
        WHEN 'entered' THEN NULL
        WHEN 'sent' THEN CAST(sent AS DOUBLE) / nullif(sent, 0)
        WHEN 'clicked' THEN CAST(clicked AS DOUBLE) / nullif(sent, 0)
        ELSE CAST(observed_converted AS DOUBLE) / nullif(observed, 0)
    END AS of_sent
FROM (
    SELECT
        arm, count(*) AS entered,
        sum(CASE WHEN exposed_at IS NOT NULL THEN 1 ELSE 0 END) AS sent,
        sum(clicked) AS clicked,
        sum(converted) AS converted,
        sum(observed) AS observed,
        sum(observed * converted) AS observed_converted
    FROM (
        SELECT
            entered.customer_id, entered.arm, exposed.exposed_at,
            CASE WHEN exposed.exposed_at <= add_seconds($as_of, 0 - $within_seconds) THEN 1 ELSE 0 END AS observed,
            CASE WHEN exposed.exposed_at IS NOT NULL THEN coalesce(click.clicked, 0) ELSE 0 END AS clicked,
            max(CASE WHEN purchase.order_id IS NOT NULL THEN 1 ELSE 0 END) AS converted
        FROM (
            SELECT customer_id, max(CASE WHEN held_out THEN 'holdout' ELSE 'treated' END) AS arm
            FROM entries
            WHERE scenario = $scenario
            GROUP BY customer_id
        ) AS entered
        LEFT JOIN (
            SELECT customer_id, min(due_at) AS exposed_at
            FROM sends
            WHERE scenario = $scenario AND state IN ('ghost', 'handed', 'accepted', 'ambiguous', 'parked')
            GROUP BY customer_id
        ) AS exposed ON exposed.customer_id = entered.customer_id
        LEFT JOIN (
            SELECT receipt.customer_id, 1 AS clicked
            FROM receipts AS receipt
            JOIN sends AS send ON send.send_id = receipt.send_id
            WHERE send.scenario = $scenario AND receipt.kind = 'clicked' AND receipt.human
            GROUP BY receipt.customer_id
        ) AS click ON click.customer_id = entered.customer_id
        LEFT JOIN purchases AS purchase
            ON purchase.customer_id = entered.customer_id
            AND purchase.ordered_at > exposed.exposed_at
            AND purchase.ordered_at <= add_seconds(exposed.exposed_at, $within_seconds)
        GROUP BY entered.customer_id, entered.arm, exposed.exposed_at, click.clicked
    ) AS customer
    GROUP BY arm
) AS counted
CROSS JOIN (
    VALUES
        (1, 'entered', 'エントリー', 'Entered'),
        (2, 'sent', '初回配信', 'First send'),
        (3, 'clicked', 'クリック', 'Clicked'),
        (4, 'converted', '購入', 'Bought')
) AS step (step_no, step, step_ja, step_en)
WHERE NOT (step.step = 'clicked' AND counted.arm = 'holdout') -- Nobody can click what was not sent.
  AND ($arm = '' OR counted.arm = $arm)
ORDER BY step.step_no, counted.arm DESC
