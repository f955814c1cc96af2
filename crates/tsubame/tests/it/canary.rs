//! Nobody's address leaves the vault: wherever in a file it stands, it is not printed, not listed and not stored in the clear.

use crate::shop::{Ran, Shop, TABLES, files};

/// The person's address and phone, as files spell them, and parts that must be found nowhere.
const ADDRESSES: [&str; 4] = ["canary.person@example.jp", "090-7777-1234", "０９０７７７７１２３４", "+81 90 7777 1234"];
const PARTS: [&str; 6] = ["canary.person", "canary%2Eperson", "7777-1234", "77771234", "7777 1234", "７７７７１２３４"];

const CUSTOMERS: &str =
    "会員ID,氏名,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時";
const ORDERS: &str = "注文番号,会員ID,受注日,対応状況,小計,値引き,送料,税金,合計,返金額,クーポン,販売経路,定期契約番号,定期回数,配信ID,商品コード,商品名,カテゴリ,単価,数量";
const EVENTS: &str =
    "event_id,name,occurred_at,customer_id,visitor_id,session_id,cart_id,order_id,product_id,category,value,url,send_id";

/// Texts and numbers of the shop's own, kept as they stand: an address among them is the shop's choice of a number.
const FREE: [&str; 24] = [
    "都道府県",
    "流入元",
    "注文番号",
    "クーポン",
    "販売経路",
    "定期契約番号",
    "配信ID",
    "商品コード",
    "商品名",
    "カテゴリ",
    "event_id",
    "name",
    "visitor_id",
    "session_id",
    "cart_id",
    "order_id",
    "product_id",
    "category",
    "url",
    "send_id",
    "wording",
    "source",
    "purpose",
    "step",
];

#[test]
fn an_address_is_nowhere_but_in_the_vault() {
    let shop = Shop::new();
    let mut said = String::new();
    let mut hear = |ran: Ran| said.push_str(&format!("{}{}", ran.out, ran.err));
    for (mapping, head, row) in [
        ("demo-customers", CUSTOMERS, "c1,,,,,女性,1985-04-03,東京都,2025-01-31,ad,1,1,1,2025-01-31 00:00:00"),
        ("demo-orders", ORDERS, "o1,c1,2026-01-02 03:04:05,発送済,1000,0,0,100,1100,0,W,web,S1,2,m1,T1,お茶,飲料,1000,1"),
        ("demo-events", EVENTS, "e1,product_viewed,2026-01-02T03:04:05+09:00,c1,v1,s1,k1,o1,p1,tea,1000,/p,m1"),
    ] {
        let names: Vec<&str> = head.split(',').collect();
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(names.len(), cells.len(), "{mapping}");
        let mut csv = format!("{head}\n");
        let mut number = 0;
        for address in ADDRESSES {
            for (column, _) in names.iter().enumerate().filter(|(_, name)| !FREE.contains(name)) {
                for tail in ["", ",x"] {
                    number += 1;
                    let mut cells: Vec<String> = cells.iter().map(|cell| cell.to_string()).collect();
                    // Each row is a thing of its own.
                    cells[0] = format!("n{number}");
                    cells[column] = address.into();
                    csv.push_str(&format!("{}{tail}\n", cells.join(",")));
                }
            }
        }
        let file = format!("{mapping}.csv");
        shop.write(&file, &csv);
        hear(shop.run(&["import", &file, "--map", mapping]).expect(5));
        hear(shop.run(&["import", "detect", &file]));
        hear(shop.run(&["import", &file, "--map", "eccube4-orders"]).expect(3));
    }
    hear(shop.run(&["doctor"]).expect(0));
    hear(shop.run(&["query", "customer_search", "-p", "text=nobody"]));
    let kept = shop.ask("SELECT kind, count(*) FROM contacts WHERE active GROUP BY kind ORDER BY kind");
    assert!(kept.iter().any(|line| line.starts_with("email,")) && kept.iter().any(|line| line.starts_with("phone,")), "{kept:?}");
    for table in TABLES {
        // Files of the lake are compressed; so its rows are read.
        hear(shop.run(&["query", "--format", "ndjson", "--sql", &format!("SELECT * FROM {table}_history")]).expect(0));
    }
    assert!(said.contains("\"customer_id\":\"h-"), "an id that is an address became a pseudonym");
    for part in PARTS {
        assert!(!said.contains(part), "{part} was said: {}", around(&said, part));
    }
    let mut read = 0;
    for (name, path) in files(&shop.path("shop")).into_iter().filter(|(name, _)| !name.starts_with("secrets")) {
        let bytes = std::fs::read(path).expect("a file");
        read += 1;
        for part in PARTS {
            let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!found, "{part} stands in {name}");
        }
    }
    let names: Vec<String> = files(&shop.path("shop")).into_iter().map(|(name, _)| name).collect();
    for expected in ["data/state.db", "rejects/demo-orders.csv.", "data/lake/customers/_delta_log"] {
        assert!(names.iter().any(|name| name.contains(expected)), "{expected} is not among the {read} files");
    }
}

fn around(text: &str, part: &str) -> String {
    let at = text.find(part).unwrap_or(0);
    text[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect::<String>() + part
}
