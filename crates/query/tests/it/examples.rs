//! No question without a worked example: each report and segment of the library has an answer that was worked out by other means.

use std::{collections::BTreeSet, fs, path::Path};

use query::Library;
use serde_json::Value;

/// Held against other software's numbers or data instead of a file of answers: the query, and the test that does it.
const ELSEWHERE: [(&str, &str); 1] = [("reports/subscription_continuation", "crates/query/tests/it/library.rs")];

fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What the answers in `folder` and below are answers to.
fn answered(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            answered(&path, found);
        } else if folder.ends_with("answers") && path.extension().is_some_and(|extension| extension == "json") {
            let case: Value = serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
            found.insert(short(case["query"].as_str().expect("a query")).into());
        }
    }
}

#[test]
fn each_report_and_segment_has_a_worked_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    answered(&root.join("fixtures"), &mut found);
    for (query, test) in ELSEWHERE {
        let text = fs::read_to_string(root.join(test)).expect(test);
        assert!(text.contains(short(query)), "{test} does not ask {query}");
        found.insert(short(query).into());
    }
    let (library, _) = Library::load(None);
    let asked = library.queries.keys().filter(|name| name.starts_with("reports/") || name.starts_with("segments/"));
    let without: Vec<&String> = asked.filter(|name| !found.contains(short(name))).collect();
    assert!(without.is_empty(), "no answer in fixtures/*/answers is to {without:?}");
}

#[test]
fn each_segment_speaks_japanese() {
    let (library, _) = Library::load(None);
    for (name, query) in library.queries.iter().filter(|(name, _)| name.starts_with("segments/")) {
        let (title, text) = (query.header.titles(), query.header.descriptions());
        assert!(![title.ja, title.en, text.ja, text.en].contains(&String::new()), "{name} says something in one language alone");
    }
}
