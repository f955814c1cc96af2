//! Which ids are one person.

use super::{Column, Kind::*, Table};

pub struct Identities;

impl Table for Identities {
    fn name(&self) -> &'static str {
        "identities"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("名寄せ", "Identities")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "kind", kind: Text, ja: "種類", en: "Kind" },
            Column { name: "from_id", kind: Text, ja: "元のID", en: "From" },
            Column { name: "survivor_id", kind: Text, ja: "統合先", en: "Survivor" },
            Column { name: "rule", kind: Text, ja: "根拠", en: "Rule" },
            Column { name: "linked", kind: Bool, ja: "有効", en: "Linked" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "evidence", kind: Text, ja: "証跡", en: "Evidence" },
            Column { name: "changed_at", kind: Instant, ja: "変更日時", en: "Changed at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["changed_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["kind", "rule"]
    }
}
