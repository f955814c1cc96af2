//! The demo, small: it runs, repeats itself, fills every table of the loop, and accounts for everybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;

use crate::shop::{Ran, TABLES, ask, files, run};

/// A demo shop that all tests of this file read; who writes takes a copy.
struct Demo {
    folder: PathBuf,
    reports: [String; 2],
    /// Names and bytes of the outbox after each run.
    outboxes: [Vec<(String, Vec<u8>)>; 2],
    /// Another test run waits for its turn at the folder.
    _turn: File,
}

const ARGS: [&str; 6] = ["demo", "--no-serve", "--customers", "300", "--dir", "shop"];

fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let turn = File::create(parent.join("demo.lock")).expect("a file");
        turn.lock().expect("a turn");
        let folder = parent.join("demo");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let live = || {
            let ran = run(&folder, &ARGS).expect(0);
            let outbox =
                files(&folder.join("shop/outbox")).into_iter().map(|(name, path)| (name, std::fs::read(path).expect("a file")));
            (ran.out, outbox.collect())
        };
        let (first, second) = (live(), live());
        Demo { folder, reports: [first.0, second.0], outboxes: [first.1, second.1], _turn: turn }
    })
}

/// Parts of a line of the outbox.
struct Line {
    send_id: String,
    customer_id: String,
    channel: String,
    purpose: String,
    body: String,
    at: String,
}

fn outbox() -> Vec<Line> {
    let demo = demo();
    let mut lines = Vec::new();
    for (_, bytes) in &demo.outboxes[0] {
        for line in std::str::from_utf8(bytes).expect("UTF-8").lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let text = |name: &str| line[name].as_str().expect(name).to_string();
            lines.push(Line {
                send_id: text("send_id"),
                customer_id: text("customer_id"),
                channel: text("channel"),
                purpose: text("purpose"),
                body: text("body"),
                at: text("at"),
            });
        }
    }
    lines
}

fn rows(sql: &str) -> Vec<String> {
    ask(&demo().folder, sql)
}

fn count(sql: &str) -> i64 {
    rows(sql)[0].parse().expect("a number")
}

#[test]
fn a_second_run_says_the_same_and_is_quick() {
    let demo = demo();
    assert!(demo.reports[0].contains("300 customers") && demo.reports[0].contains("f2_90d"), "{}", demo.reports[0]);
    assert_eq!(demo.reports[0], demo.reports[1]);
    assert!(demo.outboxes[0] == demo.outboxes[1], "nothing was sent again");
    let other = run(&demo.folder, &["demo", "--no-serve", "--customers", "400", "--dir", "shop"]);
    other.expect(3).complains(&["holds another demo shop (seed = 1, customers = 300)", "remedy: "]);
    run(&demo.folder, &["check"]).expect(0).says(&["no problems"]);
}

#[test]
fn every_table_of_the_loop_has_rows() {
    for table in TABLES {
        assert!(count(&format!("SELECT count(*) FROM {table}_history")) > 0, "{table}");
        assert_eq!(
            rows(&format!(
                "SELECT count(*) - count(DISTINCT position), count(*) FILTER (WHERE occurred_at IS NULL OR known_at IS NULL) FROM {table}_history"
            )),
            ["0,0"],
            "{table}: each row has a place of its own, and its times"
        );
    }
    assert!(run(&demo().folder, &["doctor"]).expect(0).out.contains("0 bytes not in the lake yet"));
}

/// Entries that walked past a send step, with the step. Of `remind` an entry is past when it waits for `again`.
const PASSED: &str = "SELECT DISTINCT entry_id, held_out, CASE WHEN scenario = 'f2-followup' THEN 'invite' WHEN status = 'waiting' THEN 'remind' ELSE 'again' END AS step \
                      FROM entries_history WHERE status = 'finished' OR step = 'wait1d' AND status = 'waiting'";

