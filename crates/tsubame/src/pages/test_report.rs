//! A test of `experiments/` as a marketer reads it: what to do and why, each metric with its interval now and at every look, guardrails,
//! slices, and whether anything is broken.

use maud::{Markup, html};
use query::Kind;

use super::{
    Locale,
    chart::interval::{Verdict, in_cell},
    format::{p_value, percent},
    readout::banner,
    words,
};
use crate::{
    aa::AaRow,
    analysis::{GuardReport, HealthReport, Numbers, Report, RowReport, SliceReport, StakeReport},
};

pub fn draw(locale: &Locale, report: &Report) -> Markup {
    let lang = locale.lang;
    let decision = &report.decision;
    let arm = decision.arm.clone().unwrap_or_default();
    let (class, icon, title) = match decision.decision {
        "ship" => ("good", "✓", words::SHIP_ARM.fill(lang, &[&arm])),
        "stop" => ("bad", "✕", words::DO_NOT_SHIP.get(lang).into()),
        "keep_running" => ("unclear", "…", words::KEEP_RUNNING.get(lang).into()),
        "same" => ("good", "✓", words::AA_SAME.get(lang).into()),
        "differs" => ("bad", "⚠", words::AA_DIFFERS.get(lang).into()),
        _ => ("bad", "⚠", words::INVALID.get(lang).into()),
    };
    // Where every arm gets the same, nobody wins.
    let is_aa = !report.aa.is_empty();
    let mut why = decision.why.get(lang.name()).to_string();
    if let Some(days) = decision.days_left {
        why.push_str(&words::DAYS_LEFT.fill(lang, &[&locale.count(days)]));
    }
    html! {
        div class="readout" {
            @if let Some(stopped) = &report.stopped {
                @let title = words::STOPPED_BY_RULE.fill(lang, &[&locale.instant(stopped.at)]);
                (banner("bad", "■", &title, stopped.why.get(lang.name())))
            }
            (banner(class, icon, &title, &why))
            p class="note" {
                (report.experiment) " · " (words::VERSION.get(lang)) " " code { (report.version) }
                @for arm in &report.arms {
                    " · " (arm.arm) " " (locale.count(arm.exposed))
                    span class="muted" { " (" (words::PLANNED_SHARE.get(lang)) " " (percent(arm.weight)) ")" }
                }
            }
            @for role in ["goal", "secondary", "guardrail"] {
                @let rows: Vec<&RowReport> = report.rows.iter().filter(|row| row.role == role).collect();
                @if !rows.is_empty() {
                    h3 { (role_words(role).get(lang)) }
                    (table(locale, &rows, &report.guardrails, is_aa))
                }
            }
            @if !report.rows.is_empty() { p class="note" { (words::ANYTIME_NOTE.get(lang)) } }
            (false_positives(locale, &report.aa))
            (slices(locale, &report.slices))
            (health(locale, &report.health))
        }
    }
}

fn role_words(role: &str) -> words::Word {
    match role {
        "goal" => words::GOAL,
        "guardrail" => words::GUARDRAIL,
        _ => words::SECONDARY,
    }
}

fn kind_of(name: &str) -> Kind {
    match name {
        "money" => Kind::Money,
        "rate" => Kind::Rate,
        _ => Kind::Float,
    }
}

