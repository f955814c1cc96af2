//! Customers: profile, addresses apart, consents with their evidence.

use crate::{DEMO_CUSTOMERS, codes, import, members};

const HEAD: &str = "会員ID,氏名,フリガナ,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時\n";

#[test]
fn the_demo_shops_customers() {
    let line_id = format!("U{}", "0a".repeat(16));
    let csv = format!(
        "{HEAD}c1,髙橋 花子,タカハシ,hanako@example.jp,０９０－１２３４－５６７８,{line_id},女性,1990-01-02,東京都,2025-04-01,search,1,はい,いいえ,2025-04-02 10:00:00\n\
         c2,,,,,,,,,,,,,,\n\
         c1,髙橋 花子,タカハシ,hanako@example.jp,０９０－１２３４－５６７８,{line_id},女性,1990-01-02,東京都,2025-04-01,search,1,はい,いいえ,2025-04-02 10:00:00\n\
         ,名無し,,guest@example.jp,,,その他,令和元年5月1日,,2025/4/1,,同意,,,\n"
    );
    let imported = import(DEMO_CUSTOMERS, &csv);
    assert_eq!(codes(&imported), []);
    let profiles =
        members(&imported, "customers", &["gender", "birthday", "prefecture", "registered_on", "acquisition", "occurred_at"]);
    assert_eq!(
        profiles,
        [
            "female 1990-01-02 東京都 2025-04-01 search 2025-03-31T15:00:00.000000Z",
            "null null null null null 2026-11-24T12:00:00.000000Z",
            "other 2019-05-01 null 2025-04-01 null 2025-03-31T15:00:00.000000Z",
        ]
    );
    let consents: Vec<String> = imported
        .consents
        .iter()
        .map(|(consent, known_at)| {
            format!("{} {:?} {} {}", consent.channel, consent.state, consent.changed_at, known_at == &consent.changed_at)
        })
        .collect();
    assert_eq!(
        consents,
        [
            "email Granted 2025-04-02 01:00:00 UTC true",
            "line Granted 2025-04-02 01:00:00 UTC true",
            "sms Revoked 2025-04-02 01:00:00 UTC true",
            "email Granted 2025-04-02 01:00:00 UTC true",
            "line Granted 2025-04-02 01:00:00 UTC true",
            "sms Revoked 2025-04-02 01:00:00 UTC true",
            "email Granted 2025-03-31 15:00:00 UTC true",
        ]
    );
    assert_eq!((imported.counts.duplicates, imported.counts.contacts), (1, 6), "an address is told once");
    assert!(imported.facts.iter().all(|fact| !fact.row.contains("example.jp") && !fact.row.contains("花子")));
}

#[test]
fn attributes_keep_what_has_no_column_of_its_own() {
    let text = "[source]\nname = \"x\"\nkind = \"customers\"\n[columns]\ncustomer_id = { from = \"id\", prefix = \"ec-\" }\n\"attributes.rank\" = { from = \"rank\" }\nattributes.skin = { from = \"skin\" }\n";
    let imported = import(text, "id,rank,skin\n1,gold,\n2,,dry\n3,,\n");
    let attributes = members(&imported, "customers", &["customer_id", "attributes"]);
    assert_eq!(attributes, ["ec-1 {\"rank\":\"gold\"}", "ec-2 {\"skin\":\"dry\"}", "ec-3 null"]);
}
