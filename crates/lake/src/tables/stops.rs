//! Why sends were not made.

use super::{Column, Kind::*, Table};

pub struct Stops;

impl Table for Stops {
    fn name(&self) -> &'static str {
        "stops"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("見送り", "Stops")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "entry_id", kind: Text, ja: "参加ID", en: "Entry" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "step", kind: Text, ja: "ステップ", en: "Step" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "reason", kind: Text, ja: "理由", en: "Reason" },
            Column { name: "detail", kind: Text, ja: "詳細", en: "Detail" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["scenario", "occurred_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["scenario", "reason"]
    }
}