#[test]
fn everybody_at_a_send_step_is_accounted_for() {
    let passed = count(&format!("SELECT count(*) FROM ({PASSED}) AS passed"));
    assert!(passed > 50, "{passed}");
    let fates = format!(
        "SELECT passed.held_out, coalesce(sends.state, CASE WHEN stopped.step IS NOT NULL THEN 'stop' END, 'lost') AS fate, count(*), count(DISTINCT passed.entry_id || passed.step) \
         FROM ({PASSED}) AS passed LEFT JOIN sends ON sends.entry_id = passed.entry_id AND sends.step = passed.step \
         LEFT JOIN (SELECT DISTINCT entry_id, step FROM stops_history) AS stopped ON stopped.entry_id = passed.entry_id AND stopped.step = passed.step \
         GROUP BY 1, 2 ORDER BY 1, 2"
    );
    let mut total = 0;
    for line in rows(&fates) {
        let [held_out, fate, with_sends, members] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let may = match held_out {
            "true" => ["ghost", "stop", "stop", "stop", "stop"],
            _ => ["accepted", "stopped", "stop", "deferred", "failed"],
        };
        assert!(may.contains(&fate), "{line}");
        assert_eq!(with_sends, members, "{line}: at most one send per step");
        total += members.parse::<i64>().expect("a number");
    }
    assert_eq!(total, passed, "each exactly once");
    let strays = format!(
        "SELECT count(*) FROM sends LEFT JOIN ({PASSED}) AS passed ON sends.entry_id = passed.entry_id AND sends.step = passed.step WHERE passed.step IS NULL AND sends.state <> 'stopped'"
    );
    assert_eq!(count(&strays), 0, "no send without an entry that came to it");
}

#[test]
fn no_message_leaves_twice() {
    let lines = outbox();
    let ids: BTreeSet<&str> = lines.iter().map(|line| line.send_id.as_str()).collect();
    assert!(ids.len() == lines.len() && ids.len() > 20, "{} lines, {} sends", lines.len(), ids.len());
    let accepted = rows("SELECT send_id FROM sends WHERE accepted_at IS NOT NULL");
    assert_eq!(ids, accepted.iter().map(String::as_str).collect(), "what left is what the ledger says was accepted");
    assert_eq!(
        count(
            "SELECT count(*) FROM (SELECT send_id FROM sends_history WHERE state = 'accepted' GROUP BY send_id HAVING count(*) > 1) AS twice"
        ),
        0
    );
}

#[test]
fn nobody_held_out_is_written_to() {
    let held_out: BTreeSet<String> =
        rows("SELECT send_id FROM sends JOIN entries USING (entry_id) WHERE entries.held_out").into_iter().collect();
    assert!(!held_out.is_empty());
    assert!(outbox().iter().all(|line| !held_out.contains(&line.send_id)));
    let ghosts: BTreeSet<String> = rows("SELECT send_id FROM sends WHERE state = 'ghost'").into_iter().collect();
    assert_eq!(ghosts, held_out, "the held out, and they alone, have ghosts");
    assert_eq!(
        count(
            "SELECT count(*) FROM sends JOIN entries USING (entry_id) WHERE sends.state = 'ghost' AND (sends.accepted_at IS NOT NULL OR sends.handed_at IS NOT NULL)"
        ),
        0
    );
}

