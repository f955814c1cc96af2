//! Earlier versions of tests: when a file moves on, what it said stays readable, since read-outs and decisions name the version they are of. Kept
//! when a server starts and every night.

use model::{Experiment, Instant};
use serde::{Deserialize, Serialize};

use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// A version, and when it was seen first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub version: String,
    #[serde(with = "model::time::instant")]
    pub at: Instant,
}

/// Keeps every version that is not known yet.
pub async fn keep(workspace: &Workspace, tests: &[Experiment], now: Instant) -> Result<(), Fault> {
    let cursors = workspace.state.cursors();
    for test in tests {
        let mut seen = versions(workspace, &test.experiment).await?;
        if seen.iter().any(|seen| seen.version == test.version) {
            continue;
        }
        // The text first: a version that is listed can be read.
        cursors.set(&kept_as(&test.experiment, &test.version), &test.kept()).await?;
        seen.push(Seen { version: test.version.clone(), at: now });
        cursors.set(&listed_as(&test.experiment), &serde_json::to_string(&seen).expect("versions are plain JSON")).await?;
    }
    Ok(())
}

/// The versions of a test that were seen, the first one first.
pub async fn versions(workspace: &Workspace, test: &str) -> Result<Vec<Seen>, Fault> {
    match workspace.state.cursors().get(&listed_as(test)).await? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(&text).map_err(|error| unreadable(test, &error.to_string())),
    }
}

/// A version as it was defined.
pub async fn version(workspace: &Workspace, test: &str, version: &str) -> Result<Option<Experiment>, Fault> {
    match workspace.state.cursors().get(&kept_as(test, version)).await? {
        None => Ok(None),
        Some(text) => match Experiment::read_kept(version, &text) {
            Some(test) => Ok(Some(test)),
            None => Err(unreadable(test, &format!("version {version} is not what it was"))),
        },
    }
}

fn unreadable(test: &str, cause: &str) -> Fault {
    Fault {
        causes: vec![cause.into()],
        ..Fault::new(Exit::Data, format!("the versions of experiment `{test}` cannot be read back"))
    }
    .remedy("restore data/state.db from a backup")
}

fn listed_as(test: &str) -> String {
    format!("experiment {test}")
}

fn kept_as(test: &str, version: &str) -> String {
    format!("experiment {test} {version}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        workspace::{Access, parse_instant},
    };

    fn test(coverage: f64) -> Experiment {
        let text = format!(
            "experiment = \"button\"\ntitle = {{ ja = \"色\", en = \"Colour\" }}\ncoverage = {coverage}\ngoal = {{ metric = \"metrics/conversion\" }}\n\
             [[arm]]\nid = \"a\"\nweight = 0.5\n[[arm]]\nid = \"b\"\nweight = 0.5\n"
        );
        Experiment::parse("button.toml", &text).unwrap()
    }

    #[tokio::test]
    async fn what_a_test_was_stays_readable() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "name = \"x\"\n").unwrap();
        let shop = Workspace::open(folder.path(), Clock::Real, Access::Write).await.unwrap();
        let (first, second) = (test(0.5), test(1.0));
        let days = ["2026-11-01T00:00:00+09:00", "2026-11-02T00:00:00+09:00", "2026-11-03T00:00:00+09:00"];
        for (day, declared) in days.iter().zip([&first, &second, &first]) {
            keep(&shop, std::slice::from_ref(declared), parse_instant(day).unwrap()).await.unwrap();
        }
        let seen: Vec<(String, String)> = versions(&shop, "button")
            .await
            .unwrap()
            .into_iter()
            .map(|seen| (seen.version, model::time::rfc3339(seen.at)))
            .collect();
        let expect = [(&first, "2026-10-31T15:00:00.000000Z"), (&second, "2026-11-01T15:00:00.000000Z")];
        assert_eq!(seen, expect.map(|(test, at)| (test.version.clone(), at.to_string())));
        for declared in [&first, &second] {
            assert_eq!(version(&shop, "button", &declared.version).await.unwrap().as_ref(), Some(declared));
        }
        assert_eq!(version(&shop, "button", "0000000000000000").await.unwrap(), None);
        assert_eq!(versions(&shop, "other").await.unwrap(), []);
    }
}
