//! A segment over past nights: its members each night as it was known, and as it happened, and what they bought in the time after.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use decide::back_test::{self, Judged, Night, Outcome, People, Purchase};
use model::{CustomerId, Instant, Text};
use query::{
    Answer, Column, Kind, Mode, ParamValue, Params, Value,
    segment::{Rosters, Side},
};

use crate::{
    fault::{Exit, Fault},
    jobs::{due, tick::Rows},
    workspace::Workspace,
};

pub const NIGHTS_MAX: usize = 1_830;
const WINDOW_DAYS_MAX: i64 = 730;

#[derive(Debug, Clone)]
pub struct Asked {
    pub segment: String,
    pub params: Params,
    /// The first and the last night, by their dates.
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub window_days: i64,
    /// Asks a second time with all that arrived later.
    pub as_happened: bool,
    /// Looks for the members in every other segment, and not only in those that are saved.
    pub overlaps_all: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub segment: String,
    pub window_days: i64,
    pub nights: Vec<Judged>,
    /// Everybody who was in it on a night.
    pub ever: u64,
    /// All complete nights together.
    pub pooled: Option<Outcome>,
    /// On the last night, with other segments.
    pub overlaps: Vec<Overlap>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    pub segment: String,
    pub members: u64,
    pub both: u64,
}

/// The nights from one date to another: at each, what was due at 03:00.
pub fn nights(workspace: &Workspace, from: NaiveDate, to: NaiveDate) -> Result<Vec<Instant>, Fault> {
    let wrong = |message: String, remedy: &str| Err(Fault::new(Exit::Config, message).remedy(remedy));
    if from > to {
        return wrong(format!("{from} is after {to}"), "name the first night, then the last");
    }
    let zone = workspace.shop().timezone;
    let nights: Vec<Instant> =
        from.iter_days().take_while(|day| *day <= to).take(NIGHTS_MAX + 1).map(|day| due::night_of(zone, day)).collect();
    if nights.len() > NIGHTS_MAX {
        return wrong(format!("from {from} to {to} are more than {NIGHTS_MAX} nights"), "ask for fewer");
    }
    match nights.last() {
        Some(last) if *last > workspace.now() => wrong(format!("the night of {to} lies ahead"), "name a past night"),
        _ => Ok(nights),
    }
}

