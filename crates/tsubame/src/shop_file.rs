//! Files of a shop that a page or a command writes: the same files that people edit. What is saved is checked with the whole shop first, lands
//! whole or not at all, and never over a text that its writer has not seen.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{Problem, id::hex};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    conditions,
    fault::{Exit, Fault},
    workspace::read_files,
};

/// Where the files of a shop are that are read when it is opened.
const FOLDERS: [&str; 5] = ["dashboards", "experiments", "messages", "queries", "scenarios"];
const SETTINGS: &str = "tsubame.toml";

/// Two pages that save at once compare and write one after the other.
static SAVING: Mutex<()> = Mutex::const_new(());

/// The path of a file inside the shop's folder: `tsubame.toml`, `scenarios/cart-recovery.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShopFile(String);

/// A text that is to take the place of another.
#[derive(Debug, Clone)]
pub struct Change {
    pub file: ShopFile,
    /// The hash of the text that its writer started from; `None` where there was no file.
    pub expected: Option<String>,
    pub text: String,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum NotSaved {
    /// The file is another than its writer started from. This is what it says now, unless it is gone.
    Conflict {
        file: ShopFile,
        theirs: Option<String>,
    },
    /// Of the whole shop with the new text.
    Problems(Vec<Problem>),
    Fault(Fault),
}

impl ShopFile {
    pub fn parse(relative: &str) -> Result<ShopFile, Fault> {
        let parts: Vec<&str> = relative.split('/').collect();
        let is_plain = |part: &&str| {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.len() <= 100 && !part.starts_with('.') && part.chars().all(is_of_name)
        };
        let has_place = relative == SETTINGS || (parts.len() > 1 && FOLDERS.contains(&parts[0]));
        let has_kind = relative.ends_with(".toml") || (relative.ends_with(".sql") && parts[0] == "queries");
        match has_place && has_kind && parts.iter().all(is_plain) {
            true => Ok(ShopFile(relative.into())),
            false => Err(Fault::new(Exit::Config, format!("`{relative}` is no file of a shop"))
                .remedy("name one as scenarios/cart-recovery.toml: letters, digits, `-` and `_`")),
        }
    }

    pub fn of_scenario(name: &str) -> Result<ShopFile, Fault> {
        ShopFile::parse(&format!("scenarios/{name}.toml"))
    }

    pub fn of_message(name: &str) -> Result<ShopFile, Fault> {
        ShopFile::parse(&format!("messages/{name}.toml"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the file says now; `None` if there is none.
    pub fn read(&self, folder: &Path) -> Result<Option<String>, Fault> {
        match std::fs::read_to_string(folder.join(&self.0)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Fault::io(format!("could not read {}", self.0), source)),
        }
    }
}

impl From<Fault> for NotSaved {
    fn from(fault: Fault) -> NotSaved {
        NotSaved::Fault(fault)
    }
}

/// For the terminal; pages show the two texts.
impl From<NotSaved> for Fault {
    fn from(not_saved: NotSaved) -> Fault {
        match not_saved {
            NotSaved::Conflict { file, .. } => Fault::new(
                Exit::Failed,
                format!("{} was changed by somebody else meanwhile; it was left as it is", file.as_str()),
            )
            .remedy("look at it, and try again"),
            NotSaved::Problems(problems) => Fault::problems(&problems),
            NotSaved::Fault(fault) => fault,
        }
    }
}

/// By which a text is known again; an editor's page carries it from the opening to the saving.
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..16])
}

/// Saves one file; returns the hash of its text.
pub async fn save(folder: &Path, file: &ShopFile, expected: Option<&str>, text: &str) -> Result<String, NotSaved> {
    let change = Change { file: file.clone(), expected: expected.map(String::from), text: text.into() };
    save_all(folder, &[change]).await?;
    Ok(hash(text))
}

/// Saves files that belong together, in this order: what others name comes first. None is written unless all can be.
pub async fn save_all(folder: &Path, changes: &[Change]) -> Result<(), NotSaved> {
    let _alone = SAVING.lock().await;
    refuse_conflicts(folder, changes)?;
    let problems = problems_with(folder, changes).await?;
    if !problems.is_empty() {
        return Err(NotSaved::Problems(problems));
    }
    // Checking takes a moment, in which somebody may have saved from an editor of their own.
    refuse_conflicts(folder, changes)?;
    for change in changes {
        let path = folder.join(change.file.as_str());
        put(&path, &change.text).map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
    }
    Ok(())
}

/// Every problem that the shop would have with these texts.
pub async fn problems_with(folder: &Path, changes: &[Change]) -> Result<Vec<Problem>, Fault> {
    let data = folder.join("data");
    let copy = std::fs::create_dir_all(&data)
        .and_then(|()| tempfile::Builder::new().prefix(".check-").tempdir_in(&data))
        .map_err(|source| Fault::io(format!("could not make a folder in {}", data.display()), source))?;
    let failed = |source| Fault::io(format!("could not copy the shop's files into {}", copy.path().display()), source);
    for path in files_of(folder) {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let to = copy.path().join(relative);
        to.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
        std::fs::copy(&path, &to).map_err(failed)?;
    }
    for change in changes {
        let to = copy.path().join(change.file.as_str());
        to.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
        std::fs::write(&to, &change.text).map_err(failed)?;
    }
    let (files, library, mut problems) = read_files(copy.path())?;
    if problems.is_empty() {
        let text_of = |file: &str| std::fs::read_to_string(copy.path().join(file)).unwrap_or_default();
        problems = conditions::problems(&files, &Arc::new(library), text_of).await;
    }
    let of_copy = format!("{}/", copy.path().display());
    for problem in &mut problems {
        problem.file = problem.file.replace(&of_copy, "");
    }
    Ok(problems)
}

