//! What a scenario or an experiment has shown: its queries asked on one desk, folded by `decide`, and put into the words of its page and
//! into plain numbers for everybody else. The page, `tsubame readout` and the demo's report all say the same because all come from here.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use decide::readout::{
    Alpha, ArmInput, Comparison, Direction, Estimate, ExperimentInput, MONEY_SCALE, Moments, NotComputable, Readout, Refusal,
    ScenarioInput, Terms, Verdict, experiment as compare, scenario_effect,
};
use model::{Instant, Money, Scenario, Shop, Text, scenario::MessageExperiment};
use query::{Answer, Column, Desk, Kind, ParamValue, Params, Value};
use serde::Serialize;

use crate::{
    fault::{Exit, Fault},
    pages::{
        Locale,
        format::p_value,
        readout::{
            ArmReadout, Decision, Difference, ExperimentReadout, Interval, MetricReadout, MetricRole, NotYet, Said,
            ScenarioValue, Srm, Status,
        },
        words::Lang,
    },
};

/// The smallest relative change of a conversion rate that read-outs look for.
const LIFT_MIN: f64 = 0.1;

/// A scenario against its holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioView {
    pub value: ScenarioValue,
    /// Of conversion, then of net revenue per customer.
    pub effects: Vec<Effect>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentView {
    pub readout: ExperimentReadout,
    /// Per variant: of conversion, then of net revenue per customer.
    pub effects: Vec<Effect>,
}

/// One comparison as numbers. Everybody in it was observed over the whole window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// The scenario, or `experiment/variant`.
    pub name: String,
    /// `conversion` (a share of one) or `net_revenue` (per customer).
    pub metric: &'static str,
    /// The sent-to or the variant.
    pub treated: Group,
    /// The held-out or the control.
    pub held_out: Group,
    /// Treated less held out, with its 95 % interval and its p: all of them, or none.
    pub difference: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub p: Option<f64>,
    /// `better`, `worse`, `too_small_to_matter`, `cannot_say_yet` or `refused`.
    pub verdict: &'static str,
    /// Why there is no number, or no clear one.
    pub why: Option<Text>,
    /// The shop day from which it can be said, where that is known.
    pub from: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub name: String,
    /// Whose window is over.
    pub people: u64,
    /// Whose window is not.
    pub immature: u64,
    /// Conversions, or net revenue.
    pub total: f64,
    pub mean: Option<f64>,
}

