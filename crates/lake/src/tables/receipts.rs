//! What providers and our own links said later.

use super::{Column, Kind::*, Table};

pub struct Receipts;

impl Table for Receipts {
    fn name(&self) -> &'static str {
        "receipts"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("受信通知", "Receipts")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "receipt_id", kind: Text, ja: "通知ID", en: "Receipt" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "kind", kind: Text, ja: "種類", en: "Kind" },
            Column { name: "human", kind: Bool, ja: "人の操作", en: "Human" },
            Column { name: "link", kind: Text, ja: "リンク", en: "Link" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["occurred_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["kind", "channel"]
    }
}
