//! Opening a table: looked over, repaired where the journal can make good what is lost, and otherwise named and left aside.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use deltalake_core::{
    DeltaTable, DeltaTableError,
    kernel::{StructField, StructType, engine::arrow_conversion::TryIntoKernel},
    protocol::SaveMode,
};

use crate::{
    Damaged, LakeError,
    land::{Handle, watermark},
    log::{Damage, Inspection, Log, NEWEST},
    store::Place,
    tables::{self, Table},
};

/// What lies between the looks at a log that seems damaged.
const LOOKS_APART: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1000)];

/// What a lake is opened for.
#[derive(Debug, Clone, Default)]
pub enum Access {
    #[default]
    Read,
    /// The journal has every row of a table past the position here.
    Write { kept_after: BTreeMap<String, i64> },
}

pub(crate) async fn open_table(
    place: &Place,
    table: &'static dyn Table,
    access: &Access,
    application: &str,
) -> Result<Handle, LakeError> {
    let name = table.name();
    let log = Log { store: place.store.as_ref(), table: place.folder(name)? };
    let store_error = |source| LakeError::Store { location: place.url.to_string(), source };
    let mut found = look(&log, NEWEST).await.map_err(store_error)?;
    if !found.useless.is_empty() && matches!(access, Access::Write { .. }) {
        log.quarantine(&found.useless).await.map_err(store_error)?;
        found = log.inspect(NEWEST).await.map_err(store_error)?;
    }
    if let Some(damage) = found.damage.clone() {
        if let Err(damaged) = repair(place, table, access, application, &log, &found, &damage).await? {
            return aside(place, name, damaged);
        }
        found = log.inspect(NEWEST).await.map_err(store_error)?;
    }
    let delta = match load(place, table, access).await {
        Ok(delta) => delta,
        Err(LakeError::Open { source, .. }) if !is_store_failure(&source) => {
            // Something older than the newest commits: look at all of them.
            let found = look(&log, usize::MAX).await.map_err(store_error)?;
            // Nothing is wrong with the files: another writer was at work.
            let again = if found.damage.is_none() { load(place, table, access).await.ok() } else { None };
            match again {
                Some(delta) => delta,
                None => {
                    let damage = found.damage.clone().unwrap_or_else(|| Damage {
                        version: found.versions.last().copied().unwrap_or(0),
                        file: log.table.to_string(),
                        what: format!("cannot be read ({source})"),
                    });
                    if let Err(damaged) = repair(place, table, access, application, &log, &found, &damage).await? {
                        return aside(place, name, damaged);
                    }
                    load(place, table, access).await?
                }
            }
        }
        Err(error) => return Err(error),
    };
    let watermark = watermark(&delta, application).await.map_err(|source| open_error(name, source))?;
    let checkpoint = found.checkpoint.unwrap_or(-1);
    let handle = Handle { table: delta, watermark, pinned: None, checkpoint, unsure: false, damaged: None };
    if let Access::Write { kept_after } = access
        && let Some(damaged) = lost_end(place, name, &handle, kept_after)
    {
        return aside(place, name, damaged);
    }
    Ok(handle)
}

/// What is wrong with a table that ends before what had landed in it.
pub(crate) fn lost_end(place: &Place, name: &str, handle: &Handle, kept_after: &BTreeMap<String, i64>) -> Option<Damaged> {
    let watermark = handle.watermark;
    let kept = kept_after.get(name).filter(|kept| watermark < **kept)?;
    Some(Damaged {
        table: name.into(),
        version: handle.table.version().unwrap_or_default() as i64,
        file: place.folder(name).map(|folder| folder.to_string()).unwrap_or_default(),
        what: format!("ends at position {watermark}, although rows up to {kept} had landed"),
        remedy: "restore the table from a backup that is as new as data/state.db, or both from one backup".into(),
    })
}

/// Inspects, and again before damage is believed: while another writer commits, a store may list a commit and not yet the one before it.
async fn look(log: &Log<'_>, newest: usize) -> Result<Inspection, object_store::Error> {
    let mut found = log.inspect(newest).await?;
    for pause in LOOKS_APART {
        if found.damage.is_none() && found.useless.is_empty() {
            break;
        }
        tokio::time::sleep(pause).await;
        found = log.inspect(newest).await?;
    }
    Ok(found)
}

