//! Importing files as shops have them: what can be used lands, what cannot is named with line and remedy and kept.

use crate::shop::{Shop, files};

const OWN: &str = "[source]
name = \"own\"
kind = \"orders\"
[columns]
order_id = { from = \"id\" }
customer_id = { from = \"member\" }
ordered_at = { from = \"at\" }
total = { from = \"sum\" }
";
const HEAD: &str = "id,member,at,sum\n";

/// 東京都 in CP932.
const TOKYO: &[u8] = b"\x93\x8c\x8b\x9e\x93\x73";

fn shop() -> Shop {
    let shop = Shop::new();
    shop.write("shop/mappings/own.toml", OWN);
    shop
}

fn orders(shop: &Shop) -> Vec<String> {
    shop.ask("SELECT order_id, customer_id, net FROM orders ORDER BY order_id")
}

#[test]
fn one_bad_line_still_lands_the_others() {
    let check = |line: &str, column: &str, code: &str, reason: &str| {
        let shop = shop();
        shop.write("in.csv", format!("{HEAD}1,c1,2024-04-02,1000\n{line}\n3,c3,2024-04-02,3000\n"));
        let ran = shop.run(&["import", "in.csv", "--map", "own"]).expect(5);
        let ran = ran.says(&["new facts: 2, known: 0, rejected: 1", "line 3: ", reason]).complains(&[".rejects.csv", "remedy: "]);
        assert!(!ran.out.contains("line 2:") && !ran.out.contains("line 4:"), "{}", ran.out);
        assert_eq!(orders(&shop), ["1,c1,1000.0000", "3,c3,3000.0000"], "{line}");
        let lists = files(&shop.path("shop/rejects"));
        let [(name, path)] = lists.as_slice() else { panic!("{lists:?}") };
        assert!(name.starts_with("in.csv.") && name.ends_with(".rejects.csv") && ran.err.contains(name), "{name}\n{}", ran.err);
        let rejects = std::fs::read_to_string(path).expect("a list of rejects");
        let lines: Vec<&str> = rejects.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, "file,line,column,code,reason,remedy"), "{rejects}");
        assert!(lines[1].starts_with(&format!("in.csv,3,{column},{code},")), "{rejects}");
        let doctor = shop.run(&["doctor"]).expect(0);
        let letters: Vec<&str> = doctor.out.lines().filter(|line| line.starts_with("dead letter")).collect();
        assert!(letters.len() == 1 && letters[0].contains("in.csv#") && letters[0].contains(" line 3: "), "{letters:?}");
        // Mended, the file lands what is missing and nothing twice.
        shop.write("in.csv", format!("{HEAD}1,c1,2024-04-02,1000\n2,c2,2024-04-02,2000\n3,c3,2024-04-02,3000\n"));
        shop.run(&["import", "in.csv", "--map", "own"]).expect(0).says(&["new facts: 1, known: 2, rejected: 0"]);
        assert_eq!(orders(&shop), ["1,c1,1000.0000", "2,c2,2000.0000", "3,c3,3000.0000"]);
    };
    check("2,c2,soon,1000", "at", "not_a_date", "fits none of the formats");
    check("2,c2,2024-04-02,abc", "sum", "not_money", "is not an amount of money");
    check("2,c2,2024-04-02,-5", "sum", "negative_total", "below zero");
    check("2,c2,2024-04-02,999999999999999", "sum", "too_large", "14 digits");
    check("2,c2,2999-01-01,1000", "at", "future", "hours ahead");
    check(",c2,2024-04-02,1000", "id", "missing", "an order number is missing");
    check("1.23E+17,c2,2024-04-02,1000", "id", "scientific_id", "scientific notation");
    check("2,c2,2024-04-02,1000,x", "", "ragged", "5 fields, the header 4");
}

#[test]
fn the_same_orders_in_every_format() {
    let csv = format!("{HEAD}1,c1,2024-04-02,1000\n2,c2,2024-04-02,oops\n3,c3,2024-04-02,3000\n");
    let ndjson = "{\"id\":1,\"member\":\"c1\",\"at\":\"2024-04-02\",\"sum\":1000}\n{\"id\":2,\"member\":\"c2\",\"at\":\"2024-04-02\",\"sum\":\"oops\"}\n{\"id\":3,\"member\":\"c3\",\"at\":\"2024-04-02\",\"sum\":3000}\n";
    let gzip = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, text.as_bytes()).expect("into memory");
        packed.finish().expect("into memory")
    };
    let check = |name: &str, bytes: &[u8], line: u64| {
        let shop = shop();
        shop.write(name, bytes);
        let ran = shop.run(&["import", name, "--map", "own"]).expect(5);
        ran.says(&["new facts: 2, known: 0, rejected: 1", &format!("line {line}: ")]);
        assert_eq!(orders(&shop), ["1,c1,1000.0000", "3,c3,3000.0000"], "{name}");
    };
    check("in.csv", csv.as_bytes(), 3);
    check("in.csv.gz", &gzip(&csv), 3);
    check("in.tsv", csv.replace(',', "\t").as_bytes(), 3);
    check("in.ndjson", ndjson.as_bytes(), 2);
    check("in.jsonl.gz", &gzip(ndjson), 2);
    // What it is, and not what it is called.
    check("in.xls", csv.as_bytes(), 3);
    check("in.csv", &gzip(&csv), 3);
}

