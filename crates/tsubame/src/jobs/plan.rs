//! What the files of a shop would change against those that were last applied: before anything happens, with counts of people and messages.

use std::collections::{BTreeMap, BTreeSet};

use decide::{
    experiment::by_hash,
    tick::{self, Held, Refusal},
};
use model::{Channel, Experiment, Problem, Remedy, Scenario};
use query::{Header, Mode, Params, Query, form::Form, segment::Side};

use super::{
    approval::{self, Approval},
    trial::{FAR, Trial, next_day, trial},
};
use crate::{
    fault::{Exit, Fault},
    shop_file::{files_of, hash},
    workspace::Workspace,
};

/// Made-up units by which it is told how many of a test would get another arm: one in ten thousand shows.
const UNITS: u32 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Added,
    Changed,
    Removed,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Changed => "changed",
            How::Removed => "removed",
        }
    }
}

/// Everything that would change.
#[derive(Debug)]
pub struct Plan {
    /// Of all files as they are now: what is applied is what was planned.
    pub hash: String,
    pub files: Vec<(String, How)>,
    pub scenarios: Vec<ScenarioPlan>,
    pub segments: Vec<SegmentPlan>,
    pub experiments: Vec<ExperimentPlan>,
    /// Messages that would leave within a day, by scenario and channel.
    pub next_day: BTreeMap<String, BTreeMap<Channel, u64>>,
    /// All files, by path; what applying notes.
    texts: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct ScenarioPlan {
    pub name: String,
    pub how: How,
    /// The changed files it is made of.
    pub because: Vec<String>,
    pub versions: (Option<String>, Option<String>),
    pub enabled: bool,
    /// What it would do at its next evaluation; `None` for one that is gone.
    pub trial: Option<Trial>,
    /// Who is under way in it, and what becomes of them.
    pub open: Vec<(Held, Fate)>,
    pub refusals: Vec<Refusal>,
    pub approval: Option<Approval>,
}

/// What becomes of people under way in a scenario whose file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// They are on the version that the file has.
    GoOn,
    /// They finish on the version they entered.
    Finish,
    /// The new version takes them over, at this step; `end` lets them go.
    Moved(String),
    /// The file is gone: they wait where they are.
    Stranded,
}

#[derive(Debug)]
pub struct SegmentPlan {
    pub name: String,
    pub how: How,
    /// Why its members cannot be counted.
    pub uncounted: Option<String>,
    pub before: u64,
    pub after: u64,
    pub came: u64,
    pub gone: u64,
}

#[derive(Debug)]
pub struct ExperimentPlan {
    pub name: String,
    pub how: How,
    pub versions: (Option<String>, Option<String>),
    pub status: String,
    /// Share of all units, by arm: before and after.
    pub shares: BTreeMap<String, (f64, f64)>,
    /// Share of those who took part before and would get another arm, or none.
    pub moved: f64,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Why it must not be applied.
    pub fn refusals(&self) -> Vec<Problem> {
        let of = |scenario: &ScenarioPlan| {
            let file = format!("scenarios/{}.toml", scenario.name);
            let problem = |refusal: &Refusal| {
                let problem = Problem::new(&file, 0, refusal.to_string());
                refusal.remedy().map_or(problem.clone(), |remedy| problem.with_remedy(remedy))
            };
            scenario.refusals.iter().map(problem).collect::<Vec<_>>()
        };
        self.scenarios.iter().flat_map(of).collect()
    }
}