/// Asks and reads out a scenario.
pub async fn scenario(desk: &Desk, shop: &Shop, scenario: &Scenario) -> Result<ScenarioView, Fault> {
    let within_seconds = scenario.goal.within.0.num_seconds();
    let params: Params = [
        ("scenario".into(), ParamValue::Text(scenario.scenario.clone())),
        ("within_seconds".into(), ParamValue::Int(within_seconds)),
    ]
    .into();
    let model = &shop.attribution.default_model;
    let value_params: Params =
        [("scenario".into(), ParamValue::Text(scenario.scenario.clone())), ("model".into(), ParamValue::Text(model.clone()))]
            .into();
    let facts = gathered(desk, "system/exposed_scenario", params);
    let value = async { desk.ask("system/scenario_value", &value_params).await.map_err(Fault::from) };
    let (facts, value) = futures::try_join!(facts, value)?;
    let money = |column: &str| match value.get(0, column) {
        Some(Value::Money(amount)) => *amount,
        _ => Money::ZERO,
    };
    let (sent, cost, attributed) = (count(value.get(0, "sent")), money("cost"), money("attributed"));

    let percent = scenario.holdout.as_ref().map_or(0.0, |holdout| holdout.percent);
    let (holdout, treated) = (facts.arm("holdout", percent), facts.arm("treated", 100.0 - percent));
    let input = ScenarioInput {
        holdout: holdout.clone(),
        treated: treated.clone(),
        attributed: Some(attributed.as_f64()),
        terms: facts.terms(desk, &[&holdout, &treated]),
    };
    let pace = Pace { facts: &facts, desk, within_seconds };
    let (said, readout) = if percent == 0.0 {
        (Err(no_holdout()), None)
    } else {
        let read = scenario_effect(&input);
        match (&read.impact, &read.readout.refused) {
            (Some(impact), _) => (Ok(impact.clone()), Some(read.readout)),
            (None, Some(refusal)) => (Err(pace.not_yet(refusal, &[&holdout, &treated])), Some(read.readout)),
            (None, None) => (Err(not_computable(&NotComputable::Empty)), Some(read.readout)),
        }
    };
    let in_money = |estimate: &Result<Estimate, NotComputable>| -> Result<Said<Interval<Money>>, Fault> {
        match estimate {
            Ok(estimate) => Ok(Said::Known(Interval {
                value: rounded(shop, estimate.value)?,
                low: rounded(shop, estimate.interval.low)?,
                high: rounded(shop, estimate.interval.high)?,
            })),
            Err(what) => Ok(Said::NotYet(not_computable(what))),
        }
    };
    let (added, holdout_cost) = match &said {
        Ok(impact) => (in_money(&impact.revenue)?, in_money(&impact.holdout_cost)?),
        Err(not_yet) => (Said::NotYet(not_yet.clone()), Said::NotYet(not_yet.clone())),
    };
    let comparison = readout.as_ref().and_then(|readout| readout.comparisons.first());
    let effects = effects(&scenario.scenario, &holdout, &treated, comparison, said.as_ref().err());
    let channels = scenario.steps.iter().filter_map(|step| step.send.as_ref()).flat_map(|send| &send.channels);
    let is_priced = cost != Money::ZERO || channels.into_iter().any(|channel| shop.cost.contains_key(channel.name()));
    let value = ScenarioValue {
        scenario: scenario.scenario.clone(),
        first_day: facts.first.map(|at| desk.moment.zone.day(at)),
        last_day: facts.last.map(|at| desk.moment.zone.day(at)),
        sent,
        cost: is_priced.then_some(cost),
        attributed,
        attribution: attribution_words(shop),
        treated: treated.people,
        held_out: holdout.people,
        added,
        holdout_cost,
    };
    Ok(ScenarioView { value, effects })
}

/// Asks and reads out an experiment: a test inside one of these scenarios.
pub async fn experiment(desk: &Desk, scenarios: &[Scenario], name: &str) -> Result<ExperimentView, Fault> {
    let Some((scenario, test)) = find(scenarios, name) else {
        let known: Vec<String> = experiments(scenarios).into_iter().map(|(_, test)| test.name).collect();
        return Err(Fault::new(Exit::Config, format!("there is no experiment `{name}`"))
            .remedy(format!("the scenarios have: {}", known.join(", "))));
    };
    let arms: Vec<(&str, f64)> = test.arms.iter().map(|arm| (arm.id.as_str(), arm.weight)).collect();
    compared(desk, name, &arms, scenario.goal.within.0.num_seconds(), scenario.enabled).await
}

/// Over how many days from their first meeting with an advertising scenario the shop's holdout is compared.
pub const HOLDOUT_DAYS: i64 = 28;

/// The shop's holdout against everybody else: whoever met the entrance of a scenario that only advertises since the holdout began, by
/// intention, whatever they were sent afterwards.
pub async fn holdout(desk: &Desk, shop: &Shop, days: i64) -> Result<ExperimentView, Fault> {
    let Some(holdout) = &shop.holdout else {
        return Err(Fault::new(Exit::Config, "the shop has no holdout")
            .remedy("add `holdout = { percent = 5, salt = \"global-2026\" }` to tsubame.toml; it counts from then on"));
    };
    let arms = [("holdout", holdout.percent), ("treated", 100.0 - holdout.percent)];
    compared(desk, &holdout.salt, &arms, days * 86_400, true).await
}

