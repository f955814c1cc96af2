//! Members of segments at a moment.

use super::{Column, Kind::*, Table};

pub struct Audiences;

impl Table for Audiences {
    fn name(&self) -> &'static str {
        "audiences"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("オーディエンス", "Audiences")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "segment", kind: Text, ja: "セグメント", en: "Segment" },
            Column { name: "definition", kind: Text, ja: "定義", en: "Definition" },
            Column { name: "as_of", kind: Instant, ja: "時点", en: "As of" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["segment", "as_of"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["segment", "as_of"]
    }
}
