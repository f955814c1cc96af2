-- Segments as last saved and exported
--
-- The size of each segment on the last night that was saved, who came and went since the night before, and when it was last exported.
--
-- column segment      text     ja:"セグメント"    en:"Segment"
-- column as_of        instant  ja:"時点"          en:"As of"
-- column members      int      ja:"人数"          en:"Members"
-- column entered      int      ja:"追加"          en:"Entered"
-- column left         int      ja:"除外"          en:"Left"
-- column nights       int      ja:"保存した夜"    en:"Nights saved"
-- column exported_at  instant  ja:"最終出力"      en:"Last export"
SELECT
    coalesce(night.segment, export.segment) AS segment, night.as_of, night.members, night.entered, night."left", night.nights,
    export.as_of AS exported_at
FROM (
    SELECT segment, as_of, members, entered, "left", age, count(*) OVER (PARTITION BY segment) AS nights FROM segment_nights
) AS night
FULL OUTER JOIN (SELECT segment, as_of FROM audience_runs WHERE age = 1) AS export ON export.segment = night.segment
WHERE night.age = 1 OR night.age IS NULL
ORDER BY 1
