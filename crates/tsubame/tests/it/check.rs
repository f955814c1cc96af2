//! `check` finds every problem of every file at once, with file, line and remedy.

use crate::shop::Shop;

#[test]
fn a_new_shop_has_no_problems() {
    let shop = Shop::new();
    shop.run(&["check"]).expect(0).says(&["no problems", "2 scenarios", "4 messages"]);
    shop.run(&["doctor"]).expect(0).says(&["files      0 problems"]);
    shop.run(&["new", "shop"]).expect(3).complains(&["shop exists", "remedy: "]);
}

#[test]
fn every_problem_at_once() {
    let shop = Shop::new();
    shop.write(
        "shop/queries/reports/wrong.sql",
        "-- Wrong\n--\n-- param days number\n-- column x int ja:\"x\" en:\"x\"\nSELECT 1 AS x\n",
    );
    shop.write(
        "shop/queries/segments/undeclared.sql",
        "-- Wrong\n--\n-- column customer_id text ja:\"x\" en:\"x\"\nSELECT customer_id\nFROM orders WHERE net > $least\n",
    );
    shop.write(
        "shop/dashboards/page.toml",
        "title = { ja = \"x\", en = \"x\" }\n\n[[panel]]\nquery = \"reports/revenue_by_dya\"\n",
    );
    let scenario = std::fs::read_to_string(shop.path("shop/scenarios/cart-recovery.toml")).expect("a scenario");
    let named = |name: &str| scenario.replace("scenario = \"cart-recovery\"", &format!("scenario = \"{name}\""));
    let looping = named("loop").replacen("on_quiet = \"defer\" }", "on_quiet = \"defer\" }\nnext = \"remind\"", 1);
    let line = 1 + looping.lines().position(|line| line.contains("id = \"remind\"")).expect("the step");
    shop.write("shop/scenarios/loop.toml", looping);
    shop.write("shop/scenarios/words.toml", named("words").replace("template = \"cart_1\"", "template = \"cart_9\""));
    shop.write("shop/scenarios/condition.toml", named("condition").replace("value > 0", "worth > 0"));
    let settings = std::fs::read_to_string(shop.path("shop/tsubame.toml")).expect("settings");
    shop.write("shop/tsubame.toml", settings.replace("segment = \"dormant_top_ltv\"", "segment = \"dormant_tip\""));
    let ran = shop.run(&["check"]).expect(3).complains(&[
        "queries/reports/wrong.sql:3: parameter `days` has the unknown type `number`",
        "queries/segments/undeclared.sql:5: the SQL uses `$least`, the header does not declare it",
        "add `-- param least <type>`",
        "dashboards/page.toml:4: there is no query `reports/revenue_by_dya`",
        "did you mean reports/revenue_by_",
        &format!("scenarios/loop.toml:{line}: step `remind` loops back to itself without a wait"),
        "there is no message `cart_9`",
        "add messages/cart_9.toml",
        "scenarios/condition.toml:11: condition `worth > 0`: there is no column `worth`",
        "export `dormant-top`: there is no segment `dormant_tip`",
        "did you mean dormant_top_ltv?",
    ]);
    let problems = ran.err.lines().filter(|line| line.starts_with("  ") && !line.starts_with("    ")).count();
    let remedies = ran.err.lines().filter(|line| line.trim_start().starts_with("remedy: ")).count();
    assert!(problems == remedies && problems >= 7, "each has a remedy:\n{}", ran.err);
    assert!(ran.err.starts_with(&format!("{problems} problems found")), "{}", ran.err);
    // Nothing else works on such a shop either, and says the same.
    shop.run(&["run"]).expect(3).complains(&["scenarios/loop.toml", "queries/reports/wrong.sql:3"]);
}

/// What a night or a tick could not ask is found before it is asked.
#[test]
fn a_segment_that_cannot_be_asked_is_found() {
    let shop = Shop::new();
    let scenario = std::fs::read_to_string(shop.path("shop/scenarios/f2-followup.toml")).expect("a scenario");
    let header = |params: &str| {
        format!("-- Wants\n--\n{params}-- column customer_id text ja:\"x\" en:\"x\"\nSELECT customer_id FROM customers\n")
    };
    shop.write(
        "shop/queries/segments/wants.sql",
        header("-- param least int\n").replace("customers", "customers WHERE $least > 0"),
    );
    // A report of the same name takes nothing away.
    shop.write("shop/queries/reports/f1_on_day.sql", header(""));
    shop.run(&["check"]).expect(0);
    let day = scenario.lines().find(|line| line.starts_with("params")).expect("parameters").to_string();
    let check = |entry: &str, words: &[&str]| {
        shop.write("shop/scenarios/f2-followup.toml", scenario.replace(&day, entry));
        shop.run(&["check"]).expect(3).complains(words);
    };
    check("params = { day = 30 }", &["the segment `f1_on_day` has no parameter `day`", "it takes "]);
    check("params = { days = \"thirty\" }", &["the segment `f1_on_day`: `thirty` is not a value of type int"]);
    check(&format!("{day}\nexclude = [\"wants\"]"), &["the segment `wants` needs `least`, which nobody gives it"]);
    check(&format!("{day}\nexclude = [\"decile\"]"), &["there is no segment `decile`"]);
}

