//! Begins a shop: a folder with every setting written out and something to start from.

use std::path::PathBuf;

use clap::Args;

use super::Language;
use crate::{
    fault::{Exit, Fault},
    ready,
};

/// Make a shop's folder with settings, two scenarios, messages and an example segment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame new my-shop\n  tsubame new my-shop --with cart,f2-30,welcome\n  cd my-shop && tsubame import orders.csv --map eccube4-orders && tsubame serve",
    after_long_help = include_str!("scenarios.txt")
)]
pub struct New {
    /// The folder; it must not exist yet, unless ready-made scenarios are added to it
    folder: PathBuf,
    /// Ready-made scenarios to add, with their messages; `tsubame scenario list --ready` tells of each
    ///
    /// They are drafts: nobody enters until `enabled = true`. A file that is there already is never overwritten.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    with: Vec<String>,
    /// The language of their messages; default that of the shop
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

impl New {
    pub fn run(self) -> Result<(), Fault> {
        // A wrong name makes nothing.
        for name in &self.with {
            ready::find(name)?;
        }
        if !self.with.is_empty() && self.folder.join("tsubame.toml").exists() {
            return self.add();
        }
        if self.folder.exists() {
            return Err(Fault::new(Exit::Config, format!("{} exists", self.folder.display())).remedy("name a new folder"));
        }
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (path, text) in crate::demo::FILES {
            let text = match path {
                // A new shop keeps its own name, and has nothing to demonstrate.
                "tsubame.toml" => {
                    let quoted = toml::Value::String(name.clone()).to_string();
                    text.replace("つばめ茶舗: the demo shop. ", "").replace("\"つばめ茶舗\"", &quoted)
                }
                "README.md" => continue,
                // Whoever chose has no use for examples that are switched on.
                path if !self.with.is_empty() && (path.starts_with("scenarios/") || path.starts_with("messages/")) => continue,
                _ => text.to_string(),
            };
            let path = self.folder.join(path);
            let parent = path.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
        }
        if !self.with.is_empty() {
            self.add()?;
        }
        println!("made {}; edit tsubame.toml, then `tsubame check --shop {}`", self.folder.display(), self.folder.display());
        Ok(())
    }

    fn add(&self) -> Result<(), Fault> {
        let written = ready::add(&self.folder, &self.with, self.lang.map(Language::name))?;
        for path in &written {
            println!("wrote {path}");
        }
        let there = if written.is_empty() { " (all of it was there)" } else { "" };
        println!(
            "added {}{there} as drafts; try each with `tsubame replay NAME --from DATE --to DATE`, then `tsubame switch NAME on`",
            self.with.join(", ")
        );
        Ok(())
    }
}
