//! Each customer's moves through each pass of a scenario.

use super::{Column, Kind::*, Table};

pub struct Entries;

impl Table for Entries {
    fn name(&self) -> &'static str {
        "entries"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("シナリオ参加", "Entries")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "entry_id", kind: Text, ja: "参加ID", en: "Entry" },
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "scenario_version", kind: Text, ja: "シナリオ版", en: "Scenario version" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "entry_key", kind: Text, ja: "参加キー", en: "Entry key" },
            Column { name: "entered_at", kind: Instant, ja: "参加日時", en: "Entered at" },
            Column { name: "status", kind: Text, ja: "状態", en: "Status" },
            Column { name: "step", kind: Text, ja: "ステップ", en: "Step" },
            Column { name: "due_at", kind: Instant, ja: "予定日時", en: "Due at" },
            Column { name: "held_out", kind: Bool, ja: "除外群", en: "Held out" },
            Column { name: "reason", kind: Text, ja: "理由", en: "Reason" },
            Column { name: "context", kind: Text, ja: "文脈", en: "Context" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["scenario", "entered_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["scenario", "entered_at"]
    }
}
