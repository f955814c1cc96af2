-- Exposures
--
-- That a unit met its arm of an experiment.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column experiment   text    ja:"実験"  en:"Experiment"
-- column version      text    ja:"版"  en:"Version"
-- column unit         text    ja:"割付単位"  en:"Unit"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column step         text    ja:"ステップ"  en:"Step"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column source       text    ja:"取得元"  en:"Source"
SELECT
    occurred_at, known_at, ingested_at, experiment, version, unit,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, arm, scenario, step, send_id, source
FROM exposures_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
