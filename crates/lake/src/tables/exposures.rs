//! That a unit met its arm: the first per experiment and unit.

use super::{Column, Kind::*, Table};

pub struct Exposures;

impl Table for Exposures {
    fn name(&self) -> &'static str {
        "exposures"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("テスト接触", "Exposures")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "experiment", kind: Text, ja: "テスト", en: "Experiment" },
            Column { name: "version", kind: Text, ja: "版", en: "Version" },
            Column { name: "unit", kind: Text, ja: "単位", en: "Unit" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "arm", kind: Text, ja: "群", en: "Arm" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "step", kind: Text, ja: "ステップ", en: "Step" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["experiment", "occurred_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["experiment", "arm"]
    }
}
