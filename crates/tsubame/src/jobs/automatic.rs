//! Lets tests decide by the rules they declared: gathers what came of them, asks the rule, records what it took with its evidence. What was done is
//! recorded each time; that nothing is done is recorded once, until its reason changes, whatever the numbers behind it are by then.
//!
//! A roll-out is asked before each tick, as of the moment at which it fell due, so that nothing depends on when ticks run. Harm and bandits are
//! asked by night.

use decide::automatic::{Rule, Taken, harm};
use model::{
    Experiment, Fact, Instant, Scenario,
    automatic::{Bandit, Rollout},
    experiment::Status,
    scenario::MessageExperiment,
};
use query::Mode;

use crate::{
    analysis::analysed,
    decided::{self, decided},
    definitions,
    fault::Fault,
    jobs::due::TICKED,
    workspace::{Workspace, parse_instant, read_experiments},
};

mod bandits;
mod counted;
mod rollouts;
#[cfg(test)]
mod tests;

/// A test inside a send step.
#[derive(Clone, Copy)]
struct Inside<'a> {
    scenario: &'a Scenario,
    step: &'a str,
    test: &'a MessageExperiment,
}

/// Decides the roll-outs that fall due in `(from, to]`, or says until when they wait.
pub async fn roll_outs(workspace: &Workspace, from: Instant, to: Instant) -> Result<(), Fault> {
    let declared: Vec<(Inside, &Rollout)> =
        inside(workspace).filter_map(|inside| Some((inside, inside.test.rollout.as_ref()?))).collect();
    if declared.is_empty() {
        return Ok(());
    }
    let desk = workspace.desk(to + workspace.shop().grace.0, Mode::AsKnown).await?;
    let known = decided(&desk, "").await?;
    for (inside, rollout) in declared {
        match rollouts::ask(&desk, inside, rollout, &known, rollouts::Window { from, to, grace: workspace.shop().grace.0 }).await
        {
            Ok(Some(taken)) => keep(workspace, &known, taken).await?,
            Ok(None) => {}
            // One wrong query must not keep the other scenarios from their tick.
            Err(fault) => tracing::error!(test = %inside.test.name, %fault, "a roll-out could not be decided"),
        }
    }
    Ok(())
}

/// The night's turn: stops tests that harm, and weighs the arms of bandits anew.
pub async fn night(workspace: &Workspace, night: Instant) -> Result<(), Fault> {
    let declared = as_declared(workspace);
    definitions::keep(workspace, &declared, night).await?;
    let watched: Vec<Experiment> = declared.into_iter().filter(|test| is_watched(test, night)).collect();
    let bandits: Vec<(Inside, &Bandit)> =
        inside(workspace).filter_map(|inside| Some((inside, inside.test.bandit.as_ref()?))).collect();
    if watched.is_empty() && bandits.is_empty() {
        return Ok(());
    }
    // What was planned already went by the old weights, also where a night is worked late.
    let planned = workspace.state.cursors().get(TICKED).await?.map(|text| parse_instant(&text)).transpose()?;
    let weighed_at = planned.map_or(night, |planned| planned.max(night));
    let desk = workspace.desk(night, Mode::AsKnown).await?;
    let mut newest = desk.clone();
    newest.moment.as_of = workspace.now().max(weighed_at);
    let known = decided(&newest, "").await?;
    for test in &watched {
        if known.iter().any(|taken| decided::stops(taken) && is_of(taken, test)) {
            continue;
        }
        match analysed(&desk, test).await {
            Ok(analysis) => {
                if let Some(taken) = harm::stop_at_harm(test, &analysis, night) {
                    keep(workspace, &known, taken).await?;
                }
            }
            Err(fault) => tracing::error!(test = %test.experiment, %fault, "whether a test harms could not be told"),
        }
    }
    for (inside, bandit) in bandits {
        match bandits::ask(&desk, inside, bandit, &known, weighed_at).await {
            Ok(Some(taken)) => keep(workspace, &known, taken).await?,
            Ok(None) => {}
            Err(fault) => tracing::error!(test = %inside.test.name, %fault, "the arms of a bandit could not be weighed"),
        }
    }
    Ok(())
}

/// What ticks have to go by: nothing, and no question, where no scenario has such a test.
pub async fn of_messages(workspace: &Workspace, as_of: Instant) -> Result<Vec<Taken>, Fault> {
    if !inside(workspace).any(|inside| inside.test.rollout.is_some() || inside.test.bandit.is_some()) {
        return Ok(Vec::new());
    }
    decided(&workspace.desk(as_of, Mode::AsKnown).await?, "").await
}

/// Lets those who serve sites know which tests are stopped, and keeps what is served as it is defined now.
pub async fn remember_stops(workspace: &Workspace) -> Result<(), Fault> {
    if workspace.writes() {
        definitions::keep(workspace, &as_declared(workspace), workspace.now()).await?;
    }
    let known = decided(&workspace.desk(workspace.now(), Mode::AsKnown).await?, "").await?;
    let stops = known.into_iter().filter(decided::stops).map(|taken| (taken.test, taken.version));
    workspace.stops.send_replace(stops.collect());
    Ok(())
}

/// Every test inside a step of a scenario that runs.
fn inside(workspace: &Workspace) -> impl Iterator<Item = Inside<'_>> {
    let running = workspace.files.scenarios.iter().filter(|scenario| scenario.enabled);
    running.flat_map(|scenario| {
        scenario.steps.iter().filter_map(move |step| {
            let test = step.send.as_ref()?.experiment.as_ref()?;
            Some(Inside { scenario, step: &step.id, test })
        })
    })
}

/// The tests of sites as sites are served them: by the files of this moment, or those of the start while one of them cannot be used.
fn as_declared(workspace: &Workspace) -> Vec<Experiment> {
    let mut problems = Vec::new();
    let tests = read_experiments(&workspace.folder, &mut problems);
    if problems.is_empty() { tests } else { workspace.files.experiments.clone() }
}

fn is_watched(test: &Experiment, night: Instant) -> bool {
    test.status == Status::Running
        && test.start.is_some_and(|start| start <= night)
        && test.guardrails.iter().any(|guardrail| guardrail.stop_at_harm)
}

fn is_of(taken: &Taken, test: &Experiment) -> bool {
    (&taken.test, &taken.version) == (&test.experiment, &test.version)
}

fn of_rule<'a>(known: &'a [Taken], rule: Rule, test: &'a str) -> impl DoubleEndedIterator<Item = &'a Taken> {
    known.iter().filter(move |taken| taken.rule == rule && taken.test == test)
}

/// Once: its id is its key, and what says nothing new is left out.
async fn keep(workspace: &Workspace, known: &[Taken], taken: Taken) -> Result<(), Fault> {
    if of_rule(known, taken.rule, &taken.test).next_back().is_some_and(|last| taken.repeats(last)) {
        return Ok(());
    }
    let done = decided::done(&taken.action).en;
    tracing::info!(rule = taken.rule.name(), test = %taken.test, "a test decided by itself: {done}");
    let fact = Fact::new(&taken.decision(), taken.at, taken.at);
    workspace.state.journal().append(vec![fact], workspace.now()).await?;
    if decided::stops(&taken) {
        workspace.stops.send_modify(|stops| {
            stops.insert((taken.test, taken.version));
        });
    }
    Ok(())
}
