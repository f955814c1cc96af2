//! The screens' side: a lake of the measured orders (and, where a time line is asked for, of the events and messages), what is kept of it, and what
//! it costs to bring that up to date.

use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta};
use lake::{Lake, TailSegment};
use model::{Channel, CustomerId, Event, Fact, Identity, Instant, Money, Order, OrderStatus, Purpose, Send, SendState};
use query::{FileDesk, Limits, Params};
use serde::Serialize;

use super::{
    answer::{desk, processor_ms, report},
    data::Chance,
    median,
    peer::Setup,
    questions,
};
use crate::fault::{Exit, Fault};

/// Rows of one landing.
const ROWS_LANDED: usize = 100_000;
/// What a fact is made of: a question to the measured files, and its row as a fact. Each has a number of its own.
type Source = (&'static str, &'static str, fn(&[query::Value], u64) -> Result<Fact, Fault>);
const ORDERS: Source = ("orders", include_str!("sql/orders.sql"), order);
const EVENTS: Source = ("events", include_str!("sql/events.sql"), event);
const SENDS: Source = ("sends", include_str!("sql/sends.sql"), send);
/// Merged people of whom nothing else is known: every shop has some, and each question asks whether it is about one.
const MERGED: u64 = 1_000;

pub struct Shop {
    lake: Lake,
    today: NaiveDate,
    threads: usize,
    /// Rows so far: positions go on from here.
    position: i64,
    orders: u64,
}

/// What it costs to bring kept tables up to date.
#[derive(Debug, Serialize)]
pub struct Refresh {
    pub orders: u64,
    pub anew_cpu_ms: f64,
    pub refresh_cpu_ms: f64,
    pub cpu_ratio: f64,
    /// Rows of the screens in which what is kept and what facts give differ.
    pub differing_rows: usize,
}