#[test]
fn a_mapping_for_another_kind_of_file_says_so() {
    let shop = shop();
    shop.write("in.csv", "会員ID,氏名,メールアドレス,登録日\n5,田中 一郎,a@example.jp,2024-04-02\n");
    shop.run(&["import", "in.csv", "--map", "own"]).expect(3).complains(&["this looks like a file of customers"]);
}

#[test]
fn amounts_and_ids_at_the_edge() {
    let shop = shop();
    let csv = format!(
        "{HEAD}1,c1,2024-04-02,0\n2,c2,2024-04-02,2000\n2,c2,2024-04-02,2000\n3,c3,2024-04-02,3000\n3,c3,2024-04-02,2500\n"
    );
    shop.write("in.csv", &csv);
    shop.run(&["import", "in.csv", "--map", "own"]).expect(0).says(&["rejected: 0"]);
    assert_eq!(
        orders(&shop),
        ["1,c1,0.0000", "2,c2,2000.0000", "3,c3,2500.0000"],
        "the later of two contents is the order's state"
    );
    assert_eq!(
        shop.ask("SELECT count(*) FROM orders_history"),
        ["4"],
        "the same row twice is one fact, another content a revision"
    );
    assert_eq!(shop.ask("SELECT count(*) FROM purchases"), ["2"], "a zero-yen order is no purchase");
}

#[test]
fn the_same_file_again_changes_nothing() {
    let shop = shop();
    shop.write("in.csv", format!("{HEAD}1,c1,2024-04-02,1000\n2,c2,2024-04-02,oops\n"));
    let first = shop.run(&["import", "in.csv", "--map", "own"]).expect(5).says(&["new facts: 1"]);
    let before = (orders(&shop), shop.run(&["doctor"]).expect(0).out);
    let second = shop.run(&["import", "in.csv", "--map", "own"]).expect(5).says(&["new facts: 0, known: 1, rejected: 1"]);
    assert_eq!(
        (orders(&shop), shop.run(&["doctor"]).expect(0).out),
        before,
        "no row, no position, no commit, no second dead letter"
    );
    assert_eq!(first.err.lines().last(), second.err.lines().last());
}

#[test]
fn encodings() {
    let mapping = "[source]\nname = \"people\"\nkind = \"customers\"\nencoding = \"ENC\"\n[columns]\ncustomer_id = { from = \"id\" }\nprefecture = { from = \"東京都\" }\n";
    let check = |encoding: &str, header: &[u8], cell: &[u8], code: i32, expect: &[&str]| {
        let shop = Shop::new();
        shop.write("shop/mappings/people.toml", mapping.replace("ENC", encoding));
        shop.write("in.csv", [b"id,", header, b"\nc1,", cell, b"\nc2,x\n"].concat());
        let ran = shop.run(&["import", "in.csv", "--map", "people"]).expect(code);
        assert_eq!(shop.ask("SELECT customer_id, prefecture FROM customers ORDER BY customer_id"), expect, "{encoding}");
        ran
    };
    let utf8 = "東京都".as_bytes();
    check("auto", utf8, utf8, 0, &["c1,東京都", "c2,x"]);
    check("auto", TOKYO, TOKYO, 0, &["c1,東京都", "c2,x"]);
    check("cp932", TOKYO, TOKYO, 0, &["c1,東京都", "c2,x"]);
    check("utf-8", utf8, TOKYO, 5, &["c2,x"]).says(&["line 2: ", "rejected: 1"]);
    check("cp932", TOKYO, b"\xfd\xfe\xff", 5, &["c2,x"]).says(&["line 2: ", "rejected: 1"]);
}

