-- The model of repeat buying, and how well it foretold
--
-- The newest fit. Rates of buying are Gamma(r, alpha) in weeks, chances to drop out Beta(a, b), values of a purchase Gamma-Gamma(p, q, v).
-- Holdout: the same model fitted without the last days, and the purchase days it expected of them beside those that came. `note` says what
-- could not be computed and why, or what speaks against believing it: a fit with a slope left, a drop-out that is not visible, values
-- that depend on frequency (a correlation above 0.3), a forecast more than a fifth off.
--
-- column figure     text   ja:"項目コード"  en:"Figure code"
-- column figure_ja  text   ja:"項目"  en:"Figure (Japanese)"
-- column figure_en  text   ja:"項目（英語）"  en:"Figure"
-- column value      float  ja:"値"  en:"Value"
-- column note       text   ja:"注記コード"  en:"Note code"
-- column note_ja    text   ja:"注記"  en:"Note (Japanese)"
-- column note_en    text   ja:"注記（英語）"  en:"Note"
SELECT
    figure, figure_ja, figure_en, value, note,
    CASE note
        WHEN 'slope' THEN '推定が収束していません' WHEN 'no_dropout' THEN '離脱が見えないため、継続確率は使えません'
        WHEN 'correlated' THEN '購入頻度と単価に相関があり、単価の予測は割り引いて見てください' WHEN 'off' THEN '予測と実績が2割以上ずれています'
        ELSE CASE
            WHEN starts_with(note, 'it needs at least') THEN '推定できません（対象者が少なすぎます）'
            WHEN starts_with(note, 'nothing happened') THEN '推定できません（再購入した人がいません）'
            WHEN note IS NOT NULL THEN concat('推定できません（', note, '）')
        END
    END AS note_ja,
    CASE note
        WHEN 'slope' THEN 'the fit has not converged' WHEN 'no_dropout' THEN 'no drop-out is visible: do not use P(alive)'
        WHEN 'correlated' THEN 'how much depends on how often: take predicted values with care' WHEN 'off' THEN 'the forecast is more than a fifth off'
        ELSE CASE WHEN note IS NOT NULL THEN concat('not computable: ', note) END
    END AS note_en
FROM (
    SELECT
        word.place, word.figure, word.figure_ja, word.figure_en,
        CASE word.figure
            WHEN 'customers' THEN CAST(model.customers AS DOUBLE) WHEN 'repeaters' THEN CAST(model.repeaters AS DOUBLE)
            WHEN 'r' THEN model.r WHEN 'alpha' THEN model.alpha WHEN 'a' THEN model.a WHEN 'b' THEN model.b
            WHEN 'log_likelihood' THEN model.log_likelihood
            WHEN 'p' THEN model.p WHEN 'q' THEN model.q WHEN 'v' THEN model.v
            WHEN 'value_customers' THEN CAST(model.value_customers AS DOUBLE)
            WHEN 'value_log_likelihood' THEN model.value_log_likelihood WHEN 'correlation' THEN model.correlation
            WHEN 'holdout_days' THEN CAST(model.holdout_days AS DOUBLE) WHEN 'holdout_expected' THEN model.holdout_expected
            WHEN 'holdout_actual' THEN CAST(model.holdout_actual AS DOUBLE)
            WHEN 'holdout_ratio' THEN model.holdout_expected / nullif(CAST(model.holdout_actual AS DOUBLE), 0)
        END AS value,
        CASE word.figure
            WHEN 'customers' THEN model.problem
            WHEN 'log_likelihood' THEN CASE WHEN model.no_dropout THEN 'no_dropout' WHEN model.slope > 0.0001 THEN 'slope' END
            WHEN 'value_customers' THEN model.value_problem
            WHEN 'correlation' THEN CASE WHEN abs(model.correlation) > 0.3 THEN 'correlated' END
            WHEN 'holdout_expected' THEN model.holdout_problem
            WHEN 'holdout_ratio' THEN CASE WHEN abs(model.holdout_expected / nullif(CAST(model.holdout_actual AS DOUBLE), 0) - 1) > 0.2 THEN 'off' END
        END AS note
    FROM ltv_model AS model
    CROSS JOIN (
        VALUES
            (1, 'customers', '購入した会員', 'Buyers'), (2, 'repeaters', 'うちリピーター', 'Of them repeaters'),
            (3, 'r', 'r', 'r'), (4, 'alpha', 'alpha（週）', 'alpha (weeks)'), (5, 'a', 'a', 'a'), (6, 'b', 'b', 'b'),
            (7, 'log_likelihood', '対数尤度', 'Log-likelihood'),
            (8, 'value_customers', '単価の推定に使った会員', 'Customers with repeat values'), (9, 'p', 'p', 'p'), (10, 'q', 'q', 'q'), (11, 'v', 'v', 'v'),
            (12, 'value_log_likelihood', '単価の対数尤度', 'Log-likelihood of values'), (13, 'correlation', '頻度と単価の相関', 'Correlation of frequency and value'),
            (14, 'holdout_days', '検証期間（日）', 'Days held out'), (15, 'holdout_expected', '検証期間の予測購入日数', 'Purchase days expected in them'),
            (16, 'holdout_actual', '検証期間の実績購入日数', 'Purchase days that came'), (17, 'holdout_ratio', '予測÷実績', 'Expected / actual')
    ) AS word (place, figure, figure_ja, figure_en)
) AS told
ORDER BY place
