//! Changes of permissions, with their evidence.

use super::{Column, Kind::*, Table};

pub struct Consents;

impl Table for Consents {
    fn name(&self) -> &'static str {
        "consents"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("同意", "Consents")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "purpose", kind: Text, ja: "目的", en: "Purpose" },
            Column { name: "state", kind: Text, ja: "状態", en: "State" },
            Column { name: "source", kind: Text, ja: "取得元", en: "Source" },
            Column { name: "wording", kind: Text, ja: "文言", en: "Wording" },
            Column { name: "evidence", kind: Text, ja: "証跡", en: "Evidence" },
            Column { name: "changed_at", kind: Instant, ja: "変更日時", en: "Changed at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id", "channel"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["channel", "purpose"]
    }
}
