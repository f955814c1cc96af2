//! Loyalty points, change by change.

use super::{Column, Kind::*, Table};

pub struct Points;

impl Table for Points {
    fn name(&self) -> &'static str {
        "points"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("ポイント", "Points")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "change_id", kind: Text, ja: "変動ID", en: "Change" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "change", kind: Int, ja: "増減", en: "Change of points" },
            Column { name: "balance", kind: Int, ja: "残高", en: "Balance" },
            Column { name: "reason", kind: Text, ja: "理由", en: "Reason" },
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "expires_on", kind: Date, ja: "有効期限", en: "Expires on" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &[]
    }
}