/// What may be wrong is told and does not stop the shop, unless it is asked for.
#[test]
fn warnings_fail_a_strict_check_alone() {
    let shop = Shop::new();
    let message = std::fs::read_to_string(shop.path("shop/messages/f2_a.toml")).expect("a message");
    shop.write("shop/messages/f2_a.toml", message.replace("季節のお茶", "本日限定のお茶"));
    let line = 1 + message.lines().position(|line| line.contains("季節のお茶")).expect("a line");
    let warning = format!("messages/f2_a.toml:{line}: [email]");
    shop.run(&["check"]).expect(0).says(&["no problems", &format!("warning: {warning}"), "景品表示法", "remedy: "]);
    shop.run(&["check", "--lang", "ja"]).expect(0).says(&["「本日限定」景品表示法（有利誤認）"]);
    shop.run(&["check", "--strict"]).expect(3).complains(&[&warning]);
    shop.write(
        "shop/messages/f2_a.toml",
        message.replacen("[email]", "variables = [\"gone\"]\n[email]", 1).replace("季節の", "{{ gone }}"),
    );
    shop.run(&["check"]).expect(3).complains(&["needs `gone`, which nothing that lets into `f2-followup` gives", "remedy: "]);
}

/// Ready-made scenarios come in as drafts, are found right, and replace nothing.
#[test]
fn ready_made_scenarios_are_added() {
    let shop = Shop::new();
    shop.run(&["scenario", "list", "--ready"]).expect(0).says(&[
        "restock: Back in stock",
        "needs: stock",
        "channels: email, line",
    ]);
    shop.run(&["scenario", "list", "--ready", "--lang", "ja"]).expect(0).says(&["cart: カゴ落ち", "サイトの計測タグ"]);
    shop.run(&["new", "shop", "--with", "cart,f2-30,welcome"]).expect(0).says(&["wrote scenarios/welcome.toml", "as drafts"]);
    shop.run(&["new", "shop", "--with", "cart"]).expect(0).says(&["all of it was there"]);
    shop.run(&["check", "--strict"]).expect(0).says(&["5 scenarios"]);
    shop.run(&["scenario", "list"]).expect(0).says(&["cart: ", "(draft)", "f2-30: ", "under way: 0"]);
    shop.run(&["scenario", "show", "cart"]).expect(0).says(&["# enters: whoever has a change of the cart", "enabled = false"]);
    shop.run(&["scenario", "show", "vip"]).expect(0).says(&["# enters: every day at 11:00", "scenario = \"vip\""]);
    shop.run(&["scenario", "show", "nothing"]).expect(3).complains(&["there is no scenario `nothing`", "remedy: "]);
    shop.run(&["new", "shop", "--with", "crat"]).expect(3).complains(&["there is no ready-made scenario `crat`", "remedy: "]);
    let mine = format!("# mine\n{}", std::fs::read_to_string(shop.path("shop/scenarios/cart.toml")).expect("a scenario"));
    shop.write("shop/scenarios/cart.toml", &mine);
    let parts = ["scenarios/cart.toml is there already", "nothing was written"];
    shop.run(&["new", "shop", "--with", "browse,cart"]).expect(3).complains(&parts);
    assert_eq!(std::fs::read_to_string(shop.path("shop/scenarios/cart.toml")).expect("a scenario"), mine);
    assert!(!shop.path("shop/scenarios/browse.toml").exists());
    shop.run(&["new", "other", "--with", "birthday", "--lang", "en"])
        .expect(0)
        .says(&["wrote messages/birthday-1.toml", "made other"]);
    let birthday = std::fs::read_to_string(shop.path("other/messages/birthday-1.toml")).expect("a message");
    assert!(birthday.contains("Happy birthday"), "{birthday}");
}