/// Moves the log from the damage on aside, if the journal has the rows it told of.
async fn repair(
    place: &Place,
    table: &'static dyn Table,
    access: &Access,
    application: &str,
    log: &Log<'_>,
    found: &Inspection,
    damage: &Damage,
) -> Result<Result<(), Damaged>, LakeError> {
    let name = table.name();
    let damaged = |remedy: String| Damaged {
        table: name.into(),
        version: damage.version,
        file: damage.file.clone(),
        what: damage.what.clone(),
        remedy,
    };
    let Access::Write { kept_after } = access else {
        return Ok(Err(damaged("stop whatever writes the shop and run `tsubame doctor --repair`".into())));
    };
    // What the table held before the damage.
    let before = match damage.version {
        0 => Some(0),
        version => {
            let mut delta = place.table(name)?;
            match delta.load_version((version - 1) as u64).await {
                Ok(()) => watermark(&delta, application).await.ok(),
                Err(_) => None,
            }
        }
    };
    let kept = kept_after.get(name).copied();
    match (before, kept) {
        (Some(before), Some(kept)) if before >= kept => {
            let store_error = |source| LakeError::Store { location: place.url.to_string(), source };
            tracing::warn!(
                table = name,
                version = damage.version,
                file = damage.file,
                what = damage.what,
                "repairing from the journal"
            );
            log.quarantine(&log.files_from(damage.version, found).await).await.map_err(store_error)?;
            Ok(Ok(()))
        }
        (Some(before), Some(kept)) => Ok(Err(damaged(format!(
            "put the file back from a backup; without it the rows at positions {} to {kept} are lost, because the journal no longer has \
             them",
            before + 1
        )))),
        _ => Ok(Err(damaged("put the file back from a backup".into()))),
    }
}

/// A handle that only says what is wrong.
fn aside(place: &Place, name: &'static str, damaged: Damaged) -> Result<Handle, LakeError> {
    tracing::error!(%damaged, "a table is left aside");
    let table = place.table(name)?;
    Ok(Handle { table, watermark: 0, pinned: None, checkpoint: -1, unsure: false, damaged: Some(damaged) })
}

async fn load(place: &Place, table: &'static dyn Table, access: &Access) -> Result<DeltaTable, LakeError> {
    let name = table.name();
    let open_error = |source| open_error(name, source);
    let mut delta = place.table(name)?;
    match delta.load().await {
        Ok(()) => {}
        Err(DeltaTableError::NotATable(_)) => match create(delta, table).await {
            Ok(created) => delta = created,
            // Another made it at the same time.
            Err(error) => {
                delta = place.table(name)?;
                delta.load().await.map_err(|_| open_error(error))?;
            }
        },
        Err(source) => return Err(open_error(source)),
    }
    let features = delta.snapshot().map_err(open_error)?.protocol().reader_features().unwrap_or_default().to_vec();
    for feature in ["deletionVectors", "columnMapping"] {
        if features.iter().any(|found| found.to_string() == feature) {
            return Err(LakeError::Feature { table: name.into(), feature: feature.into() });
        }
    }
    let missing = missing_columns(&delta, table)?;
    if missing.is_empty() || matches!(access, Access::Read) {
        return Ok(delta);
    }
    tracing::info!(table = name, columns = missing.len(), "columns of this version are added");
    delta.add_columns().with_fields(missing).await.map_err(open_error)
}

/// Columns that an older version did not have: they are null in its rows. Columns of a newer version are left alone.
fn missing_columns(delta: &DeltaTable, table: &'static dyn Table) -> Result<Vec<StructField>, LakeError> {
    let name = table.name();
    let there = delta.snapshot().map_err(|source| open_error(name, source))?.schema();
    let mut missing = Vec::new();
    for field in fields(table).map_err(|source| open_error(name, source))? {
        match there.field(field.name()) {
            None => missing.push(field),
            Some(found) if found.data_type() == field.data_type() => {}
            Some(found) => {
                return Err(LakeError::Column {
                    table: name.into(),
                    column: field.name().clone(),
                    found: found.data_type().to_string(),
                    expected: field.data_type().to_string(),
                });
            }
        }
    }
    Ok(missing)
}

fn fields(table: &dyn Table) -> Result<Vec<StructField>, DeltaTableError> {
    let schema: StructType = tables::schema(table).as_ref().try_into_kernel()?;
    Ok(schema.fields().cloned().collect())
}

async fn create(table: DeltaTable, definition: &dyn Table) -> Result<DeltaTable, DeltaTableError> {
    let times = tables::TIMES.iter().chain(&tables::LANDED).map(|column| column.name);
    let statistics: Vec<&str> = times.chain(definition.statistics().iter().copied()).collect();
    let configuration: HashMap<String, Option<String>> = [
        ("delta.dataSkippingStatsColumns", statistics.join(",")),
        ("delta.checkpointInterval", "50".into()),
        ("delta.deletedFileRetentionDuration", "interval 7 days".into()),
        ("delta.logRetentionDuration", "interval 30 days".into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), Some(value)))
    .collect();
    table
        .create()
        .with_table_name(definition.name())
        .with_columns(fields(definition)?)
        .with_configuration(configuration)
        .with_save_mode(SaveMode::Ignore)
        .await
}

/// Whether the store itself failed, as when it cannot be reached.
fn is_store_failure(error: &DeltaTableError) -> bool {
    matches!(error, DeltaTableError::ObjectStore { source } if !matches!(source, object_store::Error::NotFound { .. }))
}

fn open_error(table: &str, source: DeltaTableError) -> LakeError {
    LakeError::Open { table: table.into(), source: Box::new(source) }
}
