//! Stops a test whose guardrail is worse. The confidence sequence (F13) may be looked at every night, so a test that harms ends at once, and
//! one that does not is ended by chance with a probability of at most the plan's level, over all looks, guardrails and arms together.

use model::{
    Instant,
    experiment::{Experiment, Status},
};
use serde::{Deserialize, Serialize};

use super::{Action, Rule, Taken, Why};
use crate::analysis::{Analysis, Row, verdict};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub metric: String,
    pub arm: String,
    /// Of the control and the arm.
    pub units: [u64; 2],
    pub mean: [f64; 2],
    /// Arm less control, in the unit of the metric, with what the sequence leaves.
    pub effect: f64,
    pub low: f64,
    pub high: f64,
    /// Of the sequence, valid at every look.
    pub p: f64,
    /// Below which it stops: the plan's, shared by everything that is watched.
    pub level: f64,
}

/// `None` where no running test has a guardrail that asks for it.
pub fn stop_at_harm(experiment: &Experiment, analysis: &Analysis, now: Instant) -> Option<Taken> {
    if experiment.status != Status::Running || !experiment.guardrails.iter().any(|guardrail| guardrail.stop_at_harm) {
        return None;
    }
    let taken = |action, why| Some(Taken::new(Rule::StopAtHarm, &experiment.experiment, &experiment.version, now, action, why));
    if analysis.health.is_split_broken() {
        let srm = analysis.health.srm.as_ref().ok();
        let p = srm.filter(|srm| srm.mismatch).map(|srm| srm.p_value).or(analysis.health.srm_running_p).unwrap_or(0.0);
        return taken(Action::Keep, Why::SplitBroken { chi_square: srm.map_or(0.0, |srm| srm.chi_square), p });
    }
    if let Some((arm, units)) = &analysis.health.smallest {
        return taken(Action::Keep, Why::TooFew { arm: arm.clone(), units: *units, needed: crate::readout::PEOPLE_MIN });
    }
    let harmed = analysis.rows.iter().filter(|row| verdict::is_harm_at_any_look(experiment, row)).find_map(evidence(experiment));
    match harmed {
        Some(evidence) => taken(Action::Stop, Why::Harm(evidence)),
        None => taken(Action::Keep, Why::NoHarm),
    }
}

