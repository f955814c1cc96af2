-- Identities
--
-- Links between the ids of one person that hold, by the last word on each pair. `survivor_id` is whom both histories belong to.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column kind         text    ja:"種類"  en:"Kind"
-- column from_id      text    ja:"元のID"  en:"From"
-- column survivor_id  text    ja:"統合先"  en:"Survivor"
-- column rule         text    ja:"根拠"  en:"Rule"
-- column linked       bool    ja:"有効"  en:"Linked"
-- column source       text    ja:"取込元"  en:"Source"
-- column evidence     text    ja:"証跡"  en:"Evidence"
-- column changed_at   instant ja:"変更日時"  en:"Changed at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.kind, this.from_id, this.survivor_id, this.rule,
    this.linked, this.source, this.evidence, this.changed_at
FROM identities_history AS this
WHERE this.linked AND NOT EXISTS (
    SELECT 1
    FROM identities_history AS later
    WHERE later.kind = this.kind AND later.from_id = this.from_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
