//! What changed in the shop's files since it was last looked at, with what that does to people; and that it was looked at.

use std::io::{IsTerminal, Write};

use clap::Args;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::{
        plan::{self, ExperimentPlan, Fate, ScenarioPlan, SegmentPlan},
        trial::{Basis, Trial},
    },
    workspace::{Access, Workspace},
};

/// Show what changed since the last `tsubame apply`, and what it does to people
///
/// For each scenario, segment and experiment: what changed, who would come in, who is under way in it and what becomes of them, how many members
/// and messages. Nothing is changed, and a server may run meanwhile. Exits with 4 where people would be left nowhere.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame plan\n  tsubame plan cart-recovery --shop my-shop")]
pub struct Plan {
    /// A scenario, segment or experiment; all that changed without it
    name: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

/// Note that the shop's files are looked over as they are
///
/// Shows the plan first. Refused (exit code 4) where a step that holds people is removed without a `step_map`, and where a file was changed after
/// it was planned.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame apply\n  tsubame apply --yes --plan 5f0c2c1e9b6d4c0fa3f1d2b7c8e9a001")]
pub struct Apply {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only if the files are those of this plan: the hash that `tsubame plan` ends with
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Plan {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let plan = plan::plan(&workspace, self.name.as_deref()).await?;
        print!("{}", shown(&workspace, &plan));
        workspace.state.close().await;
        match plan.refusals() {
            refusals if refusals.is_empty() => Ok(()),
            refusals => Err(Fault { exit: Exit::Data, ..Fault::problems(&refusals) }),
        }
    }
}

impl Apply {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let plan = plan::plan(&workspace, None).await?;
        print!("{}", shown(&workspace, &plan));
        if !plan.is_empty() && !self.yes && !agreed()? {
            println!("nothing was applied");
            return Ok(());
        }
        plan::apply(&workspace, &plan, self.plan.as_deref()).await?;
        println!("applied {}", plan.hash);
        workspace.state.close().await;
        Ok(())
    }
}

fn agreed() -> Result<bool, Fault> {
    if !std::io::stdin().is_terminal() {
        return Err(Fault::new(Exit::Config, "nobody is there to be asked")
            .remedy("add --yes, and --plan HASH to apply what was looked at"));
    }
    print!("apply this? [y/N] ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|source| Fault::io("could not read the answer", source))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn shown(workspace: &Workspace, plan: &plan::Plan) -> String {
    let mut lines = Vec::new();
    for (file, how) in &plan.files {
        lines.push(format!("{:<8} {file}", how.name()));
    }
    for scenario in &plan.scenarios {
        of_scenario(workspace, scenario, &mut lines);
    }
    for segment in &plan.segments {
        of_segment(segment, &mut lines);
    }
    for test in &plan.experiments {
        of_experiment(test, &mut lines);
    }
    if plan.is_empty() {
        lines.push("nothing has changed since the last `tsubame apply`".into());
    }
    lines.push("\nmessages of the next 24 hours".into());
    for (scenario, channels) in &plan.next_day {
        let channels: Vec<String> = channels.iter().map(|(channel, count)| format!("{channel} {count}")).collect();
        lines.push(format!("  {scenario:<24} {}", channels.join(", ")));
    }
    if plan.next_day.is_empty() {
        lines.push("  none".into());
    }
    lines.push(format!("\nplan {}\n", plan.hash));
    lines.join("\n")
}

fn versions((before, after): &(Option<String>, Option<String>)) -> String {
    let shown = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".into());
    match before == after {
        true => format!("version {}", shown(after)),
        false => format!("version {} → {}", shown(before), shown(after)),
    }
}

fn of_scenario(workspace: &Workspace, plan: &ScenarioPlan, lines: &mut Vec<String>) {
    let switch = if plan.enabled { "on" } else { "off" };
    lines.push(format!("\nscenario {} {} ({switch}), {}", plan.name, plan.how.name(), versions(&plan.versions)));
    lines.push(format!("  because of     {}", plan.because.join(", ")));
    if let Some(trial) = &plan.trial {
        of_trial(workspace, trial, lines);
    }
    for (held, fate) in &plan.open {
        let fate = match fate {
            Fate::GoOn => "go on".into(),
            Fate::Finish => format!("finish on version {}", held.version),
            Fate::Moved(step) if step == model::scenario::END => "leave".into(),
            Fate::Moved(step) => format!("go on in the new version, at `{step}`"),
            Fate::Stranded => "wait where they are, for a file of that name".into(),
        };
        lines.push(format!("  under way      {} at `{}`: {fate}", held.people, held.step));
    }
    for refusal in &plan.refusals {
        lines.push(format!("  refused        {refusal}"));
    }
    if let Some(approval) = &plan.approval {
        lines.push(format!("  approval       {}", approval.said()));
    }
}

/// What a scenario would do.
fn of_trial(workspace: &Workspace, trial: &Trial, lines: &mut Vec<String>) {
    let basis = match trial.basis {
        Basis::Evaluation(at) => {
            format!("at {}", workspace.shop().timezone.local(at).format("%Y-%m-%d %H:%M"))
        }
        Basis::LastDays(days) => format!("of the last {days} days"),
        Basis::NextDays(days) => format!("within {days} days"),
    };
    let listed = |counts: Vec<(String, u64)>| {
        let counts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
        if counts.is_empty() { "none".to_string() } else { counts.join(", ") }
    };
    let channels = |of: &std::collections::BTreeMap<model::Channel, u64>| {
        listed(of.iter().map(|(channel, count)| (channel.to_string(), *count)).collect())
    };
    lines.push(format!("  audience       {} {basis}; {} come in", trial.audience, trial.enters));
    lines.push(format!("  reachable      {}", channels(&trial.reachable)));
    lines.push(format!("  sends at once  {}; {} ghosts, {} put off", channels(&trial.sends), trial.ghosts, trial.deferred));
    if !trial.stops.is_empty() {
        lines.push(format!(
            "  not sent       {}",
            listed(trial.stops.iter().map(|(reason, count)| (reason.clone(), *count)).collect())
        ));
    }
}

fn of_segment(plan: &SegmentPlan, lines: &mut Vec<String>) {
    lines.push(format!("\nsegment {} {}", plan.name, plan.how.name()));
    lines.push(match &plan.uncounted {
        Some(why) => format!("  members        not counted: {why}"),
        None => format!("  members        {} → {}: {} come, {} go", plan.before, plan.after, plan.came, plan.gone),
    });
}

fn of_experiment(plan: &ExperimentPlan, lines: &mut Vec<String>) {
    lines.push(format!("\nexperiment {} {} ({}), {}", plan.name, plan.how.name(), plan.status, versions(&plan.versions)));
    for (arm, (before, after)) in &plan.shares {
        lines.push(format!("  {arm:<14} {:.1} % → {:.1} %", before * 100.0, after * 100.0));
    }
    lines.push(format!("  moved          {:.1} % of those who took part get another arm, or none", plan.moved * 100.0));
}
