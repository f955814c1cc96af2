//! From rows to facts: reads the cells as a mapping says, makes orders, profiles, events or sends of them, and splits addresses off.
//!
//! **Orders.** Rows with equal `group_by` values are one order; up to [`OPEN_ORDERS_MAX`] other orders may lie between them. A row further
//! away, or a later file, makes a new *revision* of the order, or nothing when its content is the same. A member of the order itself
//! (`total`, `status`, …) is the first value that any of its rows has; rows that `keep_rows` leaves out still give such values, but no line.
//! An order with one bad row is rejected whole, because its money would be wrong.
//!
//! **Money.** `gross` is the goods before discounts, `net` = gross - discount - refunded, both without tax and shipping (SEMANTICS §14):
//!
//! | member | from |
//! |---|---|
//! | discount | `discount`, else the sum of the lines' `discount`; plus `points_used`; signs are ignored |
//! | gross | the first that is mapped and not empty: `subtotal`; `subtotal_discounted` + discount; the sum of the lines; `total` - tax - shipping + discount |
//! | | with `tax_included`, the first three less `tax` (a line keeps its amount as the file has it) |
//! | line amount | `amount`, else `price` × `quantity` (1 when empty); a negative quantity is a return line and lowers gross |
//! | line unit price | `price`, else amount ÷ quantity |
//! | refunded | `refunded`, at most gross - discount: shops refund tax and shipping too |
//!
//! An empty `status` is `completed`. A negative gross or net is kept for a `returned` document (its own order, not a purchase), and rejected otherwise. Zero is kept. Where
//! `total` is not needed for gross it is compared with it, and differences are counted (`total_differs`), never repaired.
//!
//! **People.** `customer_id`, else a pseudonym of the e-mail address, else of the phone number; an order or event of nobody still lands. An
//! address that cannot be read is dropped and counted: it does not cost the shop its order.
//!
//! **Time.** `occurred_at` of an order is `updated_at`, else `ordered_at`. `known_at` is `occurred_at` + the mapping's `known_lag`, though not
//! after the import. More than 24 hours ahead is rejected.

use std::collections::{BTreeMap, VecDeque};

use chrono::{Duration, NaiveDate};
use model::{
    Channel, Consent, Contact, ContactKind, Currency, CustomerId, Email, Event, Fact, IdKey, Instant, LineUserId, Money, Order,
    OrderLine, OrderStatus, Phone, Problem, Profile, Purpose, Record, Send, SendState, customer::ConsentState, derive_id,
    id::hex, id::refuse_scientific, id_bytes, time::parse_date,
};
use serde::Serialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::{
    formats::{Parsed, Rejection, Row, csv::is_mojibake},
    mapping::{Bound, BoundColumn, Kind, Mapping, fits},
};

/// So many orders may be open at once, so that rows of one order need not be neighbours.
pub const OPEN_ORDERS_MAX: usize = 64;

/// How far ahead of the import a fact may lie: clocks differ, years should not.
const AHEAD_HOURS_MAX: i64 = 24;

pub const GARBLED_ROWS_LOOKED_AT: u64 = 1_000;

/// What came of the rows so far.
#[derive(Debug, Default)]
pub struct Imported {
    pub facts: Vec<Fact>,
    /// Each with the instant from which it could have been known.
    pub contacts: Vec<(Contact, Instant)>,
    /// Each with the instant from which it could have been known.
    pub consents: Vec<(Consent, Instant)>,
    pub rejections: Vec<Rejection>,
    pub counts: Counts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub rows: u64,
    /// Facts by what they are: `orders`, `order_lines`, `customers`, `events`, `sends`.
    pub made: BTreeMap<&'static str, u64>,
    /// Rows that `keep_rows` left out, and documents whose status is `skip`.
    pub left_out: u64,
    /// The same content again in this file: nothing to do.
    pub duplicates: u64,
    /// Orders that came again in this file with other content.
    pub revisions: u64,
    pub contacts: u64,
    pub consents: u64,
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
    open: VecDeque<Group>,
    /// Hash of an id → hash of the content it came with.
    seen: BTreeMap<u64, u64>,
    /// Hash of customer and kind → hash of the address told last.
    told: BTreeMap<u64, u64>,
    looked_at: u64,
    out: Imported,
}

/// The rows of one order, each with whether it is a line.
struct Group {
    key: Vec<Option<String>>,
    rows: Vec<(Row, bool)>,
}

/// Why a cell or a row cannot be used.
struct Bad {
    column: Option<String>,
    code: &'static str,
    reason: String,
    remedy: String,
}