/// `done` hears of each night that was answered; there are as many as nights, twice that with `as_happened`.
pub async fn back_test(workspace: &Workspace, asked: &Asked, done: &(dyn Fn() + Sync)) -> Result<Report, Fault> {
    if !(1..=WINDOW_DAYS_MAX).contains(&asked.window_days) {
        let message = format!("a window of {} days is not one of 1 to {WINDOW_DAYS_MAX}", asked.window_days);
        return Err(Fault::new(Exit::Config, message).remedy("name a number of days within"));
    }
    let nights = nights(workspace, asked.from, asked.to)?;
    let (first, last) = (*nights.first().expect("one at least"), *nights.last().expect("one at least"));
    let window = TimeDelta::days(asked.window_days);
    let now = workspace.now();
    let desk = workspace.desk(now, Mode::AsKnown).await?;
    let query = crate::segments::find(&workspace.library, &asked.segment)?;
    let known = desk.rosters(query, &asked.params, &nights, done).await?;
    let mut later = desk.clone();
    later.moment.mode = Mode::AsHappened;
    let happened = match asked.as_happened {
        true => Some(later.rosters(query, &asked.params, &nights, done).await?),
        false => None,
    };

    let mut list = List::default();
    let known_nights = list.places_of(&known);
    let happened_nights = happened.as_ref().map(|happened| list.places_of(happened));
    let ever = known.customers.len() as u64;
    let mut people = People::default();
    let since = later.ask("system/back_test_people", &Params::new()).await?;
    let rows = Rows::new(&since);
    for row in 0..since.rows.len() {
        let place = list.place(rows.needed(row, "customer_id")?);
        people.known_since.resize(list.names.len().max(people.known_since.len()), None);
        people.known_since[place as usize] = Some(rows.instant(row, "known_since")?);
    }
    let span: Params =
        [("from_at".to_string(), ParamValue::Instant(first)), ("to_at".to_string(), ParamValue::Instant(last + window))].into();
    let bought = later.ask("system/back_test_purchases", &span).await?;
    let rows = Rows::new(&bought);
    for row in 0..bought.rows.len() {
        people.purchases.push(Purchase {
            customer: list.place(rows.needed(row, "customer_id")?),
            at: rows.instant(row, "ordered_at")?,
            net: rows.money(row, "net")?,
        });
    }
    let merged = later.ask("system/back_test_merged", &Params::new()).await?;
    let rows = Rows::new(&merged);
    let mut survivors = Vec::new();
    for row in 0..merged.rows.len() {
        survivors.push((list.place(rows.needed(row, "customer_id")?), list.place(rows.needed(row, "survivor_id")?)));
    }
    people.survivor = (0..list.names.len() as u32).collect();
    people.known_since.resize(list.names.len(), None);
    for (earlier, survivor) in survivors {
        people.survivor[earlier as usize] = survivor;
    }

    let mut happened_nights = happened_nights.map(Vec::into_iter);
    let nights: Vec<Night> = nights
        .iter()
        .zip(known_nights)
        .map(|(as_of, known)| Night { as_of: *as_of, known, happened: happened_nights.as_mut().and_then(Iterator::next) })
        .collect();
    let judged = back_test::judge(&nights, &people, window, now)?;
    let mut report = Report {
        segment: asked.segment.clone(),
        window_days: asked.window_days,
        pooled: back_test::pooled(&judged)?,
        nights: judged,
        ever,
        overlaps: Vec::new(),
    };
    let mut desk = desk;
    desk.moment.as_of = last;
    let members = known.members(known.nights.len() - 1);
    let kept = crate::segments::kept(workspace)?;
    for (name, other) in desk.library.segments() {
        let needs_nothing = other.header.params.iter().all(|param| param.default.is_some());
        if other.name == query.name || !needs_nothing || !(asked.overlaps_all || kept.contains(name)) {
            continue;
        }
        let others = match (Side { desk: &desk, query: other, params: &Params::new() }).members().await {
            Ok(others) => others,
            // Another segment's mistake is no reason to say nothing of this one.
            Err(error) => {
                tracing::warn!(segment = name, %error, "the overlap cannot be told");
                continue;
            }
        };
        let both = others.iter().filter(|customer| members.contains(customer.as_str())).count() as u64;
        report.overlaps.push(Overlap { segment: name.into(), members: others.len() as u64, both });
    }
    Ok(report)
}

/// Customers by their places in one list.
#[derive(Default)]
struct List {
    names: Vec<CustomerId>,
    places: BTreeMap<CustomerId, u32>,
}

impl List {
    fn place(&mut self, customer: String) -> u32 {
        let customer = CustomerId::stored(customer);
        if let Some(place) = self.places.get(&customer) {
            return *place;
        }
        let place = self.names.len() as u32;
        self.names.push(customer.clone());
        self.places.insert(customer, place);
        place
    }

    fn places_of(&mut self, rosters: &Rosters) -> Vec<Vec<u32>> {
        let places: Vec<u32> = rosters.customers.iter().map(|customer| self.place(customer.clone())).collect();
        let night = |members: &Vec<u32>| {
            let mut night: Vec<u32> = members.iter().map(|member| places[*member as usize]).collect();
            night.sort_unstable();
            night
        };
        rosters.nights.iter().map(night).collect()
    }
}

