//! Shipments, revision by revision.

use super::{Column, Kind::*, Table};

pub struct Shipments;

impl Table for Shipments {
    fn name(&self) -> &'static str {
        "shipments"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("お届け", "Shipments")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "shipment_id", kind: Text, ja: "お届け番号", en: "Shipment" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "subscription_id", kind: Text, ja: "定期契約番号", en: "Subscription" },
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "count", kind: Int, ja: "回数", en: "Shipment no." },
            Column { name: "status", kind: Text, ja: "状態", en: "Status" },
            Column { name: "planned_on", kind: Date, ja: "予定日", en: "Planned on" },
            Column { name: "shipped_at", kind: Instant, ja: "出荷日時", en: "Shipped at" },
            Column { name: "delivered_at", kind: Instant, ja: "配達日時", en: "Delivered at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["shipment_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["status", "planned_on"]
    }
}
