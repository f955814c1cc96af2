//! What is wrong in a file: each row with a message and a remedy, and never an address in either.

use connect::{
    formats::Rejection,
    mapping::{ITEM_TARGETS, Kind, Type},
};
use model::Remedy;

use crate::{DEMO_CUSTOMERS, codes, import, try_import};

const MAPPING: &str = "[source]\nname = \"x\"\nkind = \"orders\"\n[columns]\norder_id = { from = \"id\" }\ncustomer_id = { from = \"member\" }\nemail = { from = \"mail\" }\nphone = { from = \"tel\" }\nordered_at = { from = \"at\" }\nstatus = { from = \"state\", map = { done = \"completed\", back = \"returned\" } }\ntotal = { from = \"sum\" }\nsubscription_count = { from = \"count\" }\n";
const HEAD: &str = "id,member,mail,tel,at,state,sum,count\n";

#[test]
fn bad_rows() {
    let check = |row: &str, code: &str, column: Option<&str>, reason: &str, remedy: &str| {
        let imported = import(MAPPING, &format!("{HEAD}{row}\n9,c,,,2024-04-02,done,1,\n"));
        let [rejection] = imported.rejections.as_slice() else { panic!("{row}: {:?}", imported.rejections) };
        assert_eq!((rejection.line, rejection.code, rejection.column.as_deref()), (2, code, column), "{row}: {rejection:?}");
        assert!(rejection.reason.contains(reason), "{row}: {rejection:?}");
        assert!(rejection.remedy.contains(remedy), "{row}: {rejection:?}");
        assert_eq!(rejection.raw, row.as_bytes(), "the row is kept as it stood");
        assert_eq!((imported.counts.made["orders"], imported.counts.rejected[code]), (1, 1), "its neighbour lands");
    };
    check("1,c,,,2024-13-01,done,1,", "not_a_date", Some("at"), "`2024-13-01` fits none of the formats", "formats");
    check("1,c,,,04/05/2024,done,1,", "not_a_date", Some("at"), "`04/05/2024`", "formats");
    check("1,c,,,yesterday,done,1,", "not_a_date", Some("at"), "a text of 9 characters", "formats");
    check("1,c,,,2026-11-26,done,1,", "future", Some("at"), "more than 24 hours ahead", "formats");
    check("1,c,,,2024-04-02,done,12x,", "not_money", Some("sum"), "a text of 3 characters is not an amount", "null_if");
    check("1,c,,,2024-04-02,done,1.23456,", "too_fine", Some("sum"), "more than 4 decimals", "float");
    check("1,c,,,2024-04-02,done,999999999999999,", "too_large", Some("sum"), "14 digits", "separator");
    check("1,c,,,2024-04-02,done,1,1.5", "not_a_count", Some("count"), "`1.5` is not a whole number", "decimals");
    check("1,c,,,2024-04-02,lost,1,", "not_in_map", Some("state"), "`lost` is not a value of the map", "map of status");
    check("1,c,,,2024-04-02,done,-5,", "negative_total", Some("sum"), "below zero", "returned");
    check(",c,,,2024-04-02,done,1,", "missing", Some("id"), "an order number is missing", "keep_rows");
    check("1,c,,,,done,1,", "missing", Some("at"), "the time of the order is missing", "keep_rows");
    check("1.23E+17,c,,,2024-04-02,done,1,", "scientific_id", Some("id"), "scientific notation", "spreadsheet");
    check("1,1.23E+17,,,2024-04-02,done,1,", "scientific_id", Some("member"), "scientific notation", "spreadsheet");
    check("1|2,c,,,2024-04-02,done,1,", "not_an_id", Some("id"), "`|`", "mapped wrongly");
    check("1,c,,,2024-04-02,done,1", "ragged", None, "7 fields, the header 8", "quotes");
    check("1,c,,,2024-04-02,done,1,,x", "ragged", None, "9 fields, the header 8", "quotes");
}

