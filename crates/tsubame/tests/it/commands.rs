//! The other commands, as people and schedulers meet them: help, remedies, exit codes, one writer at a time.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use chrono::{Duration, Utc};

use crate::shop::{Shop, files};

#[test]
fn every_command_has_help_and_an_example() {
    let shop = Shop::new();
    let help = shop.run(&["--help"]).expect(0).says(&["Exit codes: 0 done", "75 another process"]).out;
    let listed = help.split("Commands:\n").nth(1).expect("a list").split("\n\n").next().expect("its end");
    let commands: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for expected in
        ["demo", "new", "check", "import", "query", "run", "readout", "attribute", "export", "serve", "doctor", "completions"]
    {
        assert!(commands.contains(&expected), "{expected}: {commands:?}");
    }
    for command in commands {
        shop.run(&[command, "--help"]).expect(0).says(&["Usage: tsubame", "Example"]);
    }
    shop.run(&["import", "detect", "--help"]).expect(0).says(&["Example"]);
    shop.run(&["completions", "bash"]).expect(0).says(&["tsubame", "readout"]);
    shop.run(&["fly"]).expect(2).complains(&["fly", "--help"]);
}

/// Before anything is asked of DuckDB, which may not be there.
#[test]
fn a_mapping_that_does_not_fit_the_files_is_named() {
    let shop = Shop::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/complete-journey");
    let check = |table: &str, parts: &[&str]| {
        shop.write("map.toml", format!("today = \"2017-12-31\"\n[tables.orders]\n{table}\n"));
        let ran = shop.run(&["bench", "queries", "--data", data, "--map", "map.toml"]).expect(3);
        ran.complains(&["map.toml does not fit the files", "remedy: name files that are there"]).complains(parts);
    };
    check("files = [\"no_such.parquet\"]", &["no_such.parquet"]);
    check("files = [\"transactions.parquet\"]\ncolumns = { order_id = \"no_such_column\" }", &["no_such_column"]);
}

#[test]
fn a_wrong_name_has_a_remedy() {
    let shop = Shop::new();
    let check = |args: &[&str], code: i32, parts: &[&str]| {
        shop.run(args).expect(code).complains(parts);
    };
    check(&["query", "f2_by_cohrt"], 3, &["there is no query `f2_by_cohrt`", "did you mean reports/f2_by_cohort"]);
    check(&["query", "horoscope"], 3, &["there is no query `horoscope`", "remedy: `tsubame query --list`"]);
    check(&["query", "f2_total", "-p", "days=soon"], 3, &["`soon` is not a value of type int for parameter `days`"]);
    check(&["query", "f2_total", "-p", "from=1.6.2026"], 3, &["`1.6.2026`", "remedy: write it as 2026-06-01"]);
    check(&["query", "f2_total", "-p", "day=3"], 3, &["has no parameter `day`", "remedy: it takes days, from, to"]);
    check(&["query", "f2_total", "-p", "days"], 3, &["`days` is not a parameter", "remedy: write it as -p name=value"]);
    check(&["query", "customer_card"], 3, &["needs the parameter `customer` (text)", "remedy: give it with -p customer=VALUE"]);
    check(&["query", "f2_total", "--as-of", "June"], 3, &["`June` is not a time", "remedy: "]);
    check(&["query", "--sql", "DROP TABLE orders"], 3, &["SQL:1: DROP is no question"]);
    check(&["query", "--sql", "SELEC 1"], 3, &["SQL:1: `SELEC` begins no question"]);
    check(&["query"], 2, &["required"]);
    check(&["readout", "nothing"], 3, &["nothing", "remedy: "]);
    check(&["export", "nothing"], 3, &["there is no export `nothing`", "remedy: tsubame.toml has: dormant-top"]);
    let nowhere = shop.run(&["query", "f2_total", "--shop", "nowhere"]);
    assert_ne!(nowhere.code, 0);
    nowhere.complains(&["nowhere is not a shop's folder", "remedy: `tsubame new NAME`"]);
}

