//! A shop's folder, opened: its settings and files checked, its state, lake and library at hand. What the files say is as of one moment;
//! [`Current`] is the workspace whose files are those of now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use connect::template::Template;
use lake::{Lake, Tail, TailSegment};
use model::{CustomerId, Experiment, Instant, Problem, Scenario, Shop, experiment::overlapping};
use query::{Desk, Library, Mode, Moment};
use state::State;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::{
        flush::{Landings, kept_after},
        maintain,
        tick::params_of,
    },
    reachable::{KnownReach, Reachable},
    segments,
    zones::KnownZones,
};

mod current;
mod past;

pub use current::Current;

/// Clones share everything but the files.
#[derive(Clone)]
pub struct Workspace {
    pub folder: PathBuf,
    pub files: ShopFiles,
    pub library: Arc<Library>,
    pub state: State,
    pub lake: Arc<Lake>,
    pub clock: Clock,
    reach: Arc<KnownReach>,
    pub(crate) zones: Arc<KnownZones>,
    /// Set when the program is to end: work stops between two steps.
    pub stopping: Arc<AtomicBool>,
    /// Held while what is due is done.
    pub working: Arc<tokio::sync::Mutex<()>>,
    /// Known once a server has asked (`jobs::automatic::remember_stops`), and kept up by the nights.
    pub stops: watch::Sender<Stops>,
    lock: Option<Arc<File>>,
    /// The journal's rows that have not landed, as far as a question needed them; of a past, those it began with and its own.
    tail: Arc<tokio::sync::Mutex<Tail>>,
    /// Of a shop's past, as replays look at it.
    past: Option<past::Past>,
}

/// The tests that a rule of their own has stopped: name and version.
pub type Stops = BTreeSet<(String, String)>;

/// What people wrote in the shop's folder.
#[derive(Debug, Clone, Default)]
pub struct ShopFiles {
    pub shop: Shop,
    pub scenarios: Vec<Scenario>,
    pub experiments: Vec<Experiment>,
    pub templates: BTreeMap<String, Template>,
}

/// Whether a command changes the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    /// One process at a time.
    Write,
}

impl Workspace {
    pub async fn open(folder: &Path, clock: Clock, access: Access) -> Result<Workspace, Fault> {
        let (files, library, problems) = read_files(folder)?;
        if !problems.is_empty() {
            return Err(Fault::problems(&problems));
        }
        let data = folder.join("data");
        std::fs::create_dir_all(&data).map_err(|source| Fault::io(format!("could not create {}", data.display()), source))?;
        let lock = match access {
            Access::Write => Some(Arc::new(lock(&data.join("lock"))?)),
            Access::Read => None,
        };
        let (path, key) = (data.join("state.db"), master_key(folder)?);
        let state = match access {
            Access::Read => State::open_to_read(&path, key).await?,
            Access::Write => State::open(&path, key).await?,
        };
        let state = state.with_relay_domains(&files.shop.relay_domains);
        let place = lake_place(folder, &files.shop);
        let lake = match access {
            Access::Read => {
                // Asked before the lake is opened: what had landed by now is there.
                let landed = kept_after(&state).await?;
                let lake = Lake::open(&place).await?;
                lake.expect_landed(&landed).await;
                lake
            }
            Access::Write => {
                // We hold the shop's lock, so whoever wrote before is gone.
                state.leases().clear(maintain::LEASE, maintain::WRITER).await?;
                let lake = Lake::open_to_write(&place, kept_after(&state).await?).await?;
                // A lake that is newer than the state beside it, as after a careless copy: its positions are taken.
                let end = lake.watermarks().await.into_values().max().unwrap_or(0);
                state.journal().never_below(end).await?;
                lake
            }
        };
        // A demo shop lives in its own time, which goes on where it stopped.
        let clock = match (clock, state.cursors().get(CLOCK).await?) {
            (Clock::Real, Some(at)) => Clock::logical(parse_instant(&at)?),
            (clock, _) => clock,
        };
        let library = Arc::new(library);
        Ok(Workspace {
            folder: folder.into(),
            files,
            library,
            state,
            lake: Arc::new(lake),
            clock,
            reach: Arc::default(),
            zones: Arc::default(),
            stopping: Arc::default(),
            working: Arc::default(),
            stops: watch::Sender::default(),
            lock,
            tail: Arc::default(),
            past: None,
        })
    }

