//! Reads what a scenario or a test has added, in a terminal or a script.

use clap::Args;
use query::Mode;

use super::ShopFolder;
use crate::{
    analysis::{self, Report},
    decided::{self, decided},
    fault::{Exit, Fault},
    pinned,
    readout::{self, Effect},
    workspace::{Access, Workspace},
};

/// Read a scenario against its holdout, or a message test arm against arm
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame readout cart-recovery\n  tsubame readout f2-subject --json\n  \
    tsubame readout holdout --days 90\n  \
    tsubame readout checkout-button --pin\n  tsubame readout checkout-button --pinned 0123456789abcdef\n  \
    tsubame readout checkout-button --since 0123456789abcdef")]
pub struct Readout {
    /// A scenario, an experiment of one of its steps, one of experiments/, or `holdout` for the shop's own
    name: String,
    /// Of the shop's holdout: for how many days from their first meeting people are compared
    #[arg(long, value_name = "DAYS", default_value_t = readout::HOLDOUT_DAYS, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// Keep what this read-out of experiments/ was made from; its hash is printed
    #[arg(long)]
    pin: bool,
    /// Make a pinned read-out again: the same bytes, or why not
    #[arg(long, value_name = "HASH", conflicts_with_all = ["pin", "as_of", "since"])]
    pinned: Option<String>,
    /// Say what has moved since a pinned read-out
    #[arg(long, value_name = "HASH")]
    since: Option<String>,
    /// What was known at this moment: a time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Readout {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        if let Some(hash) = &self.pinned {
            print!("{}", pinned::again(&workspace, hash, &self.name).await?);
            return Ok(());
        }
        let as_of = super::instant_or_now(&workspace, self.as_of.as_deref())?;
        let desk = workspace.desk(as_of, Mode::AsKnown).await?;
        if let Some(test) = workspace.files.experiments.iter().find(|test| test.experiment == self.name) {
            let report = analysis::report(&desk, test).await?;
            match self.json {
                true => print!("{}", pinned::bytes(&report)),
                false => print!("{}", report_words(&report)),
            }
            if let Some(hash) = &self.since {
                let moved = pinned::moved(&workspace, hash, &report)?;
                eprintln!("{} values have moved since {hash}", moved.len());
                for pinned::Moved { what, before, now } in moved {
                    eprintln!("{what}: {} → {}", before.as_deref().unwrap_or("-"), now.as_deref().unwrap_or("-"));
                }
            }
            if self.pin {
                eprintln!("pinned as {}", pinned::keep(&workspace, &desk, test, &report)?);
            }
            return Ok(());
        }
        if self.pin || self.since.is_some() {
            return Err(Fault::new(Exit::Config, format!("`{}` is no test of experiments/: only those are pinned", self.name))
                .remedy("`tsubame experiment list` shows them"));
        }
        let scenarios = &workspace.files.scenarios;
        let effects = match scenarios.iter().find(|scenario| scenario.scenario == self.name) {
            Some(scenario) => readout::scenario(&desk, workspace.shop(), scenario).await?.effects,
            None if self.is_holdout(&workspace) => readout::holdout(&desk, workspace.shop(), self.days).await?.effects,
            None => readout::experiment(&desk, scenarios, &self.name).await?.effects,
        };
        for effect in effects {
            match self.json {
                true => println!("{}", serde_json::to_string(&effect).expect("an effect is plain JSON")),
                false => println!("{}", words(&effect)),
            }
        }
        if !self.json {
            for taken in decided(&desk, &self.name).await? {
                let (at, done, why) = (model::time::rfc3339(taken.at), decided::done(&taken.action), decided::why(&taken.why));
                println!("{at} by {}: {}. {}", taken.rule.name(), done.en, why.en);
            }
        }
        Ok(())
    }
}

