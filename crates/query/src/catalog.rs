//! The library: every query and dashboard, the built-in ones and a shop's own, which take precedence by name.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use model::{Experiment, Problem};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::{Dashboard, Header, form::Form};

#[derive(RustEmbed)]
#[folder = "../../queries"]
struct BuiltInQueries;

#[derive(RustEmbed)]
#[folder = "../../dashboards"]
struct BuiltInDashboards;

/// One query file.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `reports/rfm_grid`.
    pub name: String,
    /// Where it was read, for messages.
    pub file: String,
    pub header: Header,
    /// The whole text, header included: line numbers are the file's.
    pub sql: String,
}

impl Query {
    /// sha256 of the text: what a read-out or an audience was made from.
    pub fn hash(&self) -> String {
        model::id::hex(&Sha256::digest(self.sql.as_bytes()))
    }
}

#[derive(Debug, Clone, Default)]
pub struct Library {
    pub queries: BTreeMap<String, Query>,
    /// The segments among the queries that are data, by the query's name.
    pub forms: BTreeMap<String, Form>,
    pub dashboards: BTreeMap<String, Dashboard>,
    /// The tests of `experiments/`, for functions that tell a unit's arm.
    pub experiments: Arc<[Experiment]>,
}

static BUILT_IN: LazyLock<BTreeMap<String, Query>> = LazyLock::new(|| Library::load(None).0.queries);

const VIEWS: &str = "system/views/";
pub(crate) const SEGMENTS: &str = "segments/";

impl Library {
    /// Reads the built-in files and those under a shop's `queries/` and `dashboards/`. Files with problems are left out and reported.
    pub fn load(shop: Option<&Path>) -> (Library, Vec<Problem>) {
        let mut texts: BTreeMap<String, (String, String)> = BTreeMap::new();
        let mut forms: BTreeMap<String, (String, String)> = BTreeMap::new();
        let mut problems = Vec::new();
        for file in BuiltInQueries::iter().filter(|file| file.ends_with(".sql")) {
            let text =
                BuiltInQueries::get(&file).map(|found| String::from_utf8_lossy(&found.data).into_owned()).unwrap_or_default();
            texts.insert(file.trim_end_matches(".sql").into(), (format!("queries/{file}"), text));
        }
        for file in BuiltInQueries::iter().filter(|file| file.ends_with(".toml")) {
            let text =
                BuiltInQueries::get(&file).map(|found| String::from_utf8_lossy(&found.data).into_owned()).unwrap_or_default();
            forms.insert(file.trim_end_matches(".toml").into(), (format!("queries/{file}"), text));
        }
        let mut pages: BTreeMap<String, (String, String)> = BTreeMap::new();
        for file in BuiltInDashboards::iter().filter(|file| file.ends_with(".toml")) {
            let text =
                BuiltInDashboards::get(&file).map(|found| String::from_utf8_lossy(&found.data).into_owned()).unwrap_or_default();
            pages.insert(file.trim_end_matches(".toml").into(), (format!("dashboards/{file}"), text));
        }
        if let Some(folder) = shop {
            read_folder(&folder.join("queries"), "", "sql", &mut texts, &mut problems);
            read_folder(&folder.join("queries"), "", "toml", &mut forms, &mut problems);
            read_folder(&folder.join("dashboards"), "", "toml", &mut pages, &mut problems);
        }
        let mut library = Library::default();
        for (name, (file, sql)) in texts {
            match Header::parse(&file, &sql) {
                Ok(header) => {
                    library.queries.insert(name.clone(), Query { name, file, header, sql });
                }
                Err(found) => problems.extend(found),
            }
        }
        for (name, (file, text)) in forms {
            let is_built_in = file == format!("queries/{name}.toml");
            if is_built_in && library.queries.contains_key(&name) {
                continue;
            }
            match form_problem(&name, &file, &library).map_or_else(|| Form::parse(&file, &text), |problem| Err(vec![problem])) {
                Ok(form) => {
                    library.queries.insert(name.clone(), form.query(&name, &file));
                    library.forms.insert(name, form);
                }
                Err(found) => problems.extend(found),
            }
        }
        for (name, (file, text)) in pages {
            match Dashboard::parse(&name, &file, &text) {
                Ok(dashboard) => {
                    library.dashboards.insert(name, dashboard);
                }
                Err(found) => problems.extend(found),
            }
        }
        (library, problems)
    }