impl Report {
    /// A row per night.
    pub fn nights_table(&self) -> Answer {
        let columns = vec![
            column("as_of", Kind::Instant, "時点", "As of"),
            column("members", Kind::Int, "人数", "Members"),
            column("entered", Kind::Int, "追加", "Entered"),
            column("left", Kind::Int, "除外", "Left"),
            column("churn", Kind::Rate, "離脱率", "Churn"),
            column("members_as_happened", Kind::Int, "人数（後着を含む）", "Members as happened"),
            column("only_known", Kind::Int, "当時の情報のみで該当", "Only as known"),
            column("only_happened", Kind::Int, "後着の情報で該当", "Only as happened"),
            column("buyers", Kind::Int, "購入者", "Buyers"),
            column("orders", Kind::Int, "注文数", "Orders"),
            column("revenue", Kind::Money, "純売上", "Net revenue"),
            column("revenue_per_member", Kind::Float, "1人あたり純売上", "Net revenue per member"),
            column("others", Kind::Int, "他の会員", "Others"),
            column("others_buyers", Kind::Int, "他の会員の購入者", "Buyers among others"),
            column("others_orders", Kind::Int, "他の会員の注文数", "Orders of others"),
            column("others_revenue", Kind::Money, "他の会員の純売上", "Net revenue of others"),
            column("revenue_per_other", Kind::Float, "他の会員1人あたり純売上", "Net revenue per other"),
        ];
        let int = |value: u64| Value::Int(value as i64);
        let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
        let rows = self.nights.iter().map(|night| {
            let (change, late, outcome) = (night.change, night.late, night.outcome);
            let members = outcome.map(|outcome| outcome.members);
            let others = outcome.map(|outcome| outcome.others);
            vec![
                Value::Instant(night.as_of),
                int(night.members),
                or_null(change.map(|change| int(change.entered))),
                or_null(change.map(|change| int(change.left))),
                or_null(change.and_then(|change| change.churn()).map(Value::Float)),
                or_null(late.map(|late| int(late.members))),
                or_null(late.map(|late| int(late.only_known))),
                or_null(late.map(|late| int(late.only_happened))),
                or_null(members.map(|members| int(members.buyers))),
                or_null(members.map(|members| int(members.orders))),
                or_null(members.map(|members| Value::Money(members.revenue))),
                or_null(members.and_then(|members| members.per_head()).map(Value::Float)),
                or_null(others.map(|others| int(others.people))),
                or_null(others.map(|others| int(others.buyers))),
                or_null(others.map(|others| int(others.orders))),
                or_null(others.map(|others| Value::Money(others.revenue))),
                or_null(others.and_then(|others| others.per_head()).map(Value::Float)),
            ]
        });
        Answer { rows: rows.collect(), columns }
    }

    /// Members against others, over all nights whose window has passed.
    pub fn outcome_table(&self) -> Answer {
        let columns = vec![
            column("group", Kind::Text, "対象", "Group"),
            column("nights_in", Kind::Int, "延べ人数", "Person-nights"),
            column("buyer_rate", Kind::Rate, "購入率", "Buyers"),
            column("orders", Kind::Int, "注文数", "Orders"),
            column("revenue", Kind::Money, "純売上", "Net revenue"),
            column("revenue_per_head", Kind::Float, "1人あたり純売上", "Net revenue per head"),
        ];
        let row = |name: &str, bought: back_test::Bought| {
            vec![
                Value::Text(name.into()),
                Value::Int(bought.people as i64),
                bought.buyer_rate().map_or(Value::Null, Value::Float),
                Value::Int(bought.orders as i64),
                Value::Money(bought.revenue),
                bought.per_head().map_or(Value::Null, Value::Float),
            ]
        };
        let rows = self.pooled.map(|pooled| vec![row("members", pooled.members), row("others", pooled.others)]);
        Answer { columns, rows: rows.unwrap_or_default() }
    }

    pub fn overlaps_table(&self) -> Answer {
        let columns = vec![
            column("segment", Kind::Text, "セグメント", "Segment"),
            column("members", Kind::Int, "人数", "Members"),
            column("both", Kind::Int, "重複", "In both"),
            column("share_of_this", Kind::Rate, "このセグメントに占める割合", "Share of this segment"),
            column("share_of_other", Kind::Rate, "相手に占める割合", "Share of the other"),
        ];
        let last = self.nights.last().map_or(0, |night| night.members);
        let share = |part: u64, whole: u64| if whole > 0 { Value::Float(part as f64 / whole as f64) } else { Value::Null };
        let row = |overlap: &Overlap| {
            vec![
                Value::Text(overlap.segment.clone()),
                Value::Int(overlap.members as i64),
                Value::Int(overlap.both as i64),
                share(overlap.both, last),
                share(overlap.both, overlap.members),
            ]
        };
        Answer { columns, rows: self.overlaps.iter().map(row).collect() }
    }
}

pub fn column(name: &str, kind: Kind, ja: &str, en: &str) -> Column {
    Column { name: name.into(), kind, label: Text::new(ja, en) }
}
