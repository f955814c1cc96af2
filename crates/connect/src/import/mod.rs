//! From rows to facts: reads the cells as a mapping says, makes facts of them, and splits addresses off. Each kind of file is a module here:
//! which columns it has, and what becomes of a row. [`cells`] reads values, [`people`] says whom a row is about.
//!
//! **Time.** `known_at` is `occurred_at` + the mapping's `known_lag`, though not after the import. More than 24 hours ahead is rejected.
//!
//! **The same again.** Ids and keys are made of content, so a file that is imported again changes nothing. What has an id of its own and came
//! with other content is a *revision*; in one file a state that comes back (A, B, A) is a third one.

mod cells;
mod people;
mod recent;

pub mod consents;
pub mod customers;
pub mod events;
pub mod orders;
pub mod points;
pub mod products;
pub mod sends;
pub mod shipments;
pub mod spend;
pub mod subscriptions;
pub mod suppressions;

use std::collections::{BTreeMap, VecDeque};

use chrono::Duration;
use model::{Consent, Contact, Fact, IdKey, Instant, Problem, Record, SuppressedAddress, Suppression, id::hex, id_bytes};
use serde::Serialize;

use crate::{
    formats::{Parsed, Rejection, Row, csv::is_mojibake},
    mapping::{Bound, Kind, Mapping, holds},
};
use cells::{Bad, short, twice};
use recent::Recent;

pub use orders::OPEN_ORDERS_MAX;

/// How far ahead of the import a fact may lie: clocks differ, years should not.
const AHEAD_HOURS_MAX: i64 = 24;

/// When something without a time happened: before anything that has one.
const ALWAYS: Instant = Instant::UNIX_EPOCH;

pub const GARBLED_ROWS_LOOKED_AT: u64 = 1_000;

/// What came of the rows so far.
#[derive(Debug, Default)]
pub struct Imported {
    pub facts: Vec<Fact>,
    /// Each with the instant from which it could have been known.
    pub contacts: Vec<(Contact, Instant)>,
    /// Each with the instant from which it could have been known.
    pub consents: Vec<(Consent, Instant)>,
    /// Each with the instant from which it could have been known.
    pub suppressions: Vec<(Suppression, Instant)>,
    /// Addresses not to be written to, whoever has them.
    pub address_suppressions: Vec<SuppressedAddress>,
    pub rejections: Vec<Rejection>,
    pub counts: Counts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub rows: u64,
    /// Facts by their table; of files of consents and of suppressions, the rows that became some.
    pub made: BTreeMap<&'static str, u64>,
    /// Rows that `keep_rows` left out, and documents whose status is `skip`.
    pub left_out: u64,
    /// The same content again in this file: nothing to do.
    pub duplicates: u64,
    /// What came again in this file with other content.
    pub revisions: u64,
    pub contacts: u64,
    pub consents: u64,
    /// Channels closed to a customer or an address.
    pub suppressions: u64,
    /// Rows with an address that a mall hands out in a buyer's place: no contact was made of it.
    pub relayed: u64,
    /// Rejections by code.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Addresses that could not be read, by column: dropped, their rows kept.
    pub addresses_dropped: BTreeMap<String, u64>,
    /// Orders whose `total` is not goods - discount + tax + shipping.
    pub total_differs: u64,
    /// Refunds above the goods' value, cut down to it.
    pub refunds_cut: u64,
    /// Rows among the first [`GARBLED_ROWS_LOOKED_AT`] whose text was broken before the file was written (文字化け).
    pub garbled: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.left_out += other.left_out;
        self.duplicates += other.duplicates;
        self.revisions += other.revisions;
        self.contacts += other.contacts;
        self.consents += other.consents;
        self.suppressions += other.suppressions;
        self.relayed += other.relayed;
        self.total_differs += other.total_differs;
        self.refunds_cut += other.refunds_cut;
        self.garbled += other.garbled;
        for (name, count) in &other.made {
            *self.made.entry(name).or_default() += count;
        }
        for (code, count) in &other.rejected {
            *self.rejected.entry(code).or_default() += count;
        }
        for (column, count) in &other.addresses_dropped {
            *self.addresses_dropped.entry(column.clone()).or_default() += count;
        }
    }
}

/// Takes rows one by one. What is ready leaves by [`Importer::take`]; the last of it by [`Importer::finish`].
pub struct Importer {
    mapping: Mapping,
    header: Vec<String>,
    bound: Bound,
    key: IdKey,
    now: Instant,
    relay_domains: Vec<String>,
    open: VecDeque<orders::Group>,
    /// Hash of an id → hash of the content it came with last, and how often that changed.
    seen: Recent,
    /// Hash of customer and kind → hash of the address told last.
    told: Recent,
    looked_at: u64,
    out: Imported,
}

impl Importer {
    /// `key` makes pseudonyms of addresses, `now` judges what lies in the future.
    pub fn new(mapping: &Mapping, header: &[String], key: &IdKey, now: Instant) -> Result<Importer, Vec<Problem>> {
        Ok(Importer {
            bound: mapping.bind(header)?,
            mapping: mapping.clone(),
            header: header.to_vec(),
            key: key.clone(),
            now,
            relay_domains: Vec::new(),
            open: VecDeque::new(),
            seen: Recent::new(),
            told: Recent::new(),
            looked_at: 0,
            out: Imported::default(),
        })
    }

    /// Domains of relay addresses beside the known malls'.
    pub fn relay_domains(mut self, domains: &[String]) -> Importer {
        self.relay_domains = domains.to_vec();
        self
    }

