-- The model of repeat buying
--
-- One row: the newest fit (`tsubame predict`, and by itself every four weeks). No row before the first. Times are in weeks. Where something
-- could not be computed it is empty, and the reason stands beside it.
--
-- column fitted_on date ja:"推定日" en:"Fitted on"
-- column kind text ja:"モデル" en:"Model"
-- column customers int ja:"対象会員数" en:"Customers"
-- column repeaters int ja:"リピーター数" en:"Repeaters"
-- column r float ja:"r" en:"r"
-- column alpha float ja:"alpha" en:"alpha"
-- column a float ja:"a" en:"a"
-- column b float ja:"b" en:"b"
-- column log_likelihood float ja:"対数尤度" en:"Log-likelihood"
-- column slope float ja:"残った勾配" en:"Slope left"
-- column no_dropout bool ja:"離脱が見えない" en:"No drop-out visible"
-- column problem text ja:"推定できない理由" en:"Why not computable"
-- column p float ja:"p" en:"p"
-- column q float ja:"q" en:"q"
-- column v float ja:"v" en:"v"
-- column value_customers int ja:"単価の対象会員数" en:"Customers of values"
-- column value_log_likelihood float ja:"単価の対数尤度" en:"Log-likelihood of values"
-- column correlation float ja:"頻度と単価の相関" en:"Correlation"
-- column value_problem text ja:"単価を推定できない理由" en:"Why values are not computable"
-- column holdout_days int ja:"検証期間（日）" en:"Holdout days"
-- column holdout_r float ja:"検証のr" en:"Holdout r"
-- column holdout_alpha float ja:"検証のalpha" en:"Holdout alpha"
-- column holdout_a float ja:"検証のa" en:"Holdout a"
-- column holdout_b float ja:"検証のb" en:"Holdout b"
-- column holdout_customers int ja:"検証の会員数" en:"Holdout customers"
-- column holdout_expected float ja:"検証期間の予測" en:"Expected in the holdout"
-- column holdout_actual int ja:"検証期間の実績" en:"Actual in the holdout"
-- column holdout_problem text ja:"検証できない理由" en:"Why no holdout"
SELECT
    fitted_on, kind, customers, repeaters, r, alpha, a, b, log_likelihood, slope, no_dropout, problem, p, q,
    v, value_customers, value_log_likelihood, correlation, value_problem, holdout_days, holdout_r,
    holdout_alpha, holdout_a, holdout_b, holdout_customers, holdout_expected, holdout_actual, holdout_problem
FROM ltv_models_history
ORDER BY occurred_at DESC, position DESC
LIMIT 1
