-- Survivors
--
-- Customers who are somebody else's earlier self, and who that is, by the last word on each. Every other view says the
-- survivor's id in their place.
--
-- column customer_id  text    ja:"統合前の会員ID"  en:"Merged customer"
-- column survivor_id  text    ja:"統合先"  en:"Survivor"
-- column rule         text    ja:"根拠"  en:"Rule"
-- column merged_at    instant ja:"統合日時"  en:"Merged at"
SELECT this.from_id AS customer_id, this.survivor_id, this.rule, this.occurred_at AS merged_at
FROM identities_history AS this
WHERE this.kind = 'customer' AND this.linked AND NOT EXISTS (
    SELECT 1
    FROM identities_history AS later
    WHERE later.kind = 'customer' AND later.from_id = this.from_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
