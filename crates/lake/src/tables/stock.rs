//! How many are left, change by change.

use super::{Column, Kind::*, Table};

pub struct Stock;

impl Table for Stock {
    fn name(&self) -> &'static str {
        "stock"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("在庫", "Stock")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "product_id", kind: Text, ja: "商品ID", en: "Product" },
            Column { name: "sku", kind: Text, ja: "SKU", en: "SKU" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "location", kind: Text, ja: "在庫拠点", en: "Location" },
            Column { name: "quantity", kind: Int, ja: "在庫数", en: "Quantity" },
            Column { name: "changed_at", kind: Instant, ja: "変更日時", en: "Changed at" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["product_id", "changed_at"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["product_id"]
    }
}