/// The arms of a test, of which the first is the control.
async fn compared(
    desk: &Desk,
    name: &str,
    arms: &[(&str, f64)],
    within_seconds: i64,
    is_running: bool,
) -> Result<ExperimentView, Fault> {
    let params: Params =
        [("experiment".into(), ParamValue::Text(name.into())), ("within_seconds".into(), ParamValue::Int(within_seconds))].into();
    let facts = gathered(desk, "system/exposed_experiment", params).await?;
    let arms: Vec<ArmInput> = arms.iter().map(|(arm, weight)| facts.arm(arm, *weight)).collect();
    let all: Vec<&ArmInput> = arms.iter().collect();
    let Some((control, variants)) = arms.split_first() else {
        return Err(Fault::new(Exit::Config, format!("experiment `{name}` has no arms")));
    };
    let input = ExperimentInput { control: control.clone(), variants: variants.to_vec(), terms: facts.terms(desk, &all) };
    let readout = compare(&input);
    let pace = Pace { facts: &facts, desk, within_seconds };
    let not_yet = readout.refused.as_ref().map(|refusal| pace.not_yet(refusal, &all));
    let effects: Vec<Effect> = variants
        .iter()
        .flat_map(|variant| {
            let comparison = readout.comparisons.iter().find(|comparison| comparison.variant == variant.name);
            effects(&format!("{name}/{}", variant.name), control, variant, comparison, not_yet.as_ref())
        })
        .collect();
    let days = facts
        .first
        .map(|first| (desk.moment.zone.day(desk.moment.as_of) - desk.moment.zone.day(first)).num_days().max(0) as u64 + 1);
    let (decision, why) = decided(&readout, &effects, not_yet.as_ref(), desk);
    let weights: f64 = arms.iter().map(|arm| arm.weight).sum();
    let metric = |metric: &'static str, title: Text, role, kind| MetricReadout {
        title,
        role,
        kind,
        lower_is_better: false,
        arms: arms.iter().enumerate().map(|(index, arm)| shown_arm(arm, index, weights, metric, &effects, &readout)).collect(),
    };
    let view = ExperimentReadout {
        experiment: name.into(),
        status: match facts.first {
            None => Status::Draft,
            Some(_) if is_running => Status::Running,
            Some(_) => Status::Ended,
        },
        first_day: facts.first.map(|at| desk.moment.zone.day(at)),
        last_day: facts.last.map(|at| desk.moment.zone.day(at)),
        days,
        decision,
        why,
        srm: readout.srm.as_ref().ok().map(|srm| Srm { chi_square: srm.chi_square, p: srm.p_value, is_ok: !srm.mismatch }),
        metrics: vec![
            metric("conversion", Text::new("購入率", "Conversion"), MetricRole::Goal, Kind::Rate),
            metric("net_revenue", Text::new("1人あたり純売上", "Net revenue per customer"), MetricRole::Secondary, Kind::Money),
        ],
    };
    Ok(ExperimentView { readout: view, effects })
}

/// Every test inside a scenario, with its scenario.
pub fn experiments(scenarios: &[Scenario]) -> Vec<(&Scenario, MessageExperiment)> {
    scenarios.iter().flat_map(|scenario| scenario.tests().into_iter().map(move |test| (scenario, test))).collect()
}

/// The experiment of that name, with its scenario.
pub fn find<'a>(scenarios: &'a [Scenario], name: &str) -> Option<(&'a Scenario, MessageExperiment)> {
    experiments(scenarios).into_iter().find(|(_, test)| test.name == name)
}

/// What an attribution model is called.
pub fn model_words(model: &str) -> Text {
    let (ja, en) = match model {
        "last" => ("ラストタッチ", "Last touch"),
        "first" => ("ファーストタッチ", "First touch"),
        "linear" => ("均等配分", "Linear"),
        "position" => ("接点の位置で配分", "Position-based"),
        "time_decay" => ("時間減衰", "Time decay"),
        "any" => ("関わった接点すべてに満額（合計は注文を超える）", "All to each touch (not additive)"),
        other => (other, other),
    };
    Text::new(ja, en)
}

impl ScenarioView {
    /// The numbers of the page as a table: what its CSV has.
    pub fn table(&self) -> Answer {
        let value = &self.value;
        let said = |said: &Said<Interval<Money>>| match said {
            Said::Known(interval) => [interval.value, interval.low, interval.high].map(Value::Money),
            Said::NotYet(_) => [Value::Null, Value::Null, Value::Null],
        };
        let amount = |amount: Option<Money>| [amount.map_or(Value::Null, Value::Money), Value::Null, Value::Null];
        let lines = [
            ("sent", [Value::Int(value.sent as i64), Value::Null, Value::Null]),
            ("cost", amount(value.cost)),
            ("attributed", amount(Some(value.attributed))),
            ("added", said(&value.added)),
            ("holdout_cost", said(&value.holdout_cost)),
        ];
        let rows =
            lines.into_iter().map(|(name, values)| std::iter::once(Value::Text(name.into())).chain(values).collect()).collect();
        let columns = vec![
            column("measure", Kind::Text, "項目", "Measure"),
            column("value", Kind::Float, "値", "Value"),
            column("low", Kind::Float, "下限", "Low"),
            column("high", Kind::Float, "上限", "High"),
        ];
        Answer { columns, rows }
    }
}