#[test]
fn nobody_without_consent_is_written_to() {
    let mut consents: BTreeMap<(String, String, String), Vec<(String, String)>> = BTreeMap::new();
    for line in rows("SELECT customer_id, channel, purpose, changed_at, state FROM consents_history") {
        let [customer, channel, purpose, at, state] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // Sorted, a revocation comes after a grant of the same instant.
        consents.entry((customer.into(), channel.into(), purpose.into())).or_default().push((at.into(), state.into()));
    }
    let mut suppressed: BTreeMap<(String, String), String> = BTreeMap::new();
    for line in rows("SELECT customer_id, channel, changed_at FROM suppressions_history WHERE active") {
        let [customer, channel, at] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        suppressed.insert((customer.into(), channel.into()), at.into());
    }
    let mut revoked = 0;
    for line in outbox() {
        let said = consents.get_mut(&(line.customer_id.clone(), line.channel.clone(), line.purpose.clone()));
        let said = said.unwrap_or_else(|| panic!("{}: never asked about {}", line.customer_id, line.channel));
        said.sort();
        revoked += said.iter().filter(|(_, state)| state == "revoked").count();
        let last = said.iter().rfind(|(at, _)| *at <= line.at);
        assert!(
            last.is_some_and(|(_, state)| state == "granted"),
            "{} on {} at {}: {said:?}",
            line.customer_id,
            line.channel,
            line.at
        );
        let since = suppressed.get(&(line.customer_id.clone(), line.channel.clone()));
        assert!(since.is_none_or(|since| *since > line.at), "{} on {}", line.customer_id, line.channel);
    }
    assert!(revoked > 0 || count("SELECT count(*) FROM consents WHERE state = 'revoked'") > 0, "some did say no");
}

#[test]
fn messages_leave_in_time_and_read_well() {
    for line in outbox() {
        let sent: chrono::DateTime<chrono::Utc> = line.at.parse().expect("a time");
        let local = model::ShopZone::tokyo().local(sent).time();
        let hours = |hour, minute| chrono::NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");
        assert!(local >= hours(8, 0) && local <= hours(21, 10), "{local}: quiet hours, and ten minutes of grace");
        assert!(!line.body.contains("{{") && !line.body.contains("円円") && line.body.contains(&line.send_id), "{}", line.body);
    }
    assert_eq!(
        count("SELECT count(*) FROM sends WHERE accepted_at > add_seconds(due_at, 12 * 3600 + 600)"),
        0,
        "each is of use for 12 hours"
    );
}

#[test]
fn credits_add_up_to_what_was_bought() {
    let differing = "SELECT count(*) FROM (SELECT model, order_id, sum(net) AS credited FROM credits_history WHERE model <> 'any' \
                     GROUP BY model, order_id) AS credit \
                     LEFT JOIN purchases ON purchases.order_id = credit.order_id WHERE credit.credited <> coalesce(purchases.net, 0)";
    assert_eq!(count(differing), 0, "under every additive model, each order is credited whole");
    assert!(count("SELECT count(DISTINCT model) FROM credits_history") >= 2);
}

#[test]
fn a_run_after_the_month_sends_nothing_stale_and_a_second_one_nothing() {
    let copy = copied();
    let folder = copy.path();
    run(folder, &["run"]);
    assert_eq!(ask(folder, "SELECT count(*) FROM sends WHERE accepted_at > add_seconds(due_at, 12 * 3600 + 600)"), ["0"]);
    let before = ask(folder, "SELECT count(*) FROM sends_history");
    let again = run(folder, &["run"]);
    assert!(again.out.contains("planned 0 sends and 0 ghosts, 0 entry moves; accepted 0"), "{}", again.out);
    assert_eq!(ask(folder, "SELECT count(*) FROM sends_history"), before);
}

#[test]
fn credits_and_exports_that_were_made_are_made() {
    let copy = copied();
    let folder = copy.path();
    run(folder, &["attribute"]).expect(0).says(&["touches: 0 new, credits: 0 booked"]);
    let again = |ran: Ran| ran.expect(0).says(&["(made before)"]);
    again(run(folder, &["export", "dormant-top", "--date", "2026-06-15"]));
    run(folder, &["export", "dormant-top", "--date", "2026-05-15"]).expect(0);
    again(run(folder, &["export", "dormant-top", "--date", "2026-05-15"]));
}

