//! Who is who, as a shop sees it: files come in, rules merge what they may, people the rest, and every view says one person.

use std::os::unix::fs::PermissionsExt;

use crate::shop::Shop;

const MAPPING: &str = "[source]
name = \"own\"
kind = \"orders\"
[columns]
order_id = { from = \"id\" }
customer_id = { from = \"member\" }
email = { from = \"mail\" }
phone = { from = \"phone\" }
ordered_at = { from = \"at\" }
total = { from = \"sum\" }
";
const HEAD: &str = "id,member,mail,phone,at,sum\n";

fn shop(rows: &str) -> Shop {
    let shop = Shop::new();
    shop.write("shop/mappings/own.toml", MAPPING);
    shop.write("in.csv", format!("{HEAD}{rows}"));
    shop.run(&["import", "in.csv", "--map", "own"]).expect(0);
    shop
}

/// What the views say of whom: orders, purchases, contacts, and who was merged.
fn views(shop: &Shop) -> Vec<String> {
    [
        "SELECT 'order', order_id, customer_id FROM orders ORDER BY order_id",
        "SELECT 'buyer', customer_id, orders FROM customer_facts ORDER BY customer_id",
        "SELECT 'contact', customer_id, kind FROM contacts ORDER BY customer_id, kind",
    ]
    .into_iter()
    .flat_map(|sql| shop.ask(sql))
    .collect()
}

fn of<'a>(views: &'a [String], what: &str) -> Vec<&'a str> {
    views.iter().filter_map(|line| line.strip_prefix(what)?.strip_prefix(',')).collect()
}

#[test]
fn relatives_stay_two_until_a_person_merges_them_and_undo_restores_every_view() {
    let shop = shop("1,m-1,a@example.jp,090-0000-0001,2024-04-02,1000\n2,m-2,b@example.jp,09000000001,2024-04-03,2000\n");
    let before = views(&shop);
    assert_eq!(of(&before, "buyer"), ["m-1,1", "m-2,1"]);
    let said = shop.run(&["identity", "proposals"]).expect(0).says(&["m-1 ? m-2  same phone", "1 proposed"]);
    assert!(!said.out.contains("0001") && !said.out.contains("example.jp"), "no address is shown: {}", said.out);

    shop.run(&["identity", "merge", "m-2", "m-9"]).expect(4).complains(&["knows no customer m-9"]);
    shop.run(&["identity", "merge", "m-2", "m-2"]).expect(4).complains(&["themselves"]);
    shop.run(&["identity", "merge", "m-2", "m-1"]).expect(0).says(&["m-1 survives"]);
    let merged = views(&shop);
    assert_eq!(of(&merged, "order"), ["1,m-1", "2,m-1"]);
    assert_eq!(of(&merged, "buyer"), ["m-1,2"]);
    assert_eq!(of(&merged, "contact"), ["m-1,email", "m-1,phone"]);
    shop.run(&["identity", "list"]).expect(0).says(&["m-2 → m-1  by hand", "1 merged"]);
    shop.run(&["identity", "show", "m-2"]).expect(0).says(&["m-2 is m-1", "2 orders"]);
    shop.run(&["identity", "proposals"]).expect(0).says(&["0 proposed"]);
    // A question about the time before does not know of it.
    let then = shop.run(&["query", "--format", "csv", "--as-of", "2024-05-01", "--sql", "SELECT count(*) FROM customer_facts"]);
    assert_eq!(then.expect(0).out.lines().nth(1), Some("2"));

    shop.run(&["identity", "undo", "m-2"]).expect(0).says(&["no longer m-1"]);
    assert_eq!(views(&shop), before);
    shop.run(&["identity", "undo", "m-2"]).expect(4).complains(&["not merged into anybody"]);
    shop.run(&["identity", "proposals"]).expect(0).says(&["0 proposed"]);
    // Importing the file again does not bring it back.
    shop.run(&["import", "in.csv", "--map", "own"]).expect(0);
    assert_eq!(views(&shop), before);
}

#[test]
fn a_guest_order_belongs_to_the_member_of_the_same_mail() {
    let check = |guest: &str, member: &str, expect: usize| {
        let shop = shop(&format!("1,,{guest},,2024-04-02,1000\n2,m-1,{member},,2024-05-02,2000\n"));
        assert_eq!(shop.ask("SELECT count(*) FROM customer_facts"), [expect.to_string()], "{guest} {member}");
        assert_eq!(shop.ask("SELECT orders FROM customer_facts WHERE customer_id = 'm-1'"), [(3 - expect).to_string()]);
    };
    check("a@example.jp", "a@EXAMPLE.jp", 1);
    check("a@example.jp", "b@example.jp", 2);
    // A mall's relay address names nobody.
    check("a@fw.rakuten.ne.jp", "a@fw.rakuten.ne.jp", 2);
}

#[test]
fn whoever_asks_for_it_is_erased_and_no_address_is_said() {
    let shop = shop("1,m-1,a@example.jp,090-0000-0001,2024-04-02,1000\n");
    shop.run(&["account", "add", "anna", "--role", "admin"]).expect(0);
    shop.run(&["account", "add", "mika", "--role", "marketer"]).expect(0);
    shop.run(&["customer", "erase", "m-1"]).expect(2);
    for by in ["mika", "nobody"] {
        shop.run(&["customer", "erase", "m-1", "--by", by]).expect(4).complains(&["no admin", "remedy: "]);
    }
    shop.run(&["customer", "erase", "m-9", "--by", "anna"]).expect(4).complains(&["knows no customer m-9", "remedy: "]);
    let kinds = || shop.ask("SELECT kind FROM contacts WHERE active ORDER BY kind");
    shop.run(&["customer", "erase", "m-1", "--dry-run"]).expect(0).says(&["would erase: 2 addresses"]);
    assert_eq!(kinds(), ["email", "phone"]);
    let said = shop.run(&["customer", "erase", "m-1", "--by", "anna"]).expect(0);
    let said = said.says(&["erased: 2 addresses", "stays: orders", "30 days"]);
    assert!(!said.out.contains("0001") && !said.out.contains("example.jp"), "no address is shown: {}", said.out);
    assert_eq!(kinds(), Vec::<String>::new());
    assert_eq!(of(&views(&shop), "order"), ["1,m-1"]);
    shop.run(&["customer", "erase", "m-1", "--by", "anna"]).expect(0).says(&["had been erased as of", "erased: 0 addresses"]);
}

#[test]
fn whoever_asks_what_is_held_of_them_is_told_and_addresses_are_in_a_file_alone() {
    const ORDERS: &str = "order_id,customer_id,email,phone,ordered_at,total,product_id,category,price,quantity
1,m-1,a@example.jp,090-0000-0001,2024-04-02,1000,tea,drinks,500,2
2,m-2,b@example.jp,,2024-04-03,2000,cup,b@example.jp,2000,1
3,m-3,c@example.jp,,2024-04-04,3000,tea,drinks,3000,1
";
    let shop = Shop::new();
    shop.write("in.csv", ORDERS);
    shop.run(&["import", "in.csv", "--map", "generic-orders"]).expect(0);
    shop.run(&["account", "add", "anna", "--role", "admin"]).expect(0);
    shop.run(&["account", "add", "mika", "--role", "marketer"]).expect(0);
    shop.run(&["identity", "merge", "m-2", "m-1"]).expect(0).says(&["m-1 survives"]);
    let check = |text: &str, addresses: [&str; 3]| {
        let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let each = |member: &str, name: &str| -> Vec<String> {
            let rows = document[member].as_array().expect("rows");
            rows.iter().map(|row| row[name].as_str().unwrap_or_default().to_string()).collect()
        };
        assert_eq!(document["customer_id"], "m-1");
        assert_eq!(each("ids", "from_id"), ["m-2"]);
        assert_eq!(each("contacts", "customer_id"), ["m-1", "m-1", "m-2"]);
        assert_eq!(each("contacts", "address"), addresses);
        assert_eq!(each("orders", "order_id"), ["1", "2"]);
        assert_eq!(document["orders"][1]["lines"][0]["category"], "[email]", "as it landed");
        assert_eq!(document["figures"][0]["orders"], 2);
        assert_eq!(document["erased_at"], serde_json::Value::Null);
    };

    shop.run(&["customer", "show", "m-9"]).expect(4).complains(&["knows no customer m-9", "remedy: "]);
    let shown = shop.run(&["customer", "show", "m-2"]).expect(0);
    check(&shown.out, ["[email]", "[phone]", "[email]"]);
    assert!(!shown.out.contains("example.jp") && !shown.out.contains("9000000001"), "no address is printed: {}", shown.out);

    shop.run(&["customer", "show", "m-2", "--out", "m-2.json"]).expect(2);
    shop.run(&["customer", "show", "m-2", "--out", "m-2.json", "--by", "mika"]).expect(4).complains(&["no admin", "remedy: "]);
    let written = shop.run(&["customer", "show", "m-2", "--out", "m-2.json", "--by", "anna"]).expect(0);
    assert!(!written.out.contains("example.jp"), "no address is printed: {}", written.out);
    let text = std::fs::read_to_string(shop.path("m-2.json")).expect("a file");
    check(&text, ["a@example.jp", "+819000000001", "b@example.jp"]);
    assert!(!text.contains("c@example.jp") && !text.contains("m-3"), "of nobody else: {text}");
    let mode = std::fs::metadata(shop.path("m-2.json")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    shop.run(&["account", "personal-log"]).expect(0).says(&["anna", "all addresses of m-1"]);
    shop.run(&["customer", "show", "m-2", "--out", "m-2.json", "--by", "anna"]).expect(3).complains(&["is there already"]);
}