/// Compares the shop's files with those last applied; of one scenario, segment or experiment alone if it is named.
pub async fn plan(workspace: &Workspace, only: Option<&str>) -> Result<Plan, Fault> {
    let texts = texts_of(workspace)?;
    let before = workspace.state.applied().all().await?;
    let files = differences(&before, &texts);
    let is_wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut plan = Plan {
        hash: hash_of(&texts),
        files,
        scenarios: Vec::new(),
        segments: Vec::new(),
        experiments: Vec::new(),
        next_day: BTreeMap::new(),
        texts,
    };
    for (name, because) in changed_scenarios(workspace, &before, &plan.files) {
        if is_wanted(&name) {
            plan.scenarios.push(scenario(workspace, &before, &name, because).await?);
        }
    }
    for (file, how) in &plan.files {
        if let Some(name) = segment_name(file).filter(|name| is_wanted(name)) {
            plan.segments.push(segment(workspace, name, *how, before.get(file), plan.texts.get(file), file).await?);
        } else if let Some(name) = named(file, "experiments").filter(|name| is_wanted(name)) {
            plan.experiments.push(experiment(name, *how, before.get(file), plan.texts.get(file), file));
        }
    }
    if let Some(only) = only
        && plan.scenarios.is_empty()
        && plan.segments.is_empty()
        && plan.experiments.is_empty()
        && !is_known(workspace, only)
    {
        return Err(Fault::new(Exit::Config, format!("there is no scenario, segment or experiment `{only}`"))
            .remedy("`tsubame plan` without a name shows everything that changed"));
    }
    plan.next_day = next_day(workspace).await?;
    Ok(plan)
}

/// Notes that this plan is what is in force. Refused when a file is another than when it was planned, and when people would be left nowhere.
pub async fn apply(workspace: &Workspace, plan: &Plan, hash: Option<&str>) -> Result<(), Fault> {
    let now = texts_of(workspace)?;
    if hash.is_some_and(|hash| hash != plan.hash) || hash_of(&now) != plan.hash {
        return Err(
            Fault::new(Exit::Data, "the files are not those of the plan").remedy("look at `tsubame plan` again, and apply that")
        );
    }
    let refusals = plan.refusals();
    if !refusals.is_empty() {
        return Err(Fault { exit: Exit::Data, ..Fault::problems(&refusals) });
    }
    Ok(workspace.state.applied().replace(&plan.texts, workspace.now()).await?)
}

/// Every file that is read when the shop is opened, by its path in the shop's folder.
fn texts_of(workspace: &Workspace) -> Result<BTreeMap<String, String>, Fault> {
    let mut texts = BTreeMap::new();
    for path in files_of(&workspace.folder) {
        let relative = path.strip_prefix(&workspace.folder).unwrap_or(&path).to_string_lossy().into_owned();
        if !relative.ends_with(".toml") && !relative.ends_with(".sql") {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|source| Fault::io(format!("could not read {relative}"), source))?;
        texts.insert(relative, String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(texts)
}

fn hash_of(texts: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = texts.iter().map(|(file, text)| format!("{file} {}", hash(text))).collect();
    hash(&lines.join("\n"))
}

fn differences(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<(String, How)> {
    let files: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let how = |file: &String| match (before.get(file), now.get(file)) {
        (None, _) => Some(How::Added),
        (_, None) => Some(How::Removed),
        (one, other) => (one != other).then_some(How::Changed),
    };
    files.into_iter().filter_map(|file| Some((file.clone(), how(file)?))).collect()
}

/// The name of a TOML file of a folder.
fn named<'a>(file: &'a str, folder: &str) -> Option<&'a str> {
    file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".toml")
}

fn segment_name(file: &str) -> Option<&str> {
    let name = file.strip_prefix("queries/segments/")?;
    name.strip_suffix(".sql").or_else(|| name.strip_suffix(".toml"))
}

fn is_known(workspace: &Workspace, name: &str) -> bool {
    workspace.files.scenarios.iter().any(|scenario| scenario.scenario == name)
        || workspace.files.experiments.iter().any(|test| test.experiment == name)
        || workspace.library.segment(name).is_some()
}

