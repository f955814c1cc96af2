//! Codes that sends told their customers, one row per send.

use super::{Column, Kind::*, Table};

pub struct Coupons;

impl Table for Coupons {
    fn name(&self) -> &'static str {
        "coupons"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("発行クーポン", "Coupons")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "code", kind: Text, ja: "コード", en: "Code" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "step", kind: Text, ja: "ステップ", en: "Step" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "issued_at", kind: Instant, ja: "発行日時", en: "Issued at" },
            Column { name: "expires_on", kind: Date, ja: "有効期限", en: "Expires on" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["issued_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["issued_at", "scenario"]
    }
}
