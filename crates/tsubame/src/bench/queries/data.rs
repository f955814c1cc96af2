//! The data that is asked: a shop's three years, drawn by chance from a seed, as Parquet files in the order of time. Scale 1 is about a
//! million orders, 2.2 million lines, 10 million events, 4.1 million sends, 1.1 million exposures and half a million customers.

use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
    record_batch::RecordBatch,
};
use chrono::NaiveDate;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::fault::Fault;

pub const GROUP_ROWS: usize = 131_072;
const DAY: i64 = 86_400_000_000;
/// 2023-11-01, where the three years begin, in days since 1970.
const FIRST_DAY: i64 = 19_662;
pub const DAYS: i64 = 1_096;

const CHANNELS: [&str; 4] = ["email", "line", "sms", "push"];
const SOURCES: [&str; 6] = ["direct", "search", "ads", "line", "email", "affiliate"];
const CATEGORIES: [&str; 12] =
    ["煎茶", "玉露", "抹茶", "ほうじ茶", "紅茶", "茶器", "菓子", "海苔", "珈琲", "健康茶", "ギフト", "定期便"];
const PRODUCTS: u64 = 900;
const SCENARIOS: u64 = 19;
const EXPERIMENTS: u64 = 6;

/// The day on which questions are asked: that after the last of the three years.
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day")
}

/// Splitmix64: the same numbers on every machine.
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit.max(1))) >> 64) as u64
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// Where a moment lies, from 0 to 1 over all the time: the shop grows threefold.
fn moment(share: f64, chance: &mut Chance) -> i64 {
    // The inverse of a density that rises from 0.5 to 1.5.
    let position = (0.25 + 2.0 * share).sqrt() - 0.5;
    let day = (position.clamp(0.0, 0.999_999) * DAYS as f64) as i64;
    (FIRST_DAY + day) * DAY + chance.below(DAY as u64) as i64
}

/// Writes every table into a folder.
pub fn write(folder: &Path, scale: f64, seed: u64) -> Result<(), Fault> {
    std::fs::create_dir_all(folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
    let count = |at_one: f64| (at_one * scale).max(100.0) as u64;
    let people = count(500_000.0);
    orders(folder, count(1_000_000.0), people, &mut Chance(seed))?;
    events(folder, count(2_000_000.0), people, &mut Chance(seed ^ 0xe7e7))?;
    sends(folder, count(4_100_000.0), people, &mut Chance(seed ^ 0x5e5e))?;
    exposures(folder, count(1_140_000.0), people, &mut Chance(seed ^ 0xab))
}

fn customer(number: u64) -> String {
    format!("c{number:07}")
}

fn category(product: u64) -> &'static str {
    CATEGORIES[(product % CATEGORIES.len() as u64) as usize]
}

/// Some customers buy often: low numbers are drawn more.
fn buyer(known: u64, chance: &mut Chance) -> u64 {
    let draw = chance.unit();
    (known as f64 * draw * draw) as u64
}

fn orders(folder: &Path, count: u64, people: u64, chance: &mut Chance) -> Result<(), Fault> {
    let mut orders = Table::create(folder, "orders")?;
    let mut lines = Table::create(folder, "order_items")?;
    let (mut ids, mut customers, mut at, mut status) =
        (Int64Builder::new(), StringBuilder::new(), TimestampMicrosecondBuilder::new(), StringBuilder::new());
    let (mut gross, mut discount, mut net, mut coupons, mut channels) =
        (money(), money(), money(), StringBuilder::new(), StringBuilder::new());
    let (mut line_orders, mut line_nos, mut products, mut categories, mut quantities, mut amounts) =
        (Int64Builder::new(), Int64Builder::new(), Int64Builder::new(), StringBuilder::new(), Int64Builder::new(), money());
    let mut known = 0_u64;
    let mut moments: Vec<i64> = (0..count).map(|order| moment(order as f64 / count as f64, chance)).collect();
    moments.sort_unstable();
    for (order, moment) in (1..).zip(moments) {
        let fresh = known == 0 || (known < people && chance.happens(0.48));
        let number = if fresh { known } else { buyer(known, chance) };
        known += u64::from(fresh);
        let mut total = 0_i64;
        for line in 0..1 + chance.below(4).saturating_sub(chance.below(2)) {
            let product = chance.below(PRODUCTS).min(chance.below(PRODUCTS));
            let quantity = 1 + chance.below(3) as i64;
            let amount = (500 + 10 * (product as i64 * 37 % 511)) * quantity;
            total += amount;
            line_orders.append_value(order);
            line_nos.append_value(line as i64 + 1);
            products.append_value(product as i64);
            categories.append_value(category(product));
            quantities.append_value(quantity);
            amounts.append_value(i128::from(amount) * 10_000);
        }
        let reduced = if chance.happens(0.2) { total / 10 } else { 0 };
        ids.append_value(order);
        customers.append_value(customer(number));
        at.append_value(moment);
        status.append_value(if chance.happens(0.04) { "cancelled" } else { "completed" });
        gross.append_value(i128::from(total) * 10_000);
        discount.append_value(i128::from(reduced) * 10_000);
        net.append_value(i128::from(total - reduced) * 10_000);
        coupons.append_option((reduced > 0).then(|| format!("SAVE{}", chance.below(12))));
        channels.append_value(if chance.happens(0.8) { "own" } else { "mall" });
        if order % GROUP_ROWS as i64 == 0 || order as u64 == count {
            orders.put(vec![
                ("order_id", Arc::new(ids.finish())),
                ("customer_id", Arc::new(customers.finish())),
                ("ordered_at", Arc::new(at.finish())),
                ("status", Arc::new(status.finish())),
                ("gross", Arc::new(gross.finish())),
                ("discount", Arc::new(discount.finish())),
                ("net", Arc::new(net.finish())),
                ("coupon", Arc::new(coupons.finish())),
                ("sales_channel", Arc::new(channels.finish())),
            ])?;
            lines.put(vec![
                ("order_id", Arc::new(line_orders.finish())),
                ("line_no", Arc::new(line_nos.finish())),
                ("product_id", Arc::new(products.finish())),
                ("category", Arc::new(categories.finish())),
                ("quantity", Arc::new(quantities.finish())),
                ("amount", Arc::new(amounts.finish())),
            ])?;
        }
    }
    orders.close()?;
    lines.close()
}