/// Who a row is about, and the addresses it gives.
struct Person {
    customer_id: Option<CustomerId>,
    contacts: Vec<(ContactKind, String)>,
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
            open: VecDeque::new(),
            seen: BTreeMap::new(),
            told: BTreeMap::new(),
            looked_at: 0,
            out: Imported::default(),
        })
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
        if row.fields.len() != self.header.len() {
            let reason = format!("the row has {} fields, the header {}", row.fields.len(), self.header.len());
            let bad = Bad { column: None, code: "ragged", reason, remedy: "correct the row".into() };
            return self.reject_row(&row, bad);
        }
        if self.looked_at < GARBLED_ROWS_LOOKED_AT {
            self.looked_at += 1;
            self.out.counts.garbled += u64::from(row.fields.iter().flatten().any(|text| !text.is_ascii() && is_mojibake(text)));
        }
        let kept = self.bound.keep_rows.iter().all(|(at, clause)| {
            let value = row.fields[*at].as_deref().unwrap_or("").trim();
            clause.values.iter().any(|wanted| wanted == value) != clause.negated
        });
        if !kept {
            self.out.counts.left_out += 1;
        }
        match self.mapping.kind {
            Kind::Orders => self.push_order_row(row, kept),
            _ if !kept => {}
            Kind::Customers => self.single(row, Self::customer),
            Kind::Events => self.single(row, Self::event),
            Kind::Sends => self.single(row, Self::send),
        }
    }

    /// How many facts wait to be taken.
    pub fn ready(&self) -> usize {
        self.out.facts.len()
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

    fn push_order_row(&mut self, row: Row, kept: bool) {
        if self.bound.group_by.is_empty() {
            return self.close(Group { key: Vec::new(), rows: vec![(row, kept)] });
        }
        let same = |group: &&mut Group| {
            self.bound
                .group_by
                .iter()
                .zip(&group.key)
                .all(|(at, part)| row.fields[*at].as_deref().map(str::trim) == part.as_deref())
        };
        if let Some(group) = self.open.iter_mut().rev().find(same) {
            return group.rows.push((row, kept));
        }
        let key = self.bound.group_by.iter().map(|at| row.fields[*at].as_deref().map(|part| part.trim().to_string())).collect();
        self.open.push_back(Group { key, rows: vec![(row, kept)] });
        if self.open.len() > OPEN_ORDERS_MAX
            && let Some(oldest) = self.open.pop_front()
        {
            self.close(oldest);
        }
    }

    /// Makes an order of its rows, or rejects them all.
    fn close(&mut self, group: Group) {
        if !group.rows.iter().any(|(_, kept)| *kept) {
            return; // No line was kept: its rows are counted already.
        }
        let Err(bads) = self.order(&group.rows) else { return };
        let first_line = bads.first().map_or(0, |(line, _)| *line);
        for (row, _) in &group.rows {
            let mut blamed = false;
            for (_, bad) in bads.iter().filter(|(line, _)| *line == row.line) {
                blamed = true;
                let bad =
                    Bad { column: bad.column.clone(), code: bad.code, reason: bad.reason.clone(), remedy: bad.remedy.clone() };
                self.reject_row(row, bad);
            }
            if !blamed {
                let reason = format!("another row of the same order was rejected (line {first_line})");
                let remedy = "correct that row and import the file again".into();
                self.reject_row(row, Bad { column: None, code: "order_rejected", reason, remedy });
            }
        }
    }

    fn order(&mut self, rows: &[(Row, bool)]) -> Result<(), Vec<(u64, Bad)>> {
        let mut bads: Vec<(u64, Bad)> = Vec::new();
        let first = &rows[0].0;
        let head = Head { importer: self, rows };
        let order_id = head.take(&mut bads, "order_id", Importer::id);
        let ordered_at = head.take(&mut bads, "ordered_at", Importer::instant);
        let updated_at = head.take(&mut bads, "updated_at", Importer::instant);
        let status = head.take(&mut bads, "status", Importer::text);
        let subtotal = head.take(&mut bads, "subtotal", Importer::money);
        let subtotal_discounted = head.take(&mut bads, "subtotal_discounted", Importer::money);
        let discount = head.take(&mut bads, "discount", Importer::money);
        let points = head.take(&mut bads, "points_used", Importer::money);
        let shipping = head.take(&mut bads, "shipping", Importer::money);
        let tax = head.take(&mut bads, "tax", Importer::money);
        let total = head.take(&mut bads, "total", Importer::money);
        let refunded = head.take(&mut bads, "refunded", Importer::money);
        let currency = head.take(&mut bads, "currency", Importer::currency);
        let subscription_count = head.take(&mut bads, "subscription_count", Importer::count);
        let coupon = head.take(&mut bads, "coupon", Importer::text);
        let sales_channel = head.take(&mut bads, "sales_channel", Importer::text);
        let subscription_id = head.take(&mut bads, "subscription_id", Importer::text);
        let send_id = head.take(&mut bads, "send_id", Importer::text);
        let mut lines = Vec::new();
        let mut line_discount = Money::ZERO;
        let mut lines_have_money = false;
        if !self.bound.items.is_empty() {
            for (row, _) in rows.iter().filter(|(_, kept)| *kept) {
                match self.line(row, lines.len() as i64 + 1) {
                    Ok(made) => {
                        lines_have_money |= made.has_money;
                        match line_discount.plus(made.discount) {
                            Ok(sum) => line_discount = sum,
                            Err(_) => bads.push((row.line, overflow())),
                        }
                        lines.push(made.line);
                    }
                    Err(bad) => bads.push((row.line, bad)),
                }
            }
        }
        if order_id.is_none() && bads.is_empty() {
            bads.push((first.line, missing(self.name_of("order_id"), "an order number")));
        }
        if ordered_at.is_none() && bads.is_empty() {
            bads.push((first.line, missing(self.name_of("ordered_at"), "the time of the order")));
        }
        let (Some(order_id), Some(ordered_at)) = (order_id, ordered_at) else { return Err(bads) };
        if let Err(bad) = self.not_ahead(ordered_at, "ordered_at") {
            bads.push((first.line, bad));
        }
        if !bads.is_empty() {
            return Err(bads);
        }
        let status = match status.as_deref() {
            None => OrderStatus::Completed,
            Some("skip") => {
                self.out.counts.left_out += 1;
                return Ok(());
            }
            Some(name) => match OrderStatus::parse(name) {
                Some(status) => status,
                None => return Err(vec![(first.line, self.unmapped("status", name, "completed, cancelled, returned or skip"))]),
            },
        };
        let tax = tax.unwrap_or_default();
        let shipping = shipping.unwrap_or_default();
        let line_sum = Money::sum(lines.iter().map(|line| line.amount));
        let amounts = || -> Result<Amounts, model::money::MoneyError> {
            let discount = discount.map(absolute).unwrap_or(line_discount).plus(points.map(absolute).unwrap_or_default())?;
            let untaxed = |goods: Money| if self.mapping.tax_included { goods.minus(tax) } else { Ok(goods) };
            let gross = match (subtotal, subtotal_discounted, lines_have_money, total) {
                (Some(subtotal), ..) => untaxed(subtotal)?,
                (None, Some(after), ..) => untaxed(after)?.plus(discount)?,
                (None, None, true, _) => untaxed(line_sum?)?,
                (None, None, false, Some(total)) => total.minus(tax)?.minus(shipping)?.plus(discount)?,
                (None, None, false, None) => Money::ZERO,
            };
            let paid = gross.minus(discount)?;
            let refunded = refunded.map(absolute).unwrap_or_default();
            let cut = refunded > paid && paid >= Money::ZERO;
            let refunded = if cut { paid } else { refunded };
            let expected = paid.plus(tax)?.plus(shipping)?;
            let differs = total.is_some_and(|total| (total.scaled() - expected.scaled()).abs() >= model::money::SCALE);
            Ok(Amounts { gross, discount, refunded, net: paid.minus(refunded)?, cut, differs })
        };
        let Ok(amounts) = amounts() else { return Err(vec![(first.line, overflow())]) };
        if status != OrderStatus::Returned && (amounts.gross < Money::ZERO || amounts.net < Money::ZERO) {
            let reason = format!("the goods of the order come to {} (net {}), below zero", amounts.gross, amounts.net);
            let remedy = "map its status to \"returned\" if it is a return document, to \"skip\" if it is bookkeeping".into();
            let column = ["subtotal", "subtotal_discounted", "total"].iter().find_map(|target| self.name_of(target));
            return Err(vec![(first.line, Bad { column, code: "negative_total", reason, remedy })]);
        }
        let head = Head { importer: self, rows };
        let mut dropped = Vec::new();
        let person = head.person(&mut dropped).map_err(|bad| vec![(first.line, bad)])?;
        let mut order = Order {
            order_id,
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            ordered_at,
            status,
            gross: amounts.gross,
            discount: amounts.discount,
            refunded: amounts.refunded,
            net: amounts.net,
            tax,
            shipping,
            fee: Money::ZERO,
            points_used: Money::ZERO,
            total: None,
            shipped_on: None,
            currency: currency.unwrap_or_else(|| self.mapping.currency.clone()),
            coupon,
            sales_channel,
            subscription_id,
            subscription_count,
            send_id,
        };
        for line in &mut lines {
            line.order_id = order.order_id.clone();
        }
        let content = serde_json::to_string(&(&order, &lines)).expect("orders are plain JSON");
        order.revision_id = hex(&id_bytes(&content));
        self.out.counts.total_differs += u64::from(amounts.differs);
        self.out.counts.refunds_cut += u64::from(amounts.cut);
        self.drop_addresses(dropped);
        let occurred_at = updated_at.unwrap_or(ordered_at);
        let known_at = self.known_at(occurred_at);
        self.tell_contacts(&person, known_at);
        match self.seen.insert(short(&order.order_id), short(&order.revision_id)) {
            Some(content) if content == short(&order.revision_id) => {
                self.out.counts.duplicates += 1;
                return Ok(());
            }
            Some(_) => self.out.counts.revisions += 1,
            None => {}
        }
        for line in &mut lines {
            line.revision_id = order.revision_id.clone();
        }
        self.fact(&order, occurred_at, known_at);
        for line in &lines {
            self.fact(line, occurred_at, known_at);
        }
        Ok(())
    }

    fn line(&self, row: &Row, line_no: i64) -> Result<MadeLine, Bad> {
        let item = |target: &str| self.bound.items.iter().find(|item| item.column.target == target);
        let text = |target: &str| item(target).map_or(Ok(None), |column| self.text(column, row));
        let money = |target: &str| item(target).map_or(Ok(None), |column| self.money(column, row));
        let quantity = item("quantity").map_or(Ok(None), |column| self.count(column, row))?.unwrap_or(1);
        let price = money("price")?;
        let amount = money("amount")?;
        let has_money = price.is_some() || amount.is_some();
        let amount = match (amount, price) {
            (Some(amount), _) => amount,
            (None, Some(price)) => price.times(quantity).map_err(|_| overflow())?,
            (None, None) => Money::ZERO,
        };
        let unit_price = match price {
            Some(price) => price,
            None if quantity == 0 => amount,
            None => {
                let (units, count) = (amount.scaled().abs(), quantity.abs());
                let rounded = (units + count / 2) / count * amount.scaled().signum() * quantity.signum();
                Money::from_scaled(rounded).map_err(|_| overflow())?
            }
        };
        Ok(MadeLine {
            has_money,
            discount: absolute(money("discount")?.unwrap_or_default()),
            line: OrderLine {
                order_id: String::new(),
                revision_id: String::new(),
                source: self.mapping.name.clone(),
                line_no,
                product_id: text("product_id")?,
                sku: text("sku")?,
                name: text("name")?,
                category: text("category")?,
                quantity,
                unit_price,
                amount,
            },
        })
    }

    /// A row that is a whole fact.
    fn single(&mut self, row: Row, make: fn(&mut Importer, &Row) -> Result<(), Bad>) {
        if let Err(bad) = make(self, &row) {
            self.reject_row(&row, bad);
        }
    }

    fn customer(&mut self, row: &Row) -> Result<(), Bad> {
        let mut dropped = Vec::new();
        let person = self.person_of(row, &mut dropped)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let registered_on = self.read(row, "registered_on", Self::date)?;
        let updated_at = self.read(row, "updated_at", Self::instant)?;
        let consent_at = self.read(row, "consent_at", Self::instant)?;
        let start = registered_on.map(|day| self.mapping.zone.start_of(day));
        let occurred_at = updated_at.or(start).unwrap_or(self.now);
        self.not_ahead(occurred_at, if updated_at.is_some() { "updated_at" } else { "registered_on" })?;
        if let Some(at) = consent_at {
            self.not_ahead(at, "consent_at")?;
        }
        let mut attributes = serde_json::Map::new();
        for column in self.bound.columns.iter().filter(|bound| bound.column.target.starts_with("attributes.")) {
            if let Some(text) = self.text(column, row)? {
                attributes.insert(column.column.target["attributes.".len()..].to_string(), Value::String(text));
            }
        }
        let mut profile = Profile {
            customer_id: customer_id.clone(),
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            birthday: self.read(row, "birthday", Self::date)?,
            gender: self.read(row, "gender", Self::gender)?,
            prefecture: self.read(row, "prefecture", Self::text)?,
            registered_on,
            acquisition: self.read(row, "acquisition", Self::text)?,
            attributes: if attributes.is_empty() { Value::Null } else { Value::Object(attributes) },
        };
        let wording = self.read(row, "consent_wording", Self::text)?;
        let consented_at = consent_at.or(start).unwrap_or(occurred_at);
        let mut consents = Vec::new();
        for (target, channel) in
            [("consent_email", Channel::Email), ("consent_line", Channel::Line), ("consent_sms", Channel::Sms)]
        {
            let Some(yes) = self.read(row, target, Self::yes)? else { continue };
            consents.push(Consent {
                customer_id: customer_id.clone(),
                channel,
                purpose: Purpose::Marketing,
                state: if yes { ConsentState::Granted } else { ConsentState::Revoked },
                source: self.mapping.name.clone(),
                wording: wording.clone(),
                evidence: Some(format!("imported from {}, line {}", self.mapping.name, row.line)),
                changed_at: consented_at,
            });
        }
        profile.revision_id = hex(&id_bytes(&serde_json::to_string(&profile).expect("profiles are plain JSON")));
        self.drop_addresses(dropped);
        let known_at = self.known_at(occurred_at);
        self.tell_contacts(&person, known_at);
        self.out.counts.consents += consents.len() as u64;
        let consent_known_at = self.known_at(consented_at);
        self.out.consents.extend(consents.into_iter().map(|consent| (consent, consent_known_at)));
        match self.seen.insert(short(customer_id.as_str()), short(&profile.revision_id)) {
            Some(content) if content == short(&profile.revision_id) => self.out.counts.duplicates += 1,
            before => {
                self.out.counts.revisions += u64::from(before.is_some());
                self.fact(&profile, occurred_at, known_at);
            }
        }
        Ok(())
    }

    fn event(&mut self, row: &Row) -> Result<(), Bad> {
        let mut dropped = Vec::new();
        let person = self.person_of(row, &mut dropped)?;
        let occurred_at = self.read(row, "occurred_at", Self::instant)?;
        let occurred_at = occurred_at.ok_or_else(|| missing(self.name_of("occurred_at"), "a time"))?;
        self.not_ahead(occurred_at, "occurred_at")?;
        let name = self.read(row, "name", Self::text)?.ok_or_else(|| missing(self.name_of("name"), "an event name"))?;
        let mut properties = serde_json::Map::new();
        for (at, name) in &self.bound.properties {
            if let Some(text) = row.fields[*at].as_deref().map(str::trim).filter(|text| !text.is_empty()) {
                properties.insert(name.clone(), Value::String(text.into()));
            }
        }
        let mut event = Event {
            event_id: String::new(),
            name,
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            visitor_id: self.read(row, "visitor_id", Self::text)?,
            session_id: self.read(row, "session_id", Self::text)?,
            cart_id: self.read(row, "cart_id", Self::text)?,
            order_id: self.read(row, "order_id", Self::text)?,
            product_id: self.read(row, "product_id", Self::text)?,
            category: self.read(row, "category", Self::text)?,
            value: self.read(row, "value", Self::money)?,
            url: self.read(row, "url", Self::text)?,
            send_id: self.read(row, "send_id", Self::text)?,
            properties: if properties.is_empty() { Value::Null } else { Value::Object(properties) },
        };
        let event_id = self.read(row, "event_id", Self::id)?;
        let canonical = serde_json::to_string(&event).expect("events are plain JSON");
        let content = hex(&id_bytes(&format!("{}|{canonical}", model::time::rfc3339(occurred_at))));
        event.event_id = event_id.unwrap_or_else(|| content.clone());
        match self.seen.insert(short(&event.event_id), short(&content)) {
            Some(before) if before == short(&content) => {
                self.out.counts.duplicates += 1;
                return Ok(());
            }
            Some(before) => {
                self.seen.insert(short(&event.event_id), before);
                return Err(twice(self.name_of("event_id"), "event"));
            }
            None => {}
        }
        self.drop_addresses(dropped);
        let known_at = self.known_at(occurred_at);
        self.tell_contacts(&person, known_at);
        self.fact(&event, occurred_at, known_at);
        Ok(())
    }

    /// A message that another tool sent: it counts as accepted, so that touches and credits can be made of it.
    fn send(&mut self, row: &Row) -> Result<(), Bad> {
        let mut dropped = Vec::new();
        let person = self.person_of(row, &mut dropped)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let sent_at = self.read(row, "sent_at", Self::instant)?.ok_or_else(|| missing(self.name_of("sent_at"), "a time"))?;
        self.not_ahead(sent_at, "sent_at")?;
        let channel = self.read(row, "channel", Self::text)?.ok_or_else(|| missing(self.name_of("channel"), "a channel"))?;
        let Some(channel) = Channel::parse(&channel) else {
            return Err(self.unmapped("channel", &channel, "email, line, sms, web_push, app_push or webhook"));
        };
        let campaign = self.read(row, "campaign", Self::text)?.ok_or_else(|| missing(self.name_of("campaign"), "a campaign"))?;
        let source = &self.mapping.name;
        let sent = sent_at.timestamp_micros().to_string();
        let entry = derive_id(&[source, &campaign, customer_id.as_str(), &sent]);
        let entry_id = entry.map_err(|_| Bad {
            column: self.name_of("campaign"),
            code: "separator",
            reason: "the campaign contains `|`".into(),
            remedy: "rename it, or map it to another name".into(),
        })?;
        let send_id = match self.read(row, "send_id", Self::id)? {
            Some(send_id) => send_id,
            None => derive_id(&[&entry_id, "import", channel.name()]).expect("hex digits and names hold no `|`"),
        };
        let send = Send {
            run_id: format!("import-{source}"),
            entry_id,
            scenario: campaign,
            scenario_version: "imported".into(),
            step: "import".into(),
            customer_id,
            channel,
            purpose: Purpose::Marketing,
            template: self.read(row, "template", Self::text)?.unwrap_or_default(),
            arm: None,
            state: SendState::Accepted,
            due_at: sent_at,
            cost: self.read(row, "cost", Self::money)?.unwrap_or_default(),
            provider_id: None,
            detail: None,
            send_id,
        };
        let content = hex(&id_bytes(&serde_json::to_string(&send).expect("sends are plain JSON")));
        match self.seen.insert(short(&send.send_id), short(&content)) {
            Some(before) if before == short(&content) => {
                self.out.counts.duplicates += 1;
                return Ok(());
            }
            Some(before) => {
                self.seen.insert(short(&send.send_id), before);
                return Err(twice(self.name_of("send_id"), "send"));
            }
            None => {}
        }
        self.drop_addresses(dropped);
        let known_at = self.known_at(sent_at);
        self.tell_contacts(&person, known_at);
        self.fact(&send, sent_at, known_at);
        Ok(())
    }

    fn person_of(&self, row: &Row, dropped: &mut Vec<String>) -> Result<Person, Bad> {
        self.person(dropped, |target| self.read(row, target, Self::text))
    }

    /// `dropped` gets the columns whose address could not be read.
    fn person(&self, dropped: &mut Vec<String>, cell: impl Fn(&str) -> Result<Option<String>, Bad>) -> Result<Person, Bad> {
        let mut contacts = Vec::new();
        let id = cell("customer_id")?;
        let email = cell("email")?.map(|raw| Email::parse(&raw));
        let phone = cell("phone")?.map(|raw| Phone::parse(&raw));
        let line = cell("line_id")?.map(|raw| LineUserId::parse(&raw));
        let mut drop_bad = |is_bad: bool, target: &str| {
            if is_bad {
                dropped.extend(self.name_of(target));
            }
        };
        drop_bad(matches!(email, Some(Err(_))), "email");
        drop_bad(matches!(phone, Some(Err(_))), "phone");
        drop_bad(matches!(line, Some(Err(_))), "line_id");
        let email = email.and_then(Result::ok);
        let phone = phone.and_then(Result::ok);
        let customer_id = match (id, &email, &phone) {
            (Some(raw), _, _) => Some(CustomerId::parse(&raw, &self.key).map_err(|error| self.bad_id("customer_id", &error))?),
            (None, Some(email), _) => Some(CustomerId::guest(email.as_str(), &self.key)),
            (None, None, Some(phone)) => Some(CustomerId::guest(phone.as_str(), &self.key)),
            (None, None, None) => None,
        };
        contacts.extend(email.map(|email| (ContactKind::Email, email.as_str().to_string())));
        contacts.extend(phone.map(|phone| (ContactKind::Phone, phone.as_str().to_string())));
        contacts.extend(line.and_then(Result::ok).map(|line| (ContactKind::Line, line.as_str().to_string())));
        // The `name` of an event is not a person's.
        if self.mapping.kind != Kind::Events {
            contacts.extend(cell("name")?.map(|name| (ContactKind::Name, name)));
        }
        Ok(Person { customer_id, contacts })
    }

    /// An address is told once, and again when it changes.
    fn tell_contacts(&mut self, person: &Person, known_at: Instant) {
        let Some(customer_id) = &person.customer_id else { return };
        for (kind, address) in &person.contacts {
            let key = short(&format!("{}|{}", customer_id, kind.name()));
            if self.told.insert(key, short(address)) != Some(short(address)) {
                self.out.counts.contacts += 1;
                let contact = Contact { customer_id: customer_id.clone(), kind: *kind, address: address.clone() };
                self.out.contacts.push((contact, known_at));
            }
        }
    }

    fn drop_addresses(&mut self, columns: Vec<String>) {
        for column in columns {
            *self.out.counts.addresses_dropped.entry(column).or_default() += 1;
        }
    }

    fn fact<R: Record>(&mut self, record: &R, occurred_at: Instant, known_at: Instant) {
        *self.out.counts.made.entry(R::TABLE).or_default() += 1;
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

    fn read<T>(
        &self,
        row: &Row,
        target: &str,
        how: fn(&Importer, &BoundColumn, &Row) -> Result<Option<T>, Bad>,
    ) -> Result<Option<T>, Bad> {
        match self.bound.columns.iter().find(|bound| bound.column.target == target) {
            Some(column) => how(self, column, row),
            None => Ok(None),
        }
    }

    /// The cell's text after null_if, map and prefix.
    fn text(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let column = &bound.column;
        let text = match &column.constant {
            Some(constant) => constant.clone(),
            None => {
                let parts: Vec<&str> = self.parts(bound, row).collect();
                match parts.as_slice() {
                    [] => return Ok(None),
                    [one] => clean(one),
                    many => clean(&many.join(&column.join)),
                }
            }
        };
        let text = if column.map.is_empty() {
            text
        } else {
            match column.map.iter().find(|(pattern, _)| fits(pattern, &text)) {
                Some((_, result)) => result.clone(),
                None => return Err(self.unmapped(&column.target, &text, "a value of the map")),
            }
        };
        Ok((!text.is_empty()).then(|| if column.prefix.is_empty() { text } else { format!("{}{text}", column.prefix) }))
    }

    fn parts<'a>(&self, bound: &'a BoundColumn, row: &'a Row) -> impl Iterator<Item = &'a str> {
        let cells = bound.at.iter().filter_map(|at| row.fields[*at].as_deref()).map(str::trim);
        cells.filter(|text| !text.is_empty() && !bound.column.null_if.iter().any(|null| null == text))
    }

    fn id(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        if text.contains('|') || text.chars().count() > 200 {
            return Err(self.bad_id(&bound.column.target, &model::id::IdError::Separator(String::new())));
        }
        refuse_scientific(&text).map_err(|error| self.bad_id(&bound.column.target, &error))?;
        Ok(Some(text))
    }

    fn money(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Money>, Bad> {
        let column = &bound.column;
        let one = |text: &str| -> Result<Money, Bad> {
            let money = if dialled(text) {
                Err(model::money::MoneyError::NotMoney(String::new()))
            } else if column.float {
                text.parse::<f64>().map_err(|_| model::money::MoneyError::NotMoney(String::new())).and_then(Money::from_f64)
            } else {
                Money::parse(text)
            };
            money.map_err(|error| {
                let (code, what, remedy) = match error {
                    model::money::MoneyError::TooFine(_) => {
                        ("too_fine", "has more than 4 decimals", "set as = \"float\" in the mapping to round it")
                    }
                    model::money::MoneyError::TooLarge(_) | model::money::MoneyError::Overflow => {
                        ("too_large", "does not fit 14 digits before the decimal point", "look for a missing separator")
                    }
                    _ => {
                        ("not_money", "is not an amount of money", "write 1200, 1,200 or ▲500; add words for nothing to null_if")
                    }
                };
                Bad { column: self.columns_of(bound), code, reason: format!("{} {what}", shown(text)), remedy: remedy.into() }
            })
        };
        if let Some(constant) = &column.constant {
            return one(constant).map(Some);
        }
        if !column.map.is_empty() {
            return self.text(bound, row)?.map(|text| one(&text)).transpose();
        }
        let mut sum = None;
        for part in self.parts(bound, row) {
            sum = Some(one(part)?.plus(sum.unwrap_or_default()).map_err(|_| overflow())?);
        }
        Ok(sum)
    }

    fn count(&self, bound: &BoundColumn, row: &Row) -> Result<Option<i64>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        let digits: String =
            text.nfkc().filter(|c| *c != ',' && !c.is_whitespace()).map(|c| if "−▲△‐".contains(c) { '-' } else { c }).collect();
        let whole = match digits.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
            _ => &digits,
        };
        // A quantity multiplies money: a bound keeps the product inside its type.
        match whole.parse::<i64>() {
            Ok(count) if count.abs() <= 1_000_000_000 && !dialled(&text) => Ok(Some(count)),
            _ => Err(Bad {
                column: self.columns_of(bound),
                code: "not_a_count",
                reason: format!("{} is not a whole number", shown(&text)),
                remedy: "write it without unit and without decimals".into(),
            }),
        }
    }

    fn instant(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Instant>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        if has_signed_year(&text) {
            return Err(self.bad_date(bound, &text));
        }
        self.mapping.zone.parse_instant(&text, &bound.column.formats).map(Some).map_err(|_| self.bad_date(bound, &text))
    }

    fn date(&self, bound: &BoundColumn, row: &Row) -> Result<Option<NaiveDate>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        if has_signed_year(&text) {
            return Err(self.bad_date(bound, &text));
        }
        parse_date(&text, &bound.column.formats).map(Some).map_err(|_| self.bad_date(bound, &text))
    }

    fn currency(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Currency>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        Currency::parse(&text).map(Some).map_err(|_| Bad {
            column: self.columns_of(bound),
            code: "not_a_currency",
            reason: format!("{} is not a currency code", shown(&text)),
            remedy: "write three letters (JPY), or add a map".into(),
        })
    }

    fn yes(&self, bound: &BoundColumn, row: &Row) -> Result<Option<bool>, Bad> {
        const YES: &[&str] = &[
            "true",
            "yes",
            "y",
            "t",
            "1",
            "on",
            "はい",
            "有",
            "あり",
            "可",
            "希望する",
            "同意",
            "同意する",
            "受け取る",
            "○",
            "〇",
            "許可",
            "subscribed",
        ];
        const NO: &[&str] = &[
            "false",
            "no",
            "n",
            "f",
            "0",
            "off",
            "いいえ",
            "無",
            "なし",
            "不可",
            "希望しない",
            "不同意",
            "同意しない",
            "受け取らない",
            "×",
            "拒否",
            "unsubscribed",
        ];
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        let word = text.to_lowercase();
        match (YES.contains(&word.as_str()), NO.contains(&word.as_str())) {
            (true, _) => Ok(Some(true)),
            (_, true) => Ok(Some(false)),
            _ => Err(self.unmapped(&bound.column.target, &text, "yes or no")),
        }
    }

    fn gender(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let Some(text) = self.text(bound, row)? else { return Ok(None) };
        let gender = match text.to_lowercase().as_str() {
            "female" | "f" | "女" | "女性" | "2" => "female",
            "male" | "m" | "男" | "男性" | "1" => "male",
            "other" | "その他" | "9" => "other",
            "unknown" | "不明" | "未回答" | "回答しない" | "0" | "-" => return Ok(None),
            _ => return Err(self.unmapped(&bound.column.target, &text, "female, male or other")),
        };
        Ok(Some(gender.into()))
    }

    fn bad_date(&self, bound: &BoundColumn, text: &str) -> Bad {
        Bad {
            column: self.columns_of(bound),
            code: "not_a_date",
            reason: format!("{} fits none of the formats {}", shown(text), bound.column.formats.join(", ")),
            remedy: "add its format to `formats` in the mapping, or correct the cell".into(),
        }
    }

    fn bad_id(&self, target: &str, error: &model::id::IdError) -> Bad {
        let column = self.name_of(target);
        match error {
            model::id::IdError::Scientific(_) => Bad {
                column,
                code: "scientific_id",
                reason: "the id is a number in scientific notation: a spreadsheet has cut it short".into(),
                remedy: "export the file again and do not save it from a spreadsheet; or format the column as text first".into(),
            },
            model::id::IdError::Separator(_) | model::id::IdError::CustomerId => Bad {
                column,
                code: "not_an_id",
                reason: "the id contains `|` or is longer than 200 characters".into(),
                remedy: "look for a column that is mapped wrongly".into(),
            },
        }
    }

    fn unmapped(&self, target: &str, text: &str, expected: &str) -> Bad {
        // A word of a closed list helps to complete the map; anything that could be an address stays unsaid.
        let word = if text.chars().count() <= 20 && !looks_personal(text) { format!("`{text}`") } else { shown(text) };
        Bad {
            column: self.name_of(target),
            code: "not_in_map",
            reason: format!("{word} is not {expected} ({target})"),
            remedy: format!("add it to the map of {target} in the mapping, or a \"*\" for everything else"),
        }
    }

    fn name_of(&self, target: &str) -> Option<String> {
        self.bound.columns.iter().find(|bound| bound.column.target == target).and_then(|bound| self.columns_of(bound))
    }

    fn columns_of(&self, bound: &BoundColumn) -> Option<String> {
        let names: Vec<&str> = bound.at.iter().map(|at| self.header[*at].as_str()).collect();
        (!names.is_empty()).then(|| names.join(" + "))
    }
}