    /// Name, file and text of each query that is not the built-in one of its name: what another process of this program has to be told.
    pub fn own_texts(&self) -> Vec<(String, String, String)> {
        let is_built_in = |query: &Query| BUILT_IN.get(&query.name).is_some_and(|known| known.sql == query.sql);
        let own = self.queries.values().filter(|query| !is_built_in(query));
        own.map(|query| (query.name.clone(), query.file.clone(), query.sql.clone())).collect()
    }

    /// The built-in queries with these texts in their place or beside them; one that cannot be read is left out.
    pub(crate) fn of_texts(texts: &[(String, String, String)]) -> Library {
        let query = |(name, file, sql): &(String, String, String)| {
            let header = Header::parse(file, sql).ok()?;
            Some((name.clone(), Query { name: name.clone(), file: file.clone(), header, sql: sql.clone() }))
        };
        let mut queries = BUILT_IN.clone();
        queries.extend(texts.iter().filter_map(query));
        Library { queries, ..Library::default() }
    }

    /// Makes a shop's own definitions the defaults of the parameters they name, in every query and view.
    pub fn define(&mut self, definitions: &BTreeMap<String, toml::Value>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong =
            |message: String, remedy: &str| problems.push(Problem::new("tsubame.toml", 0, message).with_remedy(remedy));
        for (name, value) in definitions {
            let raw = value.as_str().map_or_else(|| value.to_string(), String::from);
            let params = self.queries.values_mut().flat_map(|query| &mut query.header.params);
            let mut named = params.filter(|param| param.name == *name && param.default.is_some()).peekable();
            if named.peek().is_none() {
                wrong(
                    format!("[definitions] sets `{name}`, which no query has as a parameter with a default"),
                    "the `-- param` lines of the queries name what can be set",
                );
            }
            for param in named {
                match param.kind.read(&raw) {
                    Some(value) => param.default = Some(value),
                    None => {
                        wrong(
                            format!("[definitions] sets `{name}` to `{raw}`, which is no {}", param.kind.name()),
                            "see the header of the query",
                        );
                        break;
                    }
                }
            }
        }
        problems.extend(self.unsorted_scores(definitions));
        problems
    }

    /// Limits of RFM scores that leave a class empty, of those that are set.
    fn unsorted_scores(&self, definitions: &BTreeMap<String, toml::Value>) -> Vec<Problem> {
        let limit = |name: &str| {
            let param = self.view("customer_rfm")?.header.params.iter().find(|param| param.name == name)?;
            param.default.as_ref()?.plain().parse::<f64>().ok()
        };
        let unsorted = |(group, descends): (&str, bool)| {
            let names = [5, 4, 3, 2].map(|score| format!("{group}{score}"));
            let limits: Vec<f64> = names.iter().filter_map(|name| limit(name)).collect();
            // Amounts that are not set go by rank.
            let is_set = names.iter().any(|name| definitions.contains_key(name)) && limits.first() != Some(&0.0);
            let is_sorted = limits.last() > Some(&0.0)
                && limits.windows(2).all(|two| if descends { two[0] > two[1] } else { two[0] < two[1] });
            (is_set && !is_sorted).then(|| {
                let order = if descends { "fall" } else { "rise" };
                Problem::new(
                    "tsubame.toml",
                    0,
                    format!("[definitions] {} do not {order} from 5 to 2: a score stays empty", names.join(", ")),
                )
                .with_remedy("set all four")
            })
        };
        [("rfm_r", false), ("rfm_f", true), ("rfm_m", true)].into_iter().filter_map(unsorted).collect()
    }

    /// A query by its full name, or by its file name alone where that is unique.
    pub fn find(&self, name: &str) -> Option<&Query> {
        if let Some(query) = self.queries.get(name) {
            return Some(query);
        }
        let mut found =
            self.queries.values().filter(|query| query.name.rsplit('/').next() == Some(name) && !query.name.starts_with(VIEWS));
        found.next().filter(|_| found.next().is_none())
    }

    /// The query behind a view of the SQL environment.
    pub(crate) fn view(&self, name: &str) -> Option<&Query> {
        self.queries.get(&format!("{VIEWS}{name}"))
    }

    /// Every view of the SQL environment, by its name there.
    pub fn views(&self) -> impl Iterator<Item = (&str, &Query)> {
        self.queries.values().filter_map(|query| Some((query.name.strip_prefix(VIEWS)?, query)))
    }