    /// The same shop by its files as they are now. With a problem in any of them there is none, and whoever holds this one goes on by it.
    /// Where the lake is, is settled when the shop is opened.
    pub fn read_again(&self) -> Result<Workspace, Fault> {
        let (files, library, problems) = read_files(&self.folder)?;
        if !problems.is_empty() {
            return Err(Fault::problems(&problems));
        }
        let state = self.state.clone().with_relay_domains(&files.shop.relay_domains);
        Ok(Workspace { files, library: Arc::new(library), state, ..self.clone() })
    }

    pub fn shop(&self) -> &Shop {
        &self.files.shop
    }

    /// Whether this process holds the shop.
    pub fn writes(&self) -> bool {
        self.lock.is_some()
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub fn scenario(&self, name: &str) -> Result<&Scenario, Fault> {
        self.files.scenarios.iter().find(|scenario| scenario.scenario == name).ok_or_else(|| {
            let known: Vec<&str> = self.files.scenarios.iter().map(|scenario| scenario.scenario.as_str()).collect();
            Fault::new(Exit::Config, format!("there is no scenario `{name}`"))
                .remedy(format!("the shop has: {}", known.join(", ")))
        })
    }

    /// The rows that have not landed, decoded: what was read before is not read again. To be called before [`Lake::view`], as that asks.
    async fn tail(&self) -> Result<Tail, Fault> {
        let mut tail = self.tail.lock().await;
        let read_to = if self.is_past() { tail.up_to() } else { tail.follow(self.landed_from().await?) };
        let news = self.state.journal().tail(read_to).await?;
        tail.add(&news.into_iter().map(tail_segment).collect::<Vec<_>>())?;
        Ok(tail.clone())
    }

    /// Every table has all rows up to this position.
    pub async fn landed_from(&self) -> Result<i64, Fault> {
        let watermarks = self.lake.watermarks().await;
        Ok(Landings::read(&self.state).await?.map_or(0, |landings| landings.begin(&watermarks)))
    }

    /// A desk on everything known at `as_of`.
    pub async fn desk(&self, as_of: Instant, mode: Mode) -> Result<Desk, Fault> {
        let view = match &self.past {
            Some(past) => self.view_of_past(past).await?,
            None => {
                let tail = self.tail().await?;
                if self.lock.is_none() {
                    // Another process may have let rows land since the tables were opened.
                    self.lake.refresh().await?;
                }
                self.lake.view(&tail).await?
            }
        };
        Ok(Desk::new(self.library.clone(), view, Moment { as_of, mode, zone: self.shop().timezone }))
    }

    /// Contacts, consents and suppressions of everybody, as they are now.
    pub async fn reachable(&self) -> Result<Arc<Reachable>, Fault> {
        self.reach.now(&self.state, self.now()).await
    }

    /// To be called after contacts, links or whatever else of anybody changed.
    pub fn forget_reachable(&self) {
        self.reach.forget();
    }

    /// To be called after consents or suppressions of these customers changed.
    pub fn forget_reachable_of(&self, customers: impl IntoIterator<Item = CustomerId>) {
        self.reach.forget_of(customers);
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }
}

/// Where the tables are.
fn lake_place(folder: &Path, shop: &Shop) -> String {
    match shop.lake.as_str() {
        "" => folder.join("data").join("lake").to_string_lossy().into_owned(),
        url => url.to_string(),
    }
}

/// The cursor that holds a demo shop's time.
pub const CLOCK: &str = "clock";

pub fn tail_segment(segment: state::Segment) -> TailSegment {
    TailSegment {
        table: segment.table,
        first_position: segment.first_position,
        rows: segment.rows,
        ingested_at: segment.ingested_at,
        payload: segment.payload,
    }
}

pub fn parse_instant(text: &str) -> Result<Instant, Fault> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| model::time::micros(at.to_utc()))
        .map_err(|_| Fault::new(Exit::Config, format!("`{text}` is not a time")).remedy("write it as 2026-06-01T09:00:00+09:00"))
}