#[test]
fn answers_in_every_format() {
    let shop = Shop::new();
    let sql = "SELECT 1 AS n, 'お茶, \"煎茶\"' AS name, CAST(1200.5 AS DECIMAL(18, 4)) AS money, $today AS day";
    let ask = |format: &str, as_of: &str| shop.run(&["query", "--sql", sql, "--format", format, "--as-of", as_of]).expect(0).out;
    assert_eq!(ask("csv", "2026-06-01"), "n,name,money,day\n1,\"お茶, \"\"煎茶\"\"\",1200.5000,2026-06-01\n");
    // 23:30 in UTC is the next day in the shop.
    let json: serde_json::Value = serde_json::from_str(&ask("json", "2026-06-01T23:30:00Z")).expect("JSON");
    assert_eq!((&json[0]["name"], &json[0]["day"]), (&"お茶, \"煎茶\"".into(), &"2026-06-02".into()));
    let ndjson: serde_json::Value = serde_json::from_str(ask("ndjson", "2026-06-01").trim_end()).expect("one object a line");
    assert_eq!(ndjson["n"], 1);
    assert!(ask("table", "2026-06-01").contains("| 1200.5000 |"), "{}", ask("table", "2026-06-01"));
    shop.run(&["query", "--sql", sql, "--format", "parquet", "-o", "out.parquet"]).expect(0);
    assert!(std::fs::read(shop.path("out.parquet")).expect("a file").starts_with(b"PAR1"));
    shop.run(&["query", "--list"]).expect(0).says(&["reports/f2_by_cohort", "reports/f2_total", "days:int"]);
}

#[test]
fn one_writer_at_a_time() {
    let shop = Shop::new();
    shop.write("in.csv", "注文番号\n1\n");
    let mut serving = shop
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Kept open: a server whose reader has gone would stop at its next line.
    let mut printed = BufReader::new(serving.stdout.take().expect("its output"));
    let mut first = String::new();
    printed.read_line(&mut first).expect("a line");
    let tried: Vec<_> = [&["run"][..], &["import", "in.csv", "--map", "demo-orders"], &["attribute"], &["export", "dormant-top"]]
        .into_iter()
        .map(|args| shop.run(args))
        .collect();
    let read = shop.run(&["query", "f2_total"]);
    serving.kill().expect("it was running");
    serving.wait().expect("it ends");
    assert!(first.contains("password: "), "{first}");
    for ran in tried {
        ran.expect(75).complains(&["another process is working on this shop", "remedy: wait for it, or stop it"]);
    }
    read.expect(0);
    shop.run(&["run"]).expect(0);
}

const PEOPLE: usize = 40;

