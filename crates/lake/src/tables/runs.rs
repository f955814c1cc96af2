//! What was run, when, and with what result.

use super::{Column, Kind::*, Table};

pub struct Runs;

impl Table for Runs {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("実行", "Runs")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "kind", kind: Text, ja: "種類", en: "Kind" },
            Column { name: "name", kind: Text, ja: "名称", en: "Name" },
            Column { name: "logical_at", kind: Instant, ja: "論理日時", en: "Logical time" },
            Column { name: "definition", kind: Text, ja: "定義", en: "Definition" },
            Column { name: "members", kind: Int, ja: "対象数", en: "Members" },
            Column { name: "counts", kind: Text, ja: "内訳", en: "Counts" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["logical_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["kind", "logical_at"]
    }
}
