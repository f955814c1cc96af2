//! What a scenario is worth and how an experiment ended, said so that nobody reads more into the numbers than they hold.

use chrono::NaiveDate;
use maud::{Markup, html};
use model::{Money, Text};
use query::Kind;

use super::{
    Locale,
    chart::interval::{Verdict, in_cell},
    format::p_value,
    words,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<T> {
    pub value: T,
    pub low: T,
    pub high: T,
}

/// An estimate, or why there is none. No number stands for "cannot say".
#[derive(Debug, Clone, PartialEq)]
pub enum Said<T> {
    Known(T),
    NotYet(NotYet),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct NotYet {
    pub reason: Text,
    /// The shop day from which it can be said, where that is known.
    pub from: Option<NaiveDate>,
}

/// The statement at the head of a scenario's page.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioValue {
    pub scenario: String,
    pub first_day: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
    pub sent: u64,
    /// `None` where no price per message is set.
    pub cost: Option<Money>,
    pub attributed: Money,
    /// Model and window, such as "ラストタッチ・7日".
    pub attribution: Text,
    pub treated: u64,
    pub held_out: u64,
    pub added: Said<Interval<Money>>,
    pub holdout_cost: Said<Interval<Money>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentReadout {
    pub experiment: String,
    pub status: Status,
    pub first_day: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
    pub days: Option<u64>,
    pub decision: Decision,
    /// Why it was decided so.
    pub why: Text,
    /// `None` where it could not be computed; the decision then says why.
    pub srm: Option<Srm>,
    pub metrics: Vec<MetricReadout>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Draft,
    Running,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Ship {
        arm: String,
    },
    DoNotShip,
    KeepRunning,
    /// The comparison itself is broken, as by a sample ratio mismatch.
    Invalid,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Srm {
    pub chi_square: f64,
    pub p: f64,
    pub is_ok: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetricReadout {
    pub title: Text,
    pub role: MetricRole,
    /// [`Kind::Rate`] for conversions, [`Kind::Money`] for money per customer, [`Kind::Float`] for other means.
    pub kind: Kind,
    pub lower_is_better: bool,
    /// The baseline first.
    pub arms: Vec<ArmReadout>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricRole {
    Goal,
    Secondary,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ArmReadout {
    pub arm: String,
    pub planned_share: Option<f64>,
    pub exposed: u64,
    /// Customers who converted (a rate), or the sum over all (money).
    pub total: f64,
    /// Per exposed customer; none where nobody was exposed.
    pub mean: Option<f64>,
    /// None for the baseline.
    pub difference: Option<Said<Difference>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

pub fn scenario(locale: &Locale, value: &ScenarioValue) -> Markup {
    let lang = locale.lang;
    let sentence = match &value.added {
        Said::Known(added) => {
            let (class, word) = match Verdict::of(added.low.as_f64(), added.high.as_f64()) {
                Verdict::Up => ("good", words::SENTENCE_UP),
                Verdict::Down => ("bad", words::SENTENCE_DOWN),
                Verdict::Unclear => ("unclear", words::SENTENCE_UNCLEAR),
            };
            (class, Verdict::of(added.low.as_f64(), added.high.as_f64()).sign(), word.get(lang).to_string())
        }
        Said::NotYet(not_yet) => ("unclear", "…", not_yet_words(locale, not_yet)),
    };
    html! {
        div class="readout" {
            (banner(sentence.0, sentence.1, words::VALUE_TITLE.get(lang), &sentence.2))
            @if let (Some(first), Some(last)) = (value.first_day, value.last_day) {
                p class="note" {
                    (value.scenario) " · " (words::PERIOD.get(lang)) " "
                    (words::BETWEEN.fill(lang, &[&locale.long_date(first), &locale.long_date(last)]))
                }
            }
            div class="kpis" {
                (tile("sent", words::SENT.get(lang), &locale.count(value.sent), &value.sent.to_string(), None))
                @match value.cost {
                    Some(cost) => (tile("cost", words::COST.get(lang), &locale.money(cost), &cost.to_string(), None)),
                    None => (tile("cost", words::COST.get(lang), "–", "", Some(words::COST_UNKNOWN.get(lang)))),
                }
                (tile(
                    "attributed",
                    words::ATTRIBUTED.get(lang),
                    &locale.money(value.attributed),
                    &value.attributed.to_string(),
                    Some(&words::ATTRIBUTED_NOTE.fill(lang, &[value.attribution.get(lang.name())])),
                ))
                (said_tile(
                    locale,
                    "added",
                    words::ADDED.get(lang),
                    true,
                    &value.added,
                    &words::ADDED_NOTE.fill(lang, &[&locale.count(value.treated), &locale.count(value.held_out)]),
                ))
                (said_tile(
                    locale,
                    "holdout_cost",
                    words::HOLDOUT_COST.get(lang),
                    false,
                    &value.holdout_cost,
                    &words::HOLDOUT_COST_NOTE.fill(lang, &[&locale.count(value.held_out)]),
                ))
            }
        }
    }
}

pub fn experiment(locale: &Locale, readout: &ExperimentReadout) -> Markup {
    let lang = locale.lang;
    let (class, icon, title) = match &readout.decision {
        Decision::Ship { arm } => ("good", "✓", words::SHIP_ARM.fill(lang, &[arm])),
        Decision::DoNotShip => ("bad", "✕", words::DO_NOT_SHIP.get(lang).into()),
        Decision::KeepRunning => ("unclear", "…", words::KEEP_RUNNING.get(lang).into()),
        Decision::Invalid => ("bad", "⚠", words::INVALID.get(lang).into()),
    };
    let status = match readout.status {
        Status::Draft => words::STATUS_DRAFT,
        Status::Running => words::STATUS_RUNNING,
        Status::Ended => words::STATUS_ENDED,
    };
    html! {
        div class="readout" {
            (banner(class, icon, &title, readout.why.get(lang.name())))
            p class="note" {
                span class="badge" { (status.get(lang)) } " " (readout.experiment)
                @if let Some(first) = readout.first_day {
                    @let last = readout.last_day.map(|day| locale.long_date(day)).unwrap_or_default();
                    " · " (words::BETWEEN.fill(lang, &[&locale.long_date(first), &last]).trim_end())
                }
                @if let Some(days) = readout.days { " · " (words::DAY_COUNT.fill(lang, &[&locale.count(days)])) }
            }
            @for metric in &readout.metrics { (metric_table(locale, metric)) }
            @if !readout.metrics.is_empty() { p class="note" { (words::DIFFERENCE_NOTE.get(lang)) } }
            @if let Some(srm) = readout.srm { (health(locale, srm)) }
        }
    }
}

pub(super) fn banner(class: &str, icon: &str, title: &str, text: &str) -> Markup {
    html! {
        div class={ "banner " (class) } role="status" {
            span class="banner-icon" aria-hidden="true" { (icon) }
            div { strong { (title) } p { (text) } }
        }
    }
}

fn health(locale: &Locale, srm: Srm) -> Markup {
    let lang = locale.lang;
    let detail = match p_value(srm.p) {
        small if small.starts_with('<') => small,
        p => format!("= {p}"),
    };
    html! {
        p class={ "health " @if srm.is_ok { "good" } @else { "bad" } } {
            strong { (words::HEALTH.get(lang)) ": " }
            span aria-hidden="true" { @if srm.is_ok { "✓ " } @else { "⚠ " } }
            (if srm.is_ok { words::SRM_OK } else { words::SRM_BAD }.get(lang))
            span class="muted" { " " (words::SRM_DETAIL.fill(lang, &[&format!("{:.2}", srm.chi_square), &detail])) }
        }
    }
}

fn metric_table(locale: &Locale, metric: &MetricReadout) -> Markup {
    let lang = locale.lang;
    let role = match metric.role {
        MetricRole::Goal => words::GOAL,
        MetricRole::Secondary => words::SECONDARY,
    };
    let is_rate = metric.kind == Kind::Rate;
    let reach = metric
        .arms
        .iter()
        .filter_map(|arm| match &arm.difference {
            Some(Said::Known(difference)) => Some(difference.low.abs().max(difference.high.abs())),
            _ => None,
        })
        .fold(0.0, f64::max)
        * 1.1;
    let total_kind = if is_rate { Kind::Int } else { metric.kind };
    html! {
        h3 { (metric.title.get(lang.name())) " " span class="badge" { (role.get(lang)) } }
        div class="table-scroll" tabindex="0" {
            table class="arms" {
                thead {
                    tr {
                        th scope="col" { (words::ARM.get(lang)) }
                        th scope="col" class="number" { (words::EXPOSED.get(lang)) }
                        th scope="col" class="number" { (if is_rate { words::CONVERSIONS } else { words::TOTAL }.get(lang)) }
                        th scope="col" class="number" { (if is_rate { words::RATE } else { words::PER_CUSTOMER }.get(lang)) }
                        th scope="col" class="number" { (words::DIFFERENCE.get(lang)) }
                        th scope="col" { (words::INTERVAL_95.get(lang)) }
                        th scope="col" class="number" { (words::P_VALUE.get(lang)) }
                    }
                }
                tbody {
                    @for arm in &metric.arms {
                        tr data-arm=(arm.arm) {
                            th scope="row" {
                                (arm.arm)
                                @if arm.difference.is_none() { " " span class="muted" { "(" (words::BASELINE.get(lang)) ")" } }
                                @if let Some(share) = arm.planned_share {
                                    span class="sub" { (words::PLANNED_SHARE.get(lang)) " " (super::format::percent(share)) }
                                }
                            }
                            td class="number" { (locale.count(arm.exposed)) }
                            td class="number" { (locale.number(total_kind, arm.total)) }
                            td class="number" { (arm.mean.map_or("–".into(), |mean| mean_words(locale, metric.kind, mean))) }
                            (difference_cells(locale, metric, arm, reach))
                        }
                    }
                }
            }
        }
    }
}

fn difference_cells(locale: &Locale, metric: &MetricReadout, arm: &ArmReadout, reach: f64) -> Markup {
    match &arm.difference {
        None => html! { td class="number null" { "–" } td {} td class="number null" { "–" } },
        Some(Said::NotYet(not_yet)) => html! { td colspan="3" class="not-yet" { (not_yet_words(locale, not_yet)) } },
        Some(Said::Known(difference)) => {
            let verdict = Verdict::of(difference.low, difference.high);
            let ends = [difference.low, difference.high].map(|end| locale.difference(metric.kind, end));
            html! {
                td class={ "number " (verdict.class(metric.lower_is_better)) } {
                    strong { (locale.difference(metric.kind, difference.value)) }
                    span class="sub" { (verdict.sign()) " " (verdict.words(locale)) }
                }
                td class="interval-cell" {
                    (in_cell(locale, metric.kind, [difference.low, difference.value, difference.high], reach, metric.lower_is_better))
                    span class="sub" { (words::BETWEEN.fill(locale.lang, &[&ends[0], &ends[1]])) }
                }
                td class="number" { (p_value(difference.p)) }
            }
        }
    }
}

/// A rate with the two decimals that a difference of rates has too.
fn mean_words(locale: &Locale, kind: Kind, mean: f64) -> String {
    if kind == Kind::Rate { format!("{:.2}%", mean * 100.0) } else { locale.number(kind, mean) }
}

fn not_yet_words(locale: &Locale, not_yet: &NotYet) -> String {
    let lang = locale.lang;
    let when = match not_yet.from {
        Some(day) => words::CANNOT_SAY_FROM.fill(lang, &[&locale.long_date(day)]),
        None => words::CANNOT_SAY_OPEN.get(lang).into(),
    };
    let reason = not_yet.reason.get(lang.name());
    let colon = if reason.is_empty() { "" } else { ": " };
    format!("{}{colon}{reason} ({when})", words::CANNOT_SAY.get(lang))
}

/// A gain is signed and coloured by what its interval says; a cost is an amount.
fn said_tile(locale: &Locale, name: &str, label: &str, is_gain: bool, said: &Said<Interval<Money>>, note: &str) -> Markup {
    let lang = locale.lang;
    match said {
        Said::Known(interval) => {
            let amount =
                |amount: Money| if is_gain { locale.difference(Kind::Money, amount.as_f64()) } else { locale.money(amount) };
            let range = words::BETWEEN.fill(lang, &[&amount(interval.low), &amount(interval.high)]);
            let verdict = if is_gain { Verdict::of(interval.low.as_f64(), interval.high.as_f64()).class(false) } else { "" };
            html! {
                div class={ "kpi mark " (verdict) } data-x=(name)
                    data-value=(interval.value) data-low=(interval.low) data-high=(interval.high) {
                    p class="kpi-label" { (label) }
                    p class="kpi-value" { (amount(interval.value)) }
                    p class="kpi-range" { (words::INTERVAL_95.get(lang)) " " span { (range) } }
                    p class="kpi-note" { (note) }
                }
            }
        }
        Said::NotYet(not_yet) => html! {
            div class="kpi" data-x=(name) {
                p class="kpi-label" { (label) }
                p class="kpi-value not-yet" { (words::CANNOT_SAY.get(lang)) }
                p class="kpi-range" {
                    (match not_yet.from {
                        Some(day) => words::CANNOT_SAY_FROM.fill(lang, &[&locale.long_date(day)]),
                        None => words::CANNOT_SAY_OPEN.get(lang).into(),
                    })
                }
                p class="kpi-note" { (not_yet.reason.get(lang.name())) }
            }
        },
    }
}

fn tile(name: &str, label: &str, value: &str, plain: &str, note: Option<&str>) -> Markup {
    html! {
        div class="kpi mark" data-x=(name) data-value=(plain) {
            p class="kpi-label" { (label) }
            p class="kpi-value" { (value) }
            @if let Some(note) = note { p class="kpi-note" { (note) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;
    use crate::pages::words::Lang;

    const EVIL: &str = "<script>x</script>";

    fn yen(units: i64) -> Money {
        Money::whole(units).unwrap()
    }

    fn day() -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 12, 8)
    }

    fn value(added: Said<Interval<Money>>) -> ScenarioValue {
        ScenarioValue {
            scenario: EVIL.into(),
            first_day: day(),
            last_day: day(),
            sent: 4210,
            cost: Some(yen(12_630)),
            attributed: yen(1_934_500),
            attribution: Text::new(EVIL, EVIL),
            treated: 3802,
            held_out: 421,
            holdout_cost: added.clone(),
            added,
        }
    }

    fn not_yet() -> NotYet {
        NotYet { reason: Text::new("対象者が足りません<script>", "too few people<script>"), from: day() }
    }

    #[test]
    fn a_scenario_says_what_it_is_worth_or_from_when_it_can() {
        let known = |low: i64, value: i64, high: i64| Said::Known(Interval { value: yen(value), low: yen(low), high: yen(high) });
        let check = |lang, added: Said<Interval<Money>>, parts: &[&str]| {
            let html = scenario(&locale(lang), &value(added)).into_string();
            for part in ["data-x=\"sent\" data-value=\"4210\"", "data-x=\"cost\" data-value=\"12630\"", "data-value=\"1934500\""]
                .iter()
                .chain(parts)
            {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("<script"), "{html}");
        };
        check(
            Lang::Ja,
            known(188_000, 612_300, 1_036_600),
            &[
                "売上を増やしました",
                "+¥612,300",
                "+¥188,000 〜 +¥1,036,600",
                "data-low=\"188000\" data-high=\"1036600\"",
                "banner good",
            ],
        );
        check(Lang::Ja, known(-10, 5, 20), &["言えません", "banner unclear", "−¥10 〜 +¥20"]);
        check(Lang::En, known(-30, -20, -10), &["took sales away", "banner bad", "−¥20"]);
        check(Lang::Ja, Said::NotYet(not_yet()), &["まだ言えない: 対象者が足りません", "2026年12月8日(火) 以降に言えます"]);
        check(
            Lang::En,
            Said::NotYet(NotYet { from: None, ..not_yet() }),
            &["Cannot say yet: too few people", "it is not known yet"],
        );
    }

    #[test]
    fn an_amount_that_cannot_be_said_has_no_number() {
        let html = scenario(&locale(Lang::Ja), &value(Said::NotYet(not_yet()))).into_string();
        for name in ["added", "holdout_cost"] {
            assert!(html.contains(&format!("<div class=\"kpi\" data-x=\"{name}\">")), "{html}");
        }
    }

    #[test]
    fn an_experiment_reads_as_it_was_decided() {
        let arm = |name: &str, total: f64, difference: Option<Said<Difference>>| ArmReadout {
            arm: name.into(),
            planned_share: Some(0.5),
            exposed: 1000,
            total,
            mean: Some(total / 1000.0),
            difference,
        };
        let metric = |lower_is_better: bool, difference: Said<Difference>| MetricReadout {
            title: Text::new(EVIL, EVIL),
            role: MetricRole::Goal,
            kind: Kind::Rate,
            lower_is_better,
            arms: vec![arm("a", 100.0, None), arm(EVIL, 141.0, Some(difference))],
        };
        let check = |lang, decision: Decision, metric: MetricReadout, p: f64, parts: &[&str]| {
            let srm = Some(Srm { chi_square: 0.5, p, is_ok: p >= 0.001 });
            let readout = ExperimentReadout {
                experiment: EVIL.into(),
                status: Status::Running,
                first_day: day(),
                last_day: None,
                days: Some(31),
                decision,
                why: Text::new(EVIL, EVIL),
                srm,
                metrics: vec![metric],
            };
            let html = experiment(&locale(lang), &readout).into_string();
            for part in parts {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("<script") && !html.contains("style="), "{html}");
        };
        let up = Difference { value: 0.041, low: 0.0157, high: 0.0663, p: 0.0001 };
        check(
            Lang::Ja,
            Decision::Ship { arm: EVIL.into() },
            metric(false, Said::Known(up)),
            0.8,
            &[
                "採用: ",
                "14.10%",
                "+4.10 pt",
                "▲ 上がった",
                "number good",
                "&lt; 0.001",
                "data-low=\"0.0157\"",
                "配分は予定どおり",
                "✓",
            ],
        );
        check(Lang::En, Decision::DoNotShip, metric(true, Said::Known(up)), 0.8, &["Do not ship", "number bad", "+4.10 pp"]);
        check(Lang::En, Decision::KeepRunning, metric(false, Said::NotYet(not_yet())), 0.8, &["Keep running", "Cannot say yet"]);
        check(
            Lang::Ja,
            Decision::Invalid,
            metric(false, Said::NotYet(not_yet())),
            0.0,
            &["判定不能", "配分が予定と違います", "p &lt; 0.001"],
        );
    }
}
