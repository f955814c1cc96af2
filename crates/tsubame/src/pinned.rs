//! A read-out that can be made again: what it was made from, kept beside what it said. Rows are never changed and their positions rise, so a
//! definition, a moment, a last position and the texts of the questions give the same bytes for ever.

use std::{collections::BTreeMap, fs, path::PathBuf};

use model::{Experiment, id::hex};
use query::{Desk, Mode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    analysis::{Report, report},
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// Of the program that folds and reads: another may give other bytes.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What a read-out was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub experiment: String,
    /// Of the definition.
    pub version: String,
    #[serde(with = "model::time::instant")]
    pub as_of: model::Instant,
    /// The last row that was there.
    pub position: i64,
    /// Versions of the Delta tables, for readers of the lake without us. Rows past them came from the journal.
    pub tables: BTreeMap<String, i64>,
    /// Hash of each question's text.
    pub queries: BTreeMap<String, String>,
    pub program: String,
}

#[derive(Serialize, Deserialize)]
struct Pinned {
    pin: Pin,
    report: String,
    /// The test's definition in its canonical form. Read-outs pinned by earlier programs have none.
    #[serde(default)]
    definition: String,
}

/// How a number was when it was pinned, and how it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    pub what: String,
    pub before: Option<String>,
    pub now: Option<String>,
}

impl Pin {
    pub fn of(desk: &Desk, report: &Report) -> Pin {
        Pin {
            experiment: report.experiment.clone(),
            version: report.version.clone(),
            as_of: desk.moment.as_of,
            position: desk.position(),
            tables: desk.view.versions().into_iter().map(|(table, version)| (table.into(), version)).collect(),
            queries: report.queries.clone(),
            program: PROGRAM.into(),
        }
    }

    /// 16 hex digits of the sha256 of all of it.
    pub fn hash(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a pin is plain JSON");
        hex(&Sha256::digest(canonical)[..8])
    }
}

/// The bytes of a read-out: what is printed, pinned and compared.
pub fn bytes(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report is plain JSON") + "\n"
}

/// Keeps a read-out of a test; its hash brings it back.
pub fn keep(workspace: &Workspace, desk: &Desk, test: &Experiment, report: &Report) -> Result<String, Fault> {
    let pin = Pin::of(desk, report);
    let hash = pin.hash();
    let path = path(workspace, &hash);
    let doing = || format!("could not keep the read-out in {}", path.display());
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).map_err(|source| Fault::io(doing(), source))?;
    let text = serde_json::to_string_pretty(&Pinned { pin, report: bytes(report), definition: test.kept() })
        .expect("a read-out is plain JSON");
    let part = path.with_extension("part");
    fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(|source| Fault::io(doing(), source))?;
    Ok(hash)
}

/// The same read-out made again from the facts, if it gives the same bytes.
pub async fn again(workspace: &Workspace, hash: &str, name: &str) -> Result<String, Fault> {
    let pinned = load(workspace, hash, name)?;
    let pin = &pinned.pin;
    let changed = |what: String| {
        Fault::new(Exit::Config, format!("the read-out {hash} cannot be made again: {what}"))
            .remedy("put the file back as it was when the read-out was pinned, from the shop's version control")
    };
    // As it was defined then: the file may have moved on.
    let kept = Experiment::read_kept(&pin.version, &pinned.definition);
    let of_file = || workspace.files.experiments.iter().find(|test| test.experiment == pin.experiment).cloned();
    let test = kept.or_else(of_file).ok_or_else(|| changed(format!("there is no experiment `{}` any more", pin.experiment)))?;
    if test.version != pin.version {
        return Err(changed(format!("experiment `{}` is version {} now, it was {}", pin.experiment, test.version, pin.version)));
    }
    for (name, then) in &pin.queries {
        let now = workspace.library.find(name).map(|query| query.hash());
        if now.as_ref() != Some(then) {
            return Err(changed(format!("the query `{name}` is another than it was")));
        }
    }
    let desk = workspace.desk(pin.as_of, Mode::AsKnown).await?.until(pin.position);
    let made = bytes(&report(&desk, &test).await?);
    if made == pinned.report {
        return Ok(made);
    }
    let why = if pin.program == PROGRAM {
        "rows are missing or were changed: `tsubame doctor --scrub` looks for damage".to_string()
    } else {
        format!("it was made by version {} of this program, this is {PROGRAM}", pin.program)
    };
    Err(Fault::new(Exit::Data, format!("the read-out {hash} does not come out as it was pinned")).remedy(why))
}

