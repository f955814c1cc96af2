//! A shop's wrong files: every problem at once, with file, line and remedy.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use model::{Problem, ShopZone};
use query::{Library, check};

/// Files, and the problems expected of each: line, a part of the message, a part of the remedy.
type Case = (&'static str, &'static str, &'static [(usize, &'static str, &'static str)]);

const WRONG: &[Case] = &[
    (
        "queries/reports/header.sql",
        "-- Wrong header\n--\n-- param days number\n-- param days int = soon\n-- column x money ja:\"x\"\n-- column y\nSELECT 1 AS x\n",
        &[
            (3, "parameter `days` has the unknown type `number`", "-- param days int = 90"),
            (4, "the default of `days`, `soon`, is not of type int", "-- param days int = 90"),
            (5, "column `x` lacks a label in ja and en", "-- column"),
            (6, "is not a name and a type", "-- column"),
        ],
    ),
    ("queries/reports/no_header.sql", "SELECT 1 AS x\n", &[(1, "the file has no title", "start it with")]),
    (
        "queries/reports/undeclared.sql",
        "-- Undeclared\n--\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x\nFROM orders\nWHERE net > $least\n",
        &[(6, "the SQL uses `$least`, the header does not declare it", "add `-- param least <type>`")],
    ),
    (
        "queries/reports/unused.sql",
        "-- Unused\n--\n-- param days int = 90\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x FROM orders\n",
        &[(3, "parameter `days` is not used", "remove it")],
    ),
    (
        "queries/reports/missing_column.sql",
        "-- Missing\n--\n-- column x int ja:\"x\" en:\"x\"\n-- column y int ja:\"y\" en:\"y\"\nSELECT count(*) AS x FROM orders\n",
        &[(4, "the header declares `y`, the SELECT does not return it", "remove the line, or select")],
    ),
    (
        "queries/reports/extra_column.sql",
        "-- Extra\n--\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x, 1 AS y FROM orders\n",
        &[(4, "the SELECT returns `y`, the header does not declare it", "-- column y int")],
    ),
    (
        "queries/reports/wrong_type.sql",
        "-- Type\n--\n-- column x text ja:\"x\" en:\"x\"\n-- column d date ja:\"d\" en:\"d\"\nSELECT count(*) AS x, max(ordered_at) AS d FROM orders\n",
        &[
            (3, "column `x` is int in the SELECT, not text", "CAST"),
            (4, "column `d` is instant in the SELECT, not date", "shop_day"),
        ],
    ),
    (
        "queries/reports/order.sql",
        "-- Order\n--\n-- column y int ja:\"y\" en:\"y\"\n-- column x int ja:\"x\" en:\"x\"\nSELECT 1 AS x, 2 AS y\n",
        &[(3, "column 1 is `y` in the header and `x` in the SELECT", "same order")],
    ),
    (
        "queries/reports/relation.sql",
        "-- Relation\n--\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x FROM ordres\n",
        &[(4, "there is no table `ordres`", "did you mean orders?")],
    ),
    (
        "queries/reports/syntax.sql",
        "-- Syntax\n--\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x\nFROM orders\nWHERE AND net > 1\n",
        &[(6, "no condition follows WHERE", "write one behind it")],
    ),
    (
        "queries/reports/writes.sql",
        "-- Writes\n--\n-- column x int ja:\"x\" en:\"x\"\nDELETE FROM orders_history\n",
        &[(4, "DELETE is no question", "only SELECT")],
    ),
    (
        "dashboards/names.toml",
        "title = { ja = \"x\", en = \"x\" }\n\n[[panel]]\nquery = \"reports/revenue_by_dya\"\n\n[[panel]]\nquery = \"reports/revenue_by_day\"\nchart = \"pie\"\nx = \"weekday\"\nparams = { hours = 3 }\n",
        &[
            (4, "there is no query `reports/revenue_by_dya`", "reports/revenue_by"),
            (7, "there is no chart `pie`", "kpi, table, line, bar, heatmap, funnel, interval"),
            (7, "query `reports/revenue_by_day` has no column `weekday`", "one of day"),
            (7, "query `reports/revenue_by_day` has no parameter `hours`", "header"),
        ],
    ),
    (
        "dashboards/broken.toml",
        "title = { ja = \"x\", en = \"x\" }\n\n[[panel]]\nquerry = \"reports/revenue_by_day\"\n",
        &[(4, "unknown field `querry`", "dashboard")],
    ),
];

#[tokio::test]
async fn every_problem_of_every_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text, _) in WRONG {
        write(folder.path(), path, text.as_bytes());
    }
    write(folder.path(), "queries/reports/latin.sql", b"-- Caf\xe9\n");
    let problems = problems(folder.path()).await;
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let shown = shown.join("\n");
    for (path, _, expected) in WRONG {
        let of_file: Vec<&Problem> = problems.iter().filter(|problem| problem.file.ends_with(path)).collect();
        assert_eq!(of_file.len(), expected.len(), "{path}\n{shown}");
        for (line, message, remedy) in *expected {
            let found = of_file.iter().any(|problem| {
                problem.line == *line
                    && problem.message.contains(message)
                    && problem.remedy.as_deref().unwrap_or("").contains(remedy)
            });
            assert!(found, "{path}:{line}: {message} ({remedy})\n{shown}");
        }
    }
    let known: BTreeSet<&str> = WRONG.iter().map(|(path, ..)| *path).chain(["queries/reports/latin.sql"]).collect();
    let unexpected: Vec<&Problem> =
        problems.iter().filter(|problem| !known.iter().any(|path| problem.file.ends_with(path))).collect();
    assert!(unexpected.is_empty(), "the built-in files have no part in it: {unexpected:?}");
    let latin: Vec<&Problem> = problems.iter().filter(|problem| problem.file.ends_with("latin.sql")).collect();
    assert!(latin.len() == 1 && latin[0].line == 1 && latin[0].remedy.as_deref() == Some("save it as UTF-8"), "{latin:?}");
}

#[tokio::test]
async fn a_shops_file_takes_the_place_of_a_built_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "queries/reports/decile.sql",
        "-- Ours\n--\n-- column x int ja:\"x\" en:\"x\"\nSELECT count(*) AS x FROM orders\n".as_bytes(),
    );
    let (library, problems) = Library::load(Some(folder.path()));
    assert_eq!(problems, []);
    assert_eq!(library.find("decile").expect("a query").header.title, "Ours");
    let problems = self::problems(folder.path()).await;
    let pages: BTreeSet<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    assert!(
        pages.iter().all(|file| file.starts_with("dashboards/")),
        "only pages that show columns it no longer has: {problems:?}"
    );
}

async fn problems(folder: &Path) -> Vec<Problem> {
    let (library, mut problems) = Library::load(Some(folder));
    problems.extend(check(&Arc::new(library), ShopZone::tokyo()).await);
    problems
}

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}
