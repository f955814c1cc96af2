//! Finds every mistake in a shop's files at once, before a night or a customer meets one.

use std::sync::Arc;

use clap::Args;

use super::ShopFolder;
use crate::{conditions, fault::Fault, secrets, workspace::read_files};

/// Check every file of a shop and report every problem at once
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tsubame check --shop my-shop")]
pub struct Check {
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