fn table(locale: &Locale, rows: &[&RowReport], guardrails: &[GuardReport], is_aa: bool) -> Markup {
    let lang = locale.lang;
    let known = rows.iter().filter_map(|row| row.numbers.as_ref());
    let reach = known.flat_map(lift_ends).fold(0.0, f64::max) * 1.1;
    html! {
        div class="table-scroll" tabindex="0" {
            table class="arms" {
                thead {
                    tr {
                        th scope="col" { (words::METRIC.get(lang)) }
                        th scope="col" { (words::ARM.get(lang)) }
                        th scope="col" class="number" { (words::BASELINE.get(lang)) }
                        th scope="col" class="number" { (words::VARIANT.get(lang)) }
                        @if !is_aa { th scope="col" class="number" { (words::CHANCE_TO_WIN.get(lang)) } }
                        th scope="col" class="number" { (words::LIFT.get(lang)) }
                        th scope="col" { (words::INTERVAL_95.get(lang)) }
                        th scope="col" class="number" { (words::P_VALUE.get(lang)) }
                    }
                }
                tbody {
                    @for row in rows {
                        @let guard = guardrails.iter().find(|guard| row.role == "guardrail" && guard.metric == row.metric && guard.variant == row.variant);
                        tr data-metric=(row.metric) data-arm=(row.variant) {
                            th scope="row" { (row.title) span class="sub" { (row.metric) } }
                            td { (row.variant) @if let Some(guard) = guard { (guard_words(locale, guard)) } }
                            @match &row.numbers {
                                Some(numbers) => (cells(locale, row, numbers, reach, is_aa)),
                                None => td colspan="6" class="not-yet" {
                                    (words::CANNOT_SAY.get(lang))
                                    @if let Some(why) = &row.not_computable { ": " (why) }
                                },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn lift_ends(numbers: &Numbers) -> Vec<f64> {
    [numbers.lift_low, numbers.lift_high, numbers.lift_anytime_low, numbers.lift_anytime_high]
        .into_iter()
        .flatten()
        .map(f64::abs)
        .collect()
}

fn cells(locale: &Locale, row: &RowReport, numbers: &Numbers, reach: f64, is_aa: bool) -> Markup {
    let lang = locale.lang;
    let kind = kind_of(row.kind);
    let mean = |mean: f64| if kind == Kind::Rate { format!("{:.2}%", 100.0 * mean) } else { locale.number(kind, mean) };
    let lift = |lift: f64| format!("{}{:.1}%", if lift > 0.0 { "+" } else { "" }, 100.0 * lift).replace('-', "−");
    // What is shown decides nothing by itself: the word says what the declared rule found.
    let verdict = if row.significant { Verdict::of(numbers.low, numbers.high) } else { Verdict::Unclear };
    html! {
        td class="number" { (mean(numbers.control_mean)) span class="sub" { "n " (locale.count(numbers.control_n)) } }
        td class="number" { (mean(numbers.variant_mean)) span class="sub" { "n " (locale.count(numbers.variant_n)) } }
        @if !is_aa { td class="number" { (percent(numbers.chance_to_win)) } }
        td class={ "number " (if is_aa { "" } else { verdict.class(false) }) } {
            strong { (numbers.lift.map_or("–".into(), lift)) }
            @if !is_aa { span class="sub" { (verdict.sign()) " " (verdict.words(locale)) } }
            span class="sub" { (locale.difference(kind, numbers.difference)) }
            @if let Some(shrunk) = numbers.lift_shrunk.filter(|_| !is_aa) { span class="sub" { (words::SHRUNK.get(lang)) " " (lift(shrunk)) } }
            @if let Some(stake) = row.stake.as_ref().filter(|_| !is_aa) { (at_stake(locale, kind, stake)) }
        }
        td class="interval-cell" {
            @if let (Some(low), Some(value), Some(high)) = (numbers.lift_low, numbers.lift, numbers.lift_high) {
                (in_cell(locale, Kind::Rate, [low, value, high], reach, false))
                span class="sub" { (words::BETWEEN.fill(lang, &[&lift(low), &lift(high)])) }
            }
            @if let (Some(low), Some(high)) = (numbers.lift_anytime_low, numbers.lift_anytime_high) {
                span class="sub" { (words::ANYTIME.get(lang)) " " (words::BETWEEN.fill(lang, &[&lift(low), &lift(high)])) }
            }
        }
        td class="number" {
            (row.p_adjusted.or(numbers.p).map_or("–".into(), p_value))
            @if numbers.variance_explained_by_the_past > 0.0 {
                span class="sub" { "CUPED −" (percent(numbers.variance_explained_by_the_past)) }
            }
        }
    }
}

/// What choosing the variant is worth over the next days, and what is left of that after shrinking.
fn at_stake(locale: &Locale, kind: Kind, stake: &StakeReport) -> Markup {
    let lang = locale.lang;
    let shown = |value: f64| match kind {
        // A share of so many units is a number of them.
        Kind::Rate => locale.difference(Kind::Int, value.round()),
        kind => locale.difference(kind, value),
    };
    let between = words::BETWEEN.fill(lang, &[&shown(stake.low), &shown(stake.high)]);
    html! {
        span class="sub" {
            (words::AT_STAKE.fill(lang, &[&stake.days.to_string(), &shown(stake.value), &between]))
            @if let Some(shrunk) = stake.shrunk { " · " (words::SHRUNK.get(lang)) " " (shown(shrunk)) }
        }
    }
}

fn guard_words(locale: &Locale, guard: &GuardReport) -> Markup {
    let lang = locale.lang;
    let (class, icon, word) = match guard.state {
        "safe" => ("good", "✓", words::GUARD_SAFE),
        "harm" => ("bad", "✕", words::GUARD_HARM),
        _ => ("unclear", "…", words::GUARD_OPEN),
    };
    html! {
        span class={ "sub " (class) } {
            span aria-hidden="true" { (icon) " " }
            (word.get(lang)) " (" (words::MARGIN.get(lang)) " " (percent(guard.margin)) ")"
        }
    }
}

fn slices(locale: &Locale, slices: &[SliceReport]) -> Markup {
    let lang = locale.lang;
    if slices.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { (words::SLICES.get(lang)) }
            p class="note" { (words::SLICES_NOTE.get(lang)) }
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { (words::METRIC.get(lang)) }
                            th scope="col" { (words::ARM.get(lang)) }
                            th scope="col" { (words::DIMENSION.get(lang)) }
                            th scope="col" { (words::SLICE.get(lang)) }
                            th scope="col" class="number" { (words::DIFFERENCE.get(lang)) }
                            th scope="col" class="number" { (words::SHRUNK.get(lang)) }
                            th scope="col" class="number" { (words::P_DIFFER.get(lang)) }
                        }
                    }
                    tbody {
                        @for slice in slices {
                            @let number = |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{value:.4}").replace('-', "−"));
                            tr {
                                td { (slice.metric) }
                                td { (slice.variant) }
                                td { (slice.dimension) }
                                td { (slice.value) }
                                td class="number" {
                                    (number(slice.difference))
                                    span class="sub" { (words::BETWEEN.fill(lang, &[&number(slice.low), &number(slice.high)])) }
                                }
                                td class="number" { (number(slice.shrunk)) }
                                td class="number" { (slice.p_differ.map_or("–".into(), p_value)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How often each metric found a difference where there is none.
fn false_positives(locale: &Locale, rows: &[AaRow]) -> Markup {
    let lang = locale.lang;
    if rows.is_empty() {
        return html! {};
    }
    html! {
        h3 { (words::AA_SPLITS.get(lang)) }
        p class="note" { (words::AA_SPLITS_NOTE.get(lang)) }
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { (words::METRIC.get(lang)) }
                        th scope="col" class="number" { (words::TEST_UNITS.get(lang)) }
                        th scope="col" class="number" { (words::AA_RATE.get(lang)) }
                        th scope="col" class="number" { (words::AA_LEVEL.get(lang)) }
                        th scope="col" { (words::AA_VERDICT.get(lang)) }
                    }
                }
                tbody {
                    @for row in rows {
                        tr data-metric=(row.metric) {
                            th scope="row" { (row.title) span class="sub" { (row.metric) } }
                            td class="number" { (locale.count(row.units as u64)) }
                            @match &row.found {
                                Some(found) => {
                                    @let (class, icon, word) = match found.verdict {
                                        "sound" => ("good", "✓", words::AA_SOUND),
                                        "too_many" => ("bad", "⚠", words::AA_TOO_MANY),
                                        _ => ("unclear", "…", words::AA_TOO_FEW),
                                    };
                                    td class="number" {
                                        (percent(found.rate))
                                        span class="sub" { (found.significant) " / " (found.splits) }
                                        span class="sub" { (words::BETWEEN.fill(lang, &[&percent(found.low), &percent(found.high)])) }
                                    }
                                    td class="number" { (percent(row.alpha)) }
                                    td class=(class) { span aria-hidden="true" { (icon) " " } (word.get(lang)) }
                                },
                                None => td colspan="3" class="not-yet" {
                                    (words::CANNOT_SAY.get(lang))
                                    @if let Some(why) = &row.not_computable { ": " (why) }
                                },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn health(locale: &Locale, health: &HealthReport) -> Markup {
    let lang = locale.lang;
    let p = |p: Option<f64>| p.map_or("–".into(), p_value);
    html! {
        p class={ "health " @if health.split_broken { "bad" } @else { "good" } } {
            strong { (words::HEALTH.get(lang)) ": " }
            span aria-hidden="true" { @if health.split_broken { "⚠ " } @else { "✓ " } }
            (if health.split_broken { words::SRM_BAD } else { words::SRM_OK }.get(lang))
            span class="muted" { " (p " (p(health.srm_p)) ", " (words::ANYTIME.get(lang)) " " (p(health.srm_running_p)) ")" }
        }
        ul class="note" {
            li { (words::MET_SEVERAL.fill(lang, &[&locale.count(health.met_several_arms), &percent(health.met_several_arms_share)])) }
            li { (words::STILL_FOLLOWED.fill(lang, &[&percent(health.still_followed_share)])) }
            @for found in &health.differed_before { li class="bad" { "⚠ " (words::DIFFERED_BEFORE.fill(lang, &[found])) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aa::AaFound,
        analysis::{ArmReport, Said, Stopped},
        pages::{chart::tests::locale, words::Lang},
    };
    use model::Text;

    const EVIL: &str = "<script>x</script>";

    fn report(decision: &'static str, numbers: Option<Numbers>) -> Report {
        Report {
            experiment: EVIL.into(),
            version: "0123".into(),
            as_of: String::new(),
            stopped: None,
            decision: Said { decision, arm: Some(EVIL.into()), why: Text::new(EVIL, EVIL), days_left: Some(12) },
            arms: vec![ArmReport { arm: EVIL.into(), weight: 0.5, exposed: 1_000 }],
            health: HealthReport {
                srm_p: Some(0.4),
                srm_chi_square: Some(1.0),
                srm_running_p: Some(0.9),
                split_broken: decision == "cannot_say",
                met_several_arms: 3,
                met_several_arms_share: 0.003,
                still_followed_share: 0.25,
                differed_before: vec![EVIL.into()],
            },
            rows: vec![RowReport {
                metric: EVIL.into(),
                title: EVIL.into(),
                kind: "rate",
                role: "guardrail",
                variant: EVIL.into(),
                not_computable: numbers.is_none().then(|| EVIL.into()),
                stake: numbers.is_some().then(stake),
                numbers,
                p_adjusted: None,
                significant: true,
            }],
            slices: vec![SliceReport {
                metric: EVIL.into(),
                variant: EVIL.into(),
                dimension: EVIL.into(),
                value: EVIL.into(),
                difference: Some(-0.01),
                low: None,
                high: None,
                shrunk: None,
                p_differ: Some(0.2),
            }],
            guardrails: vec![GuardReport { metric: EVIL.into(), variant: EVIL.into(), margin: 0.02, bound: None, state: "safe" }],
            aa: Vec::new(),
            queries: Default::default(),
        }
    }

    fn aa(verdict: &'static str) -> Vec<AaRow> {
        let found = AaFound { splits: 200, significant: 12, rate: 0.06, low: 0.035, high: 0.102, verdict };
        let row = |found: Option<AaFound>| AaRow {
            metric: EVIL.into(),
            title: EVIL.into(),
            units: 4_000,
            alpha: 0.05,
            not_computable: found.is_none().then(|| EVIL.into()),
            found,
        };
        vec![row(Some(found)), row(None)]
    }

    fn stake() -> StakeReport {
        StakeReport {
            days: 30,
            units: 15_000.0,
            value: 1_500.2,
            low: 300.0,
            high: 2_700.0,
            shrunk: Some(375.0),
            shrunk_low: Some(-100.0),
            shrunk_high: Some(850.0),
            expected_loss: 1.0,
        }
    }

    fn numbers() -> Numbers {
        Numbers {
            control_n: 1_000,
            variant_n: 1_001,
            control_mean: 0.05,
            variant_mean: 0.06,
            difference: 0.01,
            low: 0.002,
            high: 0.018,
            anytime_low: Some(-0.002),
            anytime_high: Some(0.022),
            lift: Some(0.2),
            lift_low: Some(0.04),
            lift_high: Some(0.36),
            lift_anytime_low: Some(-0.04),
            lift_anytime_high: Some(0.44),
            p_fixed: 0.01,
            p: Some(0.04),
            chance_to_win: 0.99,
            expected_loss: 0.0,
            lift_shrunk: Some(0.05),
            variance_explained_by_the_past: 0.3,
        }
    }

    #[test]
    fn a_test_reads_as_it_was_decided() {
        let check = |lang: Lang, report: Report, parts: &[&str]| {
            let html = draw(&locale(lang), &report).into_string();
            for part in parts {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("<script") && !html.contains("style="), "{html}");
        };
        check(
            Lang::Ja,
            report("ship", Some(numbers())),
            &["banner good", "採用: ", "+20.0%", "99.0%", "5.00%", "−4.0% 〜 +44.0%", "✓ ", "CUPED −30.0%"],
        );
        check(Lang::Ja, report("ship", Some(numbers())), &["今後30日の見込み +1,500（+300 〜 +2,700）", "控えめな推定 +375"]);
        check(Lang::En, report("keep_running", Some(numbers())), &["Keep running", "12", "chance"]);
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-29T03:00:00+09:00").unwrap().to_utc();
        let stopped = Some(Stopped { at, why: Text::new(EVIL, "b harms the guardrail") });
        check(
            Lang::En,
            Report { stopped, ..report("stop", Some(numbers())) },
            &["Stopped by its own rule on 2026-11-29 03:00", "b harms the guardrail", "Do not ship"],
        );
        check(Lang::En, report("cannot_say", None), &["banner bad", "Cannot say yet", "⚠"]);
        let same = |verdict, decision| Report { aa: aa(verdict), ..report(decision, Some(numbers())) };
        check(Lang::En, same("sound", "same"), &["banner good", "No difference, as it should be", "6.0%", "12 / 200", "4,000"]);
        check(Lang::Ja, same("too_many", "differs"), &["banner bad", "同じものなのに差が出ている", "多すぎる"]);
        let html = draw(&locale(Lang::En), &same("sound", "same")).into_string();
        for winner in ["Chance to win", "99.0%", "+1,500"] {
            assert!(!html.contains(winner), "{winner}: {html}");
        }
    }
}