/// What a session does next, and how likely it is to.
const STEPS: [(&str, f64); 5] =
    [("page_viewed", 0.75), ("product_viewed", 0.42), ("cart_updated", 0.5), ("checkout_started", 0.7), ("order_completed", 0.0)];

fn events(folder: &Path, sessions: u64, people: u64, chance: &mut Chance) -> Result<(), Fault> {
    let mut table = Table::create(folder, "events")?;
    let (mut ids, mut at, mut names, mut visitors) =
        (StringBuilder::new(), TimestampMicrosecondBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut customers, mut session_ids, mut sources, mut products, mut values) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new(), Int64Builder::new(), money());
    let mut moments: Vec<i64> = (0..sessions).map(|session| moment(session as f64 / sessions as f64, chance)).collect();
    moments.sort_unstable();
    // Events of sessions that overlap come in the order of time, as they would arrive.
    let mut waiting = std::collections::BTreeMap::new();
    let (mut event, mut rows) = (0_u64, 0_usize);
    for (session, start) in moments.into_iter().enumerate() {
        let visitor = buyer(people, chance);
        let known = chance.happens(0.35);
        let source = SOURCES[chance.below(6) as usize];
        let (mut step, mut when) = (0, start);
        loop {
            event += 1;
            waiting.insert((when, event), (session, visitor, known, source, step));
            when += 1 + chance.below(180_000_000) as i64;
            if step < 2 && chance.happens(0.55) {
                step = step.max(chance.below(2) as usize);
            } else if chance.happens(STEPS[step].1) {
                step += 1;
            } else {
                break;
            }
        }
        let last = session as u64 + 1 == sessions;
        while let Some(entry) = waiting.first_entry().filter(|entry| last || entry.key().0 < start) {
            let ((when, number), (session, visitor, known, source, step)) = entry.remove_entry();
            // Some arrive twice.
            for _ in 0..1 + u64::from(chance.happens(0.005)) {
                let product = chance.below(PRODUCTS) as i64;
                ids.append_value(format!("{:016x}", Chance(number).next()));
                at.append_value(when);
                names.append_value(STEPS[step].0);
                visitors.append_value(format!("v{visitor:07}"));
                customers.append_option(known.then(|| customer(visitor)));
                session_ids.append_value(format!("s{session:08}"));
                sources.append_value(source);
                products.append_option((1..=2).contains(&step).then_some(product));
                values.append_option((step >= 2).then(|| i128::from(500 + product) * 10_000));
                rows += 1;
            }
            if rows >= GROUP_ROWS || (last && waiting.is_empty()) {
                rows = 0;
                table.put(vec![
                    ("event_id", Arc::new(ids.finish())),
                    ("occurred_at", Arc::new(at.finish())),
                    ("name", Arc::new(names.finish())),
                    ("visitor_id", Arc::new(visitors.finish())),
                    ("customer_id", Arc::new(customers.finish())),
                    ("session_id", Arc::new(session_ids.finish())),
                    ("source", Arc::new(sources.finish())),
                    ("product_id", Arc::new(products.finish())),
                    ("value", Arc::new(values.finish())),
                ])?;
            }
        }
    }
    table.close()
}

