//! Who entered which segment and who left it, night by night.

use super::{Column, Kind::*, Table};

pub struct SegmentChanges;

impl Table for SegmentChanges {
    fn name(&self) -> &'static str {
        "segment_changes"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("セグメントの増減", "Segment changes")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "run_id", kind: Text, ja: "実行ID", en: "Run" },
            Column { name: "segment", kind: Text, ja: "セグメント", en: "Segment" },
            Column { name: "definition", kind: Text, ja: "定義", en: "Definition" },
            Column { name: "as_of", kind: Instant, ja: "時点", en: "As of" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "entered", kind: Bool, ja: "追加", en: "Entered" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["segment", "as_of"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["segment", "as_of"]
    }
}
