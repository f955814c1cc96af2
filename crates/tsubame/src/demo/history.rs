//! The shop's past as the files a shop would hand over: orders by line, members, events, and the truth beside them.
//!
//! Amounts are without tax; `返金額` is the goods' part of a refund, so `小計 - 値引き - 返金額` is what remained.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use model::OrderStatus;

use super::{
    basket::{PlacedOrder, aftermath},
    calendar::{Moment, Span, day_of, local_text, rfc3339_text},
    life::Purchase,
    person::Person,
    truth::truths,
    visit::{Session, events, strangers},
    world::World,
};

pub const ORDERS_HEADER: [&str; 21] = [
    "注文番号",
    "会員ID",
    "受注日",
    "対応状況",
    "小計",
    "値引き",
    "送料",
    "税金",
    "合計",
    "返金額",
    "クーポン",
    "販売経路",
    "定期契約番号",
    "定期回数",
    "配信ID",
    "明細番号",
    "商品コード",
    "商品名",
    "カテゴリ",
    "単価",
    "数量",
];
pub const CUSTOMERS_HEADER: [&str; 15] = [
    "会員ID",
    "氏名",
    "フリガナ",
    "メールアドレス",
    "電話番号",
    "LINE ID",
    "性別",
    "誕生日",
    "都道府県",
    "登録日",
    "流入元",
    "メール同意",
    "LINE同意",
    "SMS同意",
    "同意日時",
];
pub const EVENTS_HEADER: [&str; 13] = [
    "event_id",
    "name",
    "occurred_at",
    "customer_id",
    "visitor_id",
    "session_id",
    "cart_id",
    "order_id",
    "product_id",
    "category",
    "value",
    "url",
    "send_id",
];

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("could not write {path}")]
    Create { path: PathBuf, source: std::io::Error },
    #[error("could not write a row of {file}")]
    Row { file: &'static str, source: csv::Error },
    #[error("could not finish {file}")]
    Flush { file: &'static str, source: std::io::Error },
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub customers: u64,
    pub orders: u64,
    pub order_lines: u64,
    pub events: u64,
}

impl World {
    /// Writes `customers.csv`, `orders.csv` and `events.csv` into a folder that exists, and `truth.json`, where the month is lived that truths
    /// are planted for. `progress` hears the file, and how much of it is done, from 0 to 1.
    pub fn write_history(&self, folder: &Path, progress: &mut dyn FnMut(&str, f64)) -> Result<Written, DemoError> {
        let create = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map(BufWriter::new).map_err(|source| DemoError::Create { path, source })
        };
        let customers = self.write_customers(create("customers.csv")?, &mut |done| progress("customers.csv", done))?;
        let (orders, order_lines) = self.write_orders(create("orders.csv")?, &mut |done| progress("orders.csv", done))?;
        let events = self.write_events(create("events.csv")?, &mut |done| progress("events.csv", done))?;
        if self.calendar.span == Span::MONTH {
            let truth = serde_json::to_string_pretty(&truths()).expect("truths are plain JSON") + "\n";
            let mut file = create("truth.json")?;
            let written = file.write_all(truth.as_bytes()).and_then(|()| file.flush());
            written.map_err(|source| DemoError::Flush { file: "truth.json", source })?;
        }
        Ok(Written { customers, orders, order_lines, events })
    }

    pub fn write_customers(&self, to: impl Write, progress: &mut dyn FnMut(f64)) -> Result<u64, DemoError> {
        let mut rows = Rows::new("customers.csv", to, &CUSTOMERS_HEADER)?;
        for who in 0..self.customers {
            let person = Person::of(self.seed, who, &self.life(who), self.calendar.span);
            let registered = local_text(person.registered);
            let yes = |may: bool| if may { "1" } else { "0" };
            rows.write([
                person.id.as_str(),
                &person.name,
                &person.kana,
                person.email.as_deref().unwrap_or(""),
                person.phone.as_deref().unwrap_or(""),
                person.line.as_deref().unwrap_or(""),
                person.gender.unwrap_or(""),
                &person.birthday.map(|day| day.to_string()).unwrap_or_default(),
                person.prefecture,
                &registered,
                person.acquisition,
                yes(person.email_consent),
                yes(person.line_consent),
                yes(person.sms_consent),
                if person.email_consent || person.line_consent || person.sms_consent { &registered } else { "" },
            ])?;
            report(who as usize, self.customers as usize, progress);
        }
        rows.finish()?;
        Ok(u64::from(self.customers))
    }

    /// Orders and lines written. An order stands in its last state: what comes back comes back before the file is made.
    pub fn write_orders(&self, to: impl Write, progress: &mut dyn FnMut(f64)) -> Result<(u64, u64), DemoError> {
        let mut rows = Rows::new("orders.csv", to, &ORDERS_HEADER)?;
        let mut purchases: Vec<(Moment, u32, Purchase)> = Vec::new();
        let until = self.calendar.span.from;
        for who in 0..self.customers {
            let past = self.life(who).purchases.into_iter().filter(|purchase| day_of(purchase.at) < until);
            purchases.extend(past.map(|purchase| (purchase.at, who, purchase)));
        }
        purchases.sort_by_key(|(at, who, purchase)| (*at, *who, purchase.of_day));
        let total = purchases.len();
        for (index, (at, who, purchase)) in purchases.iter().enumerate() {
            let placed = self.placed(*who, purchase);
            rows.order(*at, &aftermath(&placed, purchase).unwrap_or(placed))?;
            report(index, total, progress);
        }
        let lines = rows.written;
        rows.finish()?;
        Ok((total as u64, lines))
    }

    pub fn write_events(&self, to: impl Write, progress: &mut dyn FnMut(f64)) -> Result<u64, DemoError> {
        let mut rows = Rows::new("events.csv", to, &EVENTS_HEADER)?;
        let mut sessions: Vec<Session> = Vec::new();
        let span = self.calendar.span;
        for who in 0..self.customers {
            let past = self.sessions(who, &self.life(who)).into_iter().filter(|session| day_of(session.at) < span.from);
            sessions.extend(past);
        }
        for day in span.visits_from()..span.from {
            sessions.extend(strangers(self.seed, self.customers, day));
        }
        // The sort keeps customers in order where two act in the same second.
        sessions.sort_by_key(|session| session.at);
        let total = sessions.len();
        for (index, session) in sessions.iter().enumerate() {
            for (at, event) in events(self.seed, &self.catalogue, session) {
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                rows.write([
                    event.event_id.as_str(),
                    &event.name,
                    &rfc3339_text(at),
                    event.customer_id.as_ref().map_or("", |id| id.as_str()),
                    &text(&event.visitor_id),
                    &text(&event.session_id),
                    &text(&event.cart_id),
                    &text(&event.order_id),
                    &text(&event.product_id),
                    &text(&event.category),
                    &event.value.map(|value| value.to_string()).unwrap_or_default(),
                    &text(&event.url),
                    &text(&event.send_id),
                ])?;
            }
            report(index, total, progress);
        }
        let written = rows.written;
        rows.finish()?;
        Ok(written)
    }
}

