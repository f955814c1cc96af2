//! The catalogue, revision by revision.

use super::{Column, Kind::*, Table};

pub struct Products;

impl Table for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("商品", "Products")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "product_id", kind: Text, ja: "商品ID", en: "Product" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "sku", kind: Text, ja: "SKU", en: "SKU" },
            Column { name: "name", kind: Text, ja: "商品名", en: "Name" },
            Column { name: "category", kind: Text, ja: "カテゴリ", en: "Category" },
            Column { name: "price", kind: Money, ja: "価格", en: "Price" },
            Column { name: "cost", kind: Money, ja: "原価", en: "Cost" },
            Column { name: "url", kind: Text, ja: "URL", en: "URL" },
            Column { name: "image_url", kind: Text, ja: "画像URL", en: "Image" },
            Column { name: "status", kind: Text, ja: "状態", en: "Status" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["product_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["status"]
    }
}