#[test]
fn amounts_at_the_edge_land() {
    let csv = format!("{HEAD}1,c,,,2024-04-02,done,0,\n2,c,,,2024-04-02,back,-5,\n3,c,,,2026-11-25 20:00:00,done,1,\n");
    let imported = import(MAPPING, &csv);
    assert_eq!(codes(&imported), []);
    assert_eq!(crate::members(&imported, "orders", &["net", "status"]), ["0 completed", "-5 returned", "1 completed"]);
}

#[test]
fn an_order_with_a_bad_line_is_rejected_whole() {
    let text = "[source]\nname = \"x\"\nkind = \"orders\"\ngroup_by = [\"id\"]\n[columns]\norder_id = { from = \"id\" }\nordered_at = { from = \"at\" }\n[items]\nprice = { from = \"price\" }\nquantity = { from = \"qty\" }\n";
    let imported =
        import(text, "id,at,price,qty\n1,2024-04-02,100,1\n1,2024-04-02,abc,1\n1,2024-04-02,100,half\n2,2024-04-02,100,1\n");
    assert_eq!(codes(&imported), [(2, "order_rejected"), (3, "not_money"), (4, "not_a_count")]);
    assert!(imported.rejections[0].reason.contains("line 3"), "{:?}", imported.rejections[0]);
    assert_eq!(crate::members(&imported, "orders", &["order_id"]), ["2"]);
}

#[test]
fn bad_customers() {
    let head = "会員ID,氏名,フリガナ,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時\n";
    let check = |row: &str, code: &str, column: Option<&str>| {
        let imported = import(DEMO_CUSTOMERS, &format!("{head}{row}\n"));
        let [rejection] = imported.rejections.as_slice() else { panic!("{row}: {:?}", imported.rejections) };
        assert_eq!((rejection.code, rejection.column.as_deref()), (code, column), "{rejection:?}");
        assert!(imported.facts.is_empty() && imported.contacts.is_empty() && imported.consents.is_empty());
    };
    check(",山田,,kein,なし,,,,,,,,,,", "nobody", None);
    check("c1,,,,,,不詳,,,,,,,,", "not_in_map", Some("性別"));
    check("c1,,,,,,,1990-02-30,,,,,,,", "not_a_date", Some("誕生日"));
    check("c1,,,,,,,,,,,たぶん,,,", "not_in_map", Some("メール同意"));
    check("c1,,,,,,,,,2030-01-01,,,,,", "future", Some("登録日"));
}

#[test]
fn encodings() {
    let rows = "id,member,mail,tel,at,state,sum,count\n1,髙﨑①,,,2024-04-02,done,￥１，２００,\n";
    let check = |encoding: &str, bytes: &[u8], expect: &str| {
        let text = MAPPING.replace("[columns]", &format!("encoding = \"{encoding}\"\n[columns]"));
        let got = match try_import(&text, bytes) {
            Ok(imported) => match imported.rejections.first() {
                Some(Rejection { code, .. }) => code.to_string(),
                None => crate::members(&imported, "orders", &["customer_id", "net"]).join(","),
            },
            Err(error) => {
                assert!(error.remedy().is_some(), "{error}");
                error.to_string()
            }
        };
        assert_eq!(got, expect, "{encoding}");
    };
    let cp932 = encoding_rs::SHIFT_JIS.encode(rows).0.into_owned();
    let euc_jp = encoding_rs::EUC_JP.encode(&rows.replace("髙﨑①", "佐藤花子").replace('￥', "")).0.into_owned();
    check("auto", rows.as_bytes(), "髙﨑① 1200");
    check("auto", &cp932, "髙﨑① 1200");
    check("cp932", &cp932, "髙﨑① 1200");
    check("auto", &euc_jp, "佐藤花子 1200");
    check("euc-jp", &euc_jp, "佐藤花子 1200");
    check("auto", &[b"\xef\xbb\xbf", rows.as_bytes()].concat(), "髙﨑① 1200");
    check("utf-8", &cp932, "undecodable");
    check("euc-jp", &cp932, "undecodable");
    check("auto", b"", "the file is empty");
    check("auto", b"\xff\xfei\0d\0", "the file is in UTF-16, which is not read here");
}