impl ExperimentView {
    /// The numbers of the page as a table: what its CSV has.
    pub fn table(&self) -> Answer {
        let float = |number: Option<f64>| number.map_or(Value::Null, Value::Float);
        let mut rows = Vec::new();
        for metric in &self.readout.metrics {
            for arm in &metric.arms {
                let known = match &arm.difference {
                    Some(Said::Known(difference)) => Some(*difference),
                    _ => None,
                };
                rows.push(vec![
                    Value::Text(metric.title.en.clone()),
                    Value::Text(arm.arm.clone()),
                    Value::Int(arm.exposed as i64),
                    Value::Float(arm.total),
                    float(arm.mean),
                    float(known.map(|known| known.value)),
                    float(known.map(|known| known.low)),
                    float(known.map(|known| known.high)),
                    float(known.map(|known| known.p)),
                ]);
            }
        }
        let columns = vec![
            column("metric", Kind::Text, "指標", "Metric"),
            column("arm", Kind::Text, "グループ", "Arm"),
            column("people", Kind::Int, "人数", "People"),
            column("total", Kind::Float, "合計", "Total"),
            column("mean", Kind::Float, "1人あたり", "Per customer"),
            column("value", Kind::Float, "差", "Difference"),
            column("low", Kind::Float, "下限", "Low"),
            column("high", Kind::Float, "上限", "High"),
            column("p", Kind::Float, "p値", "p"),
        ];
        Answer { columns, rows }
    }
}

/// What the queries say of the arms.
struct Facts {
    conversion: BTreeMap<String, Sums>,
    revenue: BTreeMap<String, Sums>,
    span: BTreeMap<String, Span>,
    first: Option<Instant>,
    last: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    people: u64,
    immature: u64,
    sum: f64,
    squares: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    exposed: u64,
    ready_at: Option<Instant>,
}

/// Asks for the moments of both metrics over the exposed that a query of the library finds.
async fn gathered(desk: &Desk, exposed: &str, params: Params) -> Result<Facts, Fault> {
    let desk = desk.clone().with_relation("exposed", desk.query(exposed)?, params);
    let moments = |metric: &'static str| {
        let desk = desk.clone();
        async move {
            let with_metric = desk.clone().with_relation("metric", desk.query(metric)?, Params::new());
            Ok::<_, Fault>(sums(&with_metric.ask("system/moments", &Params::new()).await?))
        }
    };
    let people: Params = [("people".into(), ParamValue::Int(decide::readout::PEOPLE_MIN as i64))].into();
    let span = async { desk.ask("system/exposed_span", &people).await.map_err(Fault::from) };
    let (conversion, revenue, span) = futures::try_join!(moments("metrics/conversion"), moments("metrics/net_revenue"), span)?;
    let instants = |column: &str| (0..span.rows.len()).filter_map(|row| instant(span.get(row, column))).collect::<Vec<_>>();
    Ok(Facts {
        conversion,
        revenue,
        first: instants("first_exposed_at").into_iter().min(),
        last: instants("last_exposed_at").into_iter().max(),
        span: (0..span.rows.len())
            .map(|row| {
                (
                    text(span.get(row, "arm")),
                    Span { exposed: count(span.get(row, "exposed")), ready_at: instant(span.get(row, "ready_at")) },
                )
            })
            .collect(),
    })
}

impl Facts {
    fn arm(&self, name: &str, weight: f64) -> ArmInput {
        let conversion = self.conversion.get(name).copied().unwrap_or_default();
        let revenue = self.revenue.get(name).copied().unwrap_or_default();
        ArmInput {
            name: name.into(),
            weight,
            people: conversion.people,
            conversions: conversion.sum as u64,
            // Sums that no data has are refused as such: their count is then not that of the people.
            revenue: moments(&revenue).unwrap_or_else(|_| Moments::new(MONEY_SCALE)),
            immature: conversion.immature,
        }
    }