/// What has moved since a read-out was pinned, in a newer one of the same test.
pub fn moved(workspace: &Workspace, hash: &str, now: &Report) -> Result<Vec<Moved>, Fault> {
    let pinned = load(workspace, hash, &now.experiment)?;
    let broken = |source: serde_json::Error| unreadable(hash, source.to_string());
    let before: Value = serde_json::from_str(&pinned.report).map_err(broken)?;
    Ok(differences(&before, &serde_json::to_value(now).map_err(broken)?))
}

fn differences(before: &Value, now: &Value) -> Vec<Moved> {
    let (before, now) = (leaves(before), leaves(now));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let named = names.into_iter().map(|name| Moved {
        what: name.clone(),
        before: before.get(name).cloned(),
        now: now.get(name).cloned(),
    });
    named.filter(|moved| moved.before != moved.now && moved.what != "as_of").collect()
}

/// Every value by its path; members of lists by what tells them apart.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn walk(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
        let under = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(members) => members.iter().for_each(|(name, member)| walk(&under(name), member, leaves)),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let names = ["arm", "metric", "variant", "dimension", "value"];
                    let named: Vec<&str> = names.iter().filter_map(|name| item[*name].as_str()).collect();
                    let name = if named.is_empty() { index.to_string() } else { named.join("/") };
                    walk(&under(&name), item, leaves);
                }
            }
            Value::String(text) => _ = leaves.insert(path.into(), text.clone()),
            other => _ = leaves.insert(path.into(), other.to_string()),
        }
    }
    let mut found = BTreeMap::new();
    walk("", value, &mut found);
    found
}

/// The pinned read-out of an experiment.
fn load(workspace: &Workspace, hash: &str, name: &str) -> Result<Pinned, Fault> {
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let absent = || {
        Fault::new(Exit::Config, format!("there is no pinned read-out {hash}")).remedy("`tsubame readout NAME --pin` makes one")
    };
    if !is_hash {
        return Err(absent());
    }
    let text = match fs::read_to_string(path(workspace, hash)) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Err(absent()),
        read => read.map_err(|source| Fault::io(format!("could not read the pinned read-out {hash}"), source))?,
    };
    let pinned: Pinned = serde_json::from_str(&text).map_err(|source| unreadable(hash, source.to_string()))?;
    if pinned.pin.hash() != hash {
        return Err(unreadable(hash, "what it was made from was changed".into()));
    }
    if pinned.pin.experiment != name {
        let of = &pinned.pin.experiment;
        return Err(Fault::new(Exit::Config, format!("{hash} is a read-out of `{of}`, not of `{name}`"))
            .remedy(format!("ask for that one: `tsubame readout {of} --pinned {hash}`")));
    }
    Ok(pinned)
}

fn unreadable(hash: &str, cause: String) -> Fault {
    Fault { causes: vec![cause], ..Fault::new(Exit::Data, format!("the pinned read-out {hash} cannot be read")) }
        .remedy("take the file from a backup of data/readouts/, or pin a new one")
}

fn path(workspace: &Workspace, hash: &str) -> PathBuf {
    workspace.path("data/readouts").join(format!("{hash}.json"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_moved_is_named() {
        let report = |n: u64, decision: &str| json!({ "as_of": n.to_string(), "decision": { "decision": decision }, "rows": [{ "metric": "conversion", "variant": "b", "control_n": n, "p": null }] });
        let check = |before: Value, now: Value, expect: &[(&str, &str, &str)]| {
            let found = differences(&before, &now);
            let found: Vec<_> = found
                .iter()
                .map(|moved| (moved.what.as_str(), moved.before.as_deref().unwrap_or("-"), moved.now.as_deref().unwrap_or("-")))
                .collect();
            assert_eq!(found, expect);
        };
        check(report(1, "ship"), report(1, "ship"), &[]);
        check(
            report(1, "keep_running"),
            report(2, "ship"),
            &[("decision.decision", "keep_running", "ship"), ("rows.conversion/b.control_n", "1", "2")],
        );
        check(json!({}), json!({ "a": [1] }), &[("a.0", "-", "1")]);
    }
}