/// The files of a shop that are read when it is opened, in order. Hidden ones are not among them: half-written ones are hidden.
pub fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in FOLDERS.into_iter().chain([SETTINGS]) {
        gather(folder.join(name), &mut found);
    }
    found.sort();
    found
}

fn gather(path: PathBuf, found: &mut Vec<PathBuf>) {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    if is_hidden {
        return;
    }
    if path.is_dir() {
        let entries = std::fs::read_dir(&path).into_iter().flatten().filter_map(Result::ok);
        entries.for_each(|entry| gather(entry.path(), found));
    } else if path.is_file() {
        found.push(path);
    }
}

fn refuse_conflicts(folder: &Path, changes: &[Change]) -> Result<(), NotSaved> {
    for change in changes {
        let theirs = change.file.read(folder)?;
        if theirs.as_deref().map(hash) != change.expected {
            return Err(NotSaved::Conflict { file: change.file.clone(), theirs });
        }
    }
    Ok(())
}

/// Puts a text in the place of a file. A reader sees the one or the other, also after the power fails.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = folder.join(format!(".{name}.part"));
    let mut file = File::create(&part)?;
    file.write_all(text.as_bytes())?;
    if let Ok(about) = std::fs::metadata(path) {
        file.set_permissions(about.permissions())?;
    }
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::deep;

    const MESSAGE: &str = "[line]\nbody = \"hello\"\n";

    fn scenario(step: &str) -> String {
        format!(
            "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\ngoal = {{ on = \"order_placed\", within = \"5d\" }}\n\
             entry = {{ on = \"signed_up\" }}\nexit = [{{ on = \"order_placed\" }}]\n{step}\n"
        )
    }

    #[test]
    fn a_path_leads_into_the_shop() {
        let check = |path: &str, expect: bool| assert_eq!(ShopFile::parse(path).is_ok(), expect, "{path}");
        for path in
            ["tsubame.toml", "scenarios/a-b.toml", "messages/a_1.toml", "queries/segments/x.sql", "queries/segments/x.toml"]
        {
            check(path, true);
        }
        for path in ["", "x.toml", "data/state.db", "secrets/a.toml", "scenarios", "scenarios/a.sql", "scenarios/../tsubame.toml"]
        {
            check(path, false);
        }
        for path in ["/etc/x.toml", "scenarios//a.toml", "scenarios/.a.toml", "scenarios/a b.toml", "scenarios/a\n.toml"] {
            check(path, false);
        }
    }

    #[test]
    fn a_file_is_saved_over_what_its_writer_saw_and_over_nothing_else() {
        deep(saves());
    }

    async fn saves() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "name = \"x\"\n").unwrap();
        let check = async |path: &str, expected: Option<&str>, text: &str, expect: &str| {
            let file = ShopFile::parse(path).unwrap();
            let before = file.read(folder.path()).unwrap();
            let saved = save(folder.path(), &file, expected.map(hash).as_deref(), text).await;
            let outcome = match &saved {
                Ok(known_by) => {
                    assert_eq!(*known_by, hash(text), "{path}");
                    "saved".to_string()
                }
                Err(NotSaved::Conflict { theirs, .. }) => {
                    assert_eq!(*theirs, before, "{path}");
                    "conflict".into()
                }
                Err(NotSaved::Problems(problems)) => {
                    problems.iter().map(|problem| format!("{}: {}", problem.file, problem.message)).collect::<Vec<_>>().join("; ")
                }
                Err(NotSaved::Fault(fault)) => fault.to_string(),
            };
            assert_eq!(outcome, expect, "{path}: {text}");
            let now = if saved.is_ok() { Some(text.to_string()) } else { before };
            assert_eq!(file.read(folder.path()).unwrap(), now, "{path}: {text}");
        };
        let (wait, later) = (
            scenario("step = [{ id = \"w\", wait = { for = \"1h\" } }]"),
            scenario("step = [{ id = \"w\", wait = { for = \"2h\" } }]"),
        );
        let send = scenario("step = [{ id = \"w\", send = { try = [\"line\"], template = \"m\" } }]");
        check("scenarios/s.toml", None, &wait, "saved").await;
        check("scenarios/s.toml", None, &later, "conflict").await;
        check("scenarios/s.toml", Some(&later), &later, "conflict").await;
        check("scenarios/s.toml", Some(&wait), &later, "saved").await;
        check("scenarios/s.toml", Some(&later), &send, "scenarios/s.toml: there is no message `m`").await;
        check("messages/m.toml", Some(&later), MESSAGE, "conflict").await;
        // What was half written when the power failed is no file.
        std::fs::write(folder.path().join("scenarios/.s.toml.part"), "half").unwrap();
        let unknown = later.replace("signed_up\"", "signed_up\", where = \"value >\"");
        let refused = save(folder.path(), &ShopFile::of_scenario("s").unwrap(), Some(&hash(&later)), &unknown).await;
        assert!(matches!(refused, Err(NotSaved::Problems(problems)) if problems[0].file == "scenarios/s.toml"));
        // Files that need each other are checked together.
        let changes = [("messages/m.toml", None, MESSAGE), ("scenarios/s.toml", Some(hash(&later)), send.as_str())];
        let change = |(file, expected, text): (&str, Option<String>, &str)| Change {
            file: ShopFile::parse(file).unwrap(),
            expected,
            text: text.into(),
        };
        assert!(save_all(folder.path(), &changes.map(change)).await.is_ok());
        check("scenarios/s.toml", Some(&send), &wait, "saved").await;
        let left = std::fs::read_dir(folder.path().join("data")).unwrap().count();
        assert_eq!(left, 0, "the copy for checking is gone");
    }
}