    fn terms(&self, desk: &Desk, arms: &[&ArmInput]) -> Terms {
        Terms {
            alpha: Alpha::FIVE_PERCENT,
            lift_min: LIFT_MIN,
            people_per_day: self.per_day(desk, arms.iter().map(|arm| arm.people + arm.immature).sum()),
            today: desk.moment.zone.day(desk.moment.as_of),
        }
    }

    /// At which pace so many people were met.
    fn per_day(&self, desk: &Desk, people: u64) -> Option<f64> {
        let days = (desk.moment.zone.day(self.last?) - desk.moment.zone.day(self.first?)).num_days() + 1;
        Some(people as f64 / days as f64)
    }
}

/// When what is missing will be there, if people go on coming as they came.
struct Pace<'a> {
    facts: &'a Facts,
    desk: &'a Desk,
    within_seconds: i64,
}

impl Pace<'_> {
    fn not_yet(&self, refusal: &Refusal, arms: &[&ArmInput]) -> NotYet {
        let (reason, from) = match refusal {
            Refusal::SplitBroken { p_value: p, .. } => {
                let p = p_value(*p);
                let (ja, en) =
                    ("配分が予定と違うため、差を読めません", "the split differs from the plan, so no difference can be read");
                (Text::new(&format!("{ja}（SRM検定 p {p}）"), &format!("{en} (SRM test, p {p})")), None)
            }
            Refusal::NotEnoughPeople { arm, people, needed } => {
                let (ja, en) = arm_words(arm);
                let reason = Text::new(
                    &format!("観測し終えた人が{ja}に{people}人しかいません（{needed}人必要）"),
                    &format!("only {people} people {en} are observed to the end, {needed} are needed"),
                );
                // Each arm that lacks people has a day; the last of them counts.
                let short = arms.iter().filter(|arm| arm.people < *needed);
                let days: Option<Vec<NaiveDate>> = short.map(|arm| self.day_of(arm, *needed)).collect();
                (reason, days.and_then(|days| days.into_iter().max()))
            }
            Refusal::NotEnoughConversions { arm, expected, needed } => {
                let (ja, en) = arm_words(arm);
                let reason = Text::new(
                    &format!("{ja}の購入（または非購入）の期待数が{expected:.1}件で、{needed:.0}件に足りません"),
                    &format!("{expected:.1} purchases (or non-purchases) are expected {en}, {needed:.0} are needed"),
                );
                let people = arms.iter().find(|candidate| candidate.name == *arm).map_or(0, |arm| arm.people);
                let wanted = (*expected > 0.0).then(|| (people as f64 * needed / expected).ceil() as u64);
                (reason, wanted.and_then(|wanted| self.day_of(arms.iter().find(|candidate| candidate.name == *arm)?, wanted)))
            }
            Refusal::NotComputable { what } => return not_computable(what),
        };
        NotYet { reason, from }
    }

    /// The shop day by which so many people of an arm are observed to the end.
    fn day_of(&self, arm: &ArmInput, wanted: u64) -> Option<NaiveDate> {
        let zone = self.desk.moment.zone;
        let span = self.facts.span.get(&arm.name).copied().unwrap_or_default();
        if wanted == decide::readout::PEOPLE_MIN
            && let Some(ready_at) = span.ready_at
        {
            return Some(zone.day(ready_at));
        }
        let missing = wanted.saturating_sub(span.exposed);
        let per_day = self.facts.per_day(self.desk, span.exposed).filter(|per_day| *per_day > 0.0)?;
        let days = (missing as f64 / per_day).ceil();
        // Beyond ten years a date is no answer.
        let met_on =
            (days <= 3650.0).then(|| zone.day(self.desk.moment.as_of).checked_add_days(Days::new(days as u64))).flatten()?;
        met_on.checked_add_days(Days::new(self.within_seconds.max(0) as u64 / 86_400 + 1))
    }
}

