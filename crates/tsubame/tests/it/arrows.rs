//! The house stands as `crates/README.md` draws it: the arrows between its crates, who may name a heavy library, and which crates are pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Crates that may name a library. Others reach it through them, or not at all.
const MAY_NAME: [(&str, &[&str]); 3] = [("datafusion", &["lake", "query"]), ("deltalake", &["lake"]), ("sqlx", &["state"])];

const PURE: [&str; 4] = ["connect", "decide", "model", "stats"];

/// What the `clippy.toml` of a pure crate bans at least, one of each kind: clock, environment, file, socket, order by chance.
const BANS: [&str; 6] = [
    "std::time::SystemTime::now",
    "std::env::var",
    "std::fs::read",
    "std::net::TcpStream",
    "std::collections::HashMap",
    "std::collections::HashSet",
];

#[test]
fn the_arrows_are_those_of_the_picture() {
    let page = std::fs::read_to_string(root().join("crates/README.md")).expect("the architecture page");
    let drawn: BTreeSet<String> = fenced(&page, "arrows").into_iter().collect();
    let built = arrows(&metadata());
    let lines =
        |set: &BTreeSet<String>, other: &BTreeSet<String>| set.difference(other).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(
        drawn == built,
        "crates/README.md and cargo metadata disagree\nonly in Cargo.toml files:\n  {}\nonly in the picture:\n  {}\nremedy: a new \
         arrow is a change on its own; draw it in crates/README.md (picture and list) and say why",
        lines(&built, &drawn),
        lines(&drawn, &built)
    );
}

#[test]
fn heavy_libraries_stay_where_they_belong() {
    let metadata = metadata();
    for (library, may) in MAY_NAME {
        let names: BTreeSet<&str> = packages(&metadata)
            .filter(|package| {
                // Its parts count too: `datafusion-common` brings DataFusion's types as well as `datafusion` does.
                dependencies(package).any(|(name, _)| name == library || name.starts_with(&format!("{library}-")))
            })
            .map(|package| text(package, "name"))
            .collect();
        assert_eq!(names, may.iter().copied().collect(), "crates that name {library}");
    }
}

#[test]
fn pure_crates_ban_the_outside() {
    for name in PURE {
        let path = root().join("crates").join(name).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let settings: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let banned: BTreeSet<&str> = ["disallowed-methods", "disallowed-types"]
            .iter()
            .filter_map(|list| settings.get(*list)?.as_array())
            .flatten()
            .filter_map(|ban| ban.get("path")?.as_str())
            .collect();
        for ban in BANS {
            assert!(banned.contains(ban), "{} does not ban {ban}", path.display());
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("two folders up is the workspace")
}

/// The workspace as cargo reads it, without the crates of others.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).expect("cargo metadata writes JSON")
}

/// `from -> to` for each crate of the workspace that another needs to be built. What only tests need is no arrow.
fn arrows(metadata: &Value) -> BTreeSet<String> {
    let folders: BTreeMap<&str, &str> =
        packages(metadata).map(|package| (text(package, "name"), text(package, "manifest_path"))).collect();
    let mut arrows = BTreeSet::new();
    for package in packages(metadata) {
        let from = text(package, "name");
        let folder = Path::new(folders[from]).parent().and_then(Path::file_name).and_then(|name| name.to_str());
        assert_eq!(folder, Some(from), "a crate is named as its folder");
        for (to, kind) in dependencies(package) {
            if kind.is_none() && folders.contains_key(to) {
                arrows.insert(format!("{from} -> {to}"));
            }
        }
    }
    arrows
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().expect("metadata lists packages").iter()
}

/// Name and kind (none, `dev`, `build`) of everything a package names.
fn dependencies(package: &Value) -> impl Iterator<Item = (&str, Option<&str>)> {
    let all = package["dependencies"].as_array().expect("a package lists its dependencies");
    all.iter().map(|dependency| (text(dependency, "name"), dependency["kind"].as_str()))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The lines of the first fenced block of that kind.
fn fenced(page: &str, kind: &str) -> Vec<String> {
    let opening = format!("```{kind}");
    let lines = page.lines().skip_while(|line| line.trim() != opening).skip(1).take_while(|line| line.trim() != "```");
    lines.map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect()
}