/// The order's own members: the first value that any row of the group has.
struct Head<'a> {
    importer: &'a Importer,
    rows: &'a [(Row, bool)],
}

impl Head<'_> {
    fn take<T>(
        &self,
        bads: &mut Vec<(u64, Bad)>,
        target: &str,
        how: fn(&Importer, &BoundColumn, &Row) -> Result<Option<T>, Bad>,
    ) -> Option<T> {
        let bound = self.importer.bound.columns.iter().find(|bound| bound.column.target == target)?;
        for (row, _) in self.rows {
            match how(self.importer, bound, row) {
                Ok(None) => {}
                Ok(value) => return value,
                Err(bad) => {
                    bads.push((row.line, bad));
                    return None;
                }
            }
        }
        None
    }

    fn person(&self, dropped: &mut Vec<String>) -> Result<Person, Bad> {
        self.importer.person(dropped, |target| {
            let mut bads = Vec::new();
            let found = self.take(&mut bads, target, Importer::text);
            match bads.pop() {
                Some((_, bad)) => Err(bad),
                None => Ok(found),
            }
        })
    }
}

struct Amounts {
    gross: Money,
    discount: Money,
    refunded: Money,
    net: Money,
    cut: bool,
    differs: bool,
}

struct MadeLine {
    line: OrderLine,
    discount: Money,
    has_money: bool,
}