    /// Takes what a format made of a record.
    pub fn push(&mut self, parsed: Parsed) {
        match parsed {
            Parsed::Row(row) => self.push_row(row),
            Parsed::Rejected(rejection) => {
                self.out.counts.rows += 1;
                self.reject(rejection);
            }
        }
    }

    pub fn push_row(&mut self, row: Row) {
        self.out.counts.rows += 1;
        if row.cells.len() != self.header.len() {
            let reason = format!("the row has {} fields, the header {}", row.cells.len(), self.header.len());
            let bad = Bad { column: None, code: "ragged", reason, remedy: "correct the row".into() };
            return self.reject_row(&row, bad);
        }
        if self.looked_at < GARBLED_ROWS_LOOKED_AT {
            self.looked_at += 1;
            self.out.counts.garbled += u64::from(row.cells.iter().flatten().any(|text| !text.is_ascii() && is_mojibake(text)));
        }
        let kept = holds(&self.bound.keep_rows, &row.cells);
        if !kept {
            self.out.counts.left_out += 1;
        }
        match self.mapping.kind {
            Kind::Orders => self.push_order_row(row, kept),
            _ if !kept => {}
            Kind::Customers => self.single(row, Self::customer),
            Kind::Events => self.single(row, Self::event),
            Kind::Sends => self.single(row, Self::send),
            Kind::Products => self.single(row, Self::product),
            Kind::Subscriptions => self.single(row, Self::subscription),
            Kind::Shipments => self.single(row, Self::shipment),
            Kind::Points => self.single(row, Self::point_change),
            Kind::Spend => self.single(row, Self::ad_spend),
            Kind::Consents => self.single(row, Self::consent),
            Kind::Suppressions => self.single(row, Self::suppression),
        }
    }

    /// How much waits to be taken.
    pub fn ready(&self) -> usize {
        let out = &self.out;
        out.facts.len() + out.consents.len() + out.suppressions.len() + out.address_suppressions.len()
    }

    /// What is finished so far, with the counts since the last call.
    pub fn take(&mut self) -> Imported {
        std::mem::take(&mut self.out)
    }

    /// The rest: open orders are closed.
    pub fn finish(mut self) -> Imported {
        while let Some(group) = self.open.pop_front() {
            self.close(group);
        }
        self.out
    }

    /// A row that is a whole fact.
    fn single(&mut self, row: Row, make: fn(&mut Importer, &Row) -> Result<(), Bad>) {
        if let Err(bad) = make(self, &row) {
            self.reject_row(&row, bad);
        }
    }

    /// The id of this state of a thing, or nothing when it is the state that the file had before. `stated_at` is when the file says the
    /// thing changed; where it does not, states are told apart by their number, or one that comes back would be lost.
    fn revision<R: Serialize>(&mut self, id: &str, record: &R, stated_at: Option<Instant>) -> Option<String> {
        let mut content = serde_json::to_string(record).expect("our records are plain JSON");
        if let Some(at) = stated_at {
            content.push_str(&model::time::rfc3339(at));
        }
        let (key, now) = (short(id), short(&content));
        let changes = match self.seen.get(key) {
            Some((last, _)) if last == now => {
                self.out.counts.duplicates += 1;
                return None;
            }
            Some((_, changes)) => changes + 1,
            None => 0,
        };
        self.seen.put(key, now, changes);
        self.out.counts.revisions += u64::from(changes > 0);
        if changes > 1 && stated_at.is_none() {
            content.push_str(&format!("|{changes}"));
        }
        Some(hex(&id_bytes(&content)))
    }

    /// Whether something that can only be as it is (an event, a send) was in this file before. With other content it is an error.
    fn is_repeated(&mut self, id: &str, content: &str, target: &str, what: &str) -> Result<bool, Bad> {
        self.is_known(id, short(content), target, what)
    }

    /// The same of content that is hashed already.
    fn is_known(&mut self, id: &str, content: u64, target: &str, what: &str) -> Result<bool, Bad> {
        let key = short(id);
        match self.seen.get(key) {
            Some((before, _)) if before == content => {
                self.out.counts.duplicates += 1;
                Ok(true)
            }
            Some(_) => Err(twice(self.name_of(target), what)),
            None => {
                self.seen.put(key, content, 0);
                Ok(false)
            }
        }
    }

    fn made(&mut self, table: &'static str) {
        *self.out.counts.made.entry(table).or_default() += 1;
    }

    fn fact<R: Record>(&mut self, record: &R, occurred_at: Instant, known_at: Instant) {
        self.made(R::TABLE);
        self.out.facts.push(Fact::new(record, occurred_at, known_at));
    }

    /// The import itself is when it became known at the latest.
    fn known_at(&self, occurred_at: Instant) -> Instant {
        (occurred_at + self.mapping.known_lag).min(self.now).max(occurred_at)
    }

    fn not_ahead(&self, at: Instant, target: &str) -> Result<(), Bad> {
        if at <= self.now + Duration::hours(AHEAD_HOURS_MAX) {
            return Ok(());
        }
        Err(Bad {
            column: self.name_of(target),
            code: "future",
            reason: format!("{} lies more than {AHEAD_HOURS_MAX} hours ahead", model::time::rfc3339(at)),
            remedy: "check the column's formats (day and month?) and the timezone of the mapping".into(),
        })
    }

    fn reject_row(&mut self, row: &Row, bad: Bad) {
        self.reject(Rejection {
            line: row.line,
            column: bad.column,
            code: bad.code,
            reason: bad.reason,
            remedy: bad.remedy,
            raw: row.raw.clone(),
        });
    }

    fn reject(&mut self, rejection: Rejection) {
        *self.out.counts.rejected.entry(rejection.code).or_default() += 1;
        self.out.rejections.push(rejection);
    }
}
