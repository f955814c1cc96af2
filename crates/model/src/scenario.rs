//! A journey's definition, as written in `scenarios/*.toml`.
//!
//! Conditions (`where`, `when`) are SQL expressions; they are checked and evaluated by `query`, never here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Channel, Problem, Purpose, Text,
    automatic::{Bandit, Rollout},
    id::hex,
    time::{Span, TimeOfDay},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The id: `[a-z][a-z0-9-]*`.
    pub scenario: String,
    pub title: Text,
    #[serde(default)]
    pub description: Text,
    /// Higher goes first when several are due at once.
    #[serde(default)]
    pub priority: i32,
    #[serde(default = "yes")]
    pub enabled: bool,
    pub entry: Entry,
    #[serde(default, rename = "exit")]
    pub exits: Vec<Exit>,
    pub goal: Goal,
    #[serde(default)]
    pub holdout: Option<Holdout>,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    /// sha256 of the canonical form, 16 hex digits; entries are pinned to it.
    #[serde(skip)]
    pub version: String,
}

fn yes() -> bool {
    true
}

/// Who comes in: by an event (`on`) or by being in a segment at a time of day (`segment`, `at`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub on: Option<String>,
    pub segment: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, toml::Value>,
    /// When the segment is evaluated, shop time; default 09:00.
    pub at: Option<TimeOfDay>,
    /// The event column whose value tells passes apart (`cart_id`); without it the subject itself, or the run date of a segment.
    pub key: Option<String>,
    /// SQL over the columns of the event.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    #[serde(default)]
    pub concurrency: Concurrency,
    #[serde(default)]
    pub reentry: Reentry,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    #[default]
    OnePerSubject,
    OnePerKey,
    Unlimited,
}

/// When a customer may come in again (SEMANTICS §3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reentry {
    /// Never again for the key.
    #[default]
    Once,
    /// Out of the audience at one evaluation, then in.
    Rematch,
    /// So many local days, or so long exactly, after the last entry.
    Cooldown { calendar_days: Option<i64>, elapsed: Option<Span> },
}

/// Who leaves before the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// An event of the subject; at the send instant an event with `occurred_at` <= the send time wins over the send.
    pub on: Option<String>,
    /// The event must carry the entry's key (`match = "key"`) or only be the subject's (default).
    #[serde(default, rename = "match")]
    pub matching: Matching,
    /// `consent`: the subject has no consent left for any channel of the scenario.
    pub leave: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    #[default]
    Subject,
    Key,
}

/// What the scenario is for; its effect is measured on it, from the first (ghost) send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    pub on: String,
    pub within: Span,
}

/// People kept out, to measure the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    pub percent: f64,
    pub salt: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: String,
    pub wait: Option<Wait>,
    pub send: Option<SendStep>,
    pub branch: Option<Vec<BranchArm>>,
    /// The step after this one; without it the next in the file. `end` ends.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Counted from the step's logical time, or from `since`.
    #[serde(rename = "for")]
    pub duration: Option<Span>,
    /// `last(EVENT)`: restarts whenever the subject does EVENT again.
    pub since: Option<String>,
    /// The next such time of day, shop time.
    pub until: Option<TimeOfDay>,
}

impl Wait {
    /// The event of `since = "last(EVENT)"`.
    pub fn since_event(&self) -> Option<&str> {
        self.since.as_deref()?.strip_prefix("last(")?.strip_suffix(')')
    }
}