impl Shop {
    /// Lands the orders, and keeps what is kept of them. `whole`: events and messages too, and some merged people.
    pub async fn make(folder: &Path, setup: &Setup, whole: bool) -> Result<Shop, Fault> {
        std::fs::create_dir_all(folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
        let lake = Lake::open(&folder.to_string_lossy()).await?;
        let today: NaiveDate = setup.today.parse().map_err(|_| Fault::new(Exit::Config, "the day of the data is no day"))?;
        let mut shop = Shop { lake, today, threads: setup.threads, position: 0, orders: 0 };
        let files = FileDesk::open(&setup.file_tables(), Limits { partitions: setup.threads, ..Limits::default() }).await?;
        shop.orders = shop.land_all(&files, ORDERS).await?;
        if whole {
            shop.land_all(&files, EVENTS).await?;
            shop.land_all(&files, SENDS).await?;
            let person = |number: u64| (format!("m{number}a"), format!("m{number}b"));
            let mut merged = (0..MERGED).map(person).map(|(from, into)| merge(from, into, shop.at(0))).collect();
            shop.land(&mut merged).await?;
        }
        shop.lake.compact(2).await?;
        shop.desk().await?.refresh_kept(&shop.lake).await?;
        Ok(shop)
    }

    pub fn location(&self) -> String {
        self.lake.url().path().to_string()
    }

    async fn desk(&self) -> Result<query::Desk, Fault> {
        desk(&self.lake, self.today, self.threads).await
    }

    /// Lands all rows of a source, and tells how many.
    async fn land_all(&mut self, files: &FileDesk, (name, sql, fact): Source) -> Result<u64, Fault> {
        let rows = files.run(name, sql, &Params::new()).await?;
        let (mut facts, mut count) = (Vec::with_capacity(ROWS_LANDED), 0);
        for answer in rows.answers() {
            for row in answer?.rows {
                count += 1;
                facts.push(fact(&row, count)?);
                if facts.len() == ROWS_LANDED {
                    self.land(&mut facts).await?;
                }
            }
        }
        self.land(&mut facts).await?;
        Ok(count)
    }

    async fn land(&mut self, facts: &mut Vec<Fact>) -> Result<(), Fault> {
        let at = self.at(0);
        for table in ["orders", "events", "sends", "identities"] {
            let rows: Vec<&str> = facts.iter().filter(|fact| fact.table == table).map(|fact| fact.row.as_str()).collect();
            if rows.is_empty() {
                continue;
            }
            let segment = segment(table, self.position + 1, &rows, at);
            self.position += rows.len() as i64;
            self.lake.land(&[segment]).await?;
        }
        facts.clear();
        Ok(())
    }

    fn at(&self, micros: i64) -> Instant {
        self.today.and_time(Default::default()).and_utc() + TimeDelta::microseconds(micros)
    }

    /// One part in a hundred of new orders, some of them of old customers; a few old ones refunded or cancelled; a few people merged.
    fn news(&self, chance: &mut Chance, round: u64) -> Result<Vec<Fact>, Fault> {
        let count = (self.orders / 100).max(1);
        let people = (self.orders / 2).max(1);
        let mut facts = Vec::new();
        for number in 0..count {
            let at = self.at((round * count + number) as i64);
            let is_old = chance.below(20) == 0;
            let order_id = if is_old { chance.below(self.orders) + 1 } else { self.orders + round * count + number + 1 };
            let yen = 500 + chance.below(9_000) as i64;
            let mut order = Order::new("bench", order_id.to_string(), at);
            order.revision_id = format!("n{round}-{number}");
            order.customer_id = Some(CustomerId::stored(format!("c{:07}", chance.below(people))));
            (order.gross, order.net) = (Money::whole(yen)?, Money::whole(yen)?);
            if is_old && chance.below(2) == 0 {
                order.status = OrderStatus::Cancelled;
            }
            facts.push(Fact::new(&order, at, at));
            if chance.below(200) == 0 {
                let person = |chance: &mut Chance| format!("c{:07}", chance.below(people));
                let (from, into) = (person(chance), person(chance));
                facts.push(merge(from, into, at));
            }
        }
        Ok(facts)
    }

    pub async fn refresh(mut self, rounds: usize) -> Result<Refresh, Fault> {
        let mut chance = Chance(self.orders);
        let (mut anew, mut refreshed) = (Vec::new(), Vec::new());
        for round in 0..rounds as u64 {
            let desk = self.desk().await?;
            let processor = processor_ms();
            desk.rebuild_kept(&self.lake).await?;
            anew.push(processor_ms() - processor);
            let mut facts = self.news(&mut chance, round)?;
            self.land(&mut facts).await?;
            let desk = self.desk().await?;
            let processor = processor_ms();
            let done = desk.refresh_kept(&self.lake).await?;
            refreshed.push(processor_ms() - processor);
            if !matches!(done, query::Refreshed::Folded(_)) {
                return Err(Fault::new(Exit::Failed, format!("kept tables were not brought up to date, but {done:?}")));
            }
        }
        let kept = self.desk().await?;
        let mut facts = self.desk().await?;
        facts.view.kept = None;
        let mut differing_rows = 0;
        for screen in questions::KEPT {
            let (name, params) = report(screen.ours).expect("a screen is a report");
            let (ours, expected) = (kept.ask(name, &params).await?, facts.ask(name, &params).await?);
            let pairs = ours.rows.iter().zip(&expected.rows).filter(|(one, other)| one != other).count();
            differing_rows += pairs + ours.rows.len().abs_diff(expected.rows.len());
        }
        let (anew_cpu_ms, refresh_cpu_ms) = (median(anew), median(refreshed));
        Ok(Refresh { orders: self.orders, anew_cpu_ms, refresh_cpu_ms, cpu_ratio: refresh_cpu_ms / anew_cpu_ms, differing_rows })
    }
}

/// Rows of a table as a journal has them.
pub fn segment(table: &str, first_position: i64, rows: &[&str], ingested_at: Instant) -> TailSegment {
    let payload = (rows.join("\n") + "\n").into_bytes();
    TailSegment { table: table.into(), first_position, rows: rows.len(), ingested_at, payload }
}

fn merge(from: String, into: String, at: Instant) -> Fact {
    let identity = Identity {
        kind: "customer".into(),
        from_id: from,
        survivor_id: CustomerId::stored(into),
        rule: "manual".into(),
        linked: true,
        source: "bench".into(),
        evidence: None,
        changed_at: at,
    };
    Fact::new(&identity, at, at)
}

/// A row of `orders.sql` as a fact.
fn order(row: &[query::Value], _: u64) -> Result<Fact, Fault> {
    let [order_id, customer, at, status, net] = row else { return Err(unlike("five columns")) };
    let ordered_at = moment(at)?;
    let mut order = Order::new("bench", order_id.plain(), ordered_at);
    order.customer_id = person(customer);
    order.status = OrderStatus::parse(&status.plain()).ok_or_else(|| unlike("a status"))?;
    if let query::Value::Money(net) = net {
        (order.gross, order.net) = (*net, *net);
    }
    Ok(Fact::new(&order, ordered_at, ordered_at))
}

/// A row of `events.sql` as a fact.
fn event(row: &[query::Value], number: u64) -> Result<Fact, Fault> {
    let [customer, name, at] = row else { return Err(unlike("three columns")) };
    let occurred_at = moment(at)?;
    let event = Event {
        event_id: format!("e{number}"),
        name: name.plain(),
        source: "bench".into(),
        customer_id: person(customer),
        visitor_id: None,
        session_id: None,
        cart_id: None,
        order_id: None,
        product_id: None,
        category: None,
        value: None,
        url: None,
        send_id: None,
        properties: serde_json::Value::Null,
    };
    Ok(Fact::new(&event, occurred_at, occurred_at))
}

/// A row of `sends.sql` as a fact.
fn send(row: &[query::Value], number: u64) -> Result<Fact, Fault> {
    let [customer, scenario, at] = row else { return Err(unlike("three columns")) };
    let sent_at = moment(at)?;
    let send = Send {
        send_id: format!("s{number}"),
        run_id: "bench".into(),
        entry_id: format!("s{number}"),
        scenario: scenario.plain(),
        scenario_version: "1".into(),
        step: "1".into(),
        customer_id: person(customer).ok_or_else(|| unlike("a customer"))?,
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        template: "bench".into(),
        arm: None,
        state: SendState::Accepted,
        due_at: sent_at,
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    };
    Ok(Fact::new(&send, sent_at, sent_at))
}

fn person(id: &query::Value) -> Option<CustomerId> {
    (*id != query::Value::Null).then(|| CustomerId::stored(id.plain()))
}

fn moment(micros: &query::Value) -> Result<Instant, Fault> {
    let query::Value::Int(micros) = micros else { return Err(unlike("a moment")) };
    DateTime::from_timestamp_micros(*micros).ok_or_else(|| unlike("a moment"))
}

fn unlike(what: &str) -> Fault {
    Fault::new(Exit::Data, format!("a row of what is measured has not {what}"))
}