/// Both metrics of one comparison, or why there are none.
fn effects(
    name: &str,
    held_out: &ArmInput,
    treated: &ArmInput,
    comparison: Option<&Comparison>,
    not_yet: Option<&NotYet>,
) -> Vec<Effect> {
    let group = |arm: &ArmInput, is_money: bool| {
        let total = if is_money { arm.revenue.mean().unwrap_or(0.0) * arm.people as f64 } else { arm.conversions as f64 };
        Group {
            name: arm.name.clone(),
            people: arm.people,
            immature: arm.immature,
            total,
            mean: (arm.people > 0).then(|| total / arm.people as f64),
        }
    };
    let blank = |is_money: bool| Effect {
        name: name.into(),
        metric: if is_money { "net_revenue" } else { "conversion" },
        treated: group(treated, is_money),
        held_out: group(held_out, is_money),
        difference: None,
        low: None,
        high: None,
        p: None,
        verdict: "refused",
        why: not_yet.map(|not_yet| not_yet.reason.clone()),
        from: not_yet.and_then(|not_yet| not_yet.from),
    };
    let (mut conversion, mut revenue) = (blank(false), blank(true));
    let Some(comparison) = comparison else { return vec![conversion, revenue] };
    let shown = &comparison.conversion;
    (conversion.difference, conversion.p) = (Some(shown.difference), Some(shown.p_two_sided));
    (conversion.low, conversion.high) = (Some(shown.interval.low), Some(shown.interval.high));
    conversion.verdict = match &comparison.verdict {
        Verdict::Refused { .. } => "refused",
        Verdict::CannotSayYet { .. } => "cannot_say_yet",
        Verdict::Effect { direction: Direction::Better } => "better",
        Verdict::Effect { direction: Direction::Worse } => "worse",
        Verdict::TooSmallToMatter => "too_small_to_matter",
    };
    if let Verdict::CannotSayYet { needed, by } = &comparison.verdict {
        (conversion.why, conversion.from) = (Some(needed_words(*needed)), *by);
    }
    match &comparison.revenue {
        Ok(welch) => {
            (revenue.difference, revenue.p) = (Some(welch.effect), Some(welch.p_two_sided));
            (revenue.low, revenue.high) = (Some(welch.interval.low), Some(welch.interval.high));
            revenue.verdict = match (welch.interval.low > 0.0, welch.interval.high < 0.0) {
                (true, _) => "better",
                (_, true) => "worse",
                _ => "cannot_say_yet",
            };
        }
        Err(what) => revenue.why = Some(not_computable(what).reason),
    }
    vec![conversion, revenue]
}

/// What the page says at its head: a test decides, never a higher rate.
fn decided(readout: &Readout, effects: &[Effect], not_yet: Option<&NotYet>, desk: &Desk) -> (Decision, Text) {
    if let Some(not_yet) = not_yet {
        let is_broken = matches!(readout.refused, Some(Refusal::SplitBroken { .. } | Refusal::NotComputable { .. }));
        let decision = if is_broken { Decision::Invalid } else { Decision::KeepRunning };
        let when = |lang: Lang| match not_yet.from {
            Some(day) => crate::pages::words::CANNOT_SAY_FROM.fill(lang, &[&locale(desk, lang).long_date(day)]),
            None => crate::pages::words::CANNOT_SAY_OPEN.get(lang).into(),
        };
        let open = |lang: Lang| if is_broken { String::new() } else { format!(" ({})", when(lang)) };
        let reason = &not_yet.reason;
        return (decision, Text::new(&format!("{}{}", reason.ja, open(Lang::Ja)), &format!("{}{}", reason.en, open(Lang::En))));
    }
    let goals: Vec<&Effect> = effects.iter().filter(|effect| effect.metric == "conversion").collect();
    let best = goals
        .iter()
        .filter(|effect| effect.verdict == "better")
        .max_by(|a, b| a.difference.unwrap_or(0.0).total_cmp(&b.difference.unwrap_or(0.0)));
    if let Some(best) = best {
        return (Decision::Ship { arm: best.treated.name.clone() }, difference_words(best, desk));
    }
    if goals.iter().all(|effect| matches!(effect.verdict, "worse" | "too_small_to_matter")) {
        let text = match goals.first() {
            Some(first) if first.verdict == "worse" => difference_words(first, desk),
            _ => Text::new(
                "差があっても、知る価値のある大きさ（10%）より小さいと言えます。",
                "If there is a difference, it is smaller than the smallest worth knowing (10 %).",
            ),
        };
        return (Decision::DoNotShip, text);
    }
    let (needed, by) = goals
        .iter()
        .find(|effect| effect.verdict == "cannot_say_yet")
        .map_or((None, None), |effect| (effect.why.clone(), effect.from));
    let when = |lang: Lang| {
        by.map_or(String::new(), |day| {
            format!(" ({})", crate::pages::words::CANNOT_SAY_FROM.fill(lang, &[&locale(desk, lang).long_date(day)]))
        })
    };
    let needed = needed.unwrap_or_default();
    (Decision::KeepRunning, Text::new(&format!("{}{}", needed.ja, when(Lang::Ja)), &format!("{}{}", needed.en, when(Lang::En))))
}

