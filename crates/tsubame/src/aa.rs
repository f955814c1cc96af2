//! A/A on the past: how often a metric would have found a difference between halves of people to whom nothing different was done. Units and values
//! are asked once per metric; the halves are drawn anew by salts (`decide::aa`).

use decide::aa::{FalsePositives, false_positives};
use model::{Experiment, Instant, experiment::HashKind, time::Span};
use query::{Desk, ParamValue, Params, Value};
use serde::Serialize;

use crate::{
    analysis::exposed_desk,
    fault::{Exit, Fault},
};

/// So many splits a page makes; the command line takes more.
pub const SPLITS: u32 = 200;
pub const QUERY: &str = "system/followed_values";

/// One metric, split many times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AaRow {
    pub metric: String,
    pub title: String,
    pub units: usize,
    pub alpha: f64,
    #[serde(flatten)]
    pub found: Option<AaFound>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_computable: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AaFound {
    pub splits: u64,
    pub significant: u64,
    pub rate: f64,
    pub low: f64,
    pub high: f64,
    /// `sound`, `too_many` or `too_few`.
    pub verdict: &'static str,
}

/// How units are split.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    pub salt: &'a str,
    pub hash: HashKind,
    pub splits: u32,
    pub alpha: f64,
}

/// Of the units of a test, in each of its metrics.
pub async fn of_test(desk: &Desk, experiment: &Experiment) -> Result<Vec<AaRow>, Fault> {
    let drawn = Drawn { salt: experiment.seed(), hash: experiment.hash, splits: SPLITS, alpha: experiment.plan.alpha };
    let mut rows = Vec::new();
    for (metric, within) in crate::analysis::windows(experiment) {
        let exposed = exposed_desk(desk, experiment, within).await?;
        rows.push(row(&exposed, metric, drawn).await?);
    }
    Ok(rows)
}

/// Of everybody who had bought in the year before a moment, as if they had met a test then.
pub async fn of_past(desk: &Desk, metric: &str, at: Instant, within: Span, drawn: Drawn<'_>) -> Result<AaRow, Fault> {
    let params: Params =
        [("at".into(), ParamValue::Instant(at)), ("within_seconds".into(), ParamValue::Int(within.0.num_seconds()))].into();
    let exposed = desk.batches(desk.query("system/exposed_past")?, &params).await?;
    row(&desk.clone().with_table("exposed", exposed)?, metric, drawn).await
}

async fn row(exposed: &Desk, metric: &str, drawn: Drawn<'_>) -> Result<AaRow, Fault> {
    let query = exposed.query(metric)?;
    let title = query.header.title.clone();
    let asked = exposed.batches(query, &Params::new()).await?;
    let answer = exposed.clone().with_table("metric", asked)?.ask(QUERY, &Params::new()).await?;
    let units: Vec<String> =
        (0..answer.rows.len()).map(|row| answer.get(row, "customer_id").map(Value::plain).unwrap_or_default()).collect();
    let values: Vec<i128> = (0..answer.rows.len())
        .map(|row| match answer.get(row, "value") {
            Some(Value::Money(amount)) => amount.scaled().into(),
            _ => 0,
        })
        .collect();
    let alpha = stats_alpha(drawn.alpha)?;
    let Drawn { salt, hash, splits, .. } = drawn;
    let salt = format!("aa:{salt}");
    let count = units.len();
    // Hashing takes long, and others wait for this thread.
    let found = tokio::task::spawn_blocking(move || {
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        false_positives(&units, &[&values], (&salt, hash), splits, alpha)
    })
    .await
    .map_err(|defect| Fault::new(Exit::Failed, format!("splitting the units ended: {defect}")))?
    .swap_remove(0);
    Ok(AaRow {
        metric: metric.into(),
        title,
        units: count,
        alpha: drawn.alpha,
        not_computable: found.as_ref().err().map(ToString::to_string),
        found: found.ok().map(AaFound::from),
    })
}

fn stats_alpha(alpha: f64) -> Result<decide::aa::Alpha, Fault> {
    decide::aa::Alpha::new(alpha).map_err(|why| {
        Fault::new(Exit::Config, format!("{alpha} is no level: {why}")).remedy("give a share between 0 and 1, such as 0.05")
    })
}

impl From<FalsePositives> for AaFound {
    fn from(found: FalsePositives) -> AaFound {
        AaFound {
            splits: found.splits,
            significant: found.found,
            rate: found.rate,
            low: found.interval.low,
            high: found.interval.high,
            verdict: found.verdict.name(),
        }
    }
}