/// Every scenario that is made of a changed file, with those.
fn changed_scenarios(
    workspace: &Workspace,
    before: &BTreeMap<String, String>,
    files: &[(String, How)],
) -> BTreeMap<String, Vec<String>> {
    let mut changed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for scenario in &workspace.files.scenarios {
        let messages = scenario.sends().flat_map(|send| send.templates()).map(|name| format!("messages/{name}.toml"));
        let segments = scenario.entry.segment.iter().chain(&scenario.entry.exclude);
        let segments = segments.map(|name| name.strip_prefix("segments/").unwrap_or(name).to_string());
        let (messages, segments): (BTreeSet<String>, BTreeSet<String>) = (messages.collect(), segments.collect());
        let own = format!("scenarios/{}.toml", scenario.scenario);
        seen.insert(own.clone());
        let is_of =
            |file: &str| file == own || messages.contains(file) || segment_name(file).is_some_and(|name| segments.contains(name));
        let because: Vec<String> = files.iter().map(|(file, _)| file.clone()).filter(|file| is_of(file)).collect();
        if !because.is_empty() {
            changed.insert(scenario.scenario.clone(), because);
        }
    }
    for (file, _) in files.iter().filter(|(file, how)| *how == How::Removed && !seen.contains(file)) {
        let gone = named(file, "scenarios").and_then(|_| Scenario::parse(file, before.get(file)?).ok());
        if let Some(gone) = gone.filter(|gone| workspace.scenario(&gone.scenario).is_err()) {
            changed.insert(gone.scenario, vec![file.clone()]);
        }
    }
    changed
}

async fn scenario(
    workspace: &Workspace,
    before: &BTreeMap<String, String>,
    name: &str,
    because: Vec<String>,
) -> Result<ScenarioPlan, Fault> {
    let old = before.iter().filter(|(file, _)| named(file, "scenarios").is_some());
    let old = old.filter_map(|(file, text)| Scenario::parse(file, text).ok()).find(|old| old.scenario == name);
    let new = workspace.files.scenarios.iter().find(|scenario| scenario.scenario == name);
    let how = match (&old, new) {
        (None, _) => How::Added,
        (_, None) => How::Removed,
        _ => How::Changed,
    };
    let held = held(workspace, name).await?;
    let refusals = new.map_or_else(Vec::new, |new| tick::refusals(new, &held));
    let open = held.into_iter().map(|held| (held.clone(), fate(new, &held))).collect();
    let version = |scenario: &Scenario| scenario.version.clone();
    Ok(ScenarioPlan {
        name: name.into(),
        how,
        because,
        versions: (old.as_ref().map(version), new.map(version)),
        enabled: new.is_some_and(|new| new.enabled),
        trial: match new {
            Some(new) => Some(trial(workspace, new).await?),
            None => None,
        },
        open,
        refusals,
        approval: match new {
            Some(_) => Some(approval::status(workspace, name).await?),
            None => None,
        },
    })
}

/// Who waits in a scenario, by version and step.
async fn held(workspace: &Workspace, name: &str) -> Result<Vec<Held>, Fault> {
    let mut people: BTreeMap<(String, String), u64> = BTreeMap::new();
    for entry in workspace.state.ledger().open_entries(workspace.now() + FAR).await? {
        if entry.scenario == name {
            *people.entry((entry.scenario_version, entry.step)).or_default() += 1;
        }
    }
    Ok(people.into_iter().map(|((version, step), people)| Held { version, step, people }).collect())
}

fn fate(new: Option<&Scenario>, held: &Held) -> Fate {
    let Some(new) = new else { return Fate::Stranded };
    match &new.migrate {
        _ if new.version == held.version => Fate::GoOn,
        Some(migrate) if migrate.from == held.version => {
            Fate::Moved(migrate.step_map.get(&held.step).unwrap_or(&held.step).clone())
        }
        _ => Fate::Finish,
    }
}