#[test]
fn files_without_rows() {
    let shop = shop();
    shop.write("empty.csv", "");
    shop.run(&["import", "empty.csv", "--map", "own"]).expect(3).complains(&["the file is empty", "remedy: "]);
    shop.write("header.csv", HEAD);
    shop.run(&["import", "header.csv", "--map", "own"]).expect(0).says(&["new facts: 0, known: 0, rejected: 0"]);
    let ran = shop.run(&["import", "absent.csv", "--map", "own"]);
    assert_ne!(ran.code, 0);
    ran.complains(&["absent.csv"]);
}

#[test]
fn a_mapping_that_does_not_fit_says_where_and_what_is_near() {
    let shop = shop();
    shop.write("in.csv", "id,membr,at,summ\n1,c1,2024-04-02,1000\n");
    let ran = shop.run(&["import", "in.csv", "--map", "own"]).expect(3);
    let own = "own.toml";
    ran.complains(&[
        "2 problems found",
        &format!("{own}:6: the file has no column `member`"),
        "did you mean `membr`?",
        &format!("{own}:8: the file has no column `sum`"),
        "did you mean `summ`?",
    ]);
    assert_eq!(orders(&shop), Vec::<String>::new(), "nothing landed");
    shop.write(
        "shop/mappings/wrong.toml",
        "[source]\nname = \"x\"\nkind = \"orders\"\nzone = 3\n[columns]\norder_id = { form = \"id\" }\n",
    );
    shop.run(&["import", "in.csv", "--map", "wrong"]).expect(3).complains(&[
        "wrong.toml:4: source has no `zone`",
        "wrong.toml:6: ",
        "form",
        "remedy: ",
    ]);
    shop.run(&["import", "in.csv", "--map", "nothing"]).expect(3).complains(&[
        "there is no mapping `nothing`",
        "eccube4-orders",
        "import detect",
    ]);
}

#[test]
fn built_in_mappings_and_detection() {
    let shop = Shop::new();
    let csv = "注文ID,会員ID,お名前(姓),お名前(名),メールアドレス,TEL,小計,値引き,送料,税金,支払合計,対応状況(ID),受注日,商品ID,商品名,商品コード,価格,個数,明細区分(ID),送料\n\
               1,7,田中,一郎,taro@example.jp,000-0000-0000,1100,0,500,100,1600,1,2024/4/2 8:20,7,お茶,T1,1000,1,1,500\n\
               1,7,田中,一郎,taro@example.jp,000-0000-0000,1100,0,500,100,1600,1,2024/4/2 8:20,,送料,,500,1,2,500\n\
               2,8,,,,090-1234-5678,1100,0,500,100,1600,3,2024-04-02 08:20:54,7,お茶,T1,1000,1,1,500\n";
    shop.write("受注.csv", csv);
    shop.run(&["import", "受注.csv", "--map", "eccube4-orders"]).expect(0).says(&["orders: 2", "rejected: 0"]);
    assert_eq!(
        shop.ask("SELECT order_id, customer_id, status, net FROM orders ORDER BY order_id"),
        ["1,7,completed,1000.0000", "2,8,cancelled,1000.0000"]
    );
    assert_eq!(
        shop.ask("SELECT customer_id, kind FROM contacts WHERE active ORDER BY customer_id, kind"),
        ["7,email", "7,name", "8,phone"]
    );
    let guess = shop.run(&["import", "detect", "受注.csv"]).expect(0).says(&["[source]", "order_id", "注文ID"]);
    assert!(!guess.out.contains("taro@") && !guess.err.contains("taro@"), "a guess shows nobody's address");
    shop.write("shop/mappings/guessed.toml", &guess.out);
    shop.run(&["import", "受注.csv", "--map", "guessed"]).expect(0).says(&["rejected: 0"]);
}