/// A shop whose people have consented, with a cart of each left at a time, and a first tick four hours before.
fn with_carts(hours_ago: i64) -> Shop {
    let shop = Shop::new();
    let settings = std::fs::read_to_string(shop.path("shop/tsubame.toml")).expect("settings");
    // The clock is the real one: at night there would be nothing to see.
    shop.write("shop/tsubame.toml", settings.replace("[quiet]\n", "[quiet]\nenabled = false\n"));
    let at = |hours: i64| (Utc::now() - Duration::hours(hours)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    shop.run(&["run", "--at", &at(hours_ago + 4)]).expect(0).says(&["planned 0 sends and 0 ghosts, 0 entry moves"]);
    let head =
        "会員ID,氏名,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時\n";
    let person = |n: usize| {
        let consent = if n.is_multiple_of(4) { 0 } else { 1 };
        format!("c{n},茶々 {n},c{n}@example.jp,,,,,,2025-01-31,,{consent},0,0,2025-01-31 00:00:00\n")
    };
    shop.write("people.csv", head.to_string() + &(0..PEOPLE).map(person).collect::<String>());
    shop.run(&["import", "people.csv", "--map", "demo-customers"]).expect(0);
    let head =
        "event_id,name,occurred_at,customer_id,visitor_id,session_id,cart_id,order_id,product_id,category,value,url,send_id\n";
    let cart = |n: usize| format!("e{n},cart_updated,{},c{n},,,k{n},,,,1200,,\n", at(hours_ago));
    shop.write("carts.csv", head.to_string() + &(0..PEOPLE).map(cart).collect::<String>());
    shop.run(&["import", "carts.csv", "--map", "demo-events"]).expect(0);
    shop
}

fn outbox(shop: &Shop) -> Vec<String> {
    let text = std::fs::read_to_string(shop.path("shop/outbox/email.ndjson")).unwrap_or_default();
    text.lines().map(String::from).collect()
}

#[test]
fn a_run_sends_what_is_due_once_and_accounts_for_everybody() {
    let shop = with_carts(4);
    shop.run(&["run"]).expect(0);
    let sent = outbox(&shop);
    let by_state = shop.ask("SELECT state, count(*) FROM sends GROUP BY state ORDER BY state");
    let ghosts = shop.ask("SELECT count(*) FROM sends WHERE state = 'ghost'")[0].parse::<usize>().expect("a number");
    assert_eq!(by_state, [format!("accepted,{}", sent.len()), format!("ghost,{ghosts}")]);
    let accounted = "SELECT customer_id FROM sends UNION ALL SELECT DISTINCT customer_id FROM stops WHERE customer_id NOT IN (SELECT customer_id FROM sends) \
                     UNION ALL SELECT DISTINCT customer_id FROM entries WHERE reason = 'consent' AND customer_id NOT IN (SELECT customer_id FROM stops)";
    let mut accounted = shop.ask(accounted);
    accounted.sort();
    let mut everybody: Vec<String> = (0..PEOPLE).map(|n| format!("c{n}")).collect();
    everybody.sort();
    assert_eq!(accounted, everybody, "each is sent to, a ghost, or stopped");
    assert!(!sent.is_empty() && ghosts > 0, "a holdout of 30 % of {PEOPLE}");
    for line in &sent {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let number: usize = line["customer_id"].as_str().expect("a customer")[1..].parse().expect("its number");
        assert!(!number.is_multiple_of(4), "{number} did not consent");
        assert!(line["body"].as_str().expect("words").contains("カートに1,200円分のお品物"), "{}", line["body"]);
    }
    shop.run(&["run"]).expect(0);
    assert_eq!(outbox(&shop), sent, "nobody is written to twice");
    shop.run(&["readout", "cart-recovery"]).expect(0).says(&["cannot say yet"]);
    shop.run(&["attribute"]).expect(0);
    shop.run(&["attribute"]).expect(0).says(&["touches: 0 new, credits: 0 booked"]);
}

#[test]
fn what_went_out_of_date_meanwhile_is_not_sent() {
    // Due ten days and nine days ago, of use for twelve hours.
    let shop = with_carts(240);
    let ran = shop.run(&["run"]);
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    assert_eq!(outbox(&shop), Vec::<String>::new());
    assert_eq!(shop.ask("SELECT count(*) FROM sends WHERE state = 'accepted'"), ["0"]);
    assert!(shop.ask("SELECT count(*) FROM entries") != ["0"], "they did come in");
}

#[test]
fn an_export_is_made_once() {
    let shop = Shop::new();
    let orders: String = (1..=10).map(|n| format!("{n},c{n},2024-04-02,{n}000\n")).collect();
    shop.write("shop/mappings/own.toml", "[source]\nname = \"own\"\nkind = \"orders\"\n[columns]\norder_id = { from = \"id\" }\ncustomer_id = { from = \"member\" }\nordered_at = { from = \"at\" }\ntotal = { from = \"sum\" }\n");
    shop.write("in.csv", format!("id,member,at,sum\n{orders}"));
    shop.run(&["import", "in.csv", "--map", "own"]).expect(0);
    let made = || {
        files(&shop.path("shop/exports"))
            .into_iter()
            .map(|(name, path)| (name, std::fs::read(path).expect("a file")))
            .collect::<Vec<_>>()
    };
    let first = shop.run(&["export", "dormant-top"]).expect(0).says(&["3 members, 3 added, 0 removed: "]);
    assert!(!first.out.contains("made before"), "{}", first.out);
    let before = made();
    let names: Vec<&str> = before.iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
    assert!(["_SUCCESS", "manifest.json", "latest.json"].iter().all(|name| names.contains(name)), "{names:?}");
    assert!(
        before.iter().any(|(name, bytes)| name.ends_with(".csv") && String::from_utf8_lossy(bytes).contains("c10")),
        "{names:?}"
    );
    shop.run(&["export", "dormant-top"]).expect(0).says(&["3 members, ", "(made before)"]);
    assert_eq!(made(), before, "not a byte changed");
    assert_eq!(
        shop.ask("SELECT customer_id FROM audiences ORDER BY customer_id"),
        ["c10", "c8", "c9"],
        "and the audience is remembered once"
    );
    let past = shop.run(&["export", "dormant-top", "--date", "2024-06-30"]).expect(0).says(&["0 members"]);
    assert!(past.out.contains("date=2024-06-30"), "{}", past.out);
}