/// Reads and checks the files of a shop without opening its data; every problem at once.
pub fn read_files(folder: &Path) -> Result<(ShopFiles, Library, Vec<Problem>), Fault> {
    let settings = folder.join("tsubame.toml");
    let text = std::fs::read_to_string(&settings).map_err(|source| {
        Fault::io(format!("{} is not a shop's folder: could not read {}", folder.display(), settings.display()), source)
            .remedy("`tsubame new NAME` makes one, `tsubame demo` a lively one; or name it with --shop FOLDER")
    })?;
    let mut problems = Vec::new();
    let mut files = ShopFiles::default();
    match Shop::parse("tsubame.toml", &text) {
        Ok(shop) => files.shop = shop,
        Err(found) => problems.extend(found),
    }
    for (name, file, text) in toml_files(folder, "messages", &mut problems) {
        match Template::parse(&name, &file, &text) {
            Ok(template) => {
                files.templates.insert(name, template);
            }
            Err(found) => problems.extend(found),
        }
    }
    for (_, file, text) in toml_files(folder, "scenarios", &mut problems) {
        match Scenario::parse(&file, &text) {
            Ok(scenario) => {
                problems.extend(template_problems(&files, &scenario, &file, &text));
                problems.extend(scenario.problems_in(&files.shop, &file, &text));
                files.scenarios.push(scenario);
            }
            Err(found) => problems.extend(found),
        }
    }
    for sender in &files.shop.senders {
        if let Err(found) = connect::senders::open(sender) {
            problems.extend(found);
        }
    }
    files.experiments = read_experiments(folder, &mut problems);
    let (mut library, found) = Library::load(Some(folder));
    problems.extend(found);
    problems.extend(library.define(&files.shop.definitions));
    library.experiments = files.experiments.clone().into();
    for experiment in &files.experiments {
        for metric in experiment.metrics().into_iter().filter(|metric| library.find(metric).is_none()) {
            problems.push(
                Problem::new(&format!("experiments/{}.toml", experiment.experiment), 0, format!("there is no metric `{metric}`"))
                    .with_remedy("name a query of queries/metrics, such as `metrics/conversion`"),
            );
        }
    }
    for scenario in &files.scenarios {
        for metric in deciding_metrics(scenario).filter(|metric| library.find(metric).is_none()) {
            let file = format!("scenarios/{}.toml", scenario.scenario);
            problems.push(
                Problem::new(&file, 0, format!("there is no metric `{metric}`"))
                    .with_remedy("name a query of queries/metrics, such as `metrics/conversion`"),
            );
        }
    }
    for scenario in &files.scenarios {
        problems.extend(entry_problems(&library, scenario, &format!("scenarios/{}.toml", scenario.scenario)));
    }
    problems.extend(crate::lint::problems(&files, &library));
    for export in &files.shop.exports {
        if let Some((problem, remedy)) = segment_problem(&library, &export.segment, &BTreeMap::new()) {
            problems.push(Problem::new("tsubame.toml", 0, format!("export `{}`: {problem}", export.name)).with_remedy(remedy));
        }
    }
    Ok((files, library, problems))
}

/// The tests of a shop, in the order of their files. Two that would share units of a layer are a problem of both.
pub fn read_experiments(folder: &Path, problems: &mut Vec<Problem>) -> Vec<Experiment> {
    let mut experiments: Vec<Experiment> = Vec::new();
    for (name, file, text) in toml_files(folder, "experiments", problems) {
        match Experiment::parse(&file, &text) {
            Ok(experiment) if experiment.experiment != name => problems.push(
                Problem::new(&file, 1, format!("the file is of experiment `{}`", experiment.experiment))
                    .with_remedy(format!("rename it {}.toml", experiment.experiment)),
            ),
            Ok(experiment) => experiments.push(experiment),
            Err(found) => problems.extend(found),
        }
    }
    for (layer, one, other) in overlapping(&experiments) {
        problems.push(
            Problem::new(&format!("experiments/{other}.toml"), 0, format!("it overlaps with `{one}` in layer `{layer}`"))
                .with_remedy("let one end where the other begins"),
        );
    }
    experiments
}

