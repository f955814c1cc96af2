//! Profile revisions, without addresses.

use super::{Column, Kind::*, Table};

pub struct Customers;

impl Table for Customers {
    fn name(&self) -> &'static str {
        "customers"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("会員", "Customers")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "birthday", kind: Date, ja: "誕生日", en: "Birthday" },
            Column { name: "gender", kind: Text, ja: "性別", en: "Gender" },
            Column { name: "prefecture", kind: Text, ja: "都道府県", en: "Prefecture" },
            Column { name: "registered_on", kind: Date, ja: "登録日", en: "Registered on" },
            Column { name: "acquisition", kind: Text, ja: "流入元", en: "Acquisition" },
            Column { name: "attributes", kind: Text, ja: "その他", en: "Attributes" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &[]
    }
}