/// Tells `progress` now and then, and at the end.
fn report(index: usize, total: usize, progress: &mut dyn FnMut(f64)) {
    if index % 1_000 == 999 || index + 1 == total {
        progress((index + 1) as f64 / total as f64);
    }
}

struct Rows<W: Write> {
    file: &'static str,
    writer: csv::Writer<W>,
    written: u64,
}

impl<W: Write> Rows<W> {
    fn new(file: &'static str, to: W, header: &[&str]) -> Result<Self, DemoError> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(header).map_err(|source| DemoError::Row { file, source })?;
        Ok(Rows { file, writer, written: 0 })
    }

    fn write<const N: usize>(&mut self, row: [&str; N]) -> Result<(), DemoError> {
        self.written += 1;
        self.writer.write_record(row).map_err(|source| DemoError::Row { file: self.file, source })
    }

    /// One row per line; the order's own columns repeat.
    fn order(&mut self, at: Moment, placed: &PlacedOrder) -> Result<(), DemoError> {
        let order = &placed.order;
        let kept = order.gross.scaled() - order.discount.scaled();
        let total = (kept + order.shipping.scaled() + order.tax.scaled()) / model::money::SCALE;
        let status = match order.status {
            OrderStatus::Completed => "発送済",
            OrderStatus::Cancelled => "取消",
            OrderStatus::Returned => "返品",
        };
        let head = [
            order.order_id.clone(),
            order.customer_id.as_ref().map(|id| id.to_string()).unwrap_or_default(),
            local_text(at),
            status.to_string(),
            order.gross.to_string(),
            order.discount.to_string(),
            order.shipping.to_string(),
            order.tax.to_string(),
            total.to_string(),
            order.refunded.to_string(),
            order.coupon.clone().unwrap_or_default(),
            order.sales_channel.clone().unwrap_or_default(),
            order.subscription_id.clone().unwrap_or_default(),
            order.subscription_count.map(|count| count.to_string()).unwrap_or_default(),
            order.send_id.clone().unwrap_or_default(),
        ];
        for line in &placed.lines {
            let tail = [
                line.line_no.to_string(),
                line.sku.clone().unwrap_or_default(),
                line.name.clone().unwrap_or_default(),
                line.category.clone().unwrap_or_default(),
                line.unit_price.to_string(),
                line.quantity.to_string(),
            ];
            self.written += 1;
            let row = head.iter().chain(&tail);
            self.writer.write_record(row).map_err(|source| DemoError::Row { file: self.file, source })?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), DemoError> {
        self.writer.flush().map_err(|source| DemoError::Flush { file: self.file, source })
    }
}
