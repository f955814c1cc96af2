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
        "scenarios/condition.toml: ",
        "worth",
        "the segment `dormant_tip`, which does not exist",
    ]);
    let problems = ran.err.lines().filter(|line| line.starts_with("  ") && !line.trim_start().starts_with("remedy:")).count();
    let remedies = ran.err.lines().filter(|line| line.trim_start().starts_with("remedy: ")).count();
    assert!(problems == remedies && problems >= 7, "each has a remedy:\n{}", ran.err);
    assert!(ran.err.starts_with(&format!("{problems} problems found")), "{}", ran.err);
    // Nothing else works on such a shop either, and says the same.
    shop.run(&["run"]).expect(3).complains(&["scenarios/loop.toml", "queries/reports/wrong.sql:3"]);
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