/// What is wrong with a scenario that is not in the shop's folder yet.
pub fn draft_problems(workspace: &Workspace, scenario: &Scenario, file: &str, text: &str) -> Vec<Problem> {
    let files = &workspace.files;
    let mut problems = template_problems(files, scenario, file, text);
    problems.extend(scenario.problems_in(&files.shop, file, text));
    problems.extend(entry_problems(&workspace.library, scenario, file));
    problems
}

/// What keeps a scenario from asking who enters it.
fn entry_problems(library: &Library, scenario: &Scenario, file: &str) -> Vec<Problem> {
    let entry = &scenario.entry;
    let asked = entry.segment.iter().map(|segment| segment_problem(library, segment, &entry.params));
    let excluded = entry.exclude.iter().map(|segment| segment_problem(library, segment, &BTreeMap::new()));
    let found = asked.chain(excluded).flatten();
    found.map(|(problem, remedy)| Problem::new(file, 0, problem).with_remedy(remedy)).collect()
}

/// Why a segment cannot be asked with these values and nobody there to give others; and what to do.
fn segment_problem(library: &Library, segment: &str, given: &BTreeMap<String, toml::Value>) -> Option<(String, String)> {
    let query = match segments::find(library, segment) {
        Ok(query) => query,
        Err(fault) => {
            let add = format!("add queries/segments/{segment}.sql");
            return Some((fault.message, fault.remedy.map_or(add.clone(), |remedy| format!("{remedy}; or {add}"))));
        }
    };
    let of = |name: &str| query.header.params.iter().find(|param| param.name == name);
    let missing = query.header.params.iter().find(|param| param.default.is_none() && !given.contains_key(&param.name));
    if let Some(param) = missing {
        let remedy = format!("give it a default in {}: `-- param {} {} = …`", query.file, param.name, param.kind.name());
        return Some((format!("the segment `{segment}` needs `{}`, which nobody gives it", param.name), remedy));
    }
    if let Some(name) = given.keys().find(|name| of(name).is_none()) {
        let known: Vec<&str> = query.header.params.iter().map(|param| param.name.as_str()).collect();
        let remedy = if known.is_empty() { "it takes none".into() } else { format!("it takes {}", known.join(", ")) };
        return Some((format!("the segment `{segment}` has no parameter `{name}`"), remedy));
    }
    let fault = params_of(query, given).err()?;
    Some((format!("the segment `{segment}`: {}", fault.message), fault.remedy.unwrap_or_else(|| "see its header".into())))
}

