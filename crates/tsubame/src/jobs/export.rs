//! An audience out of the door: the segment's answer, the difference to the last one, files with a manifest, and `_SUCCESS` last.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use chrono::{NaiveDate, TimeDelta};
use connect::destinations::{CellKind, Column, Destination, Manifest, RunFacts, Table, csv::Csv};
use model::{CustomerId, Fact, Instant, Membership, Run, derive_id, shop::Export};
use query::{Desk, Kind, Mode, ParamValue, Params, Query};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{
    fault::{Exit, Fault},
    jobs::tick::Rows,
    segments,
    workspace::Workspace,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: String,
    pub run_id: String,
    pub members: u64,
    pub added: u64,
    pub removed: u64,
    pub folder: PathBuf,
    /// The same export had been made before.
    pub was_done: bool,
    /// Why nothing was exported: more has changed than may, or what is known is too old.
    pub held: Option<String>,
}

/// What comes from outside, and may have stopped coming.
const SOURCES: [&str; 3] = ["customers", "events", "orders"];

/// Exports a segment as of `at`. The same name, day and SQL again report what was recorded and change nothing; one that was cut short after
/// its answer was recorded is finished as of that answer's moment. One that its settings hold back leaves no trace.
pub async fn export(workspace: &Workspace, export: &Export, at: Instant) -> Result<Report, Fault> {
    let started = workspace.now();
    let zone = workspace.shop().timezone;
    let day = zone.day(at);
    // A run of this day may have been recorded at any moment of it.
    let tomorrow = zone.start_of(day.succ_opt().unwrap_or(day));
    let mut desk = workspace.desk(tomorrow, Mode::AsKnown).await?;
    let query = segments::find(&desk.library, &export.segment)?.clone();
    let definition = query.hash();
    let run_id = derive_id(&["export", &export.name, &day.to_string(), &definition])?;
    let folder = workspace.path("exports").join(&export.name).join(format!("date={day}")).join(format!("run={run_id}"));
    let recorded = recorded(&desk, &run_id).await?;
    let mut report = Report {
        name: export.name.clone(),
        run_id: run_id.clone(),
        members: 0,
        added: 0,
        removed: 0,
        folder: folder.clone(),
        was_done: folder.join("_SUCCESS").is_file(),
        held: None,
    };
    if let Some(run) = &recorded {
        (report.members, report.added, report.removed) = (run.members, run.added, run.removed);
    }
    if report.was_done {
        if recorded.is_none() {
            let message = format!("{} is there, but its run is not in the journal", folder.display());
            return Err(Fault::new(Exit::Data, message).remedy("move the folder away, and the export is made again"));
        }
        point_latest(workspace, &export.name, day, &run_id)?;
        return Ok(report);
    }
    let at = recorded.as_ref().map_or(at, |run| run.logical_at);
    desk.moment.as_of = at;
    let answer = desk.ask(&query.name, &Params::new()).await?;
    let rows = Rows::new(&answer);
    let members: BTreeSet<String> =
        (0..answer.rows.len()).map(|row| rows.needed(row, "customer_id")).collect::<Result<_, _>>()?;
    if recorded.is_none() {
        let before = previous(workspace, &query.name, at).await?;
        report.members = members.len() as u64;
        report.added = members.difference(&before).count() as u64;
        report.removed = before.difference(&members).count() as u64;
        report.held = too_much_changed(export, before.len() as u64, &report);
        if report.held.is_none() {
            report.held = too_old(&desk, export, at).await?;
        }
        if report.held.is_some() {
            return Ok(report);
        }
        record(workspace, &query, &report, &members, at).await?;
    } else if report.members != members.len() as u64 {
        tracing::warn!(
            run_id,
            recorded = report.members,
            found = members.len(),
            "facts of before an export's moment came in after it"
        );
    }
    let columns: Vec<Column> = answer
        .columns
        .iter()
        .map(|column| Column {
            name: column.name.clone(),
            kind: cell_kind(column.kind),
            pii: false,
            label: column.label.get(&workspace.shop().language).into(),
        })
        .collect();
    let table = Table {
        columns: columns.clone(),
        rows: answer
            .rows
            .iter()
            .map(|row| row.iter().map(|value| Some(value.plain()).filter(|text| !text.is_empty())).collect())
            .collect(),
    };
    let files: Vec<_> = Csv::MACHINE.files(&table)?.into_iter().map(|file| (digest(&file.bytes), file)).collect();
    let manifest = Manifest::new(
        RunFacts {
            name: export.name.clone(),
            run_id: run_id.clone(),
            logical_date: day,
            timezone: zone.name().into(),
            sql_sha256: definition.clone(),
            segment_version: definition[..16].into(),
            input_table_versions: desk.view.versions().into_iter().map(|(table, version)| (table.to_string(), version)).collect(),
            suppressed: Default::default(),
            started_at: started,
            finished_at: workspace.now(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
        },
        &columns,
        &files.iter().map(|(sha256, file)| (file.clone(), sha256.clone())).collect::<Vec<_>>(),
    );
    for (_, file) in &files {
        put(&folder, &file.path, &file.bytes)?;
    }
    put(&folder, "manifest.json", &manifest.to_json())?;
    put(&folder, "_SUCCESS", b"")?;
    point_latest(workspace, &export.name, day, &run_id)?;
    Ok(report)
}

/// The first export of a segment has nothing to be compared with.
fn too_much_changed(export: &Export, before: u64, report: &Report) -> Option<String> {
    let max = export.change_max.filter(|_| before > 0)?;
    let Report { added, removed, .. } = report;
    let share = (added + removed) as f64 / before as f64;
    (share > max).then(|| format!("{added} came and {removed} left, of {before}: more than change_max = {max} allows"))
}

async fn too_old(desk: &Desk, export: &Export, at: Instant) -> Result<Option<String>, Fault> {
    let Some(max) = export.age_max else { return Ok(None) };
    let answer = desk.ask("reports/data_freshness", &Params::new()).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let table = rows.needed(row, "table_name")?;
        if SOURCES.contains(&table.as_str()) && rows.int(row, "records")? > 0 {
            let age = at - rows.instant(row, "ingested_at")?;
            if age > max.0 {
                let hours = age.num_hours();
                return Ok(Some(format!("nothing came into {table} for {hours} hours: longer than age_max allows")));
            }
        }
    }
    Ok(None)
}