#[test]
fn wrong_settings_are_named() {
    let shop = Shop::new();
    let settings = std::fs::read_to_string(shop.path("shop/tsubame.toml")).expect("settings");
    let check = |from: &str, to: &str, expect: &[&str]| {
        assert!(settings.contains(from), "{from}");
        shop.write("shop/tsubame.toml", settings.replacen(from, to, 1));
        shop.run(&["check"]).expect(3).complains(expect).complains(&["tsubame.toml"]);
    };
    check("Asia/Tokyo", "Asia/Tokio", &["Asia/Tokio"]);
    check("kind = \"file\"", "kind = \"pigeon\"", &["pigeon", "remedy: "]);
    check("language = \"ja\"", "langauge = \"ja\"", &["langauge", "remedy: "]);
    check("per = \"7d\"", "per = \"7 days\"", &["7 days"]);
}

/// Files as analysts get them wrong: each gets one message, with its line and what to do.
#[test]
fn each_wrong_query_gets_one_message() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/wrong/queries");
    let shop = Shop::new();
    let mut files = 0;
    for kind in ["reports", "segments", "metrics"] {
        for entry in std::fs::read_dir(folder.join(kind)).expect("the folder of wrong queries") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            shop.write(&format!("shop/queries/{kind}/{name}"), std::fs::read(&path).expect("a file"));
            files += 1;
        }
    }
    let ran = shop.run(&["check"]).expect(3);
    assert!(files >= 50 && ran.err.starts_with(&format!("{files} problems found")), "{files} files, and {}", ran.err);
    let messages: Vec<&str> = ran.err.split("\n  shop/queries/").skip(1).collect();
    assert_eq!(messages.len(), files, "{}", ran.err);
    for message in &messages {
        let place = message.split(": ").next().unwrap_or_default();
        let line: usize = place.rsplit(':').next().and_then(|line| line.parse().ok()).unwrap_or(0);
        assert!(line > 0, "no line: {message}");
        assert!(message.contains("\n    remedy: ") || message.contains("\n      remedy: "), "no remedy: {message}");
    }
    let names: std::collections::BTreeSet<&str> = messages.iter().filter_map(|message| message.split(".sql").next()).collect();
    assert_eq!(names.len(), files, "one message each: {}", ran.err);
    insta::assert_snapshot!("wrong_queries", messages.join("\n"));
}

/// What looks like a mistake to a machine and is none: marks of Windows editors, a closing semicolon.
#[test]
fn what_editors_add_is_no_mistake() {
    let shop = Shop::new();
    let text = "-- Orders\n--\n-- column orders int ja:\"注文数\" en:\"Orders\"\nSELECT count(*) AS orders\nFROM orders\nWHERE status == 'completed'\n";
    shop.write("shop/queries/reports/marked.sql", format!("\u{feff}{text}"));
    shop.write("shop/queries/reports/windows.sql", format!("\u{feff}{}", text.replace('\n', "\r\n")));
    shop.write("shop/queries/reports/closed.sql", format!("{};\n", text.trim_end()));
    shop.write("shop/queries/reports/small.sql", text.replace("SELECT", "select").replace("FROM", "from"));
    shop.write("shop/queries/reports/japanese.sql", text.replace("'completed'", "'完了　（１００％）' -- ‘全角’も、注釈なら可"));
    shop.run(&["check"]).expect(0).says(&["no problems"]);
}

#[test]
fn functions_and_tables_are_explained() {
    let shop = Shop::new();
    shop.run(&["functions"]).expect(0).says(&["kaplan_meier", "ja_normalize", "as_of"]);
    shop.run(&["functions", "wilson", "--lang", "ja"])
        .expect(0)
        .says(&["wilson(x int, n int, alpha float = 0.05) → struct(rate, low, high)", "割合"]);
    shop.run(&["functions", "wilsn"]).expect(3).complains(&["no function `wilsn`", "did you mean wilson?"]);
    shop.run(&["functions", "--json"]).expect(0).says(&["\"signature\": \"days_between(a date, b date) → int\""]);
    shop.run(&["dictionary"]).expect(0).says(&["orders", "customer_facts"]);
    shop.run(&["dictionary", "orders"]).expect(0).says(&["Net revenue: without tax", "from orders_history, survivors"]);
    shop.run(&["dictionary", "ordres"]).expect(3).complains(&["there is no table `ordres`", "did you mean orders?"]);
    shop.run(&["dictionary", "--definitions", "--lang", "ja"])
        .expect(0)
        .says(&["1日、週、月の区切り: Asia/Tokyo", "tsubame.toml: timezone"]);
    shop.run(&["dictionary", "--json"]).expect(0).says(&["\"definitions\"", "\"JPY\""]);
}
