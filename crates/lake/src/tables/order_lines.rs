//! Lines of order revisions.

use super::{Column, Kind::*, Table};

pub struct OrderLines;

impl Table for OrderLines {
    fn name(&self) -> &'static str {
        "order_lines"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("受注明細", "Order lines")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "line_no", kind: Int, ja: "明細番号", en: "Line" },
            Column { name: "product_id", kind: Text, ja: "商品コード", en: "Product" },
            Column { name: "sku", kind: Text, ja: "SKU", en: "SKU" },
            Column { name: "name", kind: Text, ja: "商品名", en: "Name" },
            Column { name: "category", kind: Text, ja: "カテゴリ", en: "Category" },
            Column { name: "quantity", kind: Int, ja: "数量", en: "Quantity" },
            Column { name: "unit_price", kind: Money, ja: "単価", en: "Unit price" },
            Column { name: "amount", kind: Money, ja: "金額", en: "Amount" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["order_id", "line_no"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["order_id"]
    }
}
