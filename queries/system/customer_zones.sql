-- Time zones of customers
--
-- The zone that was last stated of each customer: `timezone` among the attributes of a profile, an IANA name. Most have none.
--
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column timezone     text  ja:"タイムゾーン"  en:"Time zone"
SELECT
    this.customer_id,
    last_value(json_text(this.attributes, 'timezone') ORDER BY this.occurred_at, this.position) AS timezone
FROM customers_history AS this
WHERE strpos(this.attributes, '"timezone"') > 0 AND json_text(this.attributes, 'timezone') IS NOT NULL
GROUP BY this.customer_id
ORDER BY this.customer_id
