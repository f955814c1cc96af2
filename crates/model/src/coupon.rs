//! Codes that messages carry: one that a send issued to its customer, and an order that was placed with it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Channel, CustomerId, Record, text::narrow, time::Instant};

/// Nobody takes one of these for another: neither 0 nor O, neither 1 nor I.
const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Five bits each: a million codes that are good are one in a thousand million of all there are.
const SIGNS_OF_A_CODE: u32 = 10;

/// What an order earns the send whose unique code it was placed with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponMode {
    /// All of it, whatever was touched, up to the code's last day.
    #[default]
    Override,
    /// What a touch at the time of the order earns.
    Touch,
    /// Nothing: reports say that it was used.
    ReportOnly,
}

/// A code that one send told one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    pub code: String,
    pub send_id: String,
    pub scenario: String,
    pub step: String,
    pub customer_id: CustomerId,
    pub channel: Channel,
    /// When the message was due: the same however often it is tried.
    #[serde(with = "crate::time::instant")]
    pub issued_at: Instant,
    /// The last shop day on which it is good.
    pub expires_on: NaiveDate,
}

impl Record for Coupon {
    const TABLE: &'static str = "coupons";
    fn key(&self) -> String {
        self.send_id.clone()
    }
}

/// That an order was placed with a code that a send issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponUse {
    pub code: String,
    /// What issued it.
    pub send_id: String,
    pub scenario: String,
    pub channel: Channel,
    #[serde(with = "crate::time::instant")]
    pub issued_at: Instant,
    pub source: String,
    pub order_id: String,
    /// Who ordered.
    pub customer_id: CustomerId,
    #[serde(with = "crate::time::instant")]
    pub ordered_at: Instant,
    /// False: somebody else was told the code, and it leaked.
    pub by_owner: bool,
    /// False: its last day was over.
    pub in_time: bool,
}

impl CouponUse {
    pub fn earns(&self) -> bool {
        self.by_owner && self.in_time
    }
}

impl Record for CouponUse {
    const TABLE: &'static str = "coupon_uses";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.order_id, self.send_id)
    }
}

/// The code that stands for a number; of one that cannot be guessed, a code that cannot.
pub fn code(number: u64) -> String {
    let sign = |place: u32| SIGNS[(number >> (5 * place)) as usize % SIGNS.len()];
    (0..SIGNS_OF_A_CODE).map(|place| char::from(sign(place))).collect()
}

/// The codes that an order's text names, as codes are compared: narrow and in capitals. Several have a comma between them.
pub fn codes(text: &str) -> BTreeSet<String> {
    let capitals = narrow(text).to_uppercase();
    let is_between = |sign: char| matches!(sign, ',' | ';' | '、' | '|') || sign.is_whitespace();
    capitals.split(is_between).filter(|code| !code.is_empty()).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_code() {
        let check = |number: u64, expect: &str| assert_eq!(code(number), expect, "{number}");
        check(0, "2222222222");
        check(31, "Z222222222");
        check(32, "2322222222");
        check(u64::MAX, "ZZZZZZZZZZ");
        let signs: BTreeSet<&u8> = SIGNS.iter().collect();
        assert_eq!((signs.len(), "01IO".bytes().any(|sign| signs.contains(&sign))), (32, false));
    }

    #[test]
    fn codes_are_compared_narrow_and_in_capitals() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(codes(text).into_iter().collect::<Vec<_>>(), expect, "{text}");
        };
        check("", &[]);
        check(" k7mq2 ", &["K7MQ2"]);
        check("Ｋ７ｍｑ２", &["K7MQ2"]);
        check("spring,k7mq2", &["K7MQ2", "SPRING"]);
        check("B、a，c；d", &["A", "B", "C", "D"]);
        check("a,A, ", &["A"]);
    }
}