async fn segment(
    workspace: &Workspace,
    name: &str,
    how: How,
    before: Option<&String>,
    after: Option<&String>,
    file: &str,
) -> Result<SegmentPlan, Fault> {
    let mut plan = SegmentPlan { name: name.into(), how, uncounted: None, before: 0, after: 0, came: 0, gone: 0 };
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let mut sides = Vec::new();
    for text in [before, after] {
        let Some(text) = text else {
            sides.push(BTreeSet::new());
            continue;
        };
        let members = match query_of(name, file, text) {
            Some(query) => (Side { desk: &desk, query: &query, params: &Params::new() }).members().await.map_err(Fault::from),
            None => Err(Fault::new(Exit::Config, "the text cannot be read")),
        };
        match members {
            Ok(members) => sides.push(members),
            Err(fault) => {
                plan.uncounted = Some(fault.message);
                return Ok(plan);
            }
        }
    }
    if let [before, after] = &sides[..] {
        (plan.before, plan.after) = (before.len() as u64, after.len() as u64);
        plan.came = after.difference(before).count() as u64;
        plan.gone = before.difference(after).count() as u64;
    }
    Ok(plan)
}

/// A segment's text as the query it is.
fn query_of(name: &str, file: &str, text: &str) -> Option<Query> {
    let name = format!("segments/{name}");
    if file.ends_with(".toml") {
        return Some(Form::parse(file, text).ok()?.query(&name, file));
    }
    let header = Header::parse(file, text).ok()?;
    Some(Query { name, file: file.into(), header, sql: text.into() })
}