impl Readout {
    /// The shop's, unless something of the shop's own has that name.
    fn is_holdout(&self, workspace: &Workspace) -> bool {
        let salt = workspace.shop().holdout.as_ref().map(|holdout| holdout.salt.as_str());
        let is_test = readout::find(&workspace.files.scenarios, &self.name).is_some();
        !is_test && (self.name == "holdout" || salt == Some(self.name.as_str()))
    }
}

fn report_words(report: &Report) -> String {
    let decision = &report.decision;
    let mut lines = vec![format!(
        "{}: {}{}. {}{}",
        report.experiment,
        decision.decision.replace('_', " "),
        decision.arm.as_ref().map_or(String::new(), |arm| format!(" {arm}")),
        decision.why.en,
        decision.days_left.map_or(String::new(), |days| format!(" About {days} days are left.")),
    )];
    if let Some(stopped) = &report.stopped {
        lines.insert(0, format!("stopped by its own rule at {}: {}", model::time::rfc3339(stopped.at), stopped.why.en));
    }
    let arms: Vec<String> = report.arms.iter().map(|arm| format!("{} {}", arm.arm, arm.exposed)).collect();
    let p = report.health.srm_p.map_or("-".into(), |p| format!("{p:.3}"));
    lines.push(format!("units: {} (split p {p}), {} met several arms", arms.join(", "), report.health.met_several_arms));
    for row in &report.rows {
        let numbers = match (&row.numbers, &row.not_computable) {
            (Some(numbers), _) => {
                let lift = match (numbers.lift, numbers.lift_low, numbers.lift_high) {
                    (Some(lift), Some(low), Some(high)) => {
                        format!(", {:+.1} % ({:+.1} .. {:+.1})", 100.0 * lift, 100.0 * low, 100.0 * high)
                    }
                    _ => String::new(),
                };
                let p = row.p_adjusted.or(numbers.p).map_or("not yet".into(), |p| format!("{p:.2e}"));
                format!(
                    "{:.4} against {:.4}{lift}, chance to win {:.1} %, p {p}{}",
                    numbers.variant_mean,
                    numbers.control_mean,
                    100.0 * numbers.chance_to_win,
                    if row.significant { ", significant" } else { "" }
                )
            }
            (None, Some(why)) => format!("cannot be computed: {why}"),
            (None, None) => "not shown".into(),
        };
        let stake = row.stake.as_ref().map_or(String::new(), |stake| {
            let shrunk = stake.shrunk.map_or(String::new(), |shrunk| format!(", shrunk {shrunk:+.0}"));
            format!("; {:+.0} in {} days ({:+.0} .. {:+.0}{shrunk})", stake.value, stake.days, stake.low, stake.high)
        });
        lines.push(format!("{} {} {}: {numbers}{stake}", row.role, row.metric, row.variant));
    }
    for guard in &report.guardrails {
        lines.push(format!("guardrail {} {}: {} (margin {} %)", guard.metric, guard.variant, guard.state, 100.0 * guard.margin));
    }
    lines.join("\n") + "\n"
}

fn words(effect: &Effect) -> String {
    let group = |group: &readout::Group| {
        let mean = group.mean.map_or("-".into(), |mean| format!("{mean:.4}"));
        format!("{} {mean} over {} ({} not matured)", group.name, group.people, group.immature)
    };
    let numbers = match (effect.difference, effect.low, effect.high, effect.p) {
        (Some(difference), Some(low), Some(high), Some(p)) => {
            format!("difference {difference:+.4}, 95 % interval {low:+.4} .. {high:+.4}, p {p:.2e}")
        }
        _ => "cannot say yet".into(),
    };
    let why = effect.why.as_ref().map_or(String::new(), |why| format!(": {}", why.en));
    let from = effect.from.map_or(String::new(), |day| format!(", from {day}"));
    format!(
        "{} {}: {}; {}; {numbers} [{}{why}{from}]",
        effect.name,
        effect.metric,
        group(&effect.treated),
        group(&effect.held_out),
        effect.verdict
    )
}