/// What the journal has of an export.
struct Recorded {
    logical_at: Instant,
    members: u64,
    added: u64,
    removed: u64,
}

async fn recorded(desk: &Desk, run_id: &str) -> Result<Option<Recorded>, Fault> {
    let params: Params = [("run_id".to_string(), ParamValue::Text(run_id.into()))].into();
    let answer = desk.ask("system/run_of", &params).await?;
    if answer.rows.is_empty() {
        return Ok(None);
    }
    let rows = Rows::new(&answer);
    let counts: Json = serde_json::from_str(&rows.needed(0, "counts")?).unwrap_or_default();
    let count = |name: &str| {
        let missing = || Fault::new(Exit::Data, format!("the record of the export run {run_id} has no `{name}`"));
        counts[name].as_u64().ok_or_else(missing)
    };
    Ok(Some(Recorded {
        logical_at: rows.instant(0, "logical_at")?,
        members: count("members")?,
        added: count("added")?,
        removed: count("removed")?,
    }))
}

/// The run and its members, in one append: both are in the journal or neither.
async fn record(
    workspace: &Workspace,
    query: &Query,
    report: &Report,
    members: &BTreeSet<String>,
    at: Instant,
) -> Result<(), Fault> {
    let segment = query.name.rsplit('/').next().unwrap_or(&query.name).to_string();
    let definition = query.hash();
    let mut facts: Vec<Fact> = members
        .iter()
        .map(|customer| {
            let membership = Membership {
                run_id: report.run_id.clone(),
                segment: segment.clone(),
                definition: definition.clone(),
                as_of: at,
                customer_id: CustomerId::stored(customer.clone()),
            };
            Fact::new(&membership, at, at)
        })
        .collect();
    let run = Run {
        run_id: report.run_id.clone(),
        kind: "export".into(),
        name: segment,
        logical_at: at,
        definition,
        members: report.members as i64,
        counts: json!({ "members": report.members, "added": report.added, "removed": report.removed }),
    };
    facts.push(Fact::new(&run, at, at));
    workspace.state.journal().append(facts, workspace.now()).await?;
    Ok(())
}

