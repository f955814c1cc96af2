//! What is wanted of the measured, and whether it is so. A goal of which a run can say nothing is left out.

use serde::Serialize;

use super::{
    Line, Report,
    growth::{Grown, Growth},
    questions,
};

/// One goal: what it is, what was found.
#[derive(Debug, Serialize)]
pub struct Goal {
    pub name: &'static str,
    pub found: f64,
    pub must: f64,
    pub aim: f64,
}

pub fn of(report: &Report) -> Vec<Goal> {
    let Report { raw, clickhouse, kept, lake, refresh, memory, grown, files, beside, .. } = report;
    let mut goals = Vec::new();
    let named = |names: &[&str]| -> Vec<&Line> {
        raw.iter().filter(|line| names.is_empty() || names.iter().any(|name| line.name.starts_with(name))).collect()
    };
    let worst = |lines: &[&Line], ratio: fn(&Line) -> f64| most(lines.iter().map(|line| ratio(line)));
    let mut goal = |name, found: f64, must, aim| {
        if found.is_finite() {
            goals.push(Goal { name, found, must, aim });
        }
    };
    let cpu: fn(&Line) -> f64 = |line| line.cpu_ratio;
    let wall: fn(&Line) -> f64 = |line| line.wall_ratio;
    let peak: fn(&Line) -> f64 = |line| line.ours.peak_mb / line.theirs.peak_mb;
    if raw.len() == questions::RAW.len() {
        goal("A1 processor time, geometric mean", geometric_mean(raw.iter().map(cpu)), 1.2, 0.9);
    }
    goal("A2 processor time, worst question", worst(&named(&[]), cpu), 2.0, 1.3);
    goal("A3 F2 rate and time to second", worst(&named(&["q03", "q04"]), cpu), 1.3, 0.8);
    goal("A4 24-hour funnel beside ClickHouse's own", worst(&clickhouse.iter().collect::<Vec<_>>(), cpu), 1.5, 1.0);
    goal("A5 attribution", worst(&named(&["q06", "q07", "q08"]), cpu), 1.3, 0.8);
    goal("A6 co-purchase and ranking", worst(&named(&["q14", "q15"]), cpu), 1.3, 1.0);
    goal("A7 audiences, wall time", worst(&named(&["q11", "q12", "q20"]), wall), 1.3, 1.0);
    goal("A8 time line of a customer, raw Parquet by time", worst(&named(&["q17"]), cpu), 0.4, 0.1);
    goal("A8 time line of a customer, the shop's tables", worst(&lake.iter().collect::<Vec<_>>(), cpu), 0.4, 0.1);
    goal("A9 peak memory, geometric mean", geometric_mean(raw.iter().map(peak)), 1.5, 1.0);
    goal("A9 peak memory, dedup", worst(&named(&["q18"]), peak), 1.5, 1.0);
    goal("B1 screens from kept tables, worst", worst(&kept.iter().collect::<Vec<_>>(), cpu), 0.3, 0.1);
    if let Some(refresh) = refresh {
        goal("B2 refresh after 1 % new orders / anew", refresh.cpu_ratio, 0.1, 0.03);
        goal("B3 rows that differ from facts", refresh.differing_rows as f64, 0.0, 0.0);
    }
    if let Some(Grown { raw, kept, lake, .. }) = grown {
        let (time_line, others): (Vec<&Growth>, Vec<&Growth>) =
            raw.iter().partition(|growth| growth.line.name.starts_with("q17"));
        let most_of = |growths: &[&Growth]| most(growths.iter().map(|growth| growth.ours));
        goal("C1 processor time at three times the scale, worst question", most_of(&others), 3.6, 3.2);
        goal("C2 time line of a customer, raw Parquet by time", most_of(&time_line), 1.5, 1.1);
        goal("C2 time line of a customer, the shop's tables", most_of(&lake.iter().collect::<Vec<_>>()), 1.5, 1.1);
        goal("C2 screens", most_of(&kept.iter().collect::<Vec<_>>()), 3.3, 2.0);
        if !raw.is_empty() {
            let failed = raw.iter().filter(|growth| growth.line.failed).count();
            goal("C3 questions that fail in a 1 GiB pool", failed as f64, 0.0, 0.0);
        }
    }
    if let Some(files) = files {
        goal("C4 opening and planning, 10,000 files / 100 files", files.ratio, 20.0, 5.0);
    }
    if let Some(memory) = memory {
        goal("C5 resident memory of an idle server, MB", memory.idle_server_mb, 200.0, 100.0);
        goal("C5 resident memory after all questions, MB", memory.answered_mb, 1_024.0, 600.0);
    }
    if let Some(beside) = beside {
        goal("C6 time of a question beside ingest at half its capacity / alone", beside.ratio, 2.0, 1.5);
    }
    goals
}

/// How far a goal is met.
pub fn met(found: f64, must: f64, aim: f64) -> &'static str {
    match found {
        found if found <= aim => "aim",
        found if found <= must => "must",
        _ => "no",
    }
}

/// NaN of none.
fn most(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NAN, f64::max)
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = values.map(f64::ln).collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_not() {
        let check = |found, expect| assert_eq!(met(found, 1.3, 0.8), expect, "{found}");
        check(0.8, "aim");
        check(1.0, "must");
        check(1.31, "no");
        check(f64::NAN, "no");
    }

    #[test]
    fn growth_is_judged_by_what_was_asked() {
        let grown = |name: &str, ours: f64, failed: bool| Growth {
            line: Line { name: name.into(), failed, ..Line::default() },
            ours,
            duckdb: 3.0,
        };
        let report = Report {
            grown: Some(Grown {
                scale: 3.0,
                raw: vec![
                    grown("q01_rfm", 2.9, false),
                    grown("q02_ltv_cohort", 3.1, false),
                    grown("q17_timeline", 3.5, false),
                    grown("q18_dedup", f64::NAN, true),
                ],
                kept: vec![grown("decile", 2.1, false)],
                lake: vec![grown("timeline", 1.2, false)],
            }),
            ..Report::default()
        };
        let goals = of(&report);
        let check = |name: &str, expect: Option<f64>| {
            let goal = goals.iter().find(|goal| goal.name.starts_with(name));
            assert_eq!(goal.map(|goal| goal.found), expect, "{name}");
        };
        check("C1", Some(3.1));
        check("C2 time line of a customer, raw", Some(3.5));
        check("C2 time line of a customer, the shop", Some(1.2));
        check("C2 screens", Some(2.1));
        check("C3", Some(1.0));
        check("C4", None);
        check("A1", None);
    }

    #[test]
    fn the_pool_is_as_large_as_the_goal_says() {
        assert_eq!(query::Limits::default().memory_bytes, 1 << 30);
    }
}
