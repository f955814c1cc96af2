-- Session funnel
--
-- Sessions that viewed a product, then those that also filled a cart, started the checkout, and ordered: each step
-- counts only sessions that took all steps before it. A session ordered when it says so itself or when its customer
-- placed an order between its checkout and half an hour after its last event.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column step_no      int     ja:"順"  en:"No."
-- column step         text    ja:"段階"  en:"Step"
-- column step_ja      text    ja:"段階（日本語）"  en:"Step (Japanese)"
-- column step_en      text    ja:"段階（英語）"  en:"Step (English)"
-- column sessions     int     ja:"セッション数"  en:"Sessions"
-- column rate         rate    ja:"閲覧比"  en:"Of viewed"
-- column of_previous  rate    ja:"前段階比"  en:"Of the step before"
SELECT
    step.step_no, step.step, step.step_ja, step.step_en,
    CAST(CASE step.step_no WHEN 1 THEN viewed WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS BIGINT) AS sessions,
    CAST(CASE step.step_no WHEN 1 THEN viewed WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS DOUBLE)
        / nullif(viewed, 0) AS rate,
    CAST(CASE step.step_no WHEN 1 THEN NULL WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS DOUBLE)
        / nullif(CASE step.step_no WHEN 2 THEN viewed WHEN 3 THEN carted ELSE checked_out END, 0) AS of_previous
FROM (
    SELECT
        coalesce(sum(viewed), 0) AS viewed,
        coalesce(sum(viewed * carted), 0) AS carted,
        coalesce(sum(viewed * carted * checked_out), 0) AS checked_out,
        coalesce(sum(viewed * carted * checked_out * ordered), 0) AS ordered
    FROM (
        SELECT
            session.session_id, session.viewed, session.carted,
            CASE WHEN session.checkout_at IS NOT NULL THEN 1 ELSE 0 END AS checked_out,
            max(CASE WHEN session.ordered = 1 OR purchase.order_id IS NOT NULL THEN 1 ELSE 0 END) AS ordered
        FROM (
            SELECT
                state.session_id, coalesce(who.survivor_id, state.customer_id) AS customer_id, state.viewed, state.carted,
                state.checkout_at, state.ordered, state.first_at, state.last_at
            FROM session_states AS state
            LEFT JOIN survivors AS who ON who.customer_id = state.customer_id
        ) AS session
        LEFT JOIN orders AS purchase
            ON purchase.customer_id = session.customer_id
            AND purchase.ordered_at >= session.checkout_at
            AND purchase.ordered_at <= add_seconds(session.last_at, 1800)
        WHERE shop_day(session.first_at) >= $from AND shop_day(session.first_at) < $to
        GROUP BY session.session_id, session.viewed, session.carted, session.checkout_at
    ) AS walked
) AS total
CROSS JOIN (
    VALUES
        (1, 'viewed', '商品閲覧', 'Viewed'),
        (2, 'cart', 'カート', 'Cart'),
        (3, 'checkout', '購入手続き', 'Checkout'),
        (4, 'order', '注文', 'Order')
) AS step (step_no, step, step_ja, step_en)
WHERE total.viewed > 0
ORDER BY step.step_no
