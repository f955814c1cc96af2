//! What tests have decided by themselves, one row per decision: it says what was done, by which rule of which version, and from what it was seen.

use super::{Column, Kind::*, Table};

pub struct Decisions;

impl Table for Decisions {
    fn name(&self) -> &'static str {
        "decisions"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("自動判断", "Decisions")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "decision_id", kind: Text, ja: "判断ID", en: "Decision" },
            Column { name: "rule", kind: Text, ja: "規則", en: "Rule" },
            Column { name: "test", kind: Text, ja: "テスト", en: "Test" },
            Column { name: "version", kind: Text, ja: "版", en: "Version" },
            Column { name: "decided_at", kind: Instant, ja: "判断日時", en: "Decided at" },
            Column { name: "action", kind: Text, ja: "したこと", en: "Action" },
            Column { name: "why", kind: Text, ja: "根拠", en: "Evidence" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["test", "decided_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["decided_at"]
    }
}