fn difference_words(effect: &Effect, desk: &Desk) -> Text {
    let words = |lang: Lang| {
        let locale = locale(desk, lang);
        let shown = |number: Option<f64>| locale.difference(Kind::Rate, number.unwrap_or(0.0));
        let (value, low, high, p) =
            (shown(effect.difference), shown(effect.low), shown(effect.high), p_value(effect.p.unwrap_or(1.0)));
        match lang {
            Lang::Ja => format!("購入率の差は {value}（95%区間 {low} 〜 {high}、p値 {p}）です。"),
            Lang::En => format!("Conversion differs by {value} (95 % interval {low} to {high}, p-value {p})."),
        }
    };
    Text { ja: words(Lang::Ja), en: words(Lang::En) }
}

fn shown_arm(arm: &ArmInput, index: usize, weights: f64, metric: &str, effects: &[Effect], readout: &Readout) -> ArmReadout {
    let is_control = index == 0;
    let effect = effects.iter().find(|effect| effect.metric == metric && (is_control || effect.treated.name == arm.name));
    let group = effect.map(|effect| if is_control { &effect.held_out } else { &effect.treated });
    // A broken split moved the means too: they are not shown.
    let is_broken = matches!(readout.refused, Some(Refusal::SplitBroken { .. }));
    let difference = effect.map(|effect| match (effect.difference, effect.low, effect.high, effect.p) {
        (Some(value), Some(low), Some(high), Some(p)) => Said::Known(Difference { value, low, high, p }),
        _ => Said::NotYet(NotYet { reason: effect.why.clone().unwrap_or_default(), from: effect.from }),
    });
    ArmReadout {
        arm: arm.name.clone(),
        planned_share: (weights > 0.0).then(|| arm.weight / weights),
        exposed: arm.people,
        total: group.map_or(0.0, |group| group.total),
        mean: group.and_then(|group| group.mean).filter(|_| !is_broken),
        difference: difference.filter(|_| !is_control),
    }
}

fn needed_words(needed: Option<u64>) -> Text {
    match needed {
        Some(needed) => Text::new(
            &format!("差があるともないとも、まだ言えません。合わせて約{needed}人の観測が必要です。"),
            &format!("Neither a difference nor its absence is shown yet; about {needed} people are needed in all."),
        ),
        None => Text::new("差があるともないとも、まだ言えません。", "Neither a difference nor its absence is shown yet."),
    }
}

fn no_holdout() -> NotYet {
    let reason = Text::new(
        "ホールドアウトがないため、増分は測れません。シナリオに [holdout] を加えてください",
        "without a holdout nothing can be compared: add [holdout] to the scenario",
    );
    NotYet { reason, from: None }
}

fn not_computable(what: &NotComputable) -> NotYet {
    let ja = match what {
        NotComputable::Empty | NotComputable::TooFew { .. } => "計算に必要な人数がいません".to_string(),
        NotComputable::NoVariance => "全員の値が同じで、差を測るばらつきがありません".to_string(),
        NotComputable::ZeroBaseline => "比べる側の値が0で、比率を計算できません".to_string(),
        other => format!("計算できません: {other}"),
    };
    NotYet { reason: Text { ja, en: what.to_string() }, from: None }
}

fn arm_words(arm: &str) -> (String, String) {
    match arm {
        "holdout" => ("ホールドアウト".into(), "in the holdout".into()),
        "treated" => ("配信対象".into(), "among the treated".into()),
        arm => (format!("グループ {arm} "), format!("in arm {arm}")),
    }
}

