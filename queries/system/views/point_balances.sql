-- Point balances
--
-- The points each customer has: the balance last stated, and the changes since. Where none was ever stated, all changes.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column balance      int     ja:"残高"  en:"Balance"
SELECT
    this.customer_id,
    CAST(coalesce(max(stated.balance), 0) + sum(
        CASE WHEN stated.occurred_at IS NULL OR this.occurred_at > stated.occurred_at THEN coalesce(this.change, 0) ELSE 0 END
    ) AS BIGINT) AS balance
FROM points AS this
LEFT JOIN (
    SELECT
        customer_id, max(occurred_at) AS occurred_at,
        last_value(balance ORDER BY occurred_at, known_at, change_id) AS balance
    FROM points
    WHERE balance IS NOT NULL
    GROUP BY customer_id
) AS stated ON stated.customer_id = this.customer_id
WHERE this.customer_id IS NOT NULL
GROUP BY this.customer_id
