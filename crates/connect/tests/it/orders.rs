//! Orders: grouping, money, people, revisions.

use crate::{DEMO_ORDERS, codes, import, members};

const HEAD: &str = "注文番号,会員ID,受注日,対応状況,小計,値引き,送料,税金,合計,返金額,クーポン,販売経路,定期契約番号,定期回数,配信ID,明細番号,商品コード,商品名,カテゴリ,単価,数量\n";

#[test]
fn the_demo_shops_orders() {
    let csv = format!(
        "{HEAD}o1,c1,2026-01-02 03:04:05,発送済,\"3,000\",500,600,250,3350,0,WELCOME,web,S1,2,,1,T1,お茶,飲料,1000,2\n\
         o1,c1,2026-01-02 03:04:05,発送済,\"3,000\",500,600,250,3350,0,WELCOME,web,S1,2,,2,T2,急須,器,1000,1\n\
         o2,,2026-01-03 00:00:00,取消,1000,,0,100,1100,,,,,,,1,T1,お茶,飲料,1000,1\n\
         o3,c2,2026-01-03 00:00:00,返品,1000,,0,100,1100,1000,,,,,,1,T1,お茶,飲料,1000,1\n\
         o4,c2,2026-01-03 00:00:00,発送済,0,,0,0,0,,,,,,,1,S0,サンプル,,0,1\n"
    );
    let imported = import(DEMO_ORDERS, &csv);
    assert_eq!(codes(&imported), []);
    let orders = members(
        &imported,
        "orders",
        &["order_id", "customer_id", "status", "gross", "discount", "refunded", "net", "ordered_at"],
    );
    assert_eq!(
        orders,
        [
            "o1 c1 completed 3000 500 0 2500 2026-01-01T18:04:05.000000Z",
            "o2 null cancelled 1000 0 0 1000 2026-01-02T15:00:00.000000Z",
            "o3 c2 returned 1000 0 1000 0 2026-01-02T15:00:00.000000Z",
            "o4 c2 completed 0 0 0 0 2026-01-02T15:00:00.000000Z",
        ]
    );
    assert_eq!(
        members(&imported, "orders", &["coupon", "sales_channel", "subscription_id", "subscription_count"])[0],
        "WELCOME web S1 2"
    );
    let lines = members(&imported, "order_lines", &["order_id", "line_no", "sku", "name", "quantity", "unit_price", "amount"]);
    assert_eq!(lines[..2], ["o1 1 T1 お茶 2 1000 2000", "o1 2 T2 急須 1 1000 1000"]);
    assert_eq!((imported.counts.rows, imported.counts.made["orders"], imported.counts.made["order_lines"]), (5, 4, 5));
    assert_eq!(imported.counts.total_differs, 0, "the shop's own totals agree");
    let again = import(DEMO_ORDERS, &csv);
    assert_eq!(again.facts, imported.facts, "the same file gives the same keys: nothing is stored twice");
}

#[test]
fn which_column_of_money_wins() {
    let check = |columns: &str, header: &str, cells: &str, expect: &str| {
        let text = format!(
            "[source]\nname = \"x\"\nkind = \"orders\"\ntax_included = {}\n[columns]\norder_id = {{ const = \"1\" }}\nordered_at = {{ const = \"2024-04-02\" }}\n{columns}",
            header.contains("taxed")
        );
        let imported = import(&text, &format!("{header}\n{cells}\n"));
        let got = members(&imported, "orders", &["gross", "discount", "refunded", "net"]);
        assert_eq!(got, [expect], "{columns} {:?}", imported.rejections);
    };
    let all = "subtotal = { from = \"sub\" }\nsubtotal_discounted = { from = \"after\" }\ndiscount = { from = \"off\" }\npoints_used = { from = \"points\" }\ntax = { from = \"tax\" }\nshipping = { from = \"ship\" }\ntotal = { from = \"total\" }\nrefunded = { from = \"back\" }\n[items]\nprice = { from = \"price\" }\nquantity = { from = \"qty\" }\ndiscount = { from = \"lineoff\" }\n";
    let header = "sub,after,off,points,tax,ship,total,back,price,qty,lineoff";
    check(all, header, "1000,,100,50,90,500,1440,,300,2,", "1000 150 0 850");
    check(all, header, ",850,100,50,85,500,1435,,300,2,", "1000 150 0 850");
    check(all, header, ",,100,,,,,,300,2,", "600 100 0 500");
    check(all, header, ",,,,,,,,300,2,-70", "600 70 0 530");
    check(all, header, ",,100,,90,500,1490,,,,", "1000 100 0 900");
    check(all, header, "1000,,▲100,,,,,200,,,", "1000 100 200 700");
    // Refunds of tax and shipping do not push net below zero.
    check(all, header, "1000,,100,,90,500,1490,1490,,,", "1000 100 900 0");
    check(
        all,
        "sub,after,off,points,tax,ship,total,back,price,qty,lineoff,taxed",
        "1100,,100,,100,500,1500,,,,,",
        "1000 100 0 900",
    );
}

