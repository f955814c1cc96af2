//! Order revisions; SQL's `orders` is the last one of each.

use super::{Column, Kind::*, Table};

pub struct Orders;

impl Table for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("受注", "Orders")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "order_id", kind: Text, ja: "注文番号", en: "Order" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "customer_id", kind: Text, ja: "会員ID", en: "Customer" },
            Column { name: "ordered_at", kind: Instant, ja: "受注日時", en: "Ordered at" },
            Column { name: "status", kind: Text, ja: "状況", en: "Status" },
            Column { name: "gross", kind: Money, ja: "商品計", en: "Gross" },
            Column { name: "discount", kind: Money, ja: "値引", en: "Discount" },
            Column { name: "refunded", kind: Money, ja: "返金", en: "Refunded" },
            Column { name: "net", kind: Money, ja: "純売上", en: "Net" },
            Column { name: "tax", kind: Money, ja: "消費税", en: "Tax" },
            Column { name: "shipping", kind: Money, ja: "送料", en: "Shipping" },
            Column { name: "fee", kind: Money, ja: "手数料", en: "Fees" },
            Column { name: "points_used", kind: Money, ja: "ポイント利用", en: "Paid with points" },
            Column { name: "total", kind: Money, ja: "支払合計", en: "Total" },
            Column { name: "shipped_on", kind: Date, ja: "出荷日", en: "Shipped on" },
            Column { name: "currency", kind: Text, ja: "通貨", en: "Currency" },
            Column { name: "coupon", kind: Text, ja: "クーポン", en: "Coupon" },
            Column { name: "sales_channel", kind: Text, ja: "販売経路", en: "Sales channel" },
            Column { name: "subscription_id", kind: Text, ja: "定期契約番号", en: "Subscription" },
            Column { name: "subscription_count", kind: Int, ja: "定期回数", en: "Shipment no." },
            Column { name: "send_id", kind: Text, ja: "配信ID", en: "Send" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["ordered_at", "order_id"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["ordered_at", "status"]
    }

    fn looked_up(&self) -> &'static [&'static str] {
        &["order_id", "customer_id"]
    }
}
