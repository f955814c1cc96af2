-- Links between customers
--
-- Every word on whose earlier self a customer is. `fresh` says that it was not seen when values were kept.
--
-- param position int
-- param kept_at  instant
-- column from_id      text    ja:"統合前の会員ID"  en:"Merged customer"
-- column survivor_id  text    ja:"統合先"  en:"Survivor"
-- column linked       bool    ja:"有効"  en:"Linked"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column position     int     ja:"位置"  en:"Position"
-- column fresh        bool    ja:"新着"  en:"Fresh"
SELECT
    from_id, survivor_id, linked, occurred_at, position,
    position > $position OR occurred_at > $kept_at OR known_at > $kept_at AS fresh
FROM identities_history
WHERE kind = 'customer'