#[test]
fn rows_of_an_order_need_not_be_neighbours() {
    let text = "[source]\nname = \"x\"\nkind = \"orders\"\ngroup_by = [\"id\"]\nkeep_rows = \"kind = 1\"\n[columns]\norder_id = { from = \"id\" }\nordered_at = { from = \"at\" }\nshipping = { from = \"ship\" }\n[items]\nprice = { from = \"price\" }\n";
    let far: String = (0..100).map(|n| format!("f{n},2024-04-02,1,,1\n")).collect();
    let csv = format!(
        "id,at,kind,ship,price\na,2024-04-02,1,,100\nb,2024-04-02,1,,10\na,,1,,200\na,,2,500,\nc,2024-04-02,2,1,\n{far}a,2024-04-02,1,,7\nb,2024-04-02,1,,10\n"
    );
    let imported = import(text, &csv);
    let orders = members(&imported, "orders", &["order_id", "gross", "shipping"]);
    // A row that is no line still gives the order its shipping; an order without any line is none.
    assert_eq!(orders[..2], ["a 300 500", "b 10 0"]);
    assert!(!orders.iter().any(|order| order.starts_with("c ")));
    // Further away: other content is a new revision, the same content nothing.
    assert_eq!(orders.last().unwrap(), "a 7 0");
    assert_eq!((imported.counts.revisions, imported.counts.duplicates, imported.counts.left_out), (1, 1, 2));
}

#[test]
fn returns_are_documents_of_their_own_or_lines() {
    let text = connect::mapping::built_in()["online-retail"];
    let csv = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
               536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850,UK\n\
               536365,85123B,HEART,-2,2010-12-01 08:27:00,2.55,17850,UK\n\
               C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527,UK\n\
               A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,UK\n\
               536414,22139,,56,2010-12-01 11:52:00,0.0,,UK\n";
    let imported = import(text, csv);
    assert_eq!(codes(&imported), []);
    let orders = members(&imported, "orders", &["order_id", "customer_id", "status", "net", "currency"]);
    assert_eq!(orders, ["536365 17850 completed 10.2 GBP", "C536379 14527 returned -27.5 GBP", "536414 null completed 0 GBP"]);
    assert_eq!(imported.counts.left_out, 1, "bookkeeping is skipped");
}

#[test]
fn baskets_whose_discounts_are_already_off() {
    let text = connect::mapping::built_in()["complete-journey-transactions"];
    let csv = "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp\n\
               900,330,31198570044,1095275,1,0.5,0.0,0.0,0.0,1,2017-01-01T11:53:26\n\
               900,330,31198570044,9878513,3,0.99,0.1,0.3,0.0,1,2017-01-01T11:53:26\n";
    let imported = import(text, csv);
    assert_eq!(
        members(&imported, "orders", &["order_id", "customer_id", "gross", "discount", "net"]),
        ["31198570044 900 1.89 0.4 1.49"]
    );
    assert_eq!(members(&imported, "order_lines", &["quantity", "unit_price", "amount"]), ["1 0.5 0.5", "3 0.4633 1.39"]);
}

#[test]
fn guests_are_known_by_address_or_not_at_all() {
    let text = connect::mapping::built_in()["eccube4-orders"];
    let csv = "注文ID,会員ID,お名前(姓),お名前(名),メールアドレス,TEL,小計,値引き,送料,税金,支払合計,対応状況(ID),受注日,商品ID,商品名,商品コード,価格,個数,明細区分(ID),送料\n\
               1,,田中,一郎,taro@example.jp,000-0000-0000,1100,0,500,100,1600,1,2024/4/2 8:20,7,お茶,T1,1000,1,1,500\n\
               1,,田中,一郎,taro@example.jp,000-0000-0000,1100,0,500,100,1600,1,2024/4/2 8:20,,送料,,500,1,2,500\n\
               2,,,,,090-1234-5678,1100,0,500,100,1600,9,45384.3478,7,お茶,T1,1000,1,1,500\n\
               3,,,,kein,なし,1100,0,500,100,1600,7,2024-04-02 08:20:54,7,お茶,T1,1000,1,1,500\n\
               4,,,,kein,なし,1100,0,500,100,1600,6,2024-04-02 08:20:54,7,お茶,T1,1000,1,1,500\n";
    let imported = import(text, csv);
    assert_eq!(codes(&imported), []);
    let orders = members(&imported, "orders", &["order_id", "customer_id", "status", "gross", "net", "shipping"]);
    assert_eq!(orders.len(), 3, "status 7 is skipped: {orders:?}");
    assert!(orders[0].starts_with("1 h-") && orders[0].ends_with(" completed 1000 1000 500"), "{orders:?}");
    assert!(orders[1].starts_with("2 h-") && orders[1].contains("returned"), "{orders:?}");
    assert_eq!(orders[2], "4 null completed 1000 1000 500", "an address that cannot be read does not cost the order");
    assert_eq!(imported.counts.addresses_dropped.values().sum::<u64>(), 2);
    let contacts: Vec<String> =
        imported.contacts.iter().map(|(contact, _)| format!("{} {}", contact.kind.name(), contact.address)).collect();
    assert_eq!(contacts, ["email taro@example.jp", "name 田中 一郎", "phone +819012345678"]);
    assert!(
        imported
            .facts
            .iter()
            .all(|fact| !fact.row.contains("taro") && !fact.row.contains("田中") && !fact.row.contains("9012345678"))
    );
    assert_eq!(imported.counts.total_differs, 0);
}
