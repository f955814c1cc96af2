//! How entries of an earlier version go on in a later one, and when a version must not take the place of another.
//!
//! Without `migrate` entries finish on the version they entered. A migrated entry keeps when it is due: at a wait it waits on until
//! then, at a send it is sent to then.

use model::{
    Scenario, Step,
    scenario::{END, Migrate},
};

use super::OpenEntry;

/// Where an open entry goes on.
#[derive(Debug, PartialEq)]
pub enum Place<'a> {
    At(&'a Scenario, usize),
    /// Its step was mapped to the end.
    End(&'a Scenario),
    /// Its version is not there, or the step is not in the version that takes it over.
    Nowhere,
}

/// Follows every migration from the version the entry is pinned to.
pub fn place<'a>(scenarios: &'a [Scenario], open: &OpenEntry) -> Place<'a> {
    let versions = || scenarios.iter().filter(|scenario| scenario.scenario == open.scenario);
    let (mut version, mut step) = (open.version.as_str(), open.step.as_str());
    let mut passed = 0;
    let takes_over = |scenario: &&Scenario, from: &str| scenario.version != from && from_of(scenario) == Some(from);
    while let Some(next) = versions().find(|scenario| takes_over(scenario, version)) {
        step = mapped(next, step);
        version = &next.version;
        if step == END {
            return Place::End(next);
        }
        passed += 1;
        if passed > scenarios.len() {
            return Place::Nowhere; // Versions that take each other over.
        }
    }
    let pinned = versions().find(|scenario| scenario.version == version);
    let at =
        |scenario: &'a Scenario| scenario.steps.iter().position(|known| known.id == step).map(|step| Place::At(scenario, step));
    pinned.and_then(at).unwrap_or(Place::Nowhere)
}

fn from_of(scenario: &Scenario) -> Option<&str> {
    scenario.migrate.as_ref().map(|migrate| migrate.from.as_str())
}

fn mapped<'a>(next: &'a Scenario, step: &'a str) -> &'a str {
    next.migrate.as_ref().and_then(|migrate| migrate.step_map.get(step)).map_or(step, String::as_str)
}

/// People who wait at a step of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub version: String,
    pub step: String,
    pub people: u64,
}

/// Why a version must not be published while people wait where they do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("step `{step}` holds {people} people of version {version}, and is removed")]
    StepRemoved { version: String, step: String, people: u64 },
    #[error("version {from} is to be migrated from, which is this one")]
    FromItself { from: String },
}

impl model::Remedy for Refusal {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Refusal::StepRemoved { version, step, .. } => {
                format!("add migrate = {{ from = \"{version}\", step_map = {{ {step} = \"STEP\" }} }}, with `end` to let them go")
            }
            Refusal::FromItself { .. } => "name the version that people are to be taken over from".into(),
        })
    }
}

/// What keeps `new` from being published. Removing a step that holds people asks for a map that says where they go.
pub fn refusals(new: &Scenario, held: &[Held]) -> Vec<Refusal> {
    let from_itself = |migrate: &&Migrate| migrate.from == new.version;
    let from_itself = new.migrate.as_ref().filter(from_itself).map(|migrate| Refusal::FromItself { from: migrate.from.clone() });
    let is_there = |held: &Held| {
        let step = if from_of(new) == Some(&held.version) { mapped(new, &held.step) } else { &held.step };
        step == END || new.step(step).is_some_and(|_: &Step| true)
    };
    let removed = held.iter().filter(|held| held.people > 0 && held.version != new.version && !is_there(held));
    let removed =
        removed.map(|held| Refusal::StepRemoved { version: held.version.clone(), step: held.step.clone(), people: held.people });
    from_itself.into_iter().chain(removed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::examples::{at, exit_on_order, scenario};

    fn version(version: &str, steps: &[&str], migrate: Option<(&str, &[(&str, &str)])>) -> Scenario {
        let steps: String = steps.iter().map(|step| format!("[[step]]\nid = \"{step}\"\nwait = {{ for = \"1d\" }}\n")).collect();
        let migrate = migrate.map(|(from, map)| Migrate {
            from: from.into(),
            step_map: map.iter().map(|(old, new)| (old.to_string(), new.to_string())).collect(),
        });
        let parsed = scenario("s", "on = \"call\"", &format!("{}{steps}", exit_on_order()));
        Scenario { version: version.into(), migrate, ..parsed }
    }

    #[test]
    fn an_entry_stays_with_its_version_unless_one_takes_it_over() {
        let one = version("1", &["a", "b"], None);
        let two = version("2", &["a", "c"], None);
        let two_from_one = version("2", &["a", "c"], Some(("1", &[("b", "c")])));
        let three_from_two = version("3", &["c", "d"], Some(("2", &[("a", "d"), ("c", "end")])));
        let check = |scenarios: &[&Scenario], step: &str, expect: &str| {
            let scenarios: Vec<Scenario> = scenarios.iter().map(|scenario| (*scenario).clone()).collect();
            let open = OpenEntry {
                entry_id: "e".into(),
                scenario: "s".into(),
                version: "1".into(),
                entry_key: "k".into(),
                entered_at: at("01T10:00"),
                step: step.into(),
                due: at("02T10:00"),
                held_out: false,
                context: serde_json::Value::Null,
                reason: None,
            };
            let found = match place(&scenarios, &open) {
                Place::At(scenario, step) => format!("{} {}", scenario.version, scenario.steps[step].id),
                Place::End(scenario) => format!("{} end", scenario.version),
                Place::Nowhere => "nowhere".into(),
            };
            assert_eq!(found, expect, "{step}");
        };
        check(&[&one, &two], "b", "1 b");
        check(&[&two], "b", "nowhere");
        check(&[&one, &two_from_one], "b", "2 c");
        check(&[&two_from_one], "a", "2 a");
        check(&[&one, &two_from_one, &three_from_two], "a", "3 d");
        check(&[&two_from_one, &three_from_two], "b", "3 end");
        let removed = version("2", &["c"], Some(("1", &[])));
        check(&[&one, &removed], "b", "nowhere");
        let circle = version("1", &["a", "b"], Some(("2", &[])));
        check(&[&circle, &two_from_one], "a", "nowhere");
    }

    #[test]
    fn a_step_that_holds_people_is_not_removed_without_a_map() {
        let held = |version: &str, step: &str, people: u64| Held { version: version.into(), step: step.into(), people };
        let check = |new: &Scenario, held: &[Held], expect: &[&str]| {
            let found: Vec<String> = refusals(new, held).iter().map(Refusal::to_string).collect();
            assert_eq!(found, expect);
        };
        let plain = version("2", &["a", "c"], None);
        check(&plain, &[held("1", "a", 7), held("1", "b", 0), held("2", "x", 3)], &[]);
        let removed = "step `b` holds 3 people of version 1, and is removed";
        check(&plain, &[held("1", "b", 3)], &[removed]);
        check(&version("2", &["a", "c"], Some(("1", &[("b", "c")]))), &[held("1", "b", 3)], &[]);
        check(&version("2", &["a", "c"], Some(("1", &[("b", "end")]))), &[held("1", "b", 3)], &[]);
        check(&version("2", &["a", "c"], Some(("1", &[("b", "gone")]))), &[held("1", "b", 3)], &[removed]);
        check(&version("2", &["a", "c"], Some(("0", &[("b", "c")]))), &[held("1", "b", 3)], &[removed]);
        check(&version("2", &["a"], Some(("2", &[]))), &[], &["version 2 is to be migrated from, which is this one"]);
    }
}
