//! Segments from the command line, and their members night by night.

use crate::shop::Shop;

/// Twelve people with one order each, on the first of January to December 2024 at noon; the first of them bought twice.
fn shop() -> Shop {
    let shop = Shop::new();
    shop.write("shop/mappings/own.toml", "[source]\nname = \"own\"\nkind = \"orders\"\n[columns]\norder_id = { from = \"id\" }\ncustomer_id = { from = \"member\" }\nordered_at = { from = \"at\" }\ntotal = { from = \"sum\" }\n");
    let orders: String = (1..=12).map(|n| format!("{n},c{n:02},2024-{n:02}-01 12:00:00,{n}000\n")).collect();
    shop.write("in.csv", format!("id,member,at,sum\n{orders}13,c01,2024-03-15 12:00:00,500\n"));
    shop.run(&["import", "in.csv", "--map", "own"]).expect(0);
    shop
}

#[test]
fn a_segment_is_listed_shown_and_explained() {
    let shop = shop();
    shop.write("shop/queries/segments/ours.toml", "title = { ja = \"当店\", en = \"Ours\" }\nall = [{ attribute = \"orders\", at_least = 1 }, { attribute = \"in_segment\", segment = \"f1_without_f2\", is = true }]\n");
    shop.run(&["check"]).expect(0);
    let listed = shop.run(&["segment", "list", "--format", "json"]).expect(0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let ours = listed.as_array().expect("a list").iter().find(|row| row["segment"] == "ours").expect("it is there");
    assert_eq!(
        (&ours["title"], &ours["made_as"], &ours["selects_from"]),
        (&"当店".into(), &"form".into(), &"f1_without_f2".into())
    );
    let inner = listed.as_array().expect("a list").iter().find(|row| row["segment"] == "f1_without_f2").expect("built in");
    assert!(inner["used_by"].as_str().expect("text").contains("segment ours"), "{inner}");
    let sql = shop
        .run(&["segment", "sql", "ours"])
        .expect(0)
        .says(&["-- Ours", "FROM everybody AS who", "segment.\"f1_without_f2\""])
        .out;
    shop.write("shop/queries/segments/copied.sql", sql);
    shop.run(&["check"]).expect(0);
    let ask = |name: &str| shop.ask(&format!("SELECT customer_id FROM segment.{name} ORDER BY 1"));
    assert_eq!(ask("ours"), ask("copied"), "what is printed is what runs");
    assert_eq!(ask("ours").len(), 11);
    let explain = |customer: &str, as_of: &str| {
        let ran = shop.run(&["segment", "explain", "f1_without_f2", customer, "--as-of", as_of, "--format", "csv"]).expect(0);
        ran.out.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let twice = explain("c01", "2024-06-30");
    assert_eq!(twice[0], "f1_without_f2,false,second_ordered_on IS NULL,false,second_ordered_on = 2024-03-15");
    assert!(explain("c05", "2024-06-30").iter().all(|line| line.starts_with("f1_without_f2,true,") && line.contains(",true,")));
    // Of c12 nothing was known by then.
    assert_eq!(explain("c12", "2024-06-30"), ["f1_without_f2,false,a row of what it selects from,false,"]);
    let explained = shop.run(&["segment", "explain", "f1_without_f2", "nobody"]);
    explained.expect(4).complains(&["the shop knows no customer nobody", "customer_search"]);
    let explained = shop.run(&["segment", "explain", "f1_without_f2", "c01", "-p", "day=3"]);
    explained.expect(3).complains(&["has no parameter `day`", "it takes days, days_max"]);
}

#[test]
fn two_nights_and_two_segments_are_told_apart() {
    let shop = shop();
    let ran = shop
        .run(&["segment", "diff", "f1_without_f2", "--from", "2024-03-01", "--to", "2024-04-15", "--format", "csv"])
        .expect(0);
    ran.complains(&["1 left, 2 came, 0 in both"]).says(&[
        "c01,left,second_ordered_on IS NULL,second_ordered_on = 2024-03-15,",
        "c03,came,\"first_ordered_on <= add_days($today, 0 - $days)\"",
    ]);
    let ran = shop.run(&["segment", "diff", "f1_without_f2", "dormant_top_ltv", "--as-of", "2024-12-31"]).expect(0);
    ran.says(&["only f1_without_f2", "net_revenue_top < $top"]);
    shop.run(&["segment", "diff", "f1_without_f2"]).expect(2).complains(&["--from", "--to"]);
    let diff = shop.run(&["segment", "diff", "f1_without_f2", "--from", "2024-04-15", "--to", "2024-03-01"]);
    diff.expect(3).complains(&["--from 2024-04-15 is after --to 2024-03-01"]);
    shop.run(&["segment", "diff", "f1_without_f2", "dormant"])
        .expect(3)
        .complains(&["there is no segment `dormant`", "did you mean dormant_top_ltv?"]);
    shop.run(&["segment", "diff", "f1_without_f2", "--from", "spring", "--to", "2024-04-15"])
        .expect(3)
        .complains(&["`spring` is not a time"]);
}

#[test]
fn a_back_test_equals_its_nights_one_by_one() {
    let shop = shop();
    let args = ["segment", "back-test", "f1_without_f2", "--from", "2024-03-10", "--to", "2024-03-20", "--window", "45"];
    let ran = shop.run(&[&args[..], &["--verify", "--format", "json"]].concat()).expect(0).complains(&["0 differ"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let nights = report["nights"].as_array().expect("nights");
    assert_eq!(nights.len(), 11);
    // Who bought again on 15 March is out on the 16th.
    let members = |as_of: &str| {
        nights
            .iter()
            .find(|night| night["as_of"].as_str().is_some_and(|at| at.starts_with(as_of)))
            .map(|night| night["members"].clone())
    };
    assert_eq!(members("2024-03-14T18:00"), Some(2.into()));
    assert_eq!(members("2024-03-15T18:00"), Some(1.into()));
    assert_eq!(
        (&nights[0]["buyers"], &nights[0]["orders"], &nights[0]["others"]),
        (&1.into(), &1.into(), &1.into()),
        "{}",
        nights[0]
    );
    assert!(report["overlaps"].as_array().expect("overlaps").iter().any(|other| other["segment"] == "dormant_top_ltv"));
    shop.run(&args).expect(0).says(&["members on the first night", "no lift", "Overlap on the last night", "Night by night"]);
    let check = |args: &[&str], parts: &[&str]| {
        shop.run(&[&["segment", "back-test", "f1_without_f2"], args].concat()).expect(3).complains(parts);
    };
    check(&["--from", "2024-06-30", "--to", "2024-02-01"], &["2024-06-30 is after 2024-02-01", "remedy"]);
    check(&["--from", "2024-06-30", "--to", "2999-01-01"], &["remedy"]);
    check(&["--from", "2024-06-01", "--to", "2024-06-02", "--window", "0"], &["a window of 0 days", "remedy"]);
}

#[test]
fn a_night_saves_who_is_in_and_late_facts_leave_it_alone() {
    let shop = shop();
    let own = "-- Waiting for the second\n--\n-- column customer_id text ja:\"会員ID\" en:\"Customer\"\nSELECT customer_id FROM segment.f1_without_f2\n";
    shop.write("shop/queries/segments/waiting.sql", own);
    let saved = |as_of: &str| {
        let sql = "SELECT customer_id FROM segment_members WHERE segment = 'waiting' ORDER BY customer_id";
        let ran = shop.run(&["query", "--sql", sql, "--as-of", as_of, "--format", "csv"]).expect(0);
        ran.out.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let run = |at: &str| shop.run(&["run", "--at", at]).expect(0);
    run("2024-03-10T12:00:00+09:00");
    run("2024-03-17T12:00:00+09:00");
    assert_eq!(saved("2024-03-10T04:00:00+09:00"), ["c01", "c02"]);
    assert_eq!(saved("2024-03-17T12:00:00+09:00"), ["c02"]);
    assert_eq!(saved("2024-03-09"), Vec::<String>::new());
    // Not a copy a night: one row per coming and going.
    let rows = |segment: &str| {
        shop.ask(&format!(
            "SELECT night, members, entered, \"left\" FROM segment_nights WHERE segment = '{segment}' ORDER BY night"
        ))
    };
    let nights = rows("waiting");
    assert_eq!(nights.len(), 8, "{nights:?}");
    assert_eq!(
        (nights[0].as_str(), nights[5].as_str(), nights[6].as_str(), nights[7].as_str()),
        ("2024-03-10,2,2,0", "2024-03-15,2,0,0", "2024-03-16,1,0,1", "2024-03-17,1,0,0")
    );
    assert_eq!(shop.ask("SELECT count(*) FROM segment_changes_history WHERE segment = 'waiting'"), ["3"]);
    // An order of before that night, heard of after it.
    shop.write("late.csv", "id,member,at,sum\n99,c02,2024-03-05 12:00:00,700\n");
    shop.run(&["import", "late.csv", "--map", "own"]).expect(0);
    assert_eq!(saved("2024-03-17T12:00:00+09:00"), ["c02"]);
    assert_eq!(rows("waiting"), nights);
    run("2024-03-18T12:00:00+09:00");
    assert_eq!(saved("2024-03-18T12:00:00+09:00"), Vec::<String>::new());
    assert_eq!(saved("2024-03-17T12:00:00+09:00"), ["c02"], "the saved night is as it was known");
    run("2024-03-18T12:00:00+09:00");
    assert_eq!(rows("waiting").len(), 9, "a night is saved once");
    let kept = shop.ask("SELECT DISTINCT segment FROM segment_nights ORDER BY segment");
    for (segment, expect) in [("waiting", true), ("f1_without_f2", true), ("dormant_top_ltv", true), ("vip", false)] {
        assert_eq!(
            kept.iter().any(|name| name == segment),
            expect,
            "{segment}: its own, what they use, and what is exported: {kept:?}"
        );
    }
}