fn sends(folder: &Path, count: u64, people: u64, chance: &mut Chance) -> Result<(), Fault> {
    let mut table = Table::create(folder, "sends")?;
    let (mut ids, mut customers, mut scenarios, mut channels) =
        (Int64Builder::new(), StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut sent, mut states, mut opened, mut clicked) = (
        TimestampMicrosecondBuilder::new(),
        StringBuilder::new(),
        TimestampMicrosecondBuilder::new(),
        TimestampMicrosecondBuilder::new(),
    );
    let mut moments: Vec<i64> = (0..count).map(|send| moment(send as f64 / count as f64, chance)).collect();
    moments.sort_unstable();
    for (send, at) in (1..).zip(moments) {
        let scenario = chance.below(SCENARIOS);
        let accepted = chance.happens(0.96);
        let opens = (accepted && chance.happens(0.3)).then(|| at + 1 + chance.below(2 * DAY as u64) as i64);
        let clicks = opens.filter(|_| chance.happens(0.25)).map(|at| at + 1 + chance.below(600_000_000) as i64);
        ids.append_value(send);
        customers.append_value(customer(buyer(people, chance)));
        scenarios.append_value(format!("scenario-{scenario:02}"));
        channels.append_value(CHANNELS[(scenario % 4) as usize]);
        sent.append_value(at);
        states.append_value(if accepted { "accepted" } else { "failed" });
        opened.append_option(opens);
        clicked.append_option(clicks);
        if send % GROUP_ROWS as i64 == 0 || send as u64 == count {
            table.put(vec![
                ("send_id", Arc::new(ids.finish())),
                ("customer_id", Arc::new(customers.finish())),
                ("scenario", Arc::new(scenarios.finish())),
                ("channel", Arc::new(channels.finish())),
                ("sent_at", Arc::new(sent.finish())),
                ("state", Arc::new(states.finish())),
                ("opened_at", Arc::new(opened.finish())),
                ("clicked_at", Arc::new(clicked.finish())),
            ])?;
        }
    }
    table.close()
}

fn exposures(folder: &Path, count: u64, people: u64, chance: &mut Chance) -> Result<(), Fault> {
    let mut table = Table::create(folder, "exposures")?;
    let (mut customers, mut experiments, mut variants, mut days) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new(), Date32Builder::new());
    for row in 1..=count {
        // Each customer meets an experiment once: which, is a matter of its number.
        let (experiment, number) = (row % EXPERIMENTS, (row / EXPERIMENTS) % people);
        customers.append_value(customer(number));
        experiments.append_value(format!("experiment-{experiment}"));
        variants.append_value(if chance.happens(0.5) { "control" } else { "treated" });
        days.append_value((FIRST_DAY + DAYS - 200 + chance.below(150) as i64) as i32);
        if row % GROUP_ROWS as u64 == 0 || row == count {
            table.put(vec![
                ("customer_id", Arc::new(customers.finish())),
                ("experiment", Arc::new(experiments.finish())),
                ("variant", Arc::new(variants.finish())),
                ("exposed_on", Arc::new(days.finish())),
            ])?;
        }
    }
    table.close()
}

pub fn money() -> Decimal128Builder {
    Decimal128Builder::new().with_precision_and_scale(18, 4).expect("18 digits, 4 of them decimals")
}

/// One Parquet file, opened by its first rows.
pub struct Table {
    file: Option<File>,
    writer: Option<ArrowWriter<File>>,
}

impl Table {
    pub fn create(folder: &Path, name: &str) -> Result<Table, Fault> {
        let path = folder.join(format!("{name}.parquet"));
        let file = File::create(&path).map_err(|source| Fault::io(format!("could not create {}", path.display()), source))?;
        Ok(Table { file: Some(file), writer: None })
    }

    pub fn put(&mut self, columns: Vec<(&str, ArrayRef)>) -> Result<(), Fault> {
        let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))?;
        if let Some(file) = self.file.take() {
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .set_max_row_group_row_count(Some(GROUP_ROWS))
                .build();
            self.writer = Some(ArrowWriter::try_new(file, rows.schema(), Some(properties)).map_err(unwritten)?);
        }
        let writer = self.writer.as_mut().expect("the first rows opened it");
        writer.write(&rows).map_err(unwritten)?;
        writer.flush().map_err(unwritten)
    }

    pub fn close(self) -> Result<(), Fault> {
        match self.writer {
            Some(writer) => writer.close().map(|_| ()).map_err(unwritten),
            None => Ok(()),
        }
    }
}

fn unwritten(source: parquet::errors::ParquetError) -> Fault {
    Fault::new(crate::fault::Exit::Failed, format!("could not write the data: {source}"))
}