fn absolute(money: Money) -> Money {
    Money::from_scaled(money.scaled().abs()).expect("the absolute value of money is money")
}

fn overflow() -> Bad {
    Bad {
        column: None,
        code: "too_large",
        reason: "the amounts do not fit 14 digits before the decimal point".into(),
        remedy: "look for a missing separator".into(),
    }
}

fn missing(column: Option<String>, what: &str) -> Bad {
    Bad {
        column,
        code: "missing",
        reason: format!("{what} is missing"),
        remedy: "fill the cell, or leave the row out with keep_rows".into(),
    }
}

fn nobody() -> Bad {
    Bad {
        column: None,
        code: "nobody",
        reason: "the row has no customer id, and no e-mail address or phone number that can be read".into(),
        remedy: "give one of them, or leave the row out with keep_rows".into(),
    }
}

fn twice(column: Option<String>, what: &str) -> Bad {
    Bad {
        column,
        code: "id_twice",
        reason: format!("another {what} of this file has the same id and other content"),
        remedy: "choose a column that is unique, or leave the id out: it is then made from the content".into(),
    }
}

/// Trims, and drops control characters that would travel on unseen.
fn clean(text: &str) -> String {
    let text = text.trim();
    if text.chars().any(|c| c.is_control()) {
        return text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    }
    text.into()
}

