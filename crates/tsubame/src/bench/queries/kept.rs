//! The screens' side: a lake of the measured orders, what is kept of it, and what it costs to bring that up to date.

use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta};
use lake::{Lake, TailSegment};
use model::{CustomerId, Fact, Identity, Instant, Money, Order, OrderStatus};
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
const SQL: &str = include_str!("sql/orders.sql");

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
    /// Lands the orders, and keeps what is kept of them.
    pub async fn make(folder: &Path, setup: &Setup) -> Result<Shop, Fault> {
        std::fs::create_dir_all(folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
        let lake = Lake::open(&folder.to_string_lossy()).await?;
        let today: NaiveDate = setup.today.parse().map_err(|_| Fault::new(Exit::Config, "the day of the data is no day"))?;
        let mut shop = Shop { lake, today, threads: setup.threads, position: 0, orders: 0 };
        let files = FileDesk::open(&setup.file_tables(), Limits { partitions: setup.threads, ..Limits::default() }).await?;
        let rows = files.run("orders", SQL, &Params::new()).await?;
        let mut facts = Vec::with_capacity(ROWS_LANDED);
        for answer in rows.answers() {
            for row in answer?.rows {
                facts.push(order(&row)?);
                if facts.len() == ROWS_LANDED {
                    shop.land(&mut facts).await?;
                }
            }
        }
        shop.orders = shop.position as u64 + facts.len() as u64;
        shop.land(&mut facts).await?;
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

    async fn land(&mut self, facts: &mut Vec<Fact>) -> Result<(), Fault> {
        let at = self.at(0);
        for table in ["orders", "identities"] {
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
                let identity = Identity {
                    kind: "customer".into(),
                    from_id: person(chance),
                    survivor_id: CustomerId::stored(person(chance)),
                    rule: "manual".into(),
                    linked: true,
                    source: "bench".into(),
                    evidence: None,
                    changed_at: at,
                };
                facts.push(Fact::new(&identity, at, at));
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

/// A row of `orders.sql` as a fact.
fn order(row: &[query::Value]) -> Result<Fact, Fault> {
    let [order_id, customer, at, status, net] = row else { return Err(unlike("five columns")) };
    let query::Value::Int(micros) = at else { return Err(unlike("a moment")) };
    let ordered_at = DateTime::from_timestamp_micros(*micros).ok_or_else(|| unlike("a moment"))?;
    let mut order = Order::new("bench", order_id.plain(), ordered_at);
    order.customer_id = (*customer != query::Value::Null).then(|| CustomerId::stored(customer.plain()));
    order.status = OrderStatus::parse(&status.plain()).ok_or_else(|| unlike("a status"))?;
    if let query::Value::Money(net) = net {
        (order.gross, order.net) = (*net, *net);
    }
    Ok(Fact::new(&order, ordered_at, ordered_at))
}

fn unlike(what: &str) -> Fault {
    Fault::new(Exit::Data, format!("a row of the measured orders has not {what}"))
}
