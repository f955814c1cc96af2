-- Ad spend
--
-- Advertising cost by day and medium, as last stated.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column spend_id     text    ja:"ID"  en:"Row"
-- column revision_id  text    ja:"版"  en:"Revision"
-- column source       text    ja:"取込元"  en:"Source"
-- column spent_on     date    ja:"日付"  en:"Day"
-- column medium       text    ja:"媒体"  en:"Medium"
-- column campaign     text    ja:"キャンペーン"  en:"Campaign"
-- column cost         money   ja:"費用"  en:"Cost"
-- column impressions  int     ja:"表示回数"  en:"Impressions"
-- column clicks       int     ja:"クリック数"  en:"Clicks"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.spend_id, this.revision_id, this.source,
    this.spent_on, this.medium, this.campaign, this.cost, this.impressions, this.clicks
FROM ad_spend_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM ad_spend_history AS later
    WHERE later.source = this.source AND later.spend_id = this.spend_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
