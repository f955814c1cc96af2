//! A model of repeat buying, as it was fitted to a shop's buyers on a day.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::Record;

/// What a fit found and what tells whether to believe it. What could not be computed is empty, and `problem` says why. Times are in weeks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LtvModel {
    pub model_id: String,
    /// The last day whose purchases it knew.
    pub fitted_on: NaiveDate,
    /// `mbg_nbd` or `bg_nbd`.
    pub kind: String,
    pub customers: i64,
    pub repeaters: i64,
    pub r: Option<f64>,
    pub alpha: Option<f64>,
    pub a: Option<f64>,
    pub b: Option<f64>,
    pub log_likelihood: Option<f64>,
    /// The largest slope of the mean log-likelihood at the end of the fit.
    pub slope: Option<f64>,
    /// The chance to drop out ran to an edge: none is visible.
    pub no_dropout: Option<bool>,
    pub problem: Option<String>,
    /// Of the value of a purchase (Gamma-Gamma).
    pub p: Option<f64>,
    pub q: Option<f64>,
    pub v: Option<f64>,
    pub value_customers: i64,
    pub value_log_likelihood: Option<f64>,
    /// Of how often and how much: the model of values needs it near 0.
    pub correlation: Option<f64>,
    pub value_problem: Option<String>,
    /// The same model fitted without the last days, and what it made of them.
    pub holdout_days: i64,
    pub holdout_r: Option<f64>,
    pub holdout_alpha: Option<f64>,
    pub holdout_a: Option<f64>,
    pub holdout_b: Option<f64>,
    pub holdout_customers: i64,
    pub holdout_expected: Option<f64>,
    pub holdout_actual: i64,
    pub holdout_problem: Option<String>,
}

impl Record for LtvModel {
    const TABLE: &'static str = "ltv_models";
    fn key(&self) -> String {
        self.model_id.clone()
    }
}
