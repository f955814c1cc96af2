//! What is true of the demo shop, by construction: the numbers that its pages must find again.

use serde::Serialize;

/// P(second purchase day within 90 days of the first).
pub const F2_90D: f64 = 0.31;
/// P(an order within 5 days of an abandoned cart's first message), without a message.
pub const CART_BASE: f64 = 0.12;
/// What the messages of `cart-recovery` add to it.
pub const CART_EFFECT: f64 = 0.09;
/// P(an order within 14 days of the 30th day after the first purchase), without a message and with each subject.
pub const FOLLOW_UP_BASE: f64 = 0.05;
pub const FOLLOW_UP_A: f64 = 0.10;
pub const FOLLOW_UP_B: f64 = 0.16;
/// Share of customers with two orders or more who bought only with a discount.
pub const DISCOUNT_ONLY: f64 = 0.18;

/// One line of `truth.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    pub name: &'static str,
    pub value: f64,
    /// Whom it is measured over.
    pub population: &'static str,
    pub definition_ja: &'static str,
    pub definition_en: &'static str,
}

pub fn truths() -> Vec<Truth> {
    vec![
        Truth {
            name: "f2_90d",
            value: F2_90D,
            population: "first buyers whose first purchase is at least 90 days before 2026-06-01",
            definition_ja: "初回購入から90日以内に2回目の購入日がある顧客の割合",
            definition_en: "share with a second purchase day within 90 days of the first",
        },
        Truth {
            name: "cart_effect",
            value: CART_EFFECT,
            population: "customers with a first send or ghost send of scenario cart-recovery, over 5 days from it",
            definition_ja: "カゴ落ちシナリオによる購入率の増分（配信あり − 保留群、最初の配信から5日以内）",
            definition_en: "conversion with the messages less conversion of the holdout, within 5 days of the first (ghost) send",
        },
        Truth {
            name: "subject_test",
            value: FOLLOW_UP_B - FOLLOW_UP_A,
            population: "customers sent to by scenario f2-followup, by arm of experiment f2-subject, over 14 days from the send",
            definition_ja: "件名テストの差（b − a、配信から14日以内の購入率）",
            definition_en: "conversion of arm b less conversion of arm a, within 14 days of the send",
        },
        Truth {
            name: "discount_only",
            value: DISCOUNT_ONLY,
            population: "customers with two purchases or more (cancelled, returned and zero-yen orders are not purchases)",
            definition_ja: "2回以上購入した顧客のうち、すべての注文が値引きつきだった割合",
            definition_en: "share of customers with two orders or more whose every order had a discount",
        },
    ]
}
