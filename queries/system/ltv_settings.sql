-- How the model of repeat buying is fitted
--
-- What the shop states under [definitions], and the last fit. `ltv_model` is mbg_nbd or bg_nbd, which takes everybody who bought once for
-- alive.
--
-- param ltv_model        text = "mbg_nbd"
-- param ltv_holdout_days int  = 90
-- column kind          text  ja:"モデル"  en:"Model"
-- column holdout_days  int   ja:"検証期間（日）"  en:"Holdout days"
-- column first_from    date  ja:"初回購入を確実とみなす開始日"  en:"First orders are sure from"
-- column fitted_on     date  ja:"前回の推定日"  en:"Last fitted on"
SELECT
    $ltv_model AS kind, $ltv_holdout_days AS holdout_days,
    (SELECT first_from FROM history_start) AS first_from,
    (SELECT max(fitted_on) FROM ltv_models_history) AS fitted_on
