//! Tests of `experiments/`: all of them with their state, what those that ended add up to, and how large the next one must be.

use decide::{
    design::{Designed, NotComputable},
    past::Past,
};
use maud::{Markup, html};
use model::{Instant, experiment::Status};

use super::{
    Locale,
    format::{p_value, percent},
    percent_encode, words,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub name: String,
    pub title: String,
    pub status: Status,
    pub start: Option<Instant>,
    /// Each arm and its share.
    pub arms: Vec<(String, f64)>,
    pub units: Option<u64>,
    pub winner: Option<String>,
}

/// A test that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedRow {
    pub name: String,
    pub title: String,
    pub variant: String,
    pub lift: Option<f64>,
    pub p: Option<f64>,
    pub decision: &'static str,
}

/// The calculator as it was filled in, and what came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Calculator {
    pub kind: String,
    pub rate: String,
    pub mean: String,
    pub sd: String,
    pub lift: String,
    pub alpha: String,
    pub power: String,
    pub per_day: String,
    pub correlation: String,
    /// By change looked for, in percent.
    pub answers: Vec<(f64, Result<Designed, NotComputable>)>,
    /// What was filled in wrongly.
    pub problem: Option<String>,
}

pub fn href(name: &str) -> String {
    format!("/d/experiment?experiment={}", percent_encode(name))
}

impl Calculator {
    /// What was filled in, as an address has it.
    fn query_string(&self) -> String {
        let fields = [
            ("kind", &self.kind),
            ("rate", &self.rate),
            ("mean", &self.mean),
            ("sd", &self.sd),
            ("lift", &self.lift),
            ("alpha", &self.alpha),
            ("power", &self.power),
            ("per_day", &self.per_day),
            ("correlation", &self.correlation),
        ];
        fields.map(|(name, value)| format!("{name}={}", percent_encode(value))).join("&")
    }
}

/// The numbers of a page as a file, and the question behind them.
fn behind(locale: &Locale, title: words::Word, csv: &str, sql: &[&str]) -> Markup {
    let lang = locale.lang;
    html! {
        p class="note" { a href=(csv) download title=(words::CSV_TITLE.fill(lang, &[title.get(lang)])) { (words::CSV.get(lang)) } }
        @if !sql.is_empty() {
            details class="sql" {
                summary { "SQL" }
                @for text in sql { pre tabindex="0" { code { (text) } } }
            }
        }
    }
}

pub fn list(locale: &Locale, listed: &[Listed], sql: &[&str]) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::TESTS_INTRO.get(lang)) }
        (ways(locale))
        section class="card card-wide" {
            @if listed.is_empty() {
                p class="empty" { (words::TESTS_NONE.get(lang)) }
            } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (words::TEST.get(lang)) }
                                th scope="col" { (words::TEST_STATE.get(lang)) }
                                th scope="col" { (words::TEST_SINCE.get(lang)) }
                                th scope="col" class="number" { (words::TEST_UNITS.get(lang)) }
                                th scope="col" { (words::ARM.get(lang)) }
                            }
                        }
                        tbody {
                            @for test in listed {
                                tr {
                                    td { a href=(href(&test.name)) { (test.title) } " " code class="muted" { (test.name) } }
                                    td { (state(locale, test)) }
                                    td { @if let Some(start) = test.start { (locale.instant(start)) } }
                                    td class="number" { @if let Some(units) = test.units { (locale.count(units)) } }
                                    td { (test.arms.iter().map(|(arm, weight)| format!("{arm} {}", percent(*weight))).collect::<Vec<_>>().join(", ")) }
                                }
                            }
                        }
                    }
                }
            }
            (behind(locale, words::TESTS, "/experiments.csv", sql))
        }
    }
}

fn ways(locale: &Locale) -> Markup {
    let lang = locale.lang;
    html! {
        p class="note" {
            a href="/experiments/design" { (words::TEST_DESIGN.get(lang)) }
            " · " a href="/experiments/past" { (words::TESTS_PAST.get(lang)) }
            " · " a href="/d/experiments" { (words::TESTS_MET.get(lang)) }
        }
    }
}

fn state(locale: &Locale, test: &Listed) -> String {
    let lang = locale.lang;
    match (test.status, &test.winner) {
        (Status::Draft, _) => words::TEST_DRAFT.get(lang).into(),
        (Status::Running, _) => words::TEST_RUNNING.get(lang).into(),
        (Status::Stopped, Some(winner)) => words::TEST_WON.fill(lang, &[winner]),
        (Status::Stopped, None) => words::TEST_STOPPED.get(lang).into(),
    }
}