fn evidence(experiment: &Experiment) -> impl Fn(&Row) -> Option<Evidence> {
    let level = verdict::harm_level(experiment);
    move |row| {
        let compared = row.compared.as_ref().ok()?;
        let look = compared.sequence.as_ref().ok()?;
        Some(Evidence {
            metric: row.metric.clone(),
            arm: row.variant.clone(),
            units: compared.n,
            mean: compared.mean,
            effect: compared.absolute.effect,
            low: look.interval.low,
            high: look.interval.high,
            p: look.p_value,
            level,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use stats::{NotComputable, Paired, Summary};

    use super::*;
    use crate::analysis::{Counted, MetricCounted, analyse};

    fn at() -> Instant {
        DateTime::parse_from_rfc3339("2026-11-29T03:00:00+09:00").expect("an instant").to_utc()
    }

    fn experiment(status: &str, guardrails: &str) -> Experiment {
        let text = format!(
            "experiment = \"button\"\ntitle = {{ ja = \"ボタン\", en = \"Button\" }}\nstatus = \"{status}\"\n\
             start = 2026-11-01T00:00:00+09:00\ngoal = {{ metric = \"clicks\" }}\n[[arm]]\nid = \"a\"\nweight = 0.5\n\
             [[arm]]\nid = \"b\"\nweight = 0.5\n{guardrails}\n[plan]\nunits = 40000"
        );
        Experiment::parse("button.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn arm(n: u64, mean: f64) -> Result<Paired, NotComputable> {
        Ok(Paired { y: Summary::new(n, mean, 10_000.0)?, x: Summary::new(n, 0.0, 0.0)?, covariance: 0.0 })
    }

    /// What is taken where a metric has these means in arms of so many units.
    fn taken(experiment: &Experiment, units: [u64; 2], means: &[(&str, [f64; 2])]) -> Option<Taken> {
        let metric = |(name, means): &(&str, [f64; 2])| MetricCounted {
            metric: (*name).into(),
            is_rate: false,
            arms: vec![arm(units[0], means[0]), arm(units[1], means[1])],
            immature: vec![0; 2],
            slices: Vec::new(),
        };
        let counted = Counted {
            exposed: units.to_vec(),
            exposed_by_day: vec![units.to_vec()],
            contaminated: 0,
            per_day: None,
            today: NaiveDate::from_ymd_opt(2026, 11, 29).expect("a date"),
            metrics: means.iter().map(metric).collect(),
        };
        stop_at_harm(experiment, &analyse(experiment, &counted).unwrap(), at())
    }

    const REVENUE: &str = "[[guardrail]]\nmetric = \"revenue\"\nmargin = 0.02\nstop_at_harm = true\n";
    const RETURNS: &str = "[[guardrail]]\nmetric = \"returns\"\nmargin = 0.02\nlower_is_better = true\nstop_at_harm = true\n";

    #[test]
    fn a_guardrail_that_is_worse_stops_the_test() {
        let check = |status: &str, guardrails: &str, units: [u64; 2], revenue: [f64; 2], expect: &str| {
            let means = [("clicks", [1.0, 1.0]), ("revenue", revenue), ("returns", [100.0, 100.0])];
            let said = match taken(&experiment(status, guardrails), units, &means) {
                None => "nothing".into(),
                Some(taken) => match (taken.action, taken.why) {
                    (Action::Stop, Why::Harm(evidence)) => format!("stop: {} of {}", evidence.metric, evidence.arm),
                    (Action::Keep, Why::NoHarm) => "keep".into(),
                    (Action::Keep, Why::SplitBroken { .. }) => "split broken".into(),
                    (Action::Keep, Why::TooFew { arm, units, needed }) => format!("{units} of {needed} in {arm}"),
                    other => panic!("{other:?}"),
                },
            };
            assert_eq!(said, expect, "{status} {guardrails} {units:?} {revenue:?}");
        };
        let equal = [5_000, 5_000];
        check("running", REVENUE, equal, [1_000.0, 980.0], "stop: revenue of b"); // z = 10
        check("running", REVENUE, equal, [1_000.0, 994.0], "keep"); // z = 3: a fixed test would have stopped.
        check("running", REVENUE, equal, [1_000.0, 1_020.0], "keep");
        check("running", &REVENUE.replace("stop_at_harm = true", ""), equal, [1_000.0, 980.0], "nothing");
        check("draft", REVENUE, equal, [1_000.0, 980.0], "nothing");
        check("stopped", REVENUE, equal, [1_000.0, 980.0], "nothing");
        check("running", REVENUE, [5_000, 4_000], [1_000.0, 980.0], "split broken");
        check("running", REVENUE, [20, 20], [1_000.0, 500.0], "20 of 30 in a");
        // z = 3.4 is beyond doubt for one guardrail, and two share the level.
        check("running", REVENUE, equal, [1_000.0, 993.2], "stop: revenue of b");
        check("running", &format!("{REVENUE}{RETURNS}"), equal, [1_000.0, 993.2], "keep");
        check("running", &format!("{REVENUE}{RETURNS}"), equal, [1_000.0, 992.0], "stop: revenue of b");
    }

    #[test]
    fn the_evidence_holds_what_it_was_seen_from() {
        let means = [("clicks", [1.0, 1.0]), ("returns", [100.0, 120.0])];
        let taken = taken(&experiment("running", RETURNS), [5_000, 5_000], &means).expect("a decision");
        let Why::Harm(found) = &taken.why else { panic!("{taken:?}") };
        assert_eq!((found.metric.as_str(), found.units, found.mean, found.level), ("returns", [5_000; 2], [100.0, 120.0], 0.05));
        assert!(found.low > 0.0 && found.low < 20.0 && found.high > 20.0 && found.p < 1e-6, "{found:?}");
        assert_eq!((taken.rule.name(), taken.test.as_str(), taken.version.len()), ("stop_at_harm", "button", 16));
    }
}