fn experiment(name: &str, how: How, before: Option<&String>, after: Option<&String>, file: &str) -> ExperimentPlan {
    let read = |text: Option<&String>| Experiment::parse(file, text?).ok();
    let (before, after) = (read(before), read(after));
    let arm = |test: &Option<Experiment>, unit: &str| by_hash(test.as_ref()?, unit).map(|arm| arm.id.clone());
    let mut shares: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let (mut taken, mut moved) = (0, 0);
    for unit in 0..UNITS {
        let unit = format!("unit-{unit}");
        let (one, other) = (arm(&before, &unit), arm(&after, &unit));
        taken += u32::from(one.is_some());
        moved += u32::from(one.is_some() && one != other);
        let share = 1.0 / f64::from(UNITS);
        if let Some(one) = one {
            shares.entry(one).or_default().0 += share;
        }
        if let Some(other) = other {
            shares.entry(other).or_default().1 += share;
        }
    }
    let status =
        |test: &Option<Experiment>| test.as_ref().map_or("none".into(), |test| format!("{:?}", test.status).to_lowercase());
    ExperimentPlan {
        name: name.into(),
        how,
        versions: (before.as_ref().map(|test| test.version.clone()), after.as_ref().map(|test| test.version.clone())),
        status: match (status(&before), status(&after)) {
            (one, other) if one == other => other,
            (one, other) => format!("{one} → {other}"),
        },
        shares,
        moved: if taken == 0 { 0.0 } else { f64::from(moved) / f64::from(taken) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        jobs::{
            made::{MEMBERS, MESSAGE, at, shop, sign_up, write},
            tick,
        },
        workspace::deep,
    };

    fn texts(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(file, text)| (file.to_string(), text.to_string())).collect()
    }

    #[test]
    fn files_are_compared_by_what_they_say() {
        let check = |before: &[(&str, &str)], now: &[(&str, &str)], expect: &[&str]| {
            let found = differences(&texts(before), &texts(now));
            let found: Vec<String> = found.iter().map(|(file, how)| format!("{file} {}", how.name())).collect();
            assert_eq!(found, expect);
            assert_eq!(hash_of(&texts(before)) == hash_of(&texts(now)), expect.is_empty());
        };
        check(&[("a", "1")], &[("a", "1")], &[]);
        check(&[("a", "1"), ("b", "1")], &[("b", "2"), ("c", "1")], &["a removed", "b changed", "c added"]);
        check(&[("a", "1")], &[("b", "1")], &["a removed", "b added"]);
    }

    #[test]
    fn what_becomes_of_people_follows_from_the_new_version() {
        let scenario = |migrate: &str| {
            let text = format!(
                "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\ngoal = {{ on = \"order_placed\", within = \"5d\" }}\n\
                 entry = {{ on = \"signed_up\" }}\nexit = [{{ on = \"order_placed\" }}]\n{migrate}\n\
                 step = [{{ id = \"w\", wait = {{ for = \"1h\" }} }}]\n"
            );
            Scenario::parse("s.toml", &text).expect("a scenario")
        };
        let check = |migrate: &str, version: &str, step: &str, expect: Fate| {
            let new = scenario(migrate);
            let version = if version == "same" { new.version.clone() } else { version.into() };
            let held = Held { version, step: step.into(), people: 3 };
            assert_eq!(fate(Some(&new), &held), expect, "{migrate} {step}");
            assert_eq!(fate(None, &held), Fate::Stranded);
        };
        let migrate = "migrate = { from = \"old\", step_map = { a = \"w\", b = \"end\" } }";
        check("", "same", "w", Fate::GoOn);
        check("", "old", "w", Fate::Finish);
        check(migrate, "old", "a", Fate::Moved("w".into()));
        check(migrate, "old", "b", Fate::Moved("end".into()));
        check(migrate, "old", "w", Fate::Moved("w".into()));
        check(migrate, "older", "a", Fate::Finish);
    }

    #[test]
    fn shares_and_moves_of_a_test_are_those_of_its_hash() {
        let test = |weights: [f64; 2], coverage: f64| {
            format!(
                "experiment = \"button\"\ntitle = {{ ja = \"b\", en = \"b\" }}\nstatus = \"running\"\ncoverage = {coverage}\n\
                 start = 2026-11-01T00:00:00+09:00\ngoal = {{ metric = \"conversion\" }}\n\
                 [[arm]]\nid = \"a\"\nweight = {}\nvalue = \"x\"\n[[arm]]\nid = \"b\"\nweight = {}\nvalue = \"y\"\n",
                weights[0], weights[1]
            )
        };
        let check = |before: Option<String>, after: Option<String>, shares: &[(&str, f64, f64)], moved: f64| {
            let plan = experiment("button", How::Changed, before.as_ref(), after.as_ref(), "experiments/button.toml");
            let near = |one: f64, other: f64| assert!((one - other).abs() < 0.02, "{one} {other}: {before:?} {after:?}");
            assert_eq!(plan.shares.len(), shares.len(), "{before:?} {after:?}");
            for (arm, one, other) in shares {
                near(plan.shares[*arm].0, *one);
                near(plan.shares[*arm].1, *other);
            }
            near(plan.moved, moved);
        };
        let half = || Some(test([0.5, 0.5], 1.0));
        check(half(), half(), &[("a", 0.5, 0.5), ("b", 0.5, 0.5)], 0.0);
        check(half(), Some(test([0.3, 0.7], 1.0)), &[("a", 0.5, 0.3), ("b", 0.5, 0.7)], 0.2);
        check(Some(test([0.5, 0.5], 0.2)), Some(test([0.5, 0.5], 0.6)), &[("a", 0.1, 0.3), ("b", 0.1, 0.3)], 0.0);
        check(None, half(), &[("a", 0.0, 0.5), ("b", 0.0, 0.5)], 0.0);
        check(half(), None, &[("a", 0.5, 0.0), ("b", 0.5, 0.0)], 1.0);
    }

    const WELCOME: &str = "scenario = \"welcome\"\ntitle = { ja = \"歓迎\", en = \"Welcome\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
        entry = { on = \"signed_up\" }\nexit = [{ on = \"order_placed\" }]\n\
        step = [{ id = \"wait\", wait = { for = \"1d\" } }, { id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

    #[test]
    fn what_would_leave_people_nowhere_or_was_not_looked_at_is_not_applied() {
        deep(async {
            let (folder, workspace) = shop(str::to_string, &[("scenarios/welcome.toml", WELCOME)], at("10:00")).await;
            sign_up(&workspace, 3, 2).await;
            let first = plan(&workspace, None).await.unwrap();
            assert!(first.files.contains(&("scenarios/welcome.toml".into(), How::Added)), "{:?}", first.files);
            apply(&workspace, &first, None).await.unwrap();
            assert!(plan(&workspace, None).await.unwrap().is_empty());
            assert_eq!(tick::tick(&workspace, at("08:50"), at("09:50")).await.unwrap().entries, 3);

            let version = workspace.scenario("welcome").unwrap().version.clone();
            let renamed = WELCOME.replace("\"wait\", wait", "\"pause\", wait");
            let mapped = format!("migrate = {{ from = \"{version}\", step_map = {{ wait = \"pause\" }} }}\n{renamed}");
            let check = async |text: &str, fate: Fate, refused: usize| {
                write(folder.path(), "scenarios/welcome.toml", text);
                let workspace = workspace.read_again().unwrap();
                let plan = plan(&workspace, Some("welcome")).await.unwrap();
                let [of] = &plan.scenarios[..] else { panic!("{:?}", plan.scenarios) };
                let held = Held { version: version.clone(), step: "wait".into(), people: 3 };
                assert_eq!((&of.open[..], of.how), (&[(held, fate)][..], How::Changed));
                assert_eq!(plan.refusals().len(), refused);
                let applied = apply(&workspace, &plan, None).await;
                assert_eq!(applied.err().map(|fault| fault.exit), (refused > 0).then_some(Exit::Data));
            };
            check(&renamed, Fate::Finish, 1).await;
            check(&mapped, Fate::Moved("pause".into()), 0).await;
            check(&WELCOME.replace("1d", "2d"), Fate::Finish, 0).await;

            // Another plan, and a file that was changed after it was planned.
            write(folder.path(), "scenarios/welcome.toml", &WELCOME.replace("1d", "3d"));
            let again = workspace.read_again().unwrap();
            let planned = plan(&again, None).await.unwrap();
            let refused = async |hash: Option<&str>| apply(&again, &planned, hash).await.unwrap_err().exit;
            assert_eq!(refused(Some(&first.hash)).await, Exit::Data);
            write(folder.path(), "messages/b.toml", "");
            assert_eq!(refused(Some(&planned.hash)).await, Exit::Data);
            write(folder.path(), "messages/b.toml", MESSAGE);
            apply(&again, &planned, Some(&planned.hash)).await.unwrap();
            let unknown = plan(&again, Some("nothing")).await.unwrap_err();
            assert_eq!(unknown.exit, Exit::Config);
        });
    }

    #[test]
    fn a_segment_is_counted_before_and_after() {
        deep(async {
            let (folder, workspace) = shop(str::to_string, &[("queries/segments/members.sql", MEMBERS)], at("10:00")).await;
            sign_up(&workspace, 3, 2).await;
            apply(&workspace, &plan(&workspace, None).await.unwrap(), None).await.unwrap();
            let check = async |condition: &str, expect: (u64, u64, u64, u64)| {
                let text = MEMBERS.replace("'signed_up'", &format!("'signed_up' AND {condition}"));
                write(folder.path(), "queries/segments/members.sql", &text);
                let plan = plan(&workspace.read_again().unwrap(), Some("members")).await.unwrap();
                let [segment] = &plan.segments[..] else { panic!("{:?}", plan.segments) };
                assert_eq!(segment.uncounted, None);
                assert_eq!((segment.before, segment.after, segment.came, segment.gone), expect, "{condition}");
            };
            check("customer_id = 'c0001'", (3, 1, 0, 2)).await;
            check("customer_id <> 'nobody'", (3, 3, 0, 0)).await;
        });
    }
}
