//! Transitions of sends; SQL's `sends` is the last one of each.

use super::{Column, Kind::*, Table};

pub struct Sends;

impl Table for Sends {
    fn name(&self) -> &'static str {
        "sends"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("配信", "Sends")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "entry_id", kind: Text, ja: "参加ID", en: "Entry" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "scenario_version", kind: Text, ja: "シナリオ版", en: "Scenario version" },
            Column { name: "step", kind: Text, ja: "ステップ", en: "Step" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "purpose", kind: Text, ja: "目的", en: "Purpose" },
            Column { name: "template", kind: Text, ja: "テンプレート", en: "Template" },
            Column { name: "arm", kind: Text, ja: "群", en: "Arm" },
            Column { name: "state", kind: Text, ja: "状態", en: "State" },
            Column { name: "due_at", kind: Instant, ja: "予定日時", en: "Due at" },
            Column { name: "cost", kind: Money, ja: "費用", en: "Cost" },
            Column { name: "provider_id", kind: Text, ja: "配信業者ID", en: "Provider id" },
            Column { name: "detail", kind: Text, ja: "詳細", en: "Detail" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["scenario", "due_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["scenario", "due_at", "channel", "state"]
    }

    fn looked_up(&self) -> &'static [&'static str] {
        &["customer_id"]
    }
}
