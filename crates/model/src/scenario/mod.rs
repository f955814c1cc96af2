//! A journey's definition, as written in `scenarios/*.toml`.
//!
//! Conditions (`where`, `when`) are SQL expressions; they are checked and evaluated by `query`, never here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Problem, Purpose, Text, id::hex, time::Span};

pub mod describe;
mod entry;
mod lint;
mod step;

pub use entry::{Concurrency, DateEntry, Entry, Reentry, Start};
pub use step::{Arm, BestTime, BranchArm, MessageExperiment, OnCap, OnQuiet, SendStep, Split, SplitArm, Step, StepCoupon, Wait};

use step::is_default;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The id: `[a-z][a-z0-9-]*`.
    pub scenario: String,
    /// Without one it goes by its id.
    #[serde(default)]
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
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// Takes entries of an earlier version over into this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrate: Option<Migrate>,
    /// Customers who are sent every message of the scenario when somebody wants to see it, whatever the steps say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_list: Vec<String>,
    /// sha256 of the canonical form, 16 hex digits; entries are pinned to it. Not in it is what does not change an entry's way:
    /// whether the scenario is paused, how it starts, whom it takes over, and who tests it.
    #[serde(skip)]
    pub version: String,
}

fn yes() -> bool {
    true
}

/// Who leaves before the end: one of `on`, `when`, `leave`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// An event of the subject; at the send instant an event with `occurred_at` <= the send time wins over the send.
    pub on: Option<String>,
    /// The event must carry the entry's key (`match = "key"`), come from one of its messages (`"send"`), or only be the subject's
    /// (default).
    #[serde(default, rename = "match")]
    pub matching: Matching,
    /// `consent`: the subject has no consent left for any channel of the scenario. `audience`: an evaluation of the entry's segment
    /// finds the subject outside.
    pub leave: Option<String>,
    /// SQL over the columns of `customer_ranks`: looked at whenever the entry is, at the send instant last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// SQL over the columns of the event of `on`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    #[default]
    Subject,
    Key,
    /// The event came from a message of this entry (a click).
    Send,
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

/// Entries pinned to version `from` go on in this one: at the step that `step_map` names, else at the step of the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrate {
    pub from: String,
    /// Old step to new one, or to `end`.
    #[serde(default)]
    pub step_map: BTreeMap<String, String>,
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
        if scenario.title == Text::default() {
            scenario.title = Text::new(&scenario.scenario, &scenario.scenario);
        }
        scenario.version = scenario.canonical_version();
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
        if let Some(split) = &step.split {
            return split.arms.iter().map(|arm| arm.to.as_str()).collect();
        }
        let next = match &step.next {
            Some(next) => next,
            None => self.steps.get(index + 1).map_or(END, |step| &step.id),
        };
        [next].into_iter().chain(step.wait.iter().filter_map(|wait| wait.on_timeout.as_deref())).collect()
    }

    /// A one-time scenario (一斉配信).
    pub fn is_broadcast(&self) -> bool {
        self.entry.once.is_some()
    }

    pub fn sends(&self) -> impl Iterator<Item = &SendStep> {
        self.steps.iter().filter_map(|step| step.send.as_ref())
    }

    /// Every test inside the scenario: of words, of ways through it, and of the hour.
    pub fn tests(&self) -> Vec<MessageExperiment> {
        let plain = |id: &str, weight: f64| Arm { id: id.into(), weight, template: None };
        let mut tests = Vec::new();
        for step in &self.steps {
            if let Some(split) = &step.split {
                let arms = split.arms.iter().map(|arm| plain(&arm.id, arm.weight)).collect();
                tests.push(MessageExperiment::plain(&split.name, &split.salt, arms));
            }
            if let Some(send) = &step.send {
                tests.extend(send.experiment.clone());
                tests.extend(send.best_time.as_ref().map(|best| {
                    let arms = BestTime::ARMS.map(|arm| plain(arm, 0.5)).into();
                    MessageExperiment::plain(&best.name, &best.salt, arms)
                }));
            }
        }
        tests
    }

    /// Whether it only advertises: who is in the shop's holdout does not even come in.
    pub fn is_marketing(&self) -> bool {
        self.sends().next().is_some() && self.sends().all(|send| send.purpose != Purpose::Transactional)
    }

    /// The definition as it is kept for entries that are pinned to it when the file has moved on.
    pub fn kept(&self) -> String {
        serde_json::to_string(self).expect("a scenario is plain JSON")
    }

    /// Reads back what [`Scenario::kept`] said. It was checked when it was read from its file.
    pub fn read_kept(version: &str, kept: &str) -> Result<Scenario, serde_json::Error> {
        let scenario: Scenario = serde_json::from_str(kept)?;
        Ok(Scenario { version: version.into(), ..scenario })
    }

    fn canonical_version(&self) -> String {
        let walked = Scenario { enabled: true, start: Start::default(), migrate: None, test_list: Vec::new(), ..self.clone() };
        hex(&Sha256::digest(walked.kept().as_bytes())[..8])
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
        // A file written for an earlier Tsubame keeps its version, so that nobody under way is stopped by an update.
        assert_eq!(scenario.version, "c9b55e074253d838");
        // What does not change an entry's way does not change the version.
        let paused = GOOD.replace("scenario =", "enabled = false\nmigrate = { from = \"0\" }\ntest_list = [\"c1\"]\nscenario =");
        assert_eq!(Scenario::parse("x", &paused).unwrap().version, scenario.version);
    }

    /// The example of SEMANTICS §1.
    const EXAMPLE: &str = r#"scenario = "cart-recovery"        # id; version = sha256 of the canonical form, pinned per entry
