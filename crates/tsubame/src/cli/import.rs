//! Brings a file into the shop, or looks at it and writes a first mapping for it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use connect::detect::guess;

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::import::{import, import_as_it_came, mapping_text, sample},
    progress::Progress,
    workspace::Access,
};

/// Import a file by its mapping: orders, customers, products, subscriptions, points, consents, events and more
///
/// A line that cannot be used goes to a list in rejects/ (FILE.HASH.rejects.csv) with its reason, and is kept encrypted in the quarantine
/// for 30 days; the others land. The same file again changes nothing.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tsubame import detect orders.csv > mappings/orders.toml\n  tsubame import orders.csv --map orders\n  tsubame import 受注.csv --map eccube4-orders --shop my-shop"
)]
pub struct Import {
    #[command(subcommand)]
    command: Option<Sub>,
    /// The file: CSV or TSV (also .gz), NDJSON (also .gz), XLSX, XLS or Parquet
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// A mapping: a built-in one by name, one of the shop's mappings/, or a path
    #[arg(long = "map", value_name = "MAPPING", required = true)]
    mapping: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Detect(Detect),
    #[command(hide = true)]
    Live(Live),
}

/// Guess the mapping of a file and print it, with a confidence per column
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tsubame import detect orders.csv > mappings/orders.toml")]
struct Detect {
    file: PathBuf,
}

/// Bring in files as if each line had come in the hour from which it could be known: a shop that lived through its history, for proofs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tsubame import live customers.csv=demo-customers orders.csv=demo-orders --shop twin")]
struct Live {
    #[arg(required = true, value_name = "FILE=MAPPING")]
    files: Vec<String>,
}

impl Import {
    pub async fn run(self) -> Result<(), Fault> {
        match self.command {
            Some(Sub::Detect(detect)) => return detect.run(),
            Some(Sub::Live(live)) => return live.run(&self.shop).await,
            None => {}
        }
        let (Some(file), Some(mapping)) = (self.file, self.mapping) else {
            return Err(Fault::new(Exit::Config, "name a file and its mapping"));
        };
        let (name, text) = mapping_text(&self.shop.folder, &mapping)?;
        let workspace = self.shop.open(Access::Write).await?;
        let bytes = std::fs::metadata(&file).map_or(0, |data| data.len());
        let progress = Progress::of_file(&format!("importing {}", file.display()), bytes);
        let report = import(&workspace, &file, &name, &text, &progress).await?;
        progress.finish(&format!("{} rows", report.rows));
        workspace.state.close().await;
        for (what, count) in &report.made {
            println!("{what}: {count}");
        }
        println!("new facts: {}, known: {}, rejected: {}", report.stored, report.duplicates, report.rejected);
        for note in &report.notes {
            println!("note: {note}");
        }
        for (line, reason, remedy) in report.rejections.iter().take(10) {
            println!("line {line}: {reason}; {remedy}");
        }
        match &report.rejects_file {
            Some(path) => Err(Fault::new(Exit::Partial, format!("{} rejections, listed in {}", report.rejected, path.display()))
                .remedy("mend the lines or the mapping and import the file again: what landed stays")),
            None => Ok(()),
        }
    }
}

impl Live {
    async fn run(self, shop: &ShopFolder) -> Result<(), Fault> {
        let mut files = Vec::new();
        for given in &self.files {
            let (file, mapping) = given
                .split_once('=')
                .ok_or_else(|| Fault::new(Exit::Config, format!("`{given}` names no mapping")).remedy("write FILE=MAPPING"))?;
            let (name, text) = mapping_text(&shop.folder, mapping)?;
            files.push((PathBuf::from(file), name, text));
        }
        let mut workspace = shop.open(Access::Write).await?;
        workspace.clock = Clock::logical(workspace.now());
        let reports = import_as_it_came(&workspace, &files).await?;
        workspace.state.close().await;
        for ((file, ..), report) in files.iter().zip(&reports) {
            println!("{}: {} rows, {} new facts, as they came", file.display(), report.rows, report.stored);
        }
        Ok(())
    }
}

impl Detect {
    fn run(self) -> Result<(), Fault> {
        let name = self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let sample = sample(&self.file)?;
        let guess = guess(&name, &sample.layout, &sample.header, &sample.rows);
        if let Some(built_in) = guess.built_in {
            println!("# looks like {built_in}: `--map {built_in}` may do as it is");
        }
        print!("{}", guess.toml);
        for warning in &sample.warnings {
            eprintln!("note: {warning}");
        }
        if !guess.missing.is_empty() {
            eprintln!("still to be named: {}", guess.missing.join(", "));
        }
        if let Some(built_in) = &guess.built_in {
            eprintln!("this looks like {built_in}: `--map {built_in}` may do as it is");
        }
        Ok(())
    }
}
