//! Begins a shop: a folder with every setting written out and something to start from.

use std::path::PathBuf;

use clap::Args;

use crate::fault::{Exit, Fault};

/// Make a shop's folder with settings, two scenarios, messages and an example segment
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tsubame new my-shop\n  cd my-shop && tsubame import orders.csv --map eccube4-orders && tsubame serve",
    after_long_help = include_str!("scenarios.txt")
)]
pub struct New {
    /// The folder; it must not exist yet
    folder: PathBuf,
}

impl New {
    pub fn run(self) -> Result<(), Fault> {
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
                _ => text.to_string(),
            };
            let path = self.folder.join(path);
            let parent = path.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
        }
        println!("made {}; edit tsubame.toml, then `tsubame check --shop {}`", self.folder.display(), self.folder.display());
        Ok(())
    }
}
