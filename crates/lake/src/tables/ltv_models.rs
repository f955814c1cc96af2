//! Models of repeat buying, one row per fit: what each customer is predicted to do is computed from the newest whenever it is asked.

use super::{Column, Kind::*, Table};

pub struct LtvModels;

impl Table for LtvModels {
    fn name(&self) -> &'static str {
        "ltv_models"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("LTVモデル", "LTV models")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "model_id", kind: Text, ja: "モデルID", en: "Model" },
            Column { name: "fitted_on", kind: Date, ja: "推定日", en: "Fitted on" },
            Column { name: "kind", kind: Text, ja: "モデル", en: "Kind" },
            Column { name: "customers", kind: Int, ja: "対象会員数", en: "Customers" },
            Column { name: "repeaters", kind: Int, ja: "リピーター数", en: "Repeaters" },
            Column { name: "r", kind: Float, ja: "r", en: "r" },
            Column { name: "alpha", kind: Float, ja: "alpha", en: "alpha" },
            Column { name: "a", kind: Float, ja: "a", en: "a" },
            Column { name: "b", kind: Float, ja: "b", en: "b" },
            Column { name: "log_likelihood", kind: Float, ja: "対数尤度", en: "Log-likelihood" },
            Column { name: "slope", kind: Float, ja: "残った勾配", en: "Slope left" },
            Column { name: "no_dropout", kind: Bool, ja: "離脱が見えない", en: "No drop-out visible" },
            Column { name: "problem", kind: Text, ja: "推定できない理由", en: "Why not computable" },
            Column { name: "p", kind: Float, ja: "p", en: "p" },
            Column { name: "q", kind: Float, ja: "q", en: "q" },
            Column { name: "v", kind: Float, ja: "v", en: "v" },
            Column { name: "value_customers", kind: Int, ja: "単価の対象会員数", en: "Customers of values" },
            Column { name: "value_log_likelihood", kind: Float, ja: "単価の対数尤度", en: "Log-likelihood of values" },
            Column { name: "correlation", kind: Float, ja: "頻度と単価の相関", en: "Correlation" },
            Column {
                name: "value_problem", kind: Text, ja: "単価を推定できない理由", en: "Why values are not computable"
            },
            Column { name: "holdout_days", kind: Int, ja: "検証期間（日）", en: "Holdout days" },
            Column { name: "holdout_r", kind: Float, ja: "検証のr", en: "Holdout r" },
            Column { name: "holdout_alpha", kind: Float, ja: "検証のalpha", en: "Holdout alpha" },
            Column { name: "holdout_a", kind: Float, ja: "検証のa", en: "Holdout a" },
            Column { name: "holdout_b", kind: Float, ja: "検証のb", en: "Holdout b" },
            Column { name: "holdout_customers", kind: Int, ja: "検証の会員数", en: "Holdout customers" },
            Column { name: "holdout_expected", kind: Float, ja: "検証期間の予測", en: "Expected in the holdout" },
            Column { name: "holdout_actual", kind: Int, ja: "検証期間の実績", en: "Actual in the holdout" },
            Column { name: "holdout_problem", kind: Text, ja: "検証できない理由", en: "Why no holdout" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["fitted_on"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["fitted_on"]
    }
}
