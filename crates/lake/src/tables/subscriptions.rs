//! 定期 contracts, revision by revision.

use super::{Column, Kind::*, Table};

pub struct Subscriptions;

impl Table for Subscriptions {
    fn name(&self) -> &'static str {
        "subscriptions"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("定期契約", "Subscriptions")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "subscription_id", kind: Text, ja: "定期契約番号", en: "Subscription" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "plan", kind: Text, ja: "コース", en: "Plan" },
            Column { name: "product_id", kind: Text, ja: "商品ID", en: "Product" },
            Column { name: "status", kind: Text, ja: "状態", en: "Status" },
            Column { name: "started_on", kind: Date, ja: "開始日", en: "Started on" },
            Column { name: "next_shipment_on", kind: Date, ja: "次回お届け日", en: "Next shipment" },
            Column { name: "interval_days", kind: Int, ja: "お届け間隔（日）", en: "Interval in days" },
            Column { name: "shipments", kind: Int, ja: "お届け回数", en: "Shipments" },
            Column { name: "amount", kind: Money, ja: "1回の金額", en: "Amount per shipment" },
            Column { name: "ended_on", kind: Date, ja: "終了日", en: "Ended on" },
            Column { name: "reason", kind: Text, ja: "解約理由", en: "Reason" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["subscription_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["status", "next_shipment_on"]
    }
}
