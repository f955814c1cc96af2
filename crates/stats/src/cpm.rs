//! CPM (顧客ポートフォリオ): five kinds of customers by tenure and amount, each active or lapsed, as LTV-Lab publishes the defaults. Half-open: who
//! reaches a threshold is over it.

/// Days, and an amount in the shop's currency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// 離脱: so long since the last purchase.
    pub lapse_days: i64,
    /// よちよち below this tenure (last - first purchase).
    pub infant_tenure_days: i64,
    /// 優良 from this tenure.
    pub good_tenure_days: i64,
    /// 流行 and 優良 from this total.
    pub good_amount: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { lapse_days: 240, infant_tenure_days: 90, good_tenure_days: 210, good_amount: 70_000.0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 初回: one purchase.
    First,
    /// よちよち: a short tenure.
    Infant,
    /// コツコツ: long and small.
    Steady,
    /// 流行: big and fast.
    Trend,
    /// 優良: long and big.
    Good,
}

/// The kind, and whether the customer lapsed.
pub fn cpm(orders: u64, tenure_days: i64, days_since_last: i64, amount: f64, thresholds: &Thresholds) -> (Kind, bool) {
    let kind = if orders <= 1 {
        Kind::First
    } else if tenure_days < thresholds.infant_tenure_days {
        Kind::Infant
    } else if amount < thresholds.good_amount {
        Kind::Steady
    } else if tenure_days < thresholds.good_tenure_days {
        Kind::Trend
    } else {
        Kind::Good
    };
    (kind, days_since_last >= thresholds.lapse_days)
}
