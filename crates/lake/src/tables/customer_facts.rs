//! Per-customer values that depend on no other customer and on no clock.

use super::{Column, Kind::*, Table};

pub struct CustomerFacts;

impl Table for CustomerFacts {
    fn name(&self) -> &'static str {
        "customer_facts"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("会員集計", "Customer facts")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "first_ordered_on", kind: Date, ja: "初回購入日", en: "First ordered on" },
            Column { name: "second_ordered_on", kind: Date, ja: "2回目購入日", en: "Second ordered on" },
            Column { name: "last_ordered_on", kind: Date, ja: "最終購入日", en: "Last ordered on" },
            Column { name: "orders", kind: Int, ja: "受注数", en: "Orders" },
            Column { name: "purchase_days", kind: Int, ja: "購入日数", en: "Purchase days" },
            Column { name: "discounted_orders", kind: Int, ja: "値引受注数", en: "Discounted orders" },
            Column { name: "gross_revenue", kind: Money, ja: "商品計", en: "Gross revenue" },
            Column { name: "net_revenue", kind: Money, ja: "純売上", en: "Net revenue" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["customer_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["last_ordered_on"]
    }
}