/// A cell as an error may show it: dates and amounts as they stand, anything that could be personal by its length alone.
fn shown(text: &str) -> String {
    let harmless = text.nfkc().all(|c| c.is_ascii_digit() || "/:.,-+ TZ年月日円¥▲△()−".contains(c));
    if harmless && !looks_personal(text) && text.chars().count() <= 40 {
        format!("`{text}`")
    } else {
        format!("a text of {} characters", text.chars().count())
    }
}

fn looks_personal(text: &str) -> bool {
    let plain: String = text.nfkc().collect();
    let plain = plain.trim();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    let is_date = plain.contains(['/', ':']);
    plain.contains('@') || Phone::parse(plain).is_ok() || (digits >= 7 && plain.starts_with(['0', '+', '(']) && !is_date)
}

/// A sign allows years of more than four digits, at the end of which no time zone can be reckoned.
fn has_signed_year(text: &str) -> bool {
    text.nfkc().find(|c| !c.is_whitespace()).is_some_and(|c| matches!(c, '+' | '-' | '−'))
}

/// A number that begins like a phone number: columns that slipped must not turn people's phones into amounts.
fn dialled(text: &str) -> bool {
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    digits >= 9 && plain.starts_with(['0', '+']) && !plain.contains('.')
}

/// Eight bytes of a hash: enough to recognise an id again inside one file.
fn short(text: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id_bytes(text);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
