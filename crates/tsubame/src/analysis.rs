//! What a test of `experiments/` has shown: exposures and metrics asked on one desk, folded by `decide::analysis`, and put into plain numbers
//! for the command line and the page.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use chrono::NaiveDate;
use decide::analysis::{
    Analysis, Compared, Counted, Decision, Health, MetricCounted, NotComputable, Paired, PairedMoments, Refusal, Role, Slice,
    Stake, StopWhy, analyse, verdict::guarded,
};
use model::{Experiment, Instant, Text, experiment::Mode, time::Span};
use query::{
    Answer, Column, Desk, Kind, ParamValue, Params, Value,
    fold::{self, Cells},
};
use serde::Serialize;

use crate::{
    aa::{self, AaRow},
    decided::{self, decided},
    fault::{Exit, Fault},
};

/// Amounts are folded with so many decimals, their squares with twice as many.
const DECIMALS: usize = 4;
/// The pace is that of so many last days.
const PACE_DAYS: i64 = 7;
/// Metrics are held in memory side by side while they are folded: so many values of each and of its past, and so many metrics.
const VALUES_AT_ONCE: usize = 500_000;
const METRICS_AT_ONCE: usize = 8;

/// A test, read out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub experiment: String,
    /// Of the definition.
    pub version: String,
    pub as_of: String,
    /// Where a rule of the test has stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    pub decision: Said,
    pub arms: Vec<ArmReport>,
    pub health: HealthReport,
    pub rows: Vec<RowReport>,
    pub slices: Vec<SliceReport>,
    pub guardrails: Vec<GuardReport>,
    /// Of an A/A test: how often each metric finds a difference between halves of the same units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aa: Vec<AaRow>,
    /// What it was made from: file and hash of each query.
    pub queries: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// `ship`, `stop`, `keep_running` or `cannot_say`.
    pub decision: &'static str,
    pub arm: Option<String>,
    pub why: Text,
    pub days_left: Option<u64>,
}

/// That a test is over by its own rule: whatever its file says, nobody takes part and everybody gets the control.
#[derive(Debug, Clone, Serialize)]
pub struct Stopped {
    #[serde(with = "model::time::instant")]
    pub at: Instant,
    pub why: Text,
}

#[derive(Debug, Clone, Serialize)]
pub struct ArmReport {
    pub arm: String,
    pub weight: f64,
    pub exposed: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    pub srm_p: Option<f64>,
    pub srm_chi_square: Option<f64>,
    pub srm_running_p: Option<f64>,
    pub split_broken: bool,
    pub met_several_arms: u64,
    pub met_several_arms_share: f64,
    pub still_followed_share: f64,
    pub differed_before: Vec<String>,
}

/// One variant against the control in one metric.
#[derive(Debug, Clone, Serialize)]
pub struct RowReport {
    pub metric: String,
    pub title: String,
    pub kind: &'static str,
    pub role: &'static str,
    pub variant: String,
    #[serde(flatten)]
    pub numbers: Option<Numbers>,
    /// Why there are none.
    pub not_computable: Option<String>,
    pub p_adjusted: Option<f64>,
    pub significant: bool,
    /// Where the pace is known.
    pub stake: Option<StakeReport>,
}

