//! The demo's report: what happened, and each planted truth beside what was measured, with its interval.

use std::{collections::BTreeMap, fmt};

use chrono::TimeDelta;
use decide::readout::Alpha;
use query::{Mode, ParamValue, Params, Value};
use serde::Serialize;

use super::{Span, truths};
use crate::{
    fault::{Exit, Fault},
    readout::{self, Effect},
    workspace::Workspace,
};

const F2_DAYS: i64 = 90;
/// The experiment of fixtures/shop/scenarios/f2-followup.toml.
const SUBJECT_TEST: &str = "f2-subject";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub customers: u32,
    /// Sends by channel and state.
    pub sends: BTreeMap<String, i64>,
    pub stops: BTreeMap<String, i64>,
    pub receipts: BTreeMap<String, i64>,
    pub orders: i64,
    pub events: i64,
    pub exports: i64,
    /// Net revenue credited to messages, by model.
    pub credited: BTreeMap<String, String>,
    pub truths: Vec<Measured>,
}

/// A truth and its estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub name: String,
    pub definition: String,
    pub planted: f64,
    pub measured: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// People it was measured over.
    pub n: u64,
    pub p: Option<f64>,
}

impl Measured {
    /// Whether the interval holds the truth, where there is one.
    pub fn holds(&self) -> Option<bool> {
        Some((self.low?..=self.high?).contains(&self.planted))
    }
}

pub async fn report(workspace: &Workspace, customers: u32) -> Result<Report, Fault> {
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let before = workspace.desk(Span::MONTH.start_at() - TimeDelta::microseconds(1), Mode::AsHappened).await?;
    let params: Params = [("days".to_string(), ParamValue::Int(F2_DAYS))].into();
    let f2 = before.ask("reports/f2_total", &params).await?;
    let subscriptions = before.ask("reports/subscription_figures", &params).await?;
    let discounts = desk.ask("reports/discount_dependence", &Params::new()).await?;
    let cart = readout::scenario(&desk, workspace.shop(), workspace.scenario(super::respond::CART_SCENARIO)?).await?;
    let subject = readout::experiment(&desk, &workspace.files.scenarios, SUBJECT_TEST).await?;
    let measured = truths()
        .into_iter()
        .map(|truth| {
            let measured = match truth.name {
                "f2_90d" => share(&f2, 0, "f2", "matured")?,
                "discount_only" => share(&discounts, 0, "all_discounted", "repeaters")?,
                "one_off_f2" => share(&subscriptions, 0, "hits", "people")?,
                "pulled_up" => share(&subscriptions, 1, "hits", "people")?,
                "second_shipment" => share(&subscriptions, 2, "hits", "people")?,
                "cart_effect" => difference(cart.effects.first()),
                _ => difference(subject.effects.first()),
            };
            Ok(Measured { name: truth.name.into(), definition: truth.definition_en.into(), planted: truth.value, ..measured })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let counted = desk.ask("system/demo_counts", &Params::new()).await?;
    let mut counts: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    let mut credited = BTreeMap::new();
    for row in 0..counted.rows.len() {
        if let (Some(Value::Text(what)), Some(Value::Text(which)), Some(Value::Int(count))) =
            (counted.get(row, "what"), counted.get(row, "which"), counted.get(row, "records"))
        {
            counts.entry(what.clone()).or_default().insert(which.clone(), *count);
            if let (true, Some(Value::Money(amount))) = (what == "credits", counted.get(row, "amount")) {
                credited.insert(which.clone(), amount.to_string());
            }
        }
    }
    let mut of = |what: &str| counts.remove(what).unwrap_or_default();
    let total = |counts: BTreeMap<String, i64>| counts.values().sum();
    Ok(Report {
        customers,
        sends: of("sends"),
        stops: of("stops"),
        receipts: of("receipts"),
        orders: total(of("orders")),
        events: total(of("events")),
        exports: total(of("exports")),
        credited,
        truths: measured,
    })
}

fn share(answer: &query::Answer, row: usize, part: &str, whole: &str) -> Result<Measured, Fault> {
    let count = |column: &str| match answer.get(row, column) {
        Some(Value::Int(count)) => Ok(*count as u64),
        _ => Err(Fault::new(Exit::Data, format!("a demo report lacks `{column}`"))),
    };
    let (part, whole) = (count(part)?, count(whole)?);
    let rate = decide::readout::share(part, whole, Alpha::FIVE_PERCENT).ok();
    Ok(Measured {
        measured: rate.map(|rate| rate.rate),
        low: rate.map(|rate| rate.interval.low),
        high: rate.map(|rate| rate.interval.high),
        n: whole,
        ..Measured::nothing()
    })
}

fn difference(effect: Option<&Effect>) -> Measured {
    match effect {
        Some(effect) => Measured {
            measured: effect.difference,
            low: effect.low,
            high: effect.high,
            p: effect.p,
            n: effect.treated.people + effect.held_out.people,
            ..Measured::nothing()
        },
        None => Measured::nothing(),
    }
}

impl Measured {
    fn nothing() -> Measured {
        Measured {
            name: String::new(),
            definition: String::new(),
            planted: 0.0,
            measured: None,
            low: None,
            high: None,
            n: 0,
            p: None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<String, i64>| {
            let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            if parts.is_empty() { "none".into() } else { parts.join(", ") }
        };
        writeln!(f, "A month at つばめ茶舗 ({} customers, {} orders, {} events)", self.customers, self.orders, self.events)?;
        writeln!(f, "  sends      {}", list(&self.sends))?;
        writeln!(f, "  not sent   {}", list(&self.stops))?;
        writeln!(f, "  answers    {}", list(&self.receipts))?;
        let credited: Vec<String> = self.credited.iter().map(|(model, yen)| format!("{model} ¥{yen}")).collect();
        writeln!(f, "  credited   {}", if credited.is_empty() { "nothing".into() } else { credited.join(", ") })?;
        writeln!(f, "  exports    {} nights", self.exports)?;
        writeln!(f)?;
        writeln!(f, "  truth           planted  measured  95 % interval       people")?;
        for truth in &self.truths {
            let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{:.1} %", value * 100.0));
            let interval = match (truth.low, truth.high) {
                (Some(low), Some(high)) => format!("{:.1} .. {:.1} %", low * 100.0, high * 100.0),
                _ => "cannot say yet".into(),
            };
            let holds = match truth.holds() {
                Some(true) => "",
                Some(false) => "  missed, as one interval in twenty does",
                None => "",
            };
            writeln!(
                f,
                "  {:<14} {:>8} {:>9}  {:<18} {:>7}{holds}",
                truth.name,
                number(Some(truth.planted)),
                number(truth.measured),
                interval,
                truth.n
            )?;
        }
        for truth in &self.truths {
            writeln!(f, "  {}: {}", truth.name, truth.definition)?;
        }
        Ok(())
    }
}
