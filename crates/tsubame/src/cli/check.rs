//! Finds every mistake in a shop's files at once, before a night or a customer meets one.

use std::sync::Arc;

use clap::Args;

use super::{Language, ShopFolder};
use crate::{conditions, fault::Fault, lint, secrets, workspace::read_files};

/// Check every file of a shop and report every problem at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame check --shop my-shop\n  tsubame check --strict --lang ja")]
pub struct Check {
    /// Fail at warnings too: fields that some members lack, words that a law may have something against
    #[arg(long)]
    strict: bool,
    /// The language of warnings
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Check {
    pub async fn run(self) -> Result<(), Fault> {
        let (files, library, mut problems) = read_files(&self.shop.folder)?;
        let library = Arc::new(library);
        problems.extend(secrets::problems(&self.shop.folder, &files.shop));
        problems.extend(query::check(&library, files.shop.timezone).await);
        let text_of = |file: &str| std::fs::read_to_string(self.shop.folder.join(file)).unwrap_or_default();
        problems.extend(conditions::problems(&files, &library, text_of).await);
        let warnings = lint::warnings(&self.shop.folder, &files, &library, self.lang.name());
        if self.strict {
            problems.extend(warnings);
        } else {
            for warning in &warnings {
                println!("warning: {warning}");
            }
        }
        if problems.is_empty() {
            println!(
                "no problems: {} queries, {} dashboards, {} scenarios, {} experiments, {} messages",
                library.queries.len(),
                library.dashboards.len(),
                files.scenarios.len(),
                files.experiments.len(),
                files.templates.len()
            );
            return Ok(());
        }
        Err(Fault::problems(&problems))
    }
}
