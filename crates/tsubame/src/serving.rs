//! The experiments that sites are served: read anew when their files change, so that a test is started, stopped or changed without a restart. A
//! test that its own rule has stopped is served as stopped, whatever its file says.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use chrono::TimeDelta;
use connect::serving::growthbook::{Reader, features};
use decide::experiment::value_outside;
use model::{Experiment, Instant, experiment::Status, id::hex};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::workspace::{Stops, read_experiments};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is served until the next change.
pub struct Served {
    pub experiments: Vec<Experiment>,
    /// As rules for our own evaluation.
    pub features: Map<String, Value>,
    /// The body of `GET /api/features`.
    pub payload: String,
    pub etag: String,
    updated_at: Instant,
}

impl Served {
    fn new(experiments: Vec<Experiment>, updated_at: Instant) -> Served {
        let default = |experiment: &Experiment| value_outside(experiment).clone();
        let body = json!({
            "status": 200,
            "features": features(&experiments, Reader::Sdk, default),
            "experiments": [],
            "savedGroups": {},
            "dateUpdated": updated_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        });
        let payload = body.to_string();
        let etag = format!("\"{}\"", hex(&Sha256::digest(&payload)[..12]));
        Served { features: features(&experiments, Reader::Server, default), experiments, payload, etag, updated_at }
    }

    pub fn experiment(&self, id: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.experiment == id)
    }

    /// The running test behind a feature.
    pub fn running(&self, feature: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.feature() == feature && experiment.status == Status::Running)
    }

    /// As `GET /api/features` would say it, evaluated already.
    pub fn evaluated(&self, features: Map<String, Value>) -> Value {
        json!({
            "status": 200,
            "features": features,
            "experiments": [],
            "dateUpdated": self.updated_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        })
    }
}

pub struct Serving {
    folder: PathBuf,
    current: watch::Sender<Arc<Served>>,
    /// What the files said last, without a problem.
    declared: Mutex<Vec<Experiment>>,
    stops: watch::Receiver<Stops>,
    /// Name, size and time of each file when they were read last.
    seen: Mutex<Stamps>,
}

type Stamps = Vec<(PathBuf, u64, SystemTime)>;

impl Serving {
    pub fn open(folder: &Path, declared: Vec<Experiment>, stops: watch::Receiver<Stops>) -> Serving {
        let newest = stamps(folder).iter().map(|(_, _, at)| *at).max().unwrap_or(SystemTime::UNIX_EPOCH);
        let served = Served::new(in_force(&declared, &stops.borrow()), newest.into());
        Serving {
            folder: folder.into(),
            current: watch::Sender::new(Arc::new(served)),
            declared: Mutex::new(declared),
            stops,
            // The files may have changed since they were read: the first look reads them again.
            seen: Mutex::default(),
        }
    }

    pub fn now(&self) -> Arc<Served> {
        self.current.borrow().clone()
    }

    /// Tells of every change from here on.
    pub fn changes(&self) -> watch::Receiver<Arc<Served>> {
        self.current.subscribe()
    }

    /// Reads the files again if they are not those of last time, and asks which tests are stopped. Files with a problem change nothing: what was
    /// served goes on being served.
    pub fn look(&self) {
        let found = stamps(&self.folder);
        let mut seen = self.seen.lock().expect("nobody panics while holding it");
        let mut declared = self.declared.lock().expect("nobody panics while holding it");
        if *seen != found {
            *seen = found;
            let mut problems = Vec::new();
            let experiments = read_experiments(&self.folder, &mut problems);
            for problem in &problems {
                tracing::error!("experiments are served as before, because a file cannot be used: {problem}");
            }
            if problems.is_empty() {
                *declared = experiments;
            }
        }
        let experiments = in_force(&declared, &self.stops.borrow());
        if experiments == self.now().experiments {
            return;
        }
        // A client that has a payload of this time already would not look at another.
        let wall: Instant = SystemTime::now().into();
        let after = self.now().updated_at + TimeDelta::milliseconds(1);
        tracing::info!(experiments = experiments.len(), "experiments have changed");
        self.current.send_replace(Arc::new(Served::new(experiments, wall.max(after))));
    }

    /// Looks for changes until nobody serves any more.
    pub async fn watch(serving: std::sync::Weak<Serving>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let Some(serving) = serving.upgrade() else { return };
            if tokio::task::spawn_blocking(move || serving.look()).await.is_err() {
                return;
            }
        }
    }
}

/// The tests as they are: one that its rule has stopped is over, and everybody gets the control. Another version of it is another test.
fn in_force(declared: &[Experiment], stops: &Stops) -> Vec<Experiment> {
    let is_stopped =
        |test: &Experiment| test.status == Status::Running && stops.contains(&(test.experiment.clone(), test.version.clone()));
    let in_force = |test: &Experiment| match is_stopped(test) {
        true => Experiment { status: Status::Stopped, ..test.clone() },
        false => test.clone(),
    };
    declared.iter().map(in_force).collect()
}

