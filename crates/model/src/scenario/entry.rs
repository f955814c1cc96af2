//! Who comes into a scenario, when, and how often.

use std::collections::BTreeMap;

use chrono::Weekday;
use serde::{Deserialize, Serialize};

use crate::time::{LocalMoment, Span, TimeOfDay};

/// Who comes in: by an event (`on`), by being in a `segment` when it is evaluated, or by a `date` of theirs.
///
/// A segment is evaluated every day at `at`, or on `weekdays` or `days` of the month alone, or, as a broadcast, `once`. What changes by
/// the hour (stock, prices) is asked `every` so often, and its `key` lets in once per thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub on: Option<String>,
    pub segment: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, toml::Value>,
    /// When the segment is evaluated, or the day of the date begins, shop time; default 09:00.
    pub at: Option<TimeOfDay>,
    /// The column of the event or of the segment whose value tells passes apart (`cart_id`, `product_id`); without it the subject itself,
    /// or the run date of a segment.
    pub key: Option<String>,
    /// SQL over the columns of the event.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    #[serde(default)]
    pub concurrency: Concurrency,
    #[serde(default)]
    pub reentry: Reentry,
    /// A date of the customer, and how many days after it (before it, when negative) they come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateEntry>,
    /// A broadcast (一斉配信): the segment is evaluated at this shop time and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<LocalMoment>,
    /// The segment is evaluated on these days of the week alone (`["mon", "thu"]`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// The segment is evaluated on these days of the month alone; 31 is the last day of a shorter month, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<u32>,
    /// The segment is evaluated at `at` and then again and again, this long apart, until the shop day ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Segments whose members stay out. Of a broadcast each of them is accounted for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// People come in during these seasons of the shop alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<String>,
}

/// `date = { of = "birthday", days = -7 }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateEntry {
    /// One of [`DateEntry::NAMES`].
    pub of: String,
    #[serde(default)]
    pub days: i64,
}

impl DateEntry {
    /// The birthday, the day of registration, that of the first order, and the next shipment of a contract.
    pub const NAMES: [&'static str; 4] = ["birthday", "registration", "first_order", "next_shipment"];

    /// Whether the day comes round each year; else the date itself is meant.
    pub fn is_yearly(&self) -> bool {
        self.of != "next_shipment"
    }
}

/// What becomes of those who are in the segment when a scenario starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Only who comes into the segment from then on enters.
    #[default]
    FutureOnly,
    /// They enter at the first evaluation.
    IncludeCurrent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    #[default]
    OnePerSubject,
    OnePerKey,
    Unlimited,
}

/// When a customer may come in again (SEMANTICS §3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reentry {
    /// Never again for the key.
    #[default]
    Once,
    /// Out of the audience at one evaluation, then in.
    Rematch,
    /// So many local days, or so long exactly, after the last entry.
    Cooldown { calendar_days: Option<i64>, elapsed: Option<Span> },
}