#[test]
fn a_readout_says_what_it_can_and_cannot_say() {
    let folder = &demo().folder;
    run(folder, &["readout", "cart-recovery"]).expect(0).says(&[
        "cart-recovery conversion: treated ",
        "holdout ",
        "cannot say yet [refused: only ",
    ]);
    for name in ["cart-recovery", "f2-followup", "f2-subject"] {
        let ran = run(folder, &["readout", name, "--json"]).expect(0);
        assert!(ran.out.lines().count() >= 2, "{name}: a line per metric");
        for line in ran.out.lines() {
            let effect: Value = serde_json::from_str(line).expect("JSON");
            let refused = effect["verdict"] == "refused";
            assert_eq!(refused, effect["difference"].is_null(), "{line}: no number stands for \"cannot say\"");
            assert_eq!(refused, effect["why"]["ja"].is_string() && effect["why"]["en"].is_string(), "{line}");
        }
    }
    let before = run(folder, &["readout", "cart-recovery", "--json", "--as-of", "2026-06-02"]).expect(0);
    let people = |ran: &Ran| {
        let effect: Value = serde_json::from_str(ran.out.lines().next().expect("a line")).expect("JSON");
        effect["treated"]["people"].as_i64().expect("a number")
    };
    let now = run(folder, &["readout", "cart-recovery", "--json"]).expect(0);
    assert!(people(&before) < people(&now), "{} then, {} now", people(&before), people(&now));
}

fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for (name, path) in files(&demo().folder).into_iter().filter(|(name, _)| !name.contains("complete-journey")) {
        let to = copy.path().join(&name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        match std::fs::copy(path, to) {
            // Readers of the shop, of which other tests are some, make these and take them away.
            Err(error) if error.kind() == ErrorKind::NotFound && (name.ends_with("-wal") || name.ends_with("-shm")) => {}
            copied => drop(copied.expect("a copy")),
        }
    }
    copy
}

#[test]
fn every_report_and_segment_answers_and_nobody_is_in_a_segment_twice() {
    let folder = demo().folder.join("shop");
    let first = |sql: &str| rows(sql).first().cloned().unwrap_or_default();
    let given: BTreeMap<&str, String> = [
        ("customer", first("SELECT customer_id FROM purchases WHERE customer_id IS NOT NULL ORDER BY customer_id")),
        ("scenario", first("SELECT scenario FROM entries ORDER BY scenario")),
        ("experiment", first("SELECT experiment FROM exposures ORDER BY experiment")),
        ("segment", first("SELECT segment FROM audiences ORDER BY segment")),
    ]
    .into();
    let now = first("SELECT CAST(max(occurred_at) AS VARCHAR) FROM runs_history");
    let as_of = format!("{}Z", now.trim_end_matches('Z')).parse().expect("a time");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let lake = lake::Lake::open(&folder.join("data/lake").to_string_lossy()).await.expect("a lake");
        let view = lake.view(&lake::Tail::default()).await.expect("a view");
        let (library, problems) = query::Library::load(Some(&folder));
        assert_eq!(problems, []);
        let library = std::sync::Arc::new(library);
        let moment = query::Moment { as_of, mode: query::Mode::AsKnown, zone: model::ShopZone::tokyo() };
        let desk = query::Desk::new(library.clone(), view, moment);
        let asked =
            library.queries.values().filter(|query| query.name.starts_with("reports/") || query.name.starts_with("segments/"));
        for query in asked {
            let needed = query.header.params.iter().filter(|param| param.default.is_none());
            let params: query::Params = needed
                .map(|param| {
                    let value = given.get(param.name.as_str()).and_then(|raw| param.kind.read(raw));
                    (param.name.clone(), value.unwrap_or_else(|| panic!("{} needs {}", query.name, param.name)))
                })
                .collect();
            let answer = desk.ask(&query.name, &params).await.unwrap_or_else(|error| panic!("{}: {error}", query.name));
            if query.name.starts_with("segments/") {
                let members: Vec<String> =
                    (0..answer.rows.len()).map(|row| answer.get(row, "customer_id").expect("a customer").plain()).collect();
                let once: BTreeSet<&String> = members.iter().collect();
                assert_eq!(once.len(), members.len(), "{}: somebody is in it twice", query.name);
                assert!(!once.contains(&String::new()), "{}: a member without a name", query.name);
            }
        }
    });
}