/// `latest.json` names the newest day: one of before that is exported later does not take its place.
fn point_latest(workspace: &Workspace, name: &str, day: NaiveDate, run_id: &str) -> Result<(), Fault> {
    let folder = workspace.path("exports").join(name);
    let known: Option<Json> =
        std::fs::read(folder.join("latest.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let known_day: Option<NaiveDate> = known.and_then(|known| known["date"].as_str()?.parse().ok());
    if known_day.is_some_and(|known| known > day) {
        return Ok(());
    }
    let latest = json!({ "date": day.to_string(), "run_id": run_id });
    put(&folder, "latest.json", latest.to_string().as_bytes())
}

/// The members at the evaluation before this one.
async fn previous(workspace: &Workspace, query_name: &str, at: Instant) -> Result<BTreeSet<String>, Fault> {
    let segment = query_name.rsplit('/').next().unwrap_or(query_name);
    let desk = workspace.desk(at - TimeDelta::microseconds(1), Mode::AsKnown).await?;
    let params: Params = [("segment".to_string(), ParamValue::Text(segment.into()))].into();
    let answer = desk.ask("system/audience_before", &params).await?;
    let rows = Rows::new(&answer);
    (0..answer.rows.len()).map(|row| rows.needed(row, "customer_id")).collect()
}

fn cell_kind(kind: Kind) -> CellKind {
    match kind {
        Kind::Text => CellKind::Text,
        Kind::Int => CellKind::Int,
        Kind::Float | Kind::Rate => CellKind::Float,
        Kind::Money => CellKind::Money,
        Kind::Date => CellKind::Date,
        Kind::Instant => CellKind::Instant,
        Kind::Bool => CellKind::Bool,
    }
}

fn digest(bytes: &[u8]) -> String {
    model::id::hex(&Sha256::digest(bytes))
}

/// Whole or absent: a temporary name, fsync, rename, fsync of the folder.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Fault> {
    let path = folder.join(name);
    let write = || {
        std::fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{name}.part"));
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| Fault::io(format!("could not write {}", path.display()), source))
}

/// An export of the shop's settings by name.
pub fn find<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Export, Fault> {
    workspace.shop().exports.iter().find(|export| export.name == name).ok_or_else(|| {
        let known: Vec<&str> = workspace.shop().exports.iter().map(|export| export.name.as_str()).collect();
        Fault::new(Exit::Config, format!("there is no export `{name}`")).remedy(format!("tsubame.toml has: {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        jobs::made::{MEMBERS, at, shop, sign_up},
        workspace::deep,
    };

    #[test]
    fn what_changed_more_or_is_older_than_may_be_is_held_back() {
        deep(async {
            let settings = "[[exports]]\nname = \"members\"\nsegment = \"members\"\nchange_max = 0.5\nage_max = \"3d\"\n";
            let files = [("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(|own| format!("{own}\n{settings}"), &files, at("09:00")).await;
            let named = find(&workspace, "members").unwrap().clone();
            let check = async |named: &Export, now: Instant, expect: (u64, bool)| {
                workspace.clock.set(now);
                let report = export(&workspace, named, now).await.unwrap();
                assert_eq!((report.added, report.held.is_none()), expect, "{now}: {:?}", report.held);
                assert_eq!(report.folder.join("_SUCCESS").is_file(), report.held.is_none());
            };
            let day = |days: i64| at("10:00") + TimeDelta::days(days);
            sign_up(&workspace, 4, 0).await;
            // The first one has nothing to be compared with.
            check(&named, day(0), (4, true)).await;
            sign_up(&workspace, 6, 0).await;
            check(&named, day(1), (2, true)).await;
            sign_up(&workspace, 10, 0).await;
            check(&named, day(2), (4, false)).await;
            // Held, it left no trace: what comes next is compared with what left.
            let any_change = Export { change_max: None, ..named.clone() };
            check(&any_change, day(3), (4, true)).await;
            check(&any_change, day(30), (0, false)).await;
        });
    }
}