    /// The same, unless the shop has put another in its place.
    pub(crate) fn built_in_view(&self, name: &str) -> Option<&Query> {
        let built_in = BuiltInQueries::get(&format!("{VIEWS}{name}.sql"))?;
        self.view(name).filter(|query| query.sql.as_bytes() == built_in.data.as_ref())
    }

    /// A segment by the name under which others select from it.
    pub fn segment(&self, name: &str) -> Option<&Query> {
        self.queries.get(&format!("{SEGMENTS}{name}"))
    }

    /// Every segment, by name.
    pub fn segments(&self) -> impl Iterator<Item = (&str, &Query)> {
        self.queries.iter().filter_map(|(name, query)| Some((name.strip_prefix(SEGMENTS)?, query)))
    }

    /// Names that are close to a wrong one, those that share most of its words first.
    pub fn similar(&self, name: &str) -> Vec<&str> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let words: Vec<&str> = last.split('_').filter(|word| word.len() > 1).collect();
        let shared = |candidate: &str| {
            let whole = if !last.is_empty() && candidate.contains(last) { words.len() + 1 } else { 0 };
            whole.max(words.iter().filter(|word| candidate.contains(**word)).count())
        };
        let candidates = self.queries.keys().map(String::as_str).filter(|candidate| !candidate.starts_with("system/"));
        let mut close: Vec<(usize, &str)> =
            candidates.map(|candidate| (shared(candidate), candidate)).filter(|(shared, _)| *shared > 0).collect();
        close.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        close.into_iter().map(|(_, candidate)| candidate).take(5).collect()
    }
}

/// A form is a segment, and the only one of its name; one that ships with the binary gives way.
fn form_problem(name: &str, file: &str, library: &Library) -> Option<Problem> {
    if !name.starts_with(SEGMENTS) {
        return Some(
            Problem::new(file, 0, "only segments are TOML here").with_remedy("move it to queries/segments/, or write SQL"),
        );
    }
    let other = library.queries.get(name).filter(|query| query.file != format!("queries/{name}.sql"))?;
    Some(
        Problem::new(file, 0, format!("{} is a segment of the same name", other.file))
            .with_remedy("remove or rename one of them"),
    )
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    extension: &str,
    into: &mut BTreeMap<String, (String, String)>,
    problems: &mut Vec<Problem>,
) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            read_folder(&path, &format!("{prefix}{stem}/"), extension, into, problems);
        } else if path.extension().is_some_and(|found| found == extension) {
            let shown = path.display().to_string();
            match std::fs::read(&path) {
                Ok(bytes) => match text_of(&shown, &bytes) {
                    Ok(text) => {
                        into.insert(format!("{prefix}{stem}"), (shown, text));
                    }
                    Err(problem) => problems.push(problem),
                },
                Err(error) => problems.push(
                    Problem::new(&shown, 1, format!("could not read the file: {error}"))
                        .with_remedy("see who may read it (ls -l)"),
                ),
            }
        }
    }
}

/// A file's text. The mark that Windows editors put before it is no part of it.
fn text_of(file: &str, bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let wrong = &bytes[error.valid_up_to()..];
        let encoding = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            "is UTF-16"
        } else if matches!(wrong, [0x81..=0x9f | 0xe0..=0xfc, 0x40..=0x7e | 0x80..=0xfc, ..]) {
            "looks like Shift_JIS (CP932)"
        } else {
            "is not UTF-8"
        };
        Problem::new(file, line, format!("the file {encoding}")).with_remedy("save it as UTF-8")
    })?;
    if text.contains('\0') {
        let line = text.split('\0').next().unwrap_or_default().matches('\n').count() + 1;
        return Err(Problem::new(file, line, "the file holds zero bytes, as UTF-16 or a damaged file does")
            .with_remedy("save it as UTF-8"));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_told_what_is_not_built_in() {
        assert_eq!(Library::load(None).0.own_texts(), []);
        let folder = tempfile::tempdir().expect("a folder");
        let reports = folder.path().join("queries/reports");
        std::fs::create_dir_all(&reports).expect("a folder");
        for name in ["decile", "own"] {
            let text = "-- Own\n-- column one int ja:\"一\" en:\"One\"\nSELECT 1 AS one\n";
            std::fs::write(reports.join(format!("{name}.sql")), text).expect("a file");
        }
        let (library, problems) = Library::load(Some(folder.path()));
        assert_eq!(problems, []);
        let told = library.own_texts();
        assert_eq!(told.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["reports/decile", "reports/own"]);
        assert_eq!(Library::of_texts(&told).queries, library.queries);
    }
}