fn template_problems(files: &ShopFiles, scenario: &Scenario, file: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for send in scenario.steps.iter().filter_map(|step| step.send.as_ref()) {
        for name in send.templates() {
            match files.templates.get(name) {
                Some(template) => problems.extend(template.check(send.purpose, &send.channels, &files.shop)),
                None => {
                    let line = text.lines().position(|line| line.contains(&format!("\"{name}\""))).map_or(0, |index| index + 1);
                    problems.push(
                        Problem::new(file, line, format!("there is no message `{name}`"))
                            .with_remedy(format!("add messages/{name}.toml")),
                    );
                }
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// By what the tests inside a scenario's steps decide by themselves.
fn deciding_metrics(scenario: &Scenario) -> impl Iterator<Item = &str> {
    let tests = scenario.steps.iter().filter_map(|step| step.send.as_ref()?.experiment.as_ref());
    tests.flat_map(|test| {
        let rollout = test.rollout.iter().map(|rollout| rollout.metric.as_str());
        rollout.chain(test.bandit.iter().map(|bandit| bandit.metric.as_str()))
    })
}

/// Stem, shown path and text of every TOML file of a subfolder, by name.
fn toml_files(folder: &Path, sub: &str, problems: &mut Vec<Problem>) -> Vec<(String, String, String)> {
    let Ok(entries) = std::fs::read_dir(folder.join(sub)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{sub}/{stem}.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push((stem, shown, text)),
            Err(error) => problems
                .push(Problem::new(&shown, 0, format!("could not read the file: {error}")).with_remedy("save it as UTF-8")),
        }
    }
    files
}

fn lock(path: &Path) -> Result<File, Fault> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| Fault::io(format!("could not open {}", path.display()), source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::new(Exit::Busy, "another process is working on this shop")
            .remedy("wait for it, or stop it (`tsubame serve` holds the shop while it runs)")),
        Err(TryLockError::Error(source)) => Err(Fault::io(format!("could not lock {}", path.display()), source)),
    }
}

/// Runs a test that plans queries: plans of nested views recurse deeply in an unoptimised build.
#[cfg(test)]
pub fn deep(test: impl Future<Output = ()> + Send + 'static) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(16 << 20).enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(test).await.unwrap() });
}

/// The key above all keys. It lies outside `data/`, so that a copy of the data is not a copy of the addresses.
fn master_key(folder: &Path) -> Result<[u8; 32], Fault> {
    let path = match std::env::var_os("TSUBAME_MASTER_KEY_FILE") {
        Some(path) => PathBuf::from(path),
        None => folder.join("secrets").join("master.key"),
    };
    let wrong = |why: &str| Fault::new(Exit::Config, format!("{} {why}", path.display()));
    match std::fs::read(&path) {
        Ok(bytes) => {
            bytes.try_into().map_err(|_| wrong("is not a master key of 32 bytes").remedy("restore the file from a backup"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let state = folder.join("data").join("state.db");
            if state.exists() {
                return Err(wrong("is missing, and the addresses in data/state.db cannot be read without it")
                    .remedy("restore the file from a backup"));
            }
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(|error| wrong(&format!("could not be made: {error}")))?;
            write_secret(&path, &key).map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
            Ok(key)
        }
        Err(source) => Err(Fault::io(format!("could not read {}", path.display()), source)),
    }
}

/// Makes a file that its owner alone may read; one that is there already is left as it is.
pub fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures::FutureExt;
    use model::{Channel, Money, Purpose, Run, Send, SendState};

    use super::*;
    use crate::point::near;

    #[tokio::test]
    async fn what_was_sealed_is_settled_by_who_writes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
        let open = async |access| Workspace::open(folder.path(), Clock::Real, access).await.unwrap();
        let close = async |workspace: Workspace| workspace.state.close().await;
        let (run, send) = planned();

        let writer = open(Access::Write).await;
        let ledger = writer.state.ledger();
        ledger.begin(&run).await.unwrap();
        ledger.record_plan(&run, &[], &[send], &[], &[], run.logical_at).await.unwrap();
        near::arm("ledger.after_sealed", 1);
        assert!(AssertUnwindSafe(ledger.seal(&run, run.logical_at)).catch_unwind().await.is_err(), "it died");
        close(writer).await;

        let check = async |access, planned: Option<u64>| {
            let workspace = open(access).await;
            let (state, run) = (&workspace.state, run.run_id.as_str());
            assert!(state.ledger().run(run).await.unwrap().is_some_and(|(_, sealed_at)| sealed_at.is_some()), "{access:?}");
            assert_eq!(state.ledger().counts().await.unwrap().get(&SendState::Planned).copied(), planned, "{access:?}");
            let end = state.journal().last_position().await.unwrap();
            close(workspace).await;
            end
        };
        let sealed = check(Access::Read, None).await;
        assert_eq!(check(Access::Read, None).await, sealed);
        assert!(check(Access::Write, Some(1)).await > sealed);
        check(Access::Read, Some(1)).await;
    }

    /// A run with one message.
    fn planned() -> (Run, Send) {
        let run = Run {
            run_id: "r1".into(),
            kind: "tick".into(),
            name: "all".into(),
            logical_at: Instant::default(),
            definition: "d".into(),
            members: 1,
            counts: serde_json::Value::Null,
        };
        let send = Send {
            send_id: "s1".into(),
            run_id: "r1".into(),
            entry_id: "e1".into(),
            scenario: "s".into(),
            scenario_version: "v".into(),
            step: "hello".into(),
            customer_id: CustomerId::stored("c1"),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            template: "t".into(),
            arm: None,
            state: SendState::Planned,
            due_at: Instant::default(),
            cost: Money::ZERO,
            provider_id: None,
            detail: None,
        };
        (run, send)
    }
}