/// What choosing the variant is worth to the units of the next days, in the unit of the metric.
#[derive(Debug, Clone, Serialize)]
pub struct StakeReport {
    pub days: u32,
    pub units: f64,
    pub value: f64,
    pub low: f64,
    pub high: f64,
    /// Less what chance and choice add to it.
    pub shrunk: Option<f64>,
    pub shrunk_low: Option<f64>,
    pub shrunk_high: Option<f64>,
    pub expected_loss: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Numbers {
    pub control_n: u64,
    pub variant_n: u64,
    pub control_mean: f64,
    pub variant_mean: f64,
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    /// Valid at every look.
    pub anytime_low: Option<f64>,
    pub anytime_high: Option<f64>,
    pub lift: Option<f64>,
    pub lift_low: Option<f64>,
    pub lift_high: Option<f64>,
    pub lift_anytime_low: Option<f64>,
    pub lift_anytime_high: Option<f64>,
    pub p_fixed: f64,
    /// By the declared rule; none before anything may be said.
    pub p: Option<f64>,
    pub chance_to_win: f64,
    pub expected_loss: f64,
    pub lift_shrunk: Option<f64>,
    pub variance_explained_by_the_past: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct SliceReport {
    pub metric: String,
    pub variant: String,
    pub dimension: String,
    pub value: String,
    pub difference: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// After noise between the values is taken off.
    pub shrunk: Option<f64>,
    /// Whether the values of the dimension differ at all, corrected over dimensions.
    pub p_differ: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct GuardReport {
    pub metric: String,
    pub variant: String,
    pub margin: f64,
    /// The worst the interval leaves, in the unit of the metric.
    pub bound: Option<f64>,
    /// `safe`, `harm` or `open`.
    pub state: &'static str,
}

impl Report {
    /// The numbers as a table: what the page's CSV has.
    pub fn table(&self) -> Answer {
        let column = |name: &str, kind, ja: &str, en: &str| Column { name: name.into(), kind, label: Text::new(ja, en) };
        let columns = vec![
            column("role", Kind::Text, "役割", "Role"),
            column("metric", Kind::Text, "指標", "Metric"),
            column("arm", Kind::Text, "グループ", "Arm"),
            column("control_n", Kind::Int, "基準の人数", "Control units"),
            column("variant_n", Kind::Int, "変更後の人数", "Variant units"),
            column("control_mean", Kind::Float, "基準の平均", "Control mean"),
            column("variant_mean", Kind::Float, "変更後の平均", "Variant mean"),
            column("difference", Kind::Float, "差", "Difference"),
            column("low", Kind::Float, "下限", "Low"),
            column("high", Kind::Float, "上限", "High"),
            column("anytime_low", Kind::Float, "常時有効の下限", "Low at any look"),
            column("anytime_high", Kind::Float, "常時有効の上限", "High at any look"),
            column("lift", Kind::Float, "基準比", "Lift"),
            column("p", Kind::Float, "p値", "p"),
            column("p_adjusted", Kind::Float, "補正後のp値", "p after correction"),
            column("chance_to_win", Kind::Float, "勝つ確率", "Chance to win"),
            column("significant", Kind::Bool, "有意", "Significant"),
            column("stake_days", Kind::Int, "見込みの日数", "Days at stake"),
            column("stake", Kind::Float, "見込み", "Value at stake"),
            column("stake_low", Kind::Float, "見込みの下限", "Value at stake, low"),
            column("stake_high", Kind::Float, "見込みの上限", "Value at stake, high"),
            column("stake_shrunk", Kind::Float, "控えめな見込み", "Value at stake, shrunk"),
        ];
        let float = |number: Option<f64>| number.map_or(Value::Null, Value::Float);
        let rows = self
            .rows
            .iter()
            .map(|row| {
                let of = |number: fn(&Numbers) -> Option<f64>| float(row.numbers.as_ref().and_then(number));
                let stake = |number: fn(&StakeReport) -> Option<f64>| float(row.stake.as_ref().and_then(number));
                let count = |number: fn(&Numbers) -> u64| {
                    row.numbers.as_ref().map_or(Value::Null, |found| Value::Int(number(found) as i64))
                };
                vec![
                    Value::Text(row.role.into()),
                    Value::Text(row.metric.clone()),
                    Value::Text(row.variant.clone()),
                    count(|numbers| numbers.control_n),
                    count(|numbers| numbers.variant_n),
                    of(|numbers| Some(numbers.control_mean)),
                    of(|numbers| Some(numbers.variant_mean)),
                    of(|numbers| Some(numbers.difference)),
                    of(|numbers| Some(numbers.low)),
                    of(|numbers| Some(numbers.high)),
                    of(|numbers| numbers.anytime_low),
                    of(|numbers| numbers.anytime_high),
                    of(|numbers| numbers.lift),
                    of(|numbers| numbers.p),
                    float(row.p_adjusted),
                    of(|numbers| Some(numbers.chance_to_win)),
                    Value::Bool(row.significant),
                    row.stake.as_ref().map_or(Value::Null, |stake| Value::Int(stake.days.into())),
                    stake(|stake| Some(stake.value)),
                    stake(|stake| Some(stake.low)),
                    stake(|stake| Some(stake.high)),
                    stake(|stake| stake.shrunk),
                ]
            })
            .collect();
        Answer { columns, rows }
    }
}

/// What a test has shown as of the desk's moment.
pub async fn analysed(desk: &Desk, experiment: &Experiment) -> Result<Analysis, Fault> {
    let counted = counted(desk, experiment, &mut BTreeMap::new()).await?;
    folded(experiment, &counted)
}

fn folded(experiment: &Experiment, counted: &Counted) -> Result<Analysis, Fault> {
    analyse(experiment, counted).map_err(|why| {
        Fault::new(Exit::Failed, format!("experiment `{}` cannot be read out: {why}", experiment.experiment))
            .remedy("look at its [plan]")
    })
}

/// Asks and reads out a test as of the desk's moment.
pub async fn report(desk: &Desk, experiment: &Experiment) -> Result<Report, Fault> {
    let mut queries = BTreeMap::new();
    let counted = counted(desk, experiment, &mut queries).await?;
    let analysis = folded(experiment, &counted)?;
    let taken = decided(desk, &experiment.experiment).await?;
    queries.insert(decided::QUERY.into(), desk.query(decided::QUERY)?.hash());
    let is_aa = experiment.mode == Mode::Aa;
    let aa = if is_aa { aa::of_test(desk, experiment).await? } else { Vec::new() };
    if is_aa {
        queries.insert(aa::QUERY.into(), desk.query(aa::QUERY)?.hash());
    }
    let stopped = taken.iter().find(|taken| decided::stops(taken) && taken.version == experiment.version);
    let titles: BTreeMap<&str, (String, &'static str)> = experiment
        .metrics()
        .into_iter()
        .map(|metric| Ok((metric, (desk.query(metric)?.header.title.clone(), kind_name(kind(desk, metric)?)))))
        .collect::<Result<_, Fault>>()?;
    Ok(Report {
        experiment: experiment.experiment.clone(),
        version: experiment.version.clone(),
        as_of: model::time::rfc3339(desk.moment.as_of),
        stopped: stopped.map(|taken| Stopped { at: taken.at, why: decided::why(&taken.why) }),
        decision: if is_aa { said_of_same(&analysis) } else { said(&analysis.decision) },
        arms: experiment
            .arms
            .iter()
            .zip(&counted.exposed)
            .map(|(arm, exposed)| ArmReport { arm: arm.id.clone(), weight: arm.weight, exposed: *exposed })
            .collect(),
        health: health(&analysis.health),
        rows: rows(&analysis, &titles),
        slices: slices(&analysis),
        guardrails: guards(experiment, &analysis),
        aa,
        queries,
    })
}

/// Everything that is counted, in the order of the arms.
async fn counted(desk: &Desk, experiment: &Experiment, queries: &mut BTreeMap<String, String>) -> Result<Counted, Fault> {
    let mut used = |name: &str| -> Result<(), Fault> {
        let query = desk.query(name)?;
        queries.insert(query.name.clone(), query.hash());
        Ok(())
    };
    for name in ["system/exposed_test", "system/exposed_twice", "system/exposed_by_day", "system/paired_moments"] {
        used(name)?;
    }
    let since = experiment.start.unwrap_or_default();
    let windows = windows(experiment);
    let goal_window = experiment.goal.within;
    let mut exposed_of: BTreeMap<i64, Desk> = BTreeMap::new();
    for within in windows.values().chain([&goal_window]) {
        if let Entry::Vacant(place) = exposed_of.entry(within.0.num_seconds()) {
            place.insert(exposed_desk(desk, experiment, *within).await?);
        }
    }
    let goal_desk = &exposed_of[&goal_window.0.num_seconds()];
    let by_day = goal_desk.ask("system/exposed_by_day", &Params::new()).await?;
    let (exposed, exposed_by_day, per_day) = days(experiment, &by_day, desk);
    let twice: Params =
        [("experiment".into(), ParamValue::Text(experiment.experiment.clone())), ("since".into(), ParamValue::Instant(since))]
            .into();
    let contaminated = integer(desk.ask("system/exposed_twice", &twice).await?.get(0, "people"));
    for dimension in &experiment.dimensions {
        used(&format!("dimensions/{dimension}"))?;
    }
    for metric in experiment.metrics() {
        used(metric)?;
    }
    let mut found: BTreeMap<&str, MetricCounted> = BTreeMap::new();
    for (seconds, exposed) in &exposed_of {
        let followed = |metric: &&str| windows[metric].0.num_seconds() == *seconds;
        let metrics: Vec<&str> = experiment.metrics().into_iter().filter(followed).collect();
        if !metrics.is_empty() {
            found.extend(metrics_counted(exposed, experiment, &metrics).await?);
        }
    }
    let metrics = experiment.metrics().into_iter().filter_map(|metric| found.remove(metric)).collect();
    Ok(Counted { exposed, exposed_by_day, contaminated, per_day, today: desk.moment.zone.day(desk.moment.as_of), metrics })
}

/// How long a unit is followed, by metric; one that is named twice by the longer.
pub fn windows(experiment: &Experiment) -> BTreeMap<&str, Span> {
    let mut windows: BTreeMap<&str, Span> = BTreeMap::new();
    let all = std::iter::once((&experiment.goal.metric, experiment.goal.within))
        .chain(experiment.secondary.iter().map(|metric| (&metric.metric, metric.within)))
        .chain(experiment.guardrails.iter().map(|guardrail| (&guardrail.metric, guardrail.within)));
    for (metric, within) in all {
        let longest = windows.entry(metric).or_insert(within);
        if within.0 > longest.0 {
            *longest = within;
        }
    }
    windows
}

/// The desk on which `exposed` are the units of a test, each followed so long.
pub async fn exposed_desk(desk: &Desk, experiment: &Experiment, within: Span) -> Result<Desk, Fault> {
    let params: Params = [
        ("experiment".into(), ParamValue::Text(experiment.experiment.clone())),
        ("since".into(), ParamValue::Instant(experiment.start.unwrap_or_default())),
        ("within_seconds".into(), ParamValue::Int(within.0.num_seconds())),
    ]
    .into();
    let exposed = desk.batches(desk.query("system/exposed_test")?, &params).await?;
    Ok(desk.clone().with_table("exposed", exposed)?)
}

/// Metrics that follow a unit equally long: each asked once, with its past, and folded over all dimensions together.
async fn metrics_counted<'a>(
    exposed: &Desk,
    experiment: &Experiment,
    metrics: &[&'a str],
) -> Result<BTreeMap<&'a str, MetricCounted>, Fault> {
    let mut desk = exposed.clone();
    for (number, dimension) in experiment.dimensions.iter().enumerate() {
        let query = exposed.query(&format!("dimensions/{dimension}"))?;
        desk = desk.with_relation(&format!("dimension_{number}"), query, Params::new());
    }
    let dimensions = experiment.dimensions.len();
    let unit = desk.batches(&fold::units(dimensions), &Params::new()).await?;
    let units: usize = unit.1.iter().map(|batch| batch.num_rows()).sum();
    let desk = desk.with_table("unit", unit)?;
    // The same questions about the time before: exposed then, followed until now.
    let before = match experiment.plan.lookback {
        Some(lookback) => {
            let params: Params = [("lookback_seconds".into(), ParamValue::Int(lookback.0.num_seconds()))].into();
            let shifted = exposed.batches(exposed.query("system/exposed_before")?, &params).await?;
            let mut then = exposed.clone();
            then.forget_table("exposed");
            Some(then.with_table("exposed", shifted)?)
        }
        None => None,
    };
    let mut found = BTreeMap::new();
    for together in metrics.chunks((VALUES_AT_ONCE / units.max(1)).clamp(1, METRICS_AT_ONCE)) {
        let mut desk = desk.clone();
        for (number, metric) in together.iter().enumerate() {
            let query = exposed.query(metric)?;
            desk = desk.with_table(&format!("metric_{number}"), exposed.batches(query, &Params::new()).await?)?;
            if let Some(before) = &before {
                desk = desk.with_table(&format!("before_{number}"), before.batches(query, &Params::new()).await?)?;
            }
        }
        let cells = desk.fold(dimensions, &vec![before.is_some(); together.len()]).await?;
        for (number, metric) in together.iter().enumerate() {
            found.insert(*metric, metric_counted(exposed, experiment, metric, &cells, number)?);
        }
    }
    Ok(found)
}

/// One metric of those that were folded together.
fn metric_counted(
    desk: &Desk,
    experiment: &Experiment,
    metric: &str,
    cells: &Cells,
    number: usize,
) -> Result<MetricCounted, Fault> {
    let of = |sums: &Sums, slice: &str| {
        experiment
            .arms
            .iter()
            .map(|arm| {
                sums.get(&(arm.id.clone(), slice.to_string())).map_or(Err(NotComputable::Empty), |sums| sums.paired.clone())
            })
            .collect::<Vec<_>>()
    };
    let all = arms(cells, None, number);
    let mut slices = Vec::new();
    for (place, dimension) in experiment.dimensions.iter().enumerate() {
        let sums = arms(cells, Some(place), number);
        let values: BTreeSet<&String> = sums.keys().map(|(_, value)| value).collect();
        slices.extend(values.into_iter().map(|value| Slice {
            dimension: dimension.clone(),
            value: value.clone(),
            arms: of(&sums, value),
        }));
    }
    let open = |arm: &str| all.get(&(arm.to_string(), String::new())).map_or(0, |sums| sums.open);
    Ok(MetricCounted {
        metric: metric.into(),
        is_rate: is_rate(desk, metric, &all)?,
        immature: experiment.arms.iter().map(|arm| open(&arm.id)).collect(),
        arms: of(&all, ""),
        slices,
    })
}

/// What one metric did along one dimension.
fn arms(cells: &Cells, dimension: Option<usize>, number: usize) -> Sums {
    let slices = cells.iter().filter(|((of, _), _)| *of == dimension);
    slices
        .flat_map(|((_, value), arms)| {
            arms.iter().map(move |(arm, cell)| {
                let fold::Sums { y, yy, x, xx, xy } = cell.sums[number];
                let paired = PairedMoments::from_sums(cell.over, (y, yy), (x, xx), xy).and_then(|moments| moments.paired());
                let sums = ArmSums { open: cell.units - cell.over, over: cell.over, paired };
                ((arm.clone(), value.clone()), sums)
            })
        })
        .collect()
}

/// By arm and slice.
pub type Sums = BTreeMap<(String, String), ArmSums>;

/// The units of an arm in one slice.
#[derive(Debug, Clone)]
pub struct ArmSums {
    /// Still followed.
    pub open: u64,
    /// Followed to the end.
    pub over: u64,
    /// What these did.
    pub paired: Result<Paired, NotComputable>,
}

/// 0 or 1 per unit.
pub fn is_rate(desk: &Desk, metric: &str, sums: &Sums) -> Result<bool, Fault> {
    Ok(matches!(kind(desk, metric)?, Kind::Int | Kind::Rate | Kind::Bool) && is_yes_or_no(sums))
}

/// Whole numbers of which each is its own square are nothing but 0 and 1.
fn is_yes_or_no(sums: &Sums) -> bool {
    sums.values().filter_map(|sums| sums.paired.as_ref().ok()).all(|paired| {
        let (n, p) = (paired.y.n() as f64, paired.y.mean());
        (paired.y.variance() * (n - 1.0) - n * p * (1.0 - p)).abs() < 1e-6 * n
    })
}

/// Of the desk's `metric` and `before` over its `exposed`, by a query that says which slice a customer is in.
pub async fn sums(desk: &Desk, dimension: &str, params: Params) -> Result<Sums, Fault> {
    let desk = desk.clone().with_relation("dimension", desk.query(dimension)?, params);
    let answer = desk.ask("system/paired_moments", &Params::new()).await?;
    (0..answer.rows.len())
        .map(|row| {
            let exact = |column: &str, decimals: usize| scaled(&text(answer.get(row, column)), decimals);
            let n = integer(answer.get(row, "n"));
            let paired = match (
                exact("y", DECIMALS),
                exact("yy", 2 * DECIMALS),
                exact("x", DECIMALS),
                exact("xx", 2 * DECIMALS),
                exact("xy", 2 * DECIMALS),
            ) {
                (Some(y), Some(yy), Some(x), Some(xx), Some(xy)) => {
                    PairedMoments::from_sums(n, (y, yy), (x, xx), xy).and_then(|moments| moments.paired())
                }
                _ => return Err(Fault::new(Exit::Failed, "the sums of a metric are no decimal numbers")),
            };
            let key = (text(answer.get(row, "arm")), text(answer.get(row, "slice")));
            Ok((key, ArmSums { open: integer(answer.get(row, "open")), over: n, paired }))
        })
        .collect()
}

/// `12.5` with four decimals is 125000.
pub fn scaled(text: &str, decimals: usize) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{fraction:0<decimals$}");
    if fraction.len() > decimals && fraction[decimals..].bytes().any(|digit| digit != b'0') {
        return None;
    }
    format!("{whole}{}", &fraction[..decimals]).parse::<i128>().ok().map(|value| sign * value)
}

/// Units per arm; the same at the end of each day; units that matured per day lately.
fn days(experiment: &Experiment, answer: &Answer, desk: &Desk) -> (Vec<u64>, Vec<Vec<u64>>, Option<f64>) {
    let today = desk.moment.zone.day(desk.moment.as_of);
    let mut by_day: BTreeMap<NaiveDate, Vec<u64>> = BTreeMap::new();
    let mut lately = 0;
    for row in 0..answer.rows.len() {
        let Some(Value::Date(day)) = answer.get(row, "day") else { continue };
        let exposed = integer(answer.get(row, "exposed"));
        if (today - *day).num_days() <= PACE_DAYS && *day < today {
            lately += exposed;
        }
        let arm = text(answer.get(row, "arm"));
        let counts = by_day.entry(*day).or_insert_with(|| vec![0; experiment.arms.len()]);
        if let Some(index) = experiment.arms.iter().position(|known| known.id == arm) {
            counts[index] += exposed;
        }
    }
    let mut sum = vec![0; experiment.arms.len()];
    let cumulated: Vec<Vec<u64>> = by_day
        .into_values()
        .map(|counts| {
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            sum.clone()
        })
        .collect();
    (sum, cumulated, (lately > 0).then(|| lately as f64 / PACE_DAYS as f64))
}

fn kind(desk: &Desk, metric: &str) -> Result<Kind, Fault> {
    let query = desk.query(metric)?;
    query.header.columns.iter().find(|column| column.name == "value").map(|column| column.kind).ok_or_else(|| {
        Fault::new(Exit::Config, format!("{}: a metric has the columns customer_id and value", query.file))
            .remedy("look at queries/metrics/conversion.sql")
    })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Money => "money",
        Kind::Int | Kind::Rate | Kind::Bool => "rate",
        _ => "number",
    }
}

fn health(health: &Health) -> HealthReport {
    HealthReport {
        srm_p: health.srm.as_ref().ok().map(|srm| srm.p_value),
        srm_chi_square: health.srm.as_ref().ok().map(|srm| srm.chi_square),
        srm_running_p: health.srm_running_p,
        split_broken: health.is_split_broken(),
        met_several_arms: health.contaminated,
        met_several_arms_share: health.contaminated_share,
        still_followed_share: health.immature_share,
        differed_before: health.differed_before.iter().map(|found| format!("{} {}", found.metric, found.variant)).collect(),
    }
}

fn rows(analysis: &Analysis, titles: &BTreeMap<&str, (String, &'static str)>) -> Vec<RowReport> {
    // A broken split moved the numbers too: none is given.
    let is_refused = analysis.health.is_split_broken();
    analysis
        .rows
        .iter()
        .map(|row| {
            let (title, kind) = titles.get(row.metric.as_str()).cloned().unwrap_or_default();
            let found = row.compared.as_ref().ok().filter(|_| !is_refused);
            RowReport {
                metric: row.metric.clone(),
                title,
                kind,
                role: role(row.role),
                variant: row.variant.clone(),
                numbers: found.map(numbers),
                not_computable: row.compared.as_ref().err().map(ToString::to_string),
                p_adjusted: row.p_adjusted.filter(|_| !is_refused),
                significant: row.significant && !is_refused,
                stake: row.stake.as_ref().filter(|_| found.is_some()).map(stake),
            }
        })
        .collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Goal => "goal",
        Role::Secondary => "secondary",
        Role::Guardrail { .. } => "guardrail",
    }
}

fn stake(stake: &Stake) -> StakeReport {
    let shrunk = stake.shrunk.as_ref().ok();
    StakeReport {
        days: stake.days,
        units: stake.units,
        value: stake.value,
        low: stake.interval.low,
        high: stake.interval.high,
        shrunk: shrunk.map(|shrunk| shrunk.value),
        shrunk_low: shrunk.map(|shrunk| shrunk.interval.low),
        shrunk_high: shrunk.map(|shrunk| shrunk.interval.high),
        expected_loss: stake.loss,
    }
}

fn numbers(compared: &Compared) -> Numbers {
    let relative = compared.relative.as_ref().ok();
    let sequence = compared.sequence.as_ref().ok();
    let relative_sequence = compared.relative_sequence.as_ref().ok();
    Numbers {
        control_n: compared.n[0],
        variant_n: compared.n[1],
        control_mean: compared.mean[0],
        variant_mean: compared.mean[1],
        difference: compared.absolute.effect,
        low: compared.absolute.interval.low,
        high: compared.absolute.interval.high,
        anytime_low: sequence.map(|look| look.interval.low),
        anytime_high: sequence.map(|look| look.interval.high),
        lift: relative.map(|relative| relative.effect),
        lift_low: relative.map(|relative| relative.interval.low),
        lift_high: relative.map(|relative| relative.interval.high),
        lift_anytime_low: relative_sequence.map(|look| look.interval.low),
        lift_anytime_high: relative_sequence.map(|look| look.interval.high),
        p_fixed: compared.absolute.p_two_sided,
        p: compared.decisive.p,
        chance_to_win: compared.chance_to_win,
        expected_loss: compared.loss,
        lift_shrunk: compared.shrunk.as_ref().ok().map(|shrunk| shrunk.mean),
        variance_explained_by_the_past: compared.variance_reduction[1],
    }
}

fn slices(analysis: &Analysis) -> Vec<SliceReport> {
    if analysis.health.is_split_broken() {
        return Vec::new();
    }
    let mut reports = Vec::new();
    for sliced in &analysis.slices {
        let mut shrunk = sliced.heterogeneity.as_ref().map(|found| found.shrunk.clone()).unwrap_or_default().into_iter();
        for (value, compared) in &sliced.values {
            let found = compared.as_ref().ok();
            reports.push(SliceReport {
                metric: sliced.metric.clone(),
                variant: sliced.variant.clone(),
                dimension: sliced.dimension.clone(),
                value: value.clone(),
                difference: found.map(|found| found.absolute.effect),
                low: found.map(|found| found.absolute.interval.low),
                high: found.map(|found| found.absolute.interval.high),
                shrunk: found.and_then(|_| shrunk.next()).map(|shrunk| shrunk.effect),
                p_differ: sliced.p_adjusted,
            });
        }
    }
    reports
}

fn guards(experiment: &Experiment, analysis: &Analysis) -> Vec<GuardReport> {
    guarded(experiment, &analysis.rows)
        .into_iter()
        .map(|guard| GuardReport {
            margin: experiment
                .guardrails
                .iter()
                .find(|declared| declared.metric == guard.metric)
                .map_or(0.0, |declared| declared.margin),
            metric: guard.metric,
            variant: guard.variant,
            bound: guard.found.map(|found| found.bound),
            state: match guard.found {
                Some(found) if found.is_safe => "safe",
                Some(found) if found.is_harm => "harm",
                _ => "open",
            },
        })
        .collect()
}

/// Of an A/A test nothing is shipped: it says whether the testing is sound.
fn said_of_same(analysis: &Analysis) -> Said {
    let differing: Vec<String> =
        analysis.rows.iter().filter(|row| row.significant).map(|row| format!("{} {}", row.metric, row.variant)).collect();
    match &analysis.decision {
        refused @ Decision::CannotSay { .. } => said(refused),
        _ if differing.is_empty() => Said {
            decision: "same",
            arm: None,
            why: Text::new(
                "どのグループにも同じものを出しており、差は示されていません。計測は正しく働いています。",
                "Every arm gets the same, and no difference is shown: the testing works as it should.",
            ),
            days_left: None,
        },
        _ => Said {
            decision: "differs",
            arm: None,
            why: Text::new(
                &format!(
                    "どのグループにも同じものを出しているのに、{}で差が出ました。偶然でも有意水準の割合で起こりますが、続くなら割付か計測に誤りがあります。",
                    differing.join("、")
                ),
                &format!(
                    "Every arm gets the same, and yet {} differ. Chance does that as often as the level says; if it stays, assignment or measurement is wrong.",
                    differing.join(", ")
                ),
            ),
            days_left: None,
        },
    }
}

/// The decision in words.
fn said(decision: &Decision) -> Said {
    let (name, arm, why, days_left) = match decision {
        Decision::Ship { arm } => (
            "ship",
            Some(arm.clone()),
            Text::new(
                &format!("主要指標で {arm} が優れており、ガードレールも安全です。"),
                &format!("{arm} is better in the goal metric, and every guardrail is safe."),
            ),
            None,
        ),
        Decision::Stop { why } => {
            let (arm, why) = match why {
                StopWhy::Harm { arm, metric } => (
                    Some(arm.clone()),
                    Text::new(
                        &format!("{arm} でガードレール {metric} が悪化しています。"),
                        &format!("{arm} harms the guardrail {metric}."),
                    ),
                ),
                StopWhy::Worse { arm } => (
                    Some(arm.clone()),
                    Text::new("主要指標が悪化しています。", "The goal metric is worse, and that is no chance."),
                ),
                StopWhy::TooSmall => (
                    None,
                    Text::new(
                        "差があっても、知る価値のある大きさより小さいと言えます。",
                        "Whatever the effect is, it is smaller than the smallest worth knowing.",
                    ),
                ),
                StopWhy::Nothing => (
                    None,
                    Text::new(
                        "計画した人数に達しましたが、差は示されませんでした。",
                        "The planned units are there, and no difference is shown.",
                    ),
                ),
            };
            ("stop", arm, why, None)
        }
        Decision::KeepRunning { days_left, open } => {
            let guards: Vec<&str> = open.iter().map(|guard| guard.metric.as_str()).collect();
            let why = match guards.is_empty() {
                true => Text::new(
                    "まだ判断できません。計画どおり続けてください。",
                    "Nothing can be decided yet: let it run as planned.",
                ),
                false => Text::new(
                    &format!("主要指標は改善していますが、ガードレール {} の安全がまだ示されていません。", guards.join("、")),
                    &format!("The goal is better, but {} is not yet shown to be safe.", guards.join(", ")),
                ),
            };
            ("keep_running", None, why, *days_left)
        }
        Decision::CannotSay { why } => {
            let why = match why {
                Refusal::SplitBroken { p, .. } => Text::new(
                    &format!("割付の人数が計画と合いません（p = {p:.1e}）。原因を直すまで、どの数字も信用できません。"),
                    &format!(
                        "The arms do not have the sizes they were meant to have (p = {p:.1e}): until the cause is mended, no number can be believed."
                    ),
                ),
                Refusal::NotEnoughUnits { arm, units, needed } => Text::new(
                    &format!("グループ {arm} の観測済み人数は{units}人で、{needed}人に足りません。"),
                    &format!("Only {units} units of {arm} were followed to the end; {needed} are needed."),
                ),
                Refusal::NoGoal => Text::new(
                    "主要指標を計算するには、まだ件数が足りません。",
                    "There is too little yet to compute the goal metric from.",
                ),
            };
            ("cannot_say", None, why, None)
        }
    };
    Said { decision: name, arm, why, days_left }
}

fn integer(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Int(count)) => (*count).max(0) as u64,
        _ => 0,
    }
}

fn text(value: Option<&Value>) -> String {
    value.map(Value::plain).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_without_a_digit_lost() {
        let check = |text: &str, decimals: usize, expect: Option<i128>| assert_eq!(scaled(text, decimals), expect, "{text}");
        check("0", 4, Some(0));
        check("12.5", 4, Some(125_000));
        check("-0.0001", 4, Some(-1));
        check("12345678901234567890123.00000001", 8, Some(1_234_567_890_123_456_789_012_300_000_001));
        check("1.00001", 4, None);
        check("1.00000", 4, Some(10_000));
        check("", 4, Some(0));
        check("x", 4, None);
    }
}