/// Rows that put an address into every column in turn, well formed or broken.
#[test]
fn no_rejection_contains_an_address() {
    let addresses = [
        "canary.person@example.jp",
        "090-7777-1234",
        "09077771234",
        "+81 90 7777 1234",
        "０９０７７７７１２３４",
        "canary@",
        "0907777123",
    ];
    let cells = ["1", "c", "", "", "2024-04-02", "done", "1", "1"];
    let mut rejected = 0;
    for address in addresses {
        for column in 0..cells.len() {
            for tail in ["", ",x"] {
                let mut row = cells;
                row[column] = address;
                let imported = import(MAPPING, &format!("{HEAD}{}{tail}\n", row.join(",")));
                for rejection in &imported.rejections {
                    rejected += 1;
                    let said = format!("{} {} {:?} {rejection:?}", rejection.reason, rejection.remedy, rejection.column);
                    for part in ["canary", "7777", "７７７７"] {
                        assert!(!said.contains(part), "{said}");
                    }
                }
                let printed = format!("{:?} {:?}", imported.contacts, imported.counts);
                assert!(!printed.contains("canary") && !printed.contains("7777"), "{printed}");
                let rows: String = imported.facts.iter().map(|fact| fact.row.as_str()).collect();
                let id_column = [0, 1].contains(&column); // An id that is a broken address stays what the shop chose.
                assert!(id_column || (!rows.contains("canary") && !rows.contains("7777")), "{rows}");
            }
        }
    }
    assert!(rejected > 60, "{rejected}");
}

/// Files of every kind, with an address in every column that takes a text or an id.
#[test]
fn no_fact_holds_an_address_that_stood_where_none_belongs() {
    for kind in Kind::ALL {
        let items = if kind == Kind::Orders { ITEM_TARGETS } else { &[] };
        let of_items = items.iter().map(|(target, of)| (format!("item_{target}"), *target, *of));
        let columns: Vec<(String, &str, Type)> =
            kind.targets().iter().map(|(target, of)| (target.to_string(), *target, *of)).chain(of_items).collect();
        let lines = |columns: &[(String, &str, Type)]| -> String {
            columns.iter().map(|(from, target, _)| format!("{target} = {{ from = \"{from}\" }}\n")).collect()
        };
        let (own, of_items) = columns.split_at(kind.targets().len());
        let items = if of_items.is_empty() { String::new() } else { format!("[items]\n{}", lines(of_items)) };
        let mapping = format!("[source]\nname = \"x\"\nkind = \"{}\"\n[columns]\n{}{items}", kind.name(), lines(own));
        let head: Vec<&str> = columns.iter().map(|(from, ..)| from.as_str()).collect();
        for address in ["canary.person@example.jp", "Ucafecafecafecafecafecafecafecafe", "+819077771234"] {
            let cell = |(_, target, of): &(String, &str, Type)| match of {
                Type::Id if *target == "customer_id" => "c1",
                Type::Text if *target == "currency" => "JPY",
                Type::Text | Type::Id => address,
                Type::Instant | Type::Date => "2024-04-02",
                Type::Channel => "email",
                Type::OneOf(words) => words[0],
                Type::Money | Type::Percent => "0",
                Type::Count | Type::Yes => "1",
                _ => "",
            };
            let row: Vec<&str> = columns.iter().map(cell).collect();
            let imported = import(&mapping, &format!("{}\n{}\n", head.join(","), row.join(",")));
            assert_eq!(codes(&imported), [], "{}: {:?}", kind.name(), imported.rejections);
            let made = imported.facts.len() + imported.consents.len() + imported.suppressions.len();
            assert!(made > 0, "{}: nothing came of it", kind.name());
            let told = format!("{:?}{:?}", imported.consents, imported.suppressions);
            for text in imported.facts.iter().map(|fact| &fact.row).chain([&told]) {
                for part in ["canary", "cafecafe", "7777"] {
                    assert!(!text.contains(part), "{}: {text}", kind.name());
                }
            }
        }
    }
}
