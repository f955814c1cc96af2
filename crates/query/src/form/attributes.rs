//! What a form may ask of a customer: each attribute with its words, its type, what it must be narrowed to, and the SQL it stands for.

use model::Text;

use crate::Kind;

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Int,
    Money,
    /// A share between 0 and 1.
    Rate,
    Text,
    Date,
    Bool,
}

impl Holds {
    pub fn kind(self) -> Kind {
        match self {
            Holds::Int => Kind::Int,
            Holds::Money => Kind::Money,
            Holds::Rate => Kind::Rate,
            Holds::Text => Kind::Text,
            Holds::Date => Kind::Date,
            Holds::Bool => Kind::Bool,
        }
    }
}

/// Something an attribute is narrowed to: a window, an event's name, a product.
#[derive(Debug, PartialEq)]
pub struct Scope {
    pub name: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
    pub takes: Takes,
    pub required: bool,
    /// The row condition it stands for; `?` is the value.
    pub sql: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Days back from today, today among them.
    Days,
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of a segment.
    Segment,
}

#[derive(Debug, PartialEq)]
pub struct Attribute {
    pub name: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
    pub holds: Holds,
    pub from: From,
    pub scopes: &'static [Scope],
}

/// Where an attribute's value comes from. Relations of rows are named `… AS alias`, and that has a `customer_id`.
#[derive(Debug, PartialEq)]
pub enum From {
    /// A row per customer: the relation, its name in the SQL, and the value in terms of that.
    Row { relation: &'static str, alias: &'static str, value: &'static str },
    /// Rows of a relation put together per customer: what is selected, and the value where there is no row.
    Rows { relation: &'static str, value: &'static str, otherwise: &'static str },
    /// Whether the customer is among the rows of a relation that fulfil a condition.
    Among { relation: &'static str, among: &'static str },
}

impl Attribute {
    pub fn label(&self) -> Text {
        Text::new(self.ja, self.en)
    }
}

pub fn find(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.name == name)
}

const fn rank(name: &'static str, ja: &'static str, en: &'static str, holds: Holds, value: &'static str) -> Attribute {
    Attribute { name, ja, en, holds, from: From::Row { relation: "customer_ranks", alias: "rank", value }, scopes: &[] }
}

const fn profile(name: &'static str, ja: &'static str, en: &'static str, holds: Holds, value: &'static str) -> Attribute {
    Attribute { name, ja, en, holds, from: From::Row { relation: "customers", alias: "profile", value }, scopes: &[] }
}

const fn days(required: bool, sql: &'static str) -> Scope {
    Scope { name: "days", ja: "過去の日数", en: "In the last days", takes: Takes::Days, required, sql }
}

const ORDERED: &str = "purchase.ordered_on > add_days($today, 0 - ?)";
/// Names and categories that an order leaves out are the catalogue's there, as in every report.
const LINES: &str = "purchase_lines AS purchase";
const CHANNEL: Scope = Scope {
    name: "channel",
    ja: "チャネル",
    en: "Channel",
    takes: Takes::Word(&["email", "line", "sms", "web_push", "app_push"]),
    required: true,
    sql: "said.channel = ?",
};

pub const ATTRIBUTES: &[Attribute] = &[
    rank("orders", "注文数", "Orders", Holds::Int, "coalesce(rank.orders, 0)"),
    rank("purchase_days", "購入日数", "Purchase days", Holds::Int, "coalesce(rank.purchase_days, 0)"),
    rank("net_revenue", "純売上", "Net revenue", Holds::Money, "coalesce(rank.net_revenue, CAST(0 AS DECIMAL(18, 4)))"),
    rank(
        "order_value",
        "平均注文額",
        "Average order value",
        Holds::Money,
        "CAST(rank.net_revenue / rank.orders AS DECIMAL(18, 4))",
    ),
    rank("discounted_orders", "値引注文数", "Discounted orders", Holds::Int, "coalesce(rank.discounted_orders, 0)"),
    rank("first_ordered_on", "初回購入日", "First purchase", Holds::Date, "rank.first_ordered_on"),
    rank("second_ordered_on", "2回目購入日", "Second purchase", Holds::Date, "rank.second_ordered_on"),
    rank("last_ordered_on", "最終購入日", "Last purchase", Holds::Date, "rank.last_ordered_on"),
    rank("recency_days", "最終購入からの日数", "Days since last purchase", Holds::Int, "rank.recency_days"),
    rank("net_revenue_top", "純売上の上位割合", "Top share by net revenue", Holds::Rate, "rank.net_revenue_top"),
    rank("r", "R", "R", Holds::Int, "rank.r"),
    rank("f", "F", "F", Holds::Int, "rank.f"),
    rank("m", "M", "M", Holds::Int, "rank.m"),
    profile("gender", "性別", "Gender", Holds::Text, "profile.gender"),
    profile("prefecture", "都道府県", "Prefecture", Holds::Text, "profile.prefecture"),
    profile("acquisition", "獲得経路", "Acquisition", Holds::Text, "profile.acquisition"),
    profile("registered_on", "会員登録日", "Registered on", Holds::Date, "profile.registered_on"),
    profile("birthday", "誕生日", "Birthday", Holds::Date, "profile.birthday"),
    profile(
        "age",
        "年齢",
        "Age",
        Holds::Int,
        "CAST(extract(year FROM $today) - extract(year FROM profile.birthday) AS BIGINT) - CASE WHEN 100 * extract(month FROM $today) + \
         extract(day FROM $today) < 100 * extract(month FROM profile.birthday) + extract(day FROM profile.birthday) THEN 1 ELSE 0 END",
    ),
    Attribute {
        name: "orders_within",
        ja: "期間内の注文数",
        en: "Orders in a period",
        holds: Holds::Int,
        from: From::Rows { relation: "purchases AS purchase", value: "count(*)", otherwise: "0" },
        scopes: &[days(true, ORDERED)],
    },
    Attribute {
        name: "net_revenue_within",
        ja: "期間内の純売上",
        en: "Net revenue in a period",
        holds: Holds::Money,
        from: From::Rows {
            relation: "purchases AS purchase",
            value: "CAST(sum(purchase.net) AS DECIMAL(18, 4))",
            otherwise: "CAST(0 AS DECIMAL(18, 4))",
        },
        scopes: &[days(true, ORDERED)],
    },
    Attribute {
        name: "bought_product",
        ja: "商品を含む注文数",
        en: "Orders of a product",
        holds: Holds::Int,
        from: From::Rows {
            relation: LINES,
            value: "count(DISTINCT concat(purchase.source, ' ', purchase.order_id))",
            otherwise: "0",
        },
        scopes: &[
            Scope {
                name: "product",
                ja: "商品ID",
                en: "Product",
                takes: Takes::Text,
                required: true,
                sql: "purchase.product_id = ?",
            },
            days(false, ORDERED),
        ],
    },
    Attribute {
        name: "bought_category",
        ja: "カテゴリを含む注文数",
        en: "Orders of a category",
        holds: Holds::Int,
        from: From::Rows {
            relation: LINES,
            value: "count(DISTINCT concat(purchase.source, ' ', purchase.order_id))",
            otherwise: "0",
        },
        scopes: &[
            Scope {
                name: "category",
                ja: "カテゴリ",
                en: "Category",
                takes: Takes::Text,
                required: true,
                sql: "purchase.category = ?",
            },
            days(false, ORDERED),
        ],
    },
    Attribute {
        name: "events",
        ja: "イベント数",
        en: "Events",
        holds: Holds::Int,
        from: From::Rows { relation: "events AS event", value: "count(*)", otherwise: "0" },
        scopes: &[
            Scope { name: "event", ja: "イベント", en: "Event", takes: Takes::Text, required: true, sql: "event.name = ?" },
            days(true, "event.occurred_at >= shop_midnight(add_days($today, 1 - ?))"),
            Scope {
                name: "product",
                ja: "商品ID",
                en: "Product",
                takes: Takes::Text,
                required: false,
                sql: "event.product_id = ?",
            },
            Scope {
                name: "category",
                ja: "カテゴリ",
                en: "Category",
                takes: Takes::Text,
                required: false,
                sql: "event.category = ?",
            },
        ],
    },
    Attribute {
        name: "points",
        ja: "ポイント残高",
        en: "Points",
        holds: Holds::Int,
        from: From::Row { relation: "point_balances", alias: "wallet", value: "coalesce(wallet.balance, 0)" },
        scopes: &[],
    },
    Attribute {
        name: "consent",
        ja: "配信の同意",
        en: "Consent",
        holds: Holds::Bool,
        from: From::Among { relation: "consents AS said", among: "said.state = 'granted'" },
        scopes: &[
            CHANNEL,
            Scope {
                name: "purpose",
                ja: "目的",
                en: "Purpose",
                takes: Takes::Word(&["marketing", "transactional", "ads"]),
                required: true,
                sql: "said.purpose = ?",
            },
        ],
    },
    Attribute {
        name: "suppressed",
        ja: "配信停止中",
        en: "Suppressed",
        holds: Holds::Bool,
        from: From::Among { relation: "suppressions AS said", among: "said.active" },
        scopes: &[CHANNEL],
    },
    Attribute {
        name: "has_address",
        ja: "連絡先の有無",
        en: "Has an address",
        holds: Holds::Bool,
        from: From::Among { relation: "contacts AS said", among: "said.active" },
        scopes: &[Scope {
            name: "kind",
            ja: "種類",
            en: "Kind",
            takes: Takes::Word(&["email", "phone", "line", "push_token"]),
            required: true,
            sql: "said.kind = ?",
        }],
    },
    Attribute {
        name: "subscription",
        ja: "定期契約",
        en: "Subscription",
        holds: Holds::Bool,
        from: From::Among { relation: "contracts AS said", among: "" },
        scopes: &[Scope {
            name: "status",
            ja: "状態",
            en: "Status",
            takes: Takes::Word(&["active", "paused", "cancelled", "finished"]),
            required: false,
            sql: "said.status = ?",
        }],
    },
    Attribute {
        name: "in_segment",
        ja: "セグメントに該当",
        en: "In a segment",
        holds: Holds::Bool,
        // The value is the relation's own name, printed as an identifier in quotes.
        from: From::Among { relation: "segment.? AS said", among: "" },
        scopes: &[Scope {
            name: "segment", ja: "セグメント", en: "Segment", takes: Takes::Segment, required: true, sql: ""
        }],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_words_are_in_both_languages() {
        let names: BTreeSet<&str> = ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
        assert_eq!(names.len(), ATTRIBUTES.len());
        for attribute in ATTRIBUTES {
            assert!(!attribute.ja.is_empty() && !attribute.en.is_empty(), "{}", attribute.name);
            for scope in attribute.scopes {
                assert!(!scope.ja.is_empty() && !scope.en.is_empty(), "{} {}", attribute.name, scope.name);
                let holes = scope.sql.matches('?').count();
                assert_eq!(holes, usize::from(scope.takes != Takes::Segment), "{} {}", attribute.name, scope.name);
            }
        }
    }
}
