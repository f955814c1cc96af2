//! Shows what a scenario would have done, before it is switched on.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use model::Scenario;
use query::{Answer, format};

use super::{Language, ShopFolder};
use crate::{
    fault::{Exit, Fault},
    jobs::replay::{Asked, Report, replay},
    progress::Progress,
    replayed,
    workspace::{Access, Workspace, draft_problems},
};

/// Show what a scenario would have done over past days
///
/// The scenario runs by the same code as live, with what was known at each moment, and nobody is sent anything. It also runs while `tsubame
/// serve` does, and changes nothing of the shop. It counts what would have been sent and who bought without it: that is no lift. Only a
/// holdout can tell one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame replay cart-recovery --from 2026-04-01 --to 2026-07-01\n  \
    tsubame replay cart-recovery --from 2026-06-01 --to 2026-07-01 --file drafts/cart.toml --lang en\n  \
    tsubame replay f2-followup --from 2026-04-01 --to 2026-07-01 --csv > sends.csv\n  \
    tsubame replay f2-followup --from 2026-04-01 --to 2026-07-01 --csv=entries > entries.csv\n  \
    tsubame replay f2-followup --from 2026-04-01 --to 2026-07-01 --save f2-spring")]
pub struct Replay {
    /// A scenario of the shop; switched off or on, it is replayed
    scenario: String,
    /// The first day
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// The day after the last
    #[arg(long, value_name = "DATE")]
    to: NaiveDate,
    /// A draft of the scenario that is not in scenarios/ yet
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Look when the shop itself planned, and not every hour
    #[arg(long)]
    as_ticked: bool,
    /// As CSV: each message that would have left and each ghost, or each entry and where it stood at the end
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "sends",
        conflicts_with = "json"
    )]
    csv: Option<Rows>,
    /// Everything that was counted, as JSON
    #[arg(long)]
    json: bool,
    /// Also write all of it into this folder: report.json, sends.csv and entries.csv
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    /// The language of the report; without it, the shop's
    #[arg(long, value_enum)]
    lang: Option<Language>,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    Sends,
    Entries,
}

impl Replay {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let scenario = match &self.file {
            Some(path) => draft(&workspace, path, &self.scenario)?,
            None => workspace.scenario(&self.scenario)?.clone(),
        };
        let asked = Asked { scenario, from: self.from, to: self.to, as_ticked: self.as_ticked };
        let bar = Progress::new(&format!("replaying {}", self.scenario), "%", 100);
        let shown = AtomicU64::new(0);
        let report = replay(&workspace, &asked, &|done, total| {
            let share = 100 * done / total.max(1);
            bar.add(share.saturating_sub(shown.swap(share, Ordering::Relaxed)));
        })
        .await?;
        bar.finish(&format!("{} looks at {} to {}", report.ticks, report.from, report.to));
        if let Some(folder) = &self.save {
            save(&report, folder)?;
        }
        let mut bytes = Vec::new();
        if self.json {
            let text = serde_json::to_string_pretty(&report).expect("a report is plain JSON");
            let _ = writeln!(bytes, "{text}");
        } else if let Some(rows) = self.csv {
            let rows = match rows {
                Rows::Sends => replayed::sends(&report),
                Rows::Entries => replayed::entries(&report),
            };
            format::write_answer(format::Format::Csv, &rows, &mut bytes)?;
        } else {
            let lang = self.lang.map_or(workspace.shop().language.as_str(), |lang| lang.name());
            words(&report, lang, &mut bytes)?;
        }
        // A reader that has seen enough (`| head`) is no failure.
        let _ = std::io::stdout().write_all(&bytes);
        Ok(())
    }
}

fn draft(workspace: &Workspace, path: &Path, name: &str) -> Result<Scenario, Fault> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| Fault::io(format!("could not read {file}"), source))?;
    let scenario = Scenario::parse(&file, &text).map_err(|problems| Fault::problems(&problems))?;
    let problems = draft_problems(workspace, &scenario, &file, &text);
    if !problems.is_empty() {
        return Err(Fault::problems(&problems));
    }
    match scenario.scenario == name {
        true => Ok(scenario),
        false => Err(Fault::new(Exit::Config, format!("{file} is of scenario `{}`", scenario.scenario))
            .remedy(format!("replay `{}`, or name another file", scenario.scenario))),
    }
}

/// One replay takes minutes: whoever wants everything need not repeat it.
fn save(report: &Report, folder: &Path) -> Result<(), Fault> {
    let could_not = |source| Fault::io(format!("could not write into {}", folder.display()), source);
    let csv = |rows: &Answer| -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        format::write_answer(format::Format::Csv, rows, &mut bytes)?;
        Ok(bytes)
    };
    let counted = serde_json::to_vec_pretty(report).expect("a report is plain JSON");
    std::fs::create_dir_all(folder).map_err(could_not)?;
    for (name, bytes) in [
        ("report.json", counted),
        ("sends.csv", csv(&replayed::sends(report))?),
        ("entries.csv", csv(&replayed::entries(report))?),
    ] {
        std::fs::write(folder.join(name), bytes).map_err(could_not)?;
    }
    Ok(())
}

fn words(report: &Report, lang: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    for line in replayed::notes(report) {
        let _ = writeln!(out, "{}", line.get(lang));
    }
    for (title, mut table) in replayed::tables(report, lang) {
        if !table.rows.is_empty() {
            let _ = writeln!(out, "\n{}", title.get(lang));
            for column in &mut table.columns {
                column.name = column.label.get(lang).into();
            }
            format::write_answer(format::Format::Table, &table, out)?;
        }
    }
    Ok(())
}