pub fn past(locale: &Locale, rows: &[EndedRow], past: &Past, sql: &[&str]) -> Markup {
    let lang = locale.lang;
    let share = |count: u64| match past.compared {
        0 => "-".to_string(),
        all => percent(count as f64 / all as f64),
    };
    html! {
        p class="intro" { (words::PAST_INTRO.get(lang)) }
        (ways(locale))
        div class="cards" {
            section class="card card-wide" {
                table {
                    tbody {
                        tr { th scope="row" { (words::PAST_COMPARED.get(lang)) } td class="number" { (locale.count(past.compared)) } }
                        tr { th scope="row" { (words::PAST_WON.get(lang)) } td class="number" { (locale.count(past.won)) " (" (share(past.won)) ")" } }
                        tr { th scope="row" { (words::PAST_LOST.get(lang)) } td class="number" { (locale.count(past.lost)) " (" (share(past.lost)) ")" } }
                        @if let Ok(found) = &past.false_discovery {
                            tr { th scope="row" { (words::PAST_NULL_SHARE.get(lang)) } td class="number" { (percent(found.null_share)) } }
                            tr {
                                th scope="row" { (words::PAST_FALSE.get(lang)) }
                                td class="number" {
                                    (format!("{:.1}", found.expected_false)) " / " (locale.count(found.significant))
                                    @if let Some(rate) = found.rate { " (" (percent(rate)) ")" }
                                }
                            }
                        }
                        @if let Ok(risk) = &past.next_winner_false {
                            tr { th scope="row" { (words::PAST_NEXT.get(lang)) } td class="number" { (percent(*risk)) } }
                        }
                    }
                }
            }
            @if !rows.is_empty() {
                section class="card card-wide" {
                    div class="table-scroll" tabindex="0" {
                        table {
                            thead {
                                tr {
                                    th scope="col" { (words::TEST.get(lang)) }
                                    th scope="col" { (words::ARM.get(lang)) }
                                    th scope="col" class="number" { (words::LIFT.get(lang)) }
                                    th scope="col" class="number" { (words::P_VALUE.get(lang)) }
                                    th scope="col" { (words::TEST_DECISION.get(lang)) }
                                }
                            }
                            tbody {
                                @for row in rows {
                                    tr {
                                        td { a href=(href(&row.name)) { (row.title) } }
                                        td { (row.variant) }
                                        td class="number" { @if let Some(lift) = row.lift { (format!("{:+.1} %", 100.0 * lift)) } @else { "-" } }
                                        td class="number" { @if let Some(p) = row.p { (p_value(p)) } @else { "-" } }
                                        td { (decision(locale, row.decision)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        (behind(locale, words::TESTS_PAST, "/experiments/past.csv", sql))
    }
}

fn decision(locale: &Locale, name: &str) -> &'static str {
    let word = match name {
        "ship" => words::DECIDED_SHIP,
        "stop" => words::DO_NOT_SHIP,
        "keep_running" => words::KEEP_RUNNING,
        "same" => words::AA_SAME,
        "differs" => words::AA_DIFFERS,
        _ => words::CANNOT_SAY,
    };
    word.get(locale.lang)
}

pub fn design(locale: &Locale, of: &Calculator) -> Markup {
    let lang = locale.lang;
    let number = |name: &str, word: words::Word, value: &str, step: &str| {
        html! {
            label { span { (word.get(lang)) } input type="number" name=(name) value=(value) step=(step) min="0"; }
        }
    };
    html! {
        p class="intro" { (words::DESIGN_INTRO.get(lang)) }
        form class="filters" method="get" action="/experiments/design" {
            label {
                span { (words::DESIGN_KIND.get(lang)) }
                select name="kind" {
                    option value="rate" selected[of.kind != "mean"] { (words::DESIGN_RATE.get(lang)) }
                    option value="mean" selected[of.kind == "mean"] { (words::DESIGN_MEAN.get(lang)) }
                }
            }
            @if of.kind == "mean" {
                (number("mean", words::DESIGN_MEAN_NOW, &of.mean, "any"))
                (number("sd", words::DESIGN_SD, &of.sd, "any"))
            } @else {
                (number("rate", words::DESIGN_RATE_NOW, &of.rate, "any"))
            }
            (number("lift", words::DESIGN_LIFT, &of.lift, "any"))
            (number("per_day", words::DESIGN_PER_DAY, &of.per_day, "1"))
            (number("correlation", words::DESIGN_CORRELATION, &of.correlation, "0.05"))
            (number("alpha", words::DESIGN_ALPHA, &of.alpha, "any"))
            (number("power", words::DESIGN_POWER, &of.power, "any"))
            button type="submit" { (words::DESIGN_ASK.get(lang)) }
        }
        @if let Some(problem) = &of.problem { p class="failed" role="alert" { span aria-hidden="true" { "⚠ " } (problem) } }
        @if !of.answers.is_empty() {
            section class="card card-wide" {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" class="number" { (words::DESIGN_LIFT.get(lang)) }
                                th scope="col" class="number" { (words::DESIGN_PER_ARM.get(lang)) }
                                th scope="col" class="number" { (words::DESIGN_TOTAL.get(lang)) }
                                th scope="col" class="number" { (words::DESIGN_WEEKS.get(lang)) }
                            }
                        }
                        tbody {
                            @for (lift, answer) in &of.answers {
                                tr {
                                    td class="number" { (format!("{lift} %")) }
                                    @match answer {
                                        Ok(found) => {
                                            td class="number" { (locale.count(found.control)) }
                                            td class="number" { (locale.count(found.total)) }
                                            td class="number" { @if let Some(weeks) = found.weeks { (locale.count(weeks)) } @else { "-" } }
                                        },
                                        Err(why) => { td class="not-yet" colspan="3" { (words::CANNOT_SAY.get(lang)) ": " (why) } },
                                    }
                                }
                            }
                        }
                    }
                }
                p class="note" { (words::DESIGN_NOTE.get(lang)) }
                (behind(locale, words::TEST_DESIGN, &format!("/experiments/design.csv?{}", of.query_string()), &[]))
            }
        }
        p class="note" { a href="/experiments" { (words::TESTS_BACK.get(lang)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    fn listed(status: Status, winner: Option<&str>) -> Listed {
        Listed {
            name: "a b".into(),
            title: "<script>".into(),
            status,
            start: None,
            arms: vec![("control".into(), 0.5), ("red".into(), 0.5)],
            units: Some(12_345),
            winner: winner.map(String::from),
        }
    }

    #[test]
    fn all_of_them_with_their_state() {
        let check = |lang, test: Listed, parts: &[&str]| {
            let page = list(&locale(lang), &[test], &["SELECT '<b>'"]).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
        };
        check(
            Lang::En,
            listed(Status::Running, None),
            &[
                "Running",
                "12,345",
                "/d/experiment?experiment=a%20b",
                "/experiments/design",
                "/experiments.csv",
                "SELECT '&lt;b&gt;'",
            ],
        );
        check(Lang::Ja, listed(Status::Stopped, Some("red")), &["red", "12,345"]);
        assert!(list(&locale(Lang::En), &[], &[]).into_string().contains("tsubame experiment new"));
    }

    #[test]
    fn what_past_tests_add_up_to() {
        let ended = decide::past::Ended { p: Some(0.001), is_better: true, is_significant: true };
        let nothing = decide::past::Ended { p: Some(0.8), is_better: false, is_significant: false };
        let rows = [EndedRow {
            name: "x".into(),
            title: "X".into(),
            variant: "b".into(),
            lift: Some(0.1),
            p: Some(0.001),
            decision: "ship",
        }];
        let page = past(&locale(Lang::En), &rows, &decide::past::past(&[ended, nothing], 0.05, 0.8), &[]).into_string();
        for part in ["50", "+10.0 %", "Ship", "/experiments/past.csv"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let empty = past(&locale(Lang::Ja), &[], &decide::past::past(&[], 0.05, 0.8), &[]).into_string();
        assert!(empty.contains("<td class=\"number\">0</td>"), "{empty}");
    }

    #[test]
    fn the_calculator_says_what_is_wrong() {
        let mut of = Calculator {
            kind: "rate".into(),
            rate: "5".into(),
            mean: String::new(),
            sd: String::new(),
            lift: "10".into(),
            alpha: "0.05".into(),
            power: "0.8".into(),
            per_day: String::new(),
            correlation: "0".into(),
            answers: vec![(10.0, Err(NotComputable::Empty))],
            problem: None,
        };
        let page = design(&locale(Lang::En), &of).into_string();
        assert!(!page.contains("role=\"alert\""), "{page}");
        assert!(page.contains("/experiments/design.csv?kind=rate&amp;rate=5&amp;mean=&amp;sd=&amp;lift=10"), "{page}");
        of.problem = Some("<b>".into());
        let page = design(&locale(Lang::Ja), &of).into_string();
        assert!(page.contains("role=\"alert\"") && !page.contains("<b>"), "{page}");
    }
}
