//! Channels that must not be used for a customer.

use super::{Column, Kind::*, Table};

pub struct Suppressions;

impl Table for Suppressions {
    fn name(&self) -> &'static str {
        "suppressions"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("配信停止", "Suppressions")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "reason", kind: Text, ja: "理由", en: "Reason" },
            Column { name: "active", kind: Bool, ja: "有効", en: "Active" },
            Column { name: "source", kind: Text, ja: "取得元", en: "Source" },
            Column { name: "changed_at", kind: Instant, ja: "変更日時", en: "Changed at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id", "channel"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["channel", "reason"]
    }
}
