//! Fits the model of repeat buying to the shop's buyers: by itself every four weeks, for parameters move slowly, or when asked. What each
//! customer is predicted to do is computed from it whenever somebody asks.

use chrono::{Days, NaiveDate, TimeDelta};
use decide::prediction::{Buyer, Fitted, Holdout, fit, hold_out, model_named};
use model::{Fact, Instant, LtvModel, derive_id};
use query::{Desk, Mode, ParamValue, Params, Value};

use crate::{
    fault::{Exit, Fault},
    jobs::tick::Rows,
    workspace::Workspace,
};

const EVERY_DAYS: i64 = 28;

/// The night's turn: fits where the last fit is old.
pub async fn predict_if_due(workspace: &Workspace, until: Instant) -> Result<(), Fault> {
    let desk = workspace.desk(until, Mode::AsKnown).await?;
    let settings = desk.ask("system/ltv_settings", &Params::new()).await?;
    let today = last_whole_day(workspace, until);
    let last = Rows::new(&settings).date(0, "fitted_on");
    if last.is_some_and(|last| (today - last).num_days() < EVERY_DAYS) || Rows::new(&settings).date(0, "first_from").is_none() {
        return Ok(());
    }
    predict(workspace, until).await.map(|_| ())
}

/// The last day that is over: of one that is not, the purchases are still to come.
fn last_whole_day(workspace: &Workspace, until: Instant) -> NaiveDate {
    workspace.shop().timezone.day(until + TimeDelta::microseconds(1)) - Days::new(1)
}

/// Fits to what is known at `until`, and keeps the model, or why there is none.
pub async fn predict(workspace: &Workspace, until: Instant) -> Result<LtvModel, Fault> {
    let desk = workspace.desk(until, Mode::AsKnown).await?;
    let settings = desk.ask("system/ltv_settings", &Params::new()).await?;
    let rows = Rows::new(&settings);
    let kind = rows.needed(0, "kind")?;
    let buying = model_named(&kind).ok_or_else(|| {
        Fault::new(Exit::Config, format!("there is no model of repeat buying `{kind}`"))
            .remedy("set ltv_model to mbg_nbd or bg_nbd under [definitions]")
    })?;
    let holdout_days = u32::try_from(rows.int(0, "holdout_days")?).ok().filter(|days| *days > 0).ok_or_else(|| {
        Fault::new(Exit::Config, "ltv_holdout_days is not 1 or more").remedy("set it under [definitions], for example to 90")
    })?;
    let today = last_whole_day(workspace, until);
    let all = buyers(&desk, today).await?;
    let early = buyers(&desk, today - Days::new(holdout_days.into())).await?;
    let repeaters = all.iter().filter(|buyer| buyer.repeats > 0).count();
    let customers = all.len();
    let holdout_customers = early.len();
    // Seconds of arithmetic, on a core each: not on a thread that answers.
    let fitted = tokio::task::spawn_blocking(move || fit(&all, buying));
    let held_out = tokio::task::spawn_blocking(move || hold_out(&early, buying, holdout_days));
    let (fitted, held_out) = tokio::try_join!(fitted, held_out)
        .map_err(|source| Fault::new(Exit::Data, format!("the model of repeat buying could not be fitted: {source}")))?;
    let mut kept = LtvModel {
        model_id: derive_id(&["ltv", &kind, &model::time::rfc3339(until)])?,
        fitted_on: today,
        kind,
        customers: customers as i64,
        repeaters: repeaters as i64,
        holdout_days: holdout_days.into(),
        holdout_customers: holdout_customers as i64,
        ..LtvModel::default()
    };
    keep(&mut kept, fitted, held_out);
    let fact = Fact::new(&kept, until, until);
    workspace.state.journal().append(vec![fact], workspace.now()).await?;
    Ok(kept)
}

fn keep(kept: &mut LtvModel, fitted: Fitted, held_out: Holdout) {
    match fitted.buying {
        Ok(fit) => {
            let params = fit.params;
            (kept.r, kept.alpha, kept.a, kept.b) = (Some(params.r), Some(params.alpha), Some(params.a), Some(params.b));
            (kept.log_likelihood, kept.slope, kept.no_dropout) =
                (Some(fit.log_likelihood), Some(fit.slope_max), Some(fit.on_a_ridge));
        }
        Err(reason) => kept.problem = Some(reason.to_string()),
    }
    match fitted.value {
        Ok(fit) => {
            (kept.p, kept.q, kept.v) = (Some(fit.params.p), Some(fit.params.q), Some(fit.params.v));
            (kept.value_customers, kept.value_log_likelihood) = (fit.customers as i64, Some(fit.log_likelihood));
        }
        Err(reason) => kept.value_problem = Some(reason.to_string()),
    }
    kept.correlation = fitted.correlation;
    match held_out.buying {
        Ok(params) => {
            (kept.holdout_r, kept.holdout_alpha, kept.holdout_a, kept.holdout_b) =
                (Some(params.r), Some(params.alpha), Some(params.a), Some(params.b));
        }
        Err(reason) => kept.holdout_problem = Some(reason.to_string()),
    }
    match held_out.expected {
        Ok(expected) => kept.holdout_expected = Some(expected),
        Err(reason) => kept.holdout_problem = Some(reason.to_string()),
    }
    kept.holdout_actual = held_out.actual as i64;
}

async fn buyers(desk: &Desk, until: NaiveDate) -> Result<Vec<Buyer>, Fault> {
    let answer = desk.ask("system/buying_histories_until", &[("until".to_string(), ParamValue::Date(until))].into()).await?;
    let rows = Rows::new(&answer);
    let count = |row: usize, column: &str| -> Result<u32, Fault> {
        let value = rows.int(row, column)?;
        u32::try_from(value).map_err(|_| Fault::new(Exit::Data, format!("{value} is no count for `{column}` of a buyer")))
    };
    (0..answer.rows.len())
        .map(|row| {
            Ok(Buyer {
                repeats: count(row, "repeats")?,
                recency_days: count(row, "recency_days")?,
                age_days: count(row, "age_days")?,
                repeat_value: answer.get(row, "repeat_value").and_then(Value::number),
                later: count(row, "later")?,
            })
        })
        .collect()
}
