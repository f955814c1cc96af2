//! That a customer has an address of a kind; the address is in the vault.

use super::{Column, Kind::*, Table};

pub struct Contacts;

impl Table for Contacts {
    fn name(&self) -> &'static str {
        "contacts"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("連絡先の有無", "Contacts")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "kind", kind: Text, ja: "種類", en: "Kind" },
            Column { name: "address_hash", kind: Text, ja: "連絡先ハッシュ", en: "Address hash" },
            Column { name: "active", kind: Bool, ja: "有効", en: "Active" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "changed_at", kind: Instant, ja: "変更日時", en: "Changed at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id", "kind"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["kind"]
    }
}
