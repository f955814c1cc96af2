//! Orders that were placed with a code that a send issued, by its customer or by somebody else.

use super::{Column, Kind::*, Table};

pub struct CouponUses;

impl Table for CouponUses {
    fn name(&self) -> &'static str {
        "coupon_uses"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("発行クーポンの利用", "Coupon uses")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "code", kind: Text, ja: "コード", en: "Code" },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
            Column { name: "scenario", kind: Text, ja: "シナリオ", en: "Scenario" },
            Column { name: "channel", kind: Text, ja: "チャネル", en: "Channel" },
            Column { name: "issued_at", kind: Instant, ja: "発行日時", en: "Issued at" },
            Column { name: "source", kind: Text, ja: "取得元", en: "Source" },
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "ordered_at", kind: Instant, ja: "注文日時", en: "Ordered at" },
            Column { name: "by_owner", kind: Bool, ja: "本人の利用", en: "By its owner" },
            Column { name: "in_time", kind: Bool, ja: "期限内", en: "In time" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["ordered_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["ordered_at", "scenario"]
    }
}