/// Model and windows, such as `last: email 5d, sms 5d`.
fn attribution_words(shop: &Shop) -> Text {
    let model = &shop.attribution.default_model;
    let Text { ja, en } = model_words(model);
    let days: Vec<i64> = shop.attribution.click_window.values().map(|span| span.0.num_days()).collect();
    match (days.iter().min(), days.iter().max()) {
        (Some(least), Some(most)) if least == most => {
            Text::new(&format!("{ja}・クリックから{most}日"), &format!("{en}, {most} days from a click"))
        }
        (Some(least), Some(most)) => {
            Text::new(&format!("{ja}・クリックから{least}〜{most}日"), &format!("{en}, {least} to {most} days from a click"))
        }
        _ => Text { ja, en },
    }
}

/// The whole units of money that exist: yen have no fraction.
fn rounded(shop: &Shop, amount: f64) -> Result<Money, Fault> {
    let unit = shop.currency.minor_unit().as_f64();
    Ok(Money::from_f64((amount / unit).round() * unit)?)
}

/// The exact sums behind the doubles that the query gives: a sum of amounts has 4 decimals, a sum of their squares 8. A double holds
/// whole numbers up to 2^53, so whole and fraction are scaled apart.
fn moments(sums: &Sums) -> Result<Moments, NotComputable> {
    let scaled = |value: f64, decimals: i32| {
        let unit = 10f64.powi(decimals);
        let whole = value.trunc();
        (whole as i128).checked_mul(unit as i128).map(|whole_scaled| whole_scaled + ((value - whole) * unit).round() as i128)
    };
    let decimals = i32::from(MONEY_SCALE);
    match (scaled(sums.sum, decimals), scaled(sums.squares, 2 * decimals)) {
        (Some(sum), Some(squares)) => Moments::from_sums(sums.people, sum, squares, MONEY_SCALE),
        _ => Err(NotComputable::Overflow { what: "sum of squares" }),
    }
}

fn sums(answer: &Answer) -> BTreeMap<String, Sums> {
    let number = |row: usize, column: &str| answer.get(row, column).and_then(Value::number).unwrap_or(0.0);
    (0..answer.rows.len())
        .map(|row| {
            let sums = Sums {
                people: count(answer.get(row, "n")),
                immature: count(answer.get(row, "open")),
                sum: number(row, "sum_value"),
                squares: number(row, "sum_squares"),
            };
            (text(answer.get(row, "arm")), sums)
        })
        .collect()
}

fn locale(desk: &Desk, lang: Lang) -> Locale {
    Locale::new(lang, desk.moment.zone, model::Currency::jpy())
}

fn column(name: &str, kind: Kind, ja: &str, en: &str) -> Column {
    Column { name: name.into(), kind, label: Text::new(ja, en) }
}

fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Int(count)) => (*count).max(0) as u64,
        _ => 0,
    }
}

fn instant(value: Option<&Value>) -> Option<Instant> {
    match value {
        Some(Value::Instant(at)) => Some(*at),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod held_out;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_come_back_exactly() {
        let check = |values: &[&str]| {
            let mut exact = Moments::new(MONEY_SCALE);
            let (mut sum, mut squares) = (0.0, 0.0);
            for value in values.iter().map(|value| Money::parse(value).unwrap()) {
                exact.push(value.scaled().into()).unwrap();
                sum += value.as_f64();
                squares += value.as_f64() * value.as_f64();
            }
            let sums = Sums { people: values.len() as u64, immature: 0, sum, squares };
            assert_eq!(moments(&sums), Ok(exact), "{values:?}");
        };
        check(&[]);
        check(&["0", "0", "0"]);
        check(&["8428", "0", "12600", "1"]);
        check(&["12.5", "0.25", "3"]);
        check(&["-500", "98765432"]);
    }

    #[test]
    fn tests_inside_steps_are_found_with_their_scenario() {
        let shop = include_str!("../../../fixtures/shop/scenarios/f2-followup.toml");
        let scenarios = [Scenario::parse("f2-followup.toml", shop).unwrap()];
        let found = find(&scenarios, "f2-subject").map(|(scenario, test)| format!("{}/{}", scenario.scenario, test.arms[0].id));
        assert_eq!((found.as_deref(), find(&scenarios, "x").is_none()), (Some("f2-followup/a"), true));
    }
}
