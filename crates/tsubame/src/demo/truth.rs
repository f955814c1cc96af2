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

/// Of those who come back within 90 days, who had begun with a subscription; its second shipment is how they come back.
pub const BEGIN_SUBSCRIBED: f64 = 0.14;
/// Of those whose second purchase is a one-off at first, who make it the first shipment of a subscription.
pub const TURN_TO_SUBSCRIPTION: f64 = 0.09;
/// P(second shipment) of a subscription, however it began.
pub const SECOND_SHIPMENT: f64 = 0.78;
/// Of those who do not come back within 90 days, who had begun with a subscription: as many as leave the second shipment its chance.
pub const GIVEN_UP: f64 = BEGUN_AND_STAYED * (1.0 - SECOND_SHIPMENT) / (SECOND_SHIPMENT * (1.0 - F2_90D));
const BEGUN_AND_STAYED: f64 = F2_90D * BEGIN_SUBSCRIBED;
/// Share of first buyers who began with a one-off order.
const BEGUN_ONE_OFF: f64 = 1.0 - BEGUN_AND_STAYED / SECOND_SHIPMENT;
/// Of those, whose second purchase day within 90 days is a one-off one, and who made it a subscription's first.
pub const ONE_OFF_F2: f64 = F2_90D * (1.0 - BEGIN_SUBSCRIBED) * (1.0 - TURN_TO_SUBSCRIPTION) / BEGUN_ONE_OFF;
pub const PULLED_UP: f64 = F2_90D * (1.0 - BEGIN_SUBSCRIBED) * TURN_TO_SUBSCRIPTION / BEGUN_ONE_OFF;

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
        Truth {
            name: "one_off_f2",
            value: ONE_OFF_F2,
            population: "first buyers who began with a one-off order at least 90 days before 2026-06-01",
            definition_ja: "単品で始めた顧客のうち、90日以内の2回目の購入日が単品だった割合（単品F2）",
            definition_en: "share of those who began one-off whose next purchase day within 90 days is one-off",
        },
        Truth {
            name: "pulled_up",
            value: PULLED_UP,
            population: "first buyers who began with a one-off order at least 90 days before 2026-06-01",
            definition_ja: "単品で始めた顧客のうち、90日以内に定期を始めた割合（引上率）",
            definition_en: "share of those who began one-off who placed a first subscription order within 90 days",
        },
        Truth {
            name: "second_shipment",
            value: SECOND_SHIPMENT,
            population: "subscriptions whose second shipment was due before 2026-06-01",
            definition_ja: "2回目のお届けがあった定期契約の割合（定期2回目継続率）",
            definition_en: "share of subscriptions that had a second shipment",
        },
    ]
}