fn stamps(folder: &Path) -> Stamps {
    let Ok(entries) = std::fs::read_dir(folder.join("experiments")) else { return Stamps::new() };
    let mut found: Stamps = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let about = entry.metadata().ok()?;
            Some((entry.path(), about.len(), about.modified().ok()?))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{experiment::assign, growthbook::Context};

    const BUTTON: &str = "experiment = \"button\"\ntitle = { ja = \"ボタン\", en = \"Button\" }\nstatus = \"running\"\n\
        start = 2026-11-01T00:00:00+09:00\ngoal = { metric = \"conversion\" }\n[[arm]]\nid = \"a\"\nweight = 0.5\nvalue = \"blue\"\n\
        [[arm]]\nid = \"b\"\nweight = 0.5\nvalue = \"red\"\n";

    #[test]
    fn a_change_is_served_and_a_broken_file_is_not() {
        let shop = tempfile::tempdir().unwrap();
        std::fs::create_dir(shop.path().join("experiments")).unwrap();
        let file = shop.path().join("experiments/button.toml");
        std::fs::write(&file, BUTTON).unwrap();
        let mut problems = Vec::new();
        let serving = Serving::open(
            shop.path(),
            read_experiments(shop.path(), &mut problems),
            watch::Sender::<Stops>::default().subscribe(),
        );
        let first = serving.now();
        assert!(problems.is_empty() && first.payload.contains("\"variations\":[\"blue\",\"red\"]"), "{}", first.payload);
        serving.look();
        assert_eq!(serving.now().etag, first.etag);
        std::fs::write(&file, "experiment = 1").unwrap();
        serving.look();
        assert_eq!(serving.now().etag, first.etag);
        let mut changes = serving.changes();
        std::fs::write(&file, BUTTON.replace("red", "green")).unwrap();
        serving.look();
        let second = serving.now();
        assert!(changes.has_changed().unwrap() && second.payload.contains("green") && second.updated_at > first.updated_at);
        changes.borrow_and_update();
        std::fs::remove_file(&file).unwrap();
        serving.look();
        assert!(changes.has_changed().unwrap() && serving.now().payload.contains("\"features\":{}"));
    }

    #[test]
    fn a_test_that_its_rule_has_stopped_gives_everybody_the_control() {
        let shop = tempfile::tempdir().unwrap();
        std::fs::create_dir(shop.path().join("experiments")).unwrap();
        let file = shop.path().join("experiments/button.toml");
        std::fs::write(&file, BUTTON).unwrap();
        let stops = watch::Sender::<Stops>::default();
        let declared = read_experiments(shop.path(), &mut Vec::new());
        let version = declared[0].version.clone();
        let serving = Serving::open(shop.path(), declared, stops.subscribe());
        let of = |version: &str| Stops::from([("button".to_string(), version.to_string())]);
        stops.send_replace(of("of another day"));
        serving.look();
        assert!(serving.now().running("button").is_some());
        stops.send_replace(of(&version));
        serving.look();
        let served = serving.now();
        let evaluated = Context { features: served.features.clone(), ..Context::default() }.feature("button");
        assert!(served.running("button").is_none() && served.payload.contains("\"rules\":[]"), "{}", served.payload);
        assert_eq!((evaluated.value, evaluated.outcome.is_none()), (json!("blue"), true));
        // A person changes the test: it begins anew.
        std::fs::write(&file, BUTTON.replace("red", "green")).unwrap();
        serving.look();
        assert!(serving.now().running("button").is_some());
        // And a server that starts later knows what is stopped.
        let again = read_experiments(shop.path(), &mut Vec::new());
        stops.send_replace(of(&again[0].version));
        assert!(Serving::open(shop.path(), again, stops.subscribe()).now().running("button").is_none());
    }

    #[test]
    fn the_server_gives_the_arms_of_the_command_line_whatever_the_hash() {
        for lines in
            ["", "hash = \"sha256\"\n", "hash = \"sha256\"\ncoverage = 0.7\nlayer = { name = \"l\", from = 0.1, until = 0.9 }\n"]
        {
            let test = Experiment::parse("x.toml", &format!("{lines}{BUTTON}")).unwrap();
            let served = Served::new(vec![test.clone()], Instant::default());
            for unit in (0..3_000).map(|n| format!("会員-{n}")) {
                let attributes = json!({ "id": unit });
                let context = Context { attributes: attributes.clone(), features: served.features.clone(), ..Context::default() };
                let remote = context.feature("button").outcome.map(|outcome| outcome.key);
                assert_eq!(assign(&test, &unit, &attributes).map(|arm| arm.id.clone()).ok(), remote, "{lines} {unit}");
            }
        }
    }
}
