//! Contacts that may earn credit.

use super::{Column, Kind::*, Table};

pub struct Touches;

impl Table for Touches {
    fn name(&self) -> &'static str {
        "touches"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("接触", "Touches")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "touch_id", kind: Text, ja: "接触ID", en: "Touch" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "kind", kind: Text, ja: "種類", en: "Kind" },
            Column { name: "touched_at", kind: Instant, ja: "接触日時", en: "Touched at" },
            Column { name: "sent_at", kind: Instant, ja: "配信日時", en: "Sent at" },
            Column { name: "credit_until", kind: Instant, ja: "貢献期限", en: "Credit until" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["touched_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["touched_at", "channel"]
    }
}
