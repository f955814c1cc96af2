//! The built binary on a shop's folder.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A new shop in a temporary folder, beside which files can be put.
pub struct Shop {
    folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shop {
    pub fn new() -> Shop {
        let shop = Shop { folder: tempfile::tempdir().expect("a folder") };
        run(shop.folder.path(), &["new", "shop"]).expect(0);
        shop
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        run(self.folder.path(), args)
    }

    /// Rows of an SQL text as CSV lines, without the header.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        ask(self.folder.path(), sql)
    }

    /// The command on this shop, to be started by hand.
    pub fn command(&self, args: &[&str]) -> Command {
        command(self.folder.path(), args)
    }
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }

    /// The parts are all said on standard error.
    #[track_caller]
    pub fn complains(self, parts: &[&str]) -> Ran {
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not said:\n{}", self.err);
        }
        self
    }

    /// The parts are all printed.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Ran {
        for part in parts {
            assert!(self.out.contains(part), "`{part}` is not printed:\n{}", self.out);
        }
        self
    }
}

/// Runs a command in a folder, whose shop is `shop`.
pub fn run(folder: &Path, args: &[&str]) -> Ran {
    let output = command(folder, args).stdin(Stdio::null()).output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

pub fn ask(folder: &Path, sql: &str) -> Vec<String> {
    let ran = run(folder, &["query", "--format", "csv", "--sql", sql]).expect(0);
    ran.out.lines().skip(1).map(String::from).collect()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsubame"));
    command
        .args(args)
        .current_dir(folder)
        .env("TSUBAME_SHOP", "shop")
        .env_remove("TSUBAME_MASTER_KEY_FILE")
        .env_remove("TSUBAME_LOG");
    command
}

/// Every file under a folder, with its path from there.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.strip_prefix(folder).expect("inside").display().to_string(), path)),
            }
        }
    }
    found.sort();
    found
}

/// Every table of facts.
pub const TABLES: [&str; 17] = [
    "events",
    "orders",
    "order_lines",
    "customers",
    "contacts",
    "consents",
    "suppressions",
    "entries",
    "sends",
    "stops",
    "receipts",
    "touches",
    "credits",
    "exposures",
    "audiences",
    "runs",
    "customer_facts",
];
