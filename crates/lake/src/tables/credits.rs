//! Touches' shares of orders, per model; a refund is a row of its own.

use super::{Column, Kind::*, Table};

pub struct Credits;

impl Table for Credits {
    fn name(&self) -> &'static str {
        "credits"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("貢献売上", "Credits")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "touch_id", kind: Text, ja: "接触ID", en: "Touch" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "model", kind: Text, ja: "モデル", en: "Model" },
            Column { name: "model_version", kind: Text, ja: "モデル版", en: "Model version" },
            Column { name: "gross", kind: Money, ja: "受注時の貢献", en: "Gross" },
            Column { name: "net", kind: Money, ja: "純額の貢献", en: "Net" },
            Column { name: "booked_on", kind: Date, ja: "計上日", en: "Booked on" },
            Column { name: "ordered_at", kind: Instant, ja: "受注日時", en: "Ordered at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["booked_on"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["booked_on", "model", "channel"]
    }
}