[entry]
on = "cart_updated"
key = "cart_id"
where = "cart_value > 0"
concurrency = "one_per_key"
reentry = { rule = "cooldown", calendar_days = 7 }
[[exit]]
on = "order_placed"
match = "subject"
[[exit]]
when = "cart_value = 0"
[[exit]]
leave = "consent"
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
send = { purpose = "marketing", try = ["line", "email", "sms"], template = "cart_1", valid_for = "12h", on_cap = "skip", on_quiet = "defer" }
[[step]]
id = "wait1d"
wait = { for = "24h" }
[[step]]
id = "split"
branch = [{ when = "ltv_top < 0.30", to = "vip" }, { else = "coupon" }]
[[step]]
id = "coupon"
send = { try = ["line", "sms"], template = "cart_2", coupon = { unique = true, expires = "14d" } }
next = "end"
[[step]]
id = "vip"
send = { try = ["email"], template = "cart_vip" }
"#;

    #[test]
    fn the_example_of_the_semantics_is_a_scenario() {
        let scenario = Scenario::parse("cart-recovery.toml", EXAMPLE).unwrap();
        assert_eq!(scenario.title, Text::new("cart-recovery", "cart-recovery"));
        assert_eq!((scenario.exits.len(), scenario.steps.len()), (3, 6));
        let check = |step: &str, expect: &[&str]| assert_eq!(scenario.followers(step), expect, "{step}");
        check("remind", &["wait1d"]);
        check("split", &["vip", "coupon"]);
        check("coupon", &["end"]);
        check("vip", &["end"]);
    }

    #[test]
    fn every_kind_of_step_leads_somewhere() {
        let steps = r#"
[[step]]
id = "shipped"
wait = { event = "order_shipped", match = "key", timeout = "14d", on_timeout = "end" }
[[step]]
id = "soon"
wait = { date = "coupon_expires", days = -3, at = "10:00" }
[[step]]
id = "split"
[step.split]
name = "way"
salt = "way"
[[step.split.arm]]
id = "a"
weight = 0.5
to = "late"
[[step.split.arm]]
id = "b"
weight = 0.5
to = "end"
[[step]]
id = "late"
send = { try = ["line"], template = "t", tags = ["coupon"], seasons = { summer = "t_summer" }, best_time = { name = "hour", salt = "h", otherwise = "10:00" } }
"#;
        let scenario = Scenario::parse("s.toml", &format!("{GOOD}{steps}")).unwrap();
        assert_eq!(Scenario::read_kept(&scenario.version, &scenario.kept()).unwrap(), scenario);
        let check = |step: &str, expect: &[&str]| assert_eq!(scenario.followers(step), expect, "{step}");
        check("remind", &["shipped"]);
        check("shipped", &["soon", "end"]);
        check("soon", &["split"]);
        check("split", &["late", "end"]);
        check("late", &["end"]);
        let tests = scenario.tests();
        let tests: Vec<(&str, usize)> = tests.iter().map(|test| (test.name.as_str(), test.arms.len())).collect();
        assert_eq!(tests, [("way", 2), ("hour", 2)]);
        let templates: Vec<&str> = scenario.sends().flat_map(SendStep::templates).map(String::as_str).collect();
        assert_eq!(templates, ["cart_1", "t_summer", "t"]);
        let shop = |text: &str| crate::Shop::parse("t", text).unwrap();
        let found = |text: &str| scenario.problems_in(&shop(text), "s.toml", "").into_iter().map(|found| found.message);
        assert_eq!(found("").collect::<Vec<_>>(), ["the shop has no season `summer`"]);
        assert_eq!(found("[[seasons]]\nname = \"summer\"\nfirst = \"06-01\"\nlast = \"08-31\"\n").count(), 0);
        assert_eq!(found("holdout = { percent = 5, salt = \"exp-cart-01\" }").count(), 2);
    }

    #[test]
    fn what_an_entry_and_an_exit_cannot_mean_is_said() {
        let check = |entry: &str, rest: &str, expect: &[&str]| {
            let text = format!(
                "scenario = \"s\"\n{rest}\ntitle = {{ ja = \"s\", en = \"s\" }}\ngoal = {{ on = \"order_placed\", within = \"5d\" }}\n\
                 step = [{{ id = \"s\", send = {{ try = [\"line\"], template = \"t\" }} }}]\n[entry]\n{entry}"
            );
            let problems = Scenario::parse("s.toml", &text).err().unwrap_or_default();
            let found: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(found, expect, "{entry} {rest}");
        };
        let exit = "exit = [{ on = \"order_placed\" }]";
        check("on = \"x\"", exit, &[]);
        check("segment = \"x\"\nweekdays = [\"mon\", \"Thu\"]\nat = \"10:00\"", exit, &[]);
        check("segment = \"x\"\ndays = [1, 31]\nexclude = [\"y\"]", "exit = [{ leave = \"audience\" }]", &[]);
        check("date = { of = \"birthday\", days = -7 }\nat = \"10:00\"", exit, &[]);
        check("segment = \"x\"\nonce = \"2026-12-01T10:00\"", "", &[]);
        check("segment = \"x\"", "", &["marketing send `s` in a scenario without an exit"]);
        check("segment = \"x\"\non = \"y\"", exit, &["an entry is either `on` an event, from a `segment` or by a `date`"]);
        check("segment = \"x\"\nkey = \"product_id\"\nevery = \"2h\"", exit, &[]);
        check("date = { of = \"birthday\" }\nkey = \"cart_id\"", exit, &["`key` means nothing to this entry"]);
        check("segment = \"x\"\nonce = \"2026-12-01T10:00\"\nkey = \"a\"", exit, &["`key` means nothing to this entry"]);
        check("on = \"x\"\nevery = \"2h\"", exit, &["`every` means nothing to this entry"]);
        check("segment = \"x\"\nevery = \"1m\"", exit, &["`every` of 1 minutes is outside 15 minutes to 12 hours"]);
        check(
            "segment = \"x\"\nkey = \"product_id\"",
            "exit = [{ leave = \"audience\" }]",
            &["nobody can leave the audience of one key: they may be in the segment for another"],
        );
        check("on = \"x\"\nonce = \"2026-12-01T10:00\"", exit, &["`once` means nothing to this entry"]);
        check("on = \"x\"\nexclude = [\"y\"]", exit, &["`exclude` means nothing to this entry"]);
        check("segment = \"x\"\nexclude_sent_within = \"7d\"", exit, &[]);
        check("on = \"x\"\nexclude_sent_within = \"7d\"", exit, &["`exclude_sent_within` means nothing to this entry"]);
        check("segment = \"x\"\ndays = [0]", exit, &["a day of the month is 1 to 31"]);
        check(
            "segment = \"x\"\ndays = [1]\nweekdays = [\"mon\"]",
            exit,
            &["an entry has one schedule: `once`, `weekdays` or `days`"],
        );
        check("date = { of = \"wedding\" }", exit, &["`wedding` is no date of a customer"]);
        check("on = \"x\"\nreentry = { rule = \"cooldown\" }", exit, &["a cooldown needs `calendar_days` or `elapsed`"]);
        let exits = |exit: &str| format!("exit = [{{ {exit} }}]");
        check("on = \"x\"", &exits("when = \"net = 0\""), &[]);
        check("on = \"x\"", &exits("on = \"y\", where = \"value = 0\", match = \"send\""), &[]);
        let audience = "nobody can leave the audience: the entry has no segment that is evaluated again";
        check("on = \"x\"", &exits("leave = \"audience\""), &[audience]);
        check("segment = \"x\"\nonce = \"2026-12-01T10:00\"", &exits("leave = \"audience\""), &[audience]);
        check("on = \"x\"", &exits("leave = \"town\""), &["`town` cannot be left"]);
        check("on = \"x\"", &exits("on = \"y\", match = \"key\""), &["match = \"key\" needs a key of the entry"]);
        let ways = "an exit is either `on` an event, `when` something is true, or a `leave`";
        check("on = \"x\"", &exits("where = \"value = 0\""), &[ways, "an exit's `where` is about its event"]);
        check("on = \"x\"", &format!("{exit}\nstart = \"include_current\""), &["`start` asks for a segment"]);
        check(
            "on = \"x\"",
            &format!("{exit}\nmigrate = {{ from = \"0\", step_map = {{ a = \"s\", b = \"end\", c = \"gone\" }} }}"),
            &["`migrate` leads to `gone`, which does not exist"],
        );
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
            &[
                "18: wait `wait3h` needs `for`, `until`, `event` or `date`",
                "18: wait `wait3h`: `since` is not of the form last(EVENT)",
            ],
        );
        check("id = \"wait3h\"", "id = \"wait3h\"\nnext = \"end\"", &["22: step `remind` cannot be reached"]);
        check(
            "template = \"cart_1\", valid_for = \"12h\" }",
            "template = \"cart_1\" }\nnext = \"remind\"",
            &["21: step `remind` loops back to itself without a wait"],
        );
        let waits = |body: &str, expect: &[&str]| check("wait = { for = \"3h\", since = \"last(cart_updated)\" }", body, expect);
        waits("wait = { event = \"order_shipped\" }", &["18: wait `wait3h` may never end"]);
        waits(
            "wait = { event = \"x\", timeout = \"3d\", on_timeout = \"y\" }",
            &["19: step `wait3h` leads to `y`, which does not exist"],
        );
        waits("wait = { for = \"3h\", timeout = \"3d\" }", &["18: wait `wait3h` has no `timeout`: it ends by itself"]);
        waits("wait = { for = \"3h\", days = -3 }", &["18: wait `wait3h`: `days` and `at` go with `date`"]);
        waits("wait = { date = \"x\", where = \"true\" }", &["18: wait `wait3h`: `match` and `where` go with `event`"]);
        waits("wait = { until = \"10:00\", since = \"last(x)\" }", &["18: wait `wait3h`: `since` goes with `for`"]);
        let sends = |body: &str, expect: &[&str]| check("template = \"cart_1\", valid_for = \"12h\"", body, expect);
        sends("template = \"cart_1\", counts = true", &["21: send `remind`: `counts` is for transactional messages"]);
        sends("template = \"cart_1\", valid_for = \"0h\"", &["21: send `remind` is over before it begins"]);
        let coupon = |coupon: &str, expect: &[&str]| sends(&format!("template = \"cart_1\", coupon = {{ {coupon} }}"), expect);
        coupon("unique = true, expires = \"14d\"", &[]);
        coupon("code = \"SPRING\"", &[]);
        coupon("unique = true", &["21: the unique coupon of send `remind` never ends"]);
        coupon("code = \" \"", &["21: the coupon of send `remind` has an empty code"]);
        coupon("expires = \"14d\"", &["21: the coupon of send `remind` is either `unique` or one `code`"]);
        let both = "unique = true, code = \"SPRING\", expires = \"14d\"";
        coupon(both, &["21: the coupon of send `remind` is either `unique` or one `code`"]);
        check("[\"line\", \"email\", \"sms\"]", "[\"line\", \"line\"]", &["21: send `remind` tries a channel twice"]);
        sends(
            "template = \"cart_1\", best_time = { name = \"b\", salt = \"exp-cart-01\" }",
            &["16: the salt `exp-cart-01` is used twice: both would pick the same people"],
        );
        let tests = |lines: &str, expect: &[&str]| {
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
        tests("", &[]);
        tests("rollout = {}", &[]);
        tests("rollout = { share = 0.3, wait = \"2h\", rule = \"likeliest\", tie = \"split\" }", &[]);
        tests("rollout = { share = 1.0 }", &["the roll-out of `subject` tests on a share of 1"]);
        tests("rollout = { chance_min = 0.5 }", &["the roll-out of `subject` is sure at 0.5"]);
        tests("bandit = { floor = 0.5 }", &["the bandit of `subject` keeps 0.5 for each of 2 arms"]);
        tests("rollout = { wait = \"2d\" }", &["the rest of the roll-out of `subject` expires before it is decided"]);
        tests("rollout = {}\nbandit = {}", &["experiment `subject` has a roll-out and a bandit"]);
        check("percent = 10", "percentage = 10", &["15: unknown field `percentage`, expected `percent` or `salt`"]);
    }
}