/// First true row in file order; NULL is not true; `else` is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchArm {
    /// SQL over the columns of `customer_ranks` (one row per customer).
    pub when: Option<String>,
    pub to: Option<String>,
    #[serde(rename = "else")]
    pub otherwise: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendStep {
    #[serde(default)]
    pub purpose: Purpose,
    /// Channels in the order they are tried.
    #[serde(rename = "try")]
    pub channels: Vec<Channel>,
    pub template: String,
    /// Counted from the step's logical time; past it the send is dropped.
    pub valid_for: Option<Span>,
    #[serde(default)]
    pub on_cap: OnCap,
    #[serde(default)]
    pub on_quiet: OnQuiet,
    /// A test inside the step: each arm may have its own template.
    pub experiment: Option<MessageExperiment>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCap {
    #[default]
    Skip,
    NextChannel,
    Defer,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnQuiet {
    #[default]
    Defer,
    NextChannel,
    Drop,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageExperiment {
    pub name: String,
    pub salt: String,
    /// The first arm is the control.
    #[serde(rename = "arm")]
    pub arms: Vec<Arm>,
    /// The winner goes to the rest by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The arms' shares follow what is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandit: Option<Bandit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    pub id: String,
    /// Share of units, 0..1; the arms' weights sum to 1.
    pub weight: f64,
    /// Instead of the step's template.
    pub template: Option<String>,
}

pub const END: &str = "end";

impl Scenario {
    /// Reads and checks one file; every problem at once, each with its line where it is known.
    pub fn parse(file: &str, text: &str) -> Result<Scenario, Vec<Problem>> {
        let mut scenario: Scenario = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1).unwrap_or(0);
            vec![
                Problem::new(file, line, error.message().to_string())
                    .with_remedy("see SCENARIOS in `tsubame new --help` for an example"),
            ]
        })?;
        let canonical = serde_json::to_string(&scenario).expect("a scenario is plain JSON");
        scenario.version = hex(&Sha256::digest(canonical.as_bytes())[..8]);
        let problems = scenario.problems(file, text);
        if problems.is_empty() { Ok(scenario) } else { Err(problems) }
    }

    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The steps that may follow `id`, by id ([`END`] included).
    pub fn followers(&self, id: &str) -> Vec<&str> {
        let Some(index) = self.steps.iter().position(|step| step.id == id) else { return Vec::new() };
        let step = &self.steps[index];
        if let Some(arms) = &step.branch {
            return arms.iter().filter_map(|arm| arm.to.as_deref().or(arm.otherwise.as_deref())).collect();
        }
        match &step.next {
            Some(next) => vec![next],
            None => vec![self.steps.get(index + 1).map_or(END, |step| &step.id)],
        }
    }

    fn problems(&self, file: &str, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |needle: &str, message: String, remedy: &str| {
            let line = text.lines().position(|line| !needle.is_empty() && line.contains(needle)).map_or(0, |index| index + 1);
            problems.push(Problem::new(file, line, message).with_remedy(remedy));
        };
        let name_ok = self.scenario.starts_with(|c: char| c.is_ascii_lowercase())
            && self.scenario.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !name_ok {
            say("scenario", format!("`{}` is not a scenario id", self.scenario), "use lower-case letters, digits and `-`");
        }
        if self.entry.on.is_some() == self.entry.segment.is_some() {
            say("[entry]", "an entry is either `on` an event or from a `segment`".into(), "give exactly one of the two");
        }
        if let Some(holdout) = &self.holdout
            && !(0.0..=50.0).contains(&holdout.percent)
        {
            say("percent", format!("a holdout of {} % is outside 0..50", holdout.percent), "5 to 20 is usual");
        }
        let mut ids = BTreeSet::new();
        for step in &self.steps {
            let at = format!("\"{}\"", step.id);
            if step.id == END || !ids.insert(step.id.as_str()) {
                say(&at, format!("step id `{}` is taken", step.id), "rename one of them");
            }
            let kinds = [step.wait.is_some(), step.send.is_some(), step.branch.is_some()];
            if kinds.iter().filter(|is| **is).count() != 1 {
                say(&at, format!("step `{}` must be one of wait, send, branch", step.id), "split it into several steps");
            }
            if let Some(wait) = &step.wait {
                if wait.duration.is_some() == wait.until.is_some() {
                    say(&at, format!("wait `{}` needs `for` or `until`", step.id), "give exactly one of the two");
                }
                if wait.since.is_some() && wait.since_event().is_none() {
                    say(
                        &at,
                        format!("wait `{}`: `since` is not of the form last(EVENT)", step.id),
                        "write since = \"last(cart_updated)\"",
                    );
                }
            }
            if let Some(arms) = &step.branch
                && !arms.last().is_some_and(|arm| arm.otherwise.is_some() && arm.when.is_none())
            {
                say(&at, format!("branch `{}` has no `else`", step.id), "end it with { else = \"STEP\" }");
            }
            if let Some(send) = &step.send {
                if send.channels.is_empty() {
                    say(&at, format!("send `{}` tries no channel", step.id), "write try = [\"line\", \"email\"]");
                }
                if let Some(experiment) = &send.experiment {
                    let total: f64 = experiment.arms.iter().map(|arm| arm.weight).sum();
                    if experiment.arms.len() < 2
                        || (total - 1.0).abs() > 1e-9
                        || experiment.arms.iter().any(|arm| arm.weight <= 0.0)
                    {
                        say(
                            &experiment.name,
                            format!("experiment `{}` needs two arms or more whose weights sum to 1", experiment.name),
                            "e.g. 0.5 and 0.5",
                        );
                    }
                    let (rollout, bandit) = (&experiment.rollout, &experiment.bandit);
                    let arms = experiment.arms.len();
                    let wrong = rollout.iter().flat_map(|rollout| rollout.problems(&experiment.name, arms));
                    for (message, remedy) in wrong.chain(bandit.iter().flat_map(|bandit| bandit.problems(&experiment.name, arms)))
                    {
                        say(&experiment.name, message, remedy);
                    }
                    if let (Some(rollout), Some(valid_for)) = (rollout, send.valid_for)
                        && valid_for.0 <= rollout.wait.0
                    {
                        say(
                            &experiment.name,
                            format!("the rest of the roll-out of `{}` expires before it is decided", experiment.name),
                            "let `valid_for` be longer than the roll-out's `wait`",
                        );
                    }
                    if rollout.is_some() && bandit.is_some() {
                        say(
                            &experiment.name,
                            format!("experiment `{}` has a roll-out and a bandit", experiment.name),
                            "a message that is sent once has a roll-out, one that is sent for ever a bandit",
                        );
                    }
                }
                if send.purpose == Purpose::Marketing && self.exits.is_empty() {
                    say(
                        &at,
                        format!("marketing send `{}` in a scenario without an exit", step.id),
                        "add [[exit]] on = \"order_placed\"",
                    );
                }
            }
            for follower in self.followers(&step.id) {
                if follower != END && self.step(follower).is_none() {
                    say(
                        follower,
                        format!("step `{}` leads to `{follower}`, which does not exist", step.id),
                        "name a step of this file, or `end`",
                    );
                }
            }
        }
        for unreachable in self.steps.iter().filter(|step| !self.reachable().contains(step.id.as_str())) {
            say(
                &format!("\"{}\"", unreachable.id),
                format!("step `{}` cannot be reached", unreachable.id),
                "remove it or lead to it",
            );
        }
        for step in &self.steps {
            if self.loops_without_wait(&step.id) {
                say(
                    &format!("\"{}\"", step.id),
                    format!("step `{}` loops back to itself without a wait", step.id),
                    "put a wait into the loop",
                );
            }
        }
        problems
    }

    fn reachable(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.steps.first().map(|step| step.id.as_str()).into_iter().collect();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.followers(id));
            }
        }
        seen
    }

    fn loops_without_wait(&self, start: &str) -> bool {
        let is_wait = |id: &str| self.step(id).is_some_and(|step| step.wait.is_some());
        let mut seen = BTreeSet::new();
        let mut open = if is_wait(start) { Vec::new() } else { self.followers(start) };
        while let Some(id) = open.pop() {
            if id == start {
                return true;
            }
            if !is_wait(id) && seen.insert(id) {
                open.extend(self.followers(id));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
scenario = "cart-recovery"
title = { ja = "カゴ落ち", en = "Cart recovery" }
[entry]
on = "cart_updated"
key = "cart_id"
where = "value > 0"
reentry = { rule = "cooldown", calendar_days = 7 }
[[exit]]
on = "order_placed"
[goal]
on = "order_placed"
within = "5d"
[holdout]
percent = 10
salt = "exp-cart-01"
[[step]]
id = "wait3h"
wait = { for = "3h", since = "last(cart_updated)" }
[[step]]
id = "remind"
send = { try = ["line", "email", "sms"], template = "cart_1", valid_for = "12h" }
"#;

    #[test]
    fn a_scenario_is_read_and_its_version_is_its_content() {
        let scenario = Scenario::parse("cart.toml", GOOD).unwrap();
        assert_eq!(scenario.steps[0].wait.as_ref().unwrap().since_event(), Some("cart_updated"));
        let reformatted = GOOD.replace("id = \"remind\"", "# a note\nid   =   \"remind\"");
        assert_eq!(Scenario::parse("x", &reformatted).unwrap().version, scenario.version);
        let changed = GOOD.replace("12h", "13h");
        assert_ne!(Scenario::parse("x", &changed).unwrap().version, scenario.version);
    }

    #[test]
    fn every_problem_at_once_with_its_line() {
        let check = |from: &str, to: &str, expect: &[&str]| {
            let text = GOOD.replace(from, to);
            let problems = Scenario::parse("s.toml", &text).err().unwrap_or_default();
            let found: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
            assert_eq!(found, expect, "{to}");
        };
        check(
            "id = \"remind\"",
            "id = \"remind\"\nnext = \"nowhere\"",
            &["22: step `remind` leads to `nowhere`, which does not exist"],
        );
        check(
            "wait = { for = \"3h\", since = \"last(cart_updated)\" }",
            "wait = { since = \"cart\" }",
            &["18: wait `wait3h` needs `for` or `until`", "18: wait `wait3h`: `since` is not of the form last(EVENT)"],
        );
        check("id = \"wait3h\"", "id = \"wait3h\"\nnext = \"end\"", &["22: step `remind` cannot be reached"]);
        check(
            "template = \"cart_1\", valid_for = \"12h\" }",
            "template = \"cart_1\" }\nnext = \"remind\"",
            &["21: step `remind` loops back to itself without a wait"],
        );
        let sends = |lines: &str, expect: &[&str]| {
            let (before, _) = GOOD.split_once("send = {").expect("a send");
            let text = format!(
                "{before}[step.send]\ntry = [\"line\"]\ntemplate = \"cart_1\"\nvalid_for = \"2d\"\n\
                 [step.send.experiment]\nname = \"subject\"\nsalt = \"s\"\n{lines}\n\
                 [[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n[[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\n"
            );
            let problems = Scenario::parse("s.toml", &text).err().unwrap_or_default();
            let found: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(found, expect, "{lines}");
        };
        sends("", &[]);
        sends("rollout = {}", &[]);
        sends("rollout = { share = 0.3, wait = \"2h\", rule = \"likeliest\", tie = \"split\" }", &[]);
        sends("rollout = { share = 1.0 }", &["the roll-out of `subject` tests on a share of 1"]);
        sends("rollout = { chance_min = 0.5 }", &["the roll-out of `subject` is sure at 0.5"]);
        sends("bandit = { floor = 0.5 }", &["the bandit of `subject` keeps 0.5 for each of 2 arms"]);
        sends("rollout = { wait = \"2d\" }", &["the rest of the roll-out of `subject` expires before it is decided"]);
        sends("rollout = {}\nbandit = {}", &["experiment `subject` has a roll-out and a bandit"]);
        check("percent = 10", "percentage = 10", &["15: unknown field `percentage`, expected `percent` or `salt`"]);
    }
}
