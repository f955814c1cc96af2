//! The mapping file (`mappings/*.toml`): which column of somebody's file is which member of our nouns. Checked whole, every problem at once.
//!
//! ```toml
//! [source]
//! name = "eccube4-orders"            # the `source` of every fact
//! kind = "orders"                    # one of Kind::ALL; each is a file in `import/` that lists its columns
//! encoding = "auto"                  # auto | cp932 | utf-8 | euc-jp
//! separator = ","                    # one character, or "tab"
//! header = true                      # false: columns are named "1", "2", …
//! skip_rows = 0
//! timezone = "Asia/Tokyo"
//! currency = "JPY"
//! tax_included = true                # goods contain the amount of `tax`; or a list of "goods", "shipping", "fee"
//! shipping_tax_percent = 10          # the rate of shipping and fees, where they contain tax
//! group_by = ["注文ID"]               # rows of one order
//! keep_rows = "明細区分(ID) = 1"       # rows that are lines; `=`, `!=`, `in (…)`, `not in (…)`, joined by `and`
//! known_lag = "0s"                   # history: known_at = occurred_at + known_lag
//! properties = ["utm_source"]        # events: columns kept as properties
//! [columns]
//! order_id = { from = "注文ID" }
//! status = { from = "対応状況(ID)", map = { "3" = "cancelled", "C*" = "returned", "*" = "completed" } }
//! [items]
//! amount = { from = ["sales_value", "retail_disc"], as = "float" }
//! ```
//!
//! A column is `{ from, first, nth, as, formats, null_if, map, prefix, join, region, const, rows, times, optional }`. `from` may list columns:
//! money is added up, text and dates are joined by `join` (a space); with `first = true` the first that is filled counts instead. A `map` is
//! tried exact name first, then the longest pattern with `*`; its result is then read as the target's type. An empty cell is a missing value
//! for every target. `rows = "明細区分(ID) = 3"` adds an order's money up over those of its rows, each times the column `times`. What is
//! `optional` may be absent from the file: shops choose which columns they export.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use model::{Currency, Problem, ShopZone, Text, time::parse_duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use unicode_normalization::UnicodeNormalization;

use crate::{
    formats::{Cells, Encoding, Layout},
    import,
};

/// What the rows of a file are. Each kind is a file in `import/`: what it reads, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Orders,
    Customers,
    Events,
    Sends,
    Products,
    Subscriptions,
    Shipments,
    Points,
    Spend,
    Consents,
    Suppressions,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Orders,
        Kind::Customers,
        Kind::Events,
        Kind::Sends,
        Kind::Products,
        Kind::Subscriptions,
        Kind::Shipments,
        Kind::Points,
        Kind::Spend,
        Kind::Consents,
        Kind::Suppressions,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Orders => "orders",
            Kind::Customers => "customers",
            Kind::Events => "events",
            Kind::Sends => "sends",
            Kind::Products => "products",
            Kind::Subscriptions => "subscriptions",
            Kind::Shipments => "shipments",
            Kind::Points => "points",
            Kind::Spend => "spend",
            Kind::Consents => "consents",
            Kind::Suppressions => "suppressions",
        }
    }

    /// For people.
    pub fn title(self) -> Text {
        match self {
            Kind::Orders => Text::new("注文", "orders"),
            Kind::Customers => Text::new("会員", "customers"),
            Kind::Events => Text::new("行動履歴", "events"),
            Kind::Sends => Text::new("配信履歴", "messages sent"),
            Kind::Products => Text::new("商品", "products"),
            Kind::Subscriptions => Text::new("定期契約", "subscriptions"),
            Kind::Shipments => Text::new("出荷", "shipments"),
            Kind::Points => Text::new("ポイント", "points"),
            Kind::Spend => Text::new("広告費", "ad spend"),
            Kind::Consents => Text::new("配信許諾", "consents"),
            Kind::Suppressions => Text::new("配信停止", "opt-outs"),
        }
    }

    /// The names allowed in `[columns]`, with the type each is read as.
    pub fn targets(self) -> &'static [(&'static str, Type)] {
        match self {
            Kind::Orders => import::orders::TARGETS,
            Kind::Customers => import::customers::TARGETS,
            Kind::Events => import::events::TARGETS,
            Kind::Sends => import::sends::TARGETS,
            Kind::Products => import::products::TARGETS,
            Kind::Subscriptions => import::subscriptions::TARGETS,
            Kind::Shipments => import::shipments::TARGETS,
            Kind::Points => import::points::TARGETS,
            Kind::Spend => import::spend::TARGETS,
            Kind::Consents => import::consents::TARGETS,
            Kind::Suppressions => import::suppressions::TARGETS,
        }
    }

    /// The targets without which a mapping is refused.
    pub fn needed(self) -> &'static [&'static str] {
        match self {
            Kind::Orders => &["order_id", "ordered_at"],
            Kind::Events => &["name", "occurred_at"],
            Kind::Sends => &["sent_at", "channel", "campaign"],
            Kind::Subscriptions => &["subscription_id"],
            Kind::Spend => &["spent_on", "medium", "cost"],
            Kind::Customers | Kind::Products | Kind::Shipments | Kind::Points | Kind::Consents | Kind::Suppressions => &[],
        }
    }

    /// Of each line of these at least one target is needed, and what for.
    fn needed_one_of(self) -> &'static [(&'static [&'static str], &'static str)] {
        const PERSON: (&[&str], &str) = (&["customer_id", "email", "phone", "line_id"], "[columns] names nobody");
        match self {
            Kind::Customers | Kind::Sends | Kind::Consents | Kind::Suppressions => &[PERSON],
            Kind::Products => &[(&["product_id", "sku"], "[columns] names no product")],
            Kind::Shipments => &[(&["shipment_id", "order_id", "subscription_id"], "[columns] names no shipment")],
            Kind::Points => &[PERSON, (&["change", "balance"], "[columns] has neither a change nor a balance of points")],
            Kind::Orders | Kind::Events | Kind::Subscriptions | Kind::Spend => &[],
        }
    }

    /// The names as a sentence has them.
    fn listed() -> String {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("one of {}", names.join(", "))
    }
}

/// The names allowed in `[items]`: the lines of an order.
pub const ITEM_TARGETS: &[(&str, Type)] = &[
    ("sku", Type::Text),
    ("product_id", Type::Text),
    ("name", Type::Text),
    ("category", Type::Text),
    ("price", Type::Money),
    ("quantity", Type::Count),
    ("amount", Type::Money),
    ("discount", Type::Money),
    ("tax_rate", Type::Percent),
];

/// How the text of a cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Id,
    Money,
    Count,
    Instant,
    Date,
    Email,
    Phone,
    Line,
    /// `completed`, `cancelled`, `returned`, `skip`.
    Status,
    /// Yes or no, in the words shops use.
    Yes,
    Gender,
    Channel,
    /// 10, 10%, 0.1.
    Percent,
    /// A word of a closed list.
    OneOf(&'static [&'static str]),
}

impl Type {
    /// What `as` may say for a target of this type; the first is the default.
    fn spellings(self) -> &'static [&'static str] {
        match self {
            Type::Text | Type::Id | Type::Status | Type::Gender | Type::Channel | Type::OneOf(_) => &["text"],
            Type::Money => &["money", "float"],
            Type::Percent => &["percent"],
            Type::Count => &["int"],
            Type::Instant => &["datetime"],
            Type::Date => &["date"],
            Type::Email => &["email"],
            Type::Phone => &["phone"],
            Type::Line => &["line"],
            Type::Yes => &["bool"],
        }
    }
}

/// One target and where its value comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub target: String,
    pub kind: Type,
    /// Columns of the file; empty when `constant` stands instead.
    pub from: Vec<String>,
    /// The first of `from` that is filled, instead of all of them.
    pub first: bool,
    /// Which of several equal headers, from 1.
    pub nth: usize,
    /// Money from a binary float (Parquet doubles): the nearest 1/10,000.
    pub float: bool,
    pub formats: Vec<String>,
    pub null_if: Vec<String>,
    /// Pattern and result, in the order they are tried.
    pub map: Vec<(String, String)>,
    pub prefix: String,
    pub join: String,
    pub constant: Option<String>,
    /// Money of an order that stands in rows of its own: all must hold.
    pub rows: Vec<Clause>,
    pub times: Option<String>,
    /// May be absent from the file.
    pub optional: bool,
    /// 1-based line in the mapping file.
    pub line: usize,
}

/// `COL = VALUE`, `COL != VALUE`, `COL in (…)`, `COL not in (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    pub column: String,
    pub values: Vec<String>,
    pub negated: bool,
}

/// Whether a row's cells satisfy all of the clauses, each at its place.
pub fn holds(clauses: &[(usize, Clause)], cells: &Cells) -> bool {
    clauses.iter().all(|(at, clause)| {
        let value = cells.get(*at).unwrap_or("").trim();
        clause.values.iter().any(|wanted| wanted == value) != clause.negated
    })
}

/// Which amounts contain their part of `tax`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaxIncluded {
    pub goods: bool,
    pub shipping: bool,
    pub fee: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The mapping file, for messages.
    pub file: String,
    pub name: String,
    pub kind: Kind,
    pub layout: Layout,
    pub zone: ShopZone,
    pub currency: Currency,
    pub tax_included: TaxIncluded,
    pub shipping_tax_percent: i64,
    pub group_by: Vec<String>,
    /// All must hold.
    pub keep_rows: Vec<Clause>,
    pub known_lag: Duration,
    pub properties: Vec<String>,
    pub columns: Vec<Column>,
    pub items: Vec<Column>,
}

/// The formats tried when a date column names none. None of them is ambiguous about day and month.
const INSTANT_FORMATS: &[&str] = &[
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "rfc3339",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    "jp_era",
];
const DATE_FORMATS: &[&str] =
    &["%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y年%m月%d日", "%Y%m%d", "jp_era"];

impl Mapping {
    /// Reads and checks a mapping file: every problem at once, each with its line.
    pub fn parse(file: &str, text: &str) -> Result<Mapping, Vec<Problem>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader { file, text, problems: Vec::new() };
        for error in &errors {
            let line = error.span().map_or(0, |span| reader.line(span.start));
            reader.problems.push(
                Problem::new(file, line, error.message().to_string())
                    .with_remedy("a mapping is TOML; quote names with characters other than letters, digits, - and _"),
            );
        }
        if !errors.is_empty() {
            return Err(reader.problems);
        }
        let mapping = reader.mapping(document.get_ref());
        if reader.problems.is_empty() {
            Ok(mapping)
        } else {
            reader.problems.sort_by_key(|problem| problem.line);
            Err(reader.problems)
        }
    }

    pub fn column(&self, target: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.target == target)
    }

    pub fn item(&self, target: &str) -> Option<&Column> {
        self.items.iter().find(|column| column.target == target)
    }

    /// Finds every column the mapping names in the header; a name that is not there is a problem with the nearest that is.
    pub fn bind(&self, header: &[String]) -> Result<Bound, Vec<Problem>> {
        let mut problems = Vec::new();
        let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let at = |name: &str, nth: usize| -> Option<usize> {
            let wanted = plain(name);
            names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(index, _)| index).nth(nth - 1)
        };
        let mut find = |name: &str, nth: usize, line: usize| -> usize {
            let wanted = plain(name);
            if let Some(index) = at(name, nth) {
                return index;
            }
            let count = names.iter().filter(|name| **name == wanted).count();
            let problem = if count > 0 {
                Problem::new(&self.file, line, format!("the file has {count} column(s) `{name}`, nth = {nth} asks for more"))
                    .with_remedy(format!("use nth = 1 to {count}"))
            } else {
                let remedy = match nearest(&wanted, &names) {
                    Some(index) => format!("did you mean `{}`?", header[index].trim()),
                    None => format!("the file's columns are: {}", listed(header)),
                };
                Problem::new(&self.file, line, format!("the file has no column `{name}`")).with_remedy(remedy)
            };
            problems.push(problem);
            0
        };
        let mut place = |columns: &[Column]| -> Vec<BoundColumn> {
            let mut bound = Vec::new();
            for column in columns {
                let from: Vec<&String> =
                    column.from.iter().filter(|name| !column.optional || at(name, column.nth).is_some()).collect();
                let others = column.rows.iter().map(|clause| &clause.column).chain(&column.times);
                let is_absent =
                    (from.is_empty() && column.constant.is_none()) || others.clone().any(|name| at(name, 1).is_none());
                if column.optional && is_absent {
                    continue;
                }
                bound.push(BoundColumn {
                    at: from.iter().map(|name| find(name, column.nth, column.line)).collect(),
                    rows: column.rows.iter().map(|clause| (find(&clause.column, 1, column.line), clause.clone())).collect(),
                    times: column.times.as_ref().map(|name| find(name, 1, column.line)),
                    column: column.clone(),
                });
            }
            bound
        };
        let columns = place(&self.columns);
        let items = place(&self.items);
        let group_by = self.group_by.iter().map(|name| find(name, 1, 0)).collect();
        let keep_rows = self.keep_rows.iter().map(|clause| (find(&clause.column, 1, 0), clause.clone())).collect();
        let properties = self.properties.iter().map(|name| (find(name, 1, 0), name.clone())).collect();
        if problems.is_empty() { Ok(Bound { columns, items, group_by, keep_rows, properties }) } else { Err(problems) }
    }
}

/// A mapping whose names have become positions in one file.
#[derive(Debug, Clone)]
pub struct Bound {
    pub columns: Vec<BoundColumn>,
    pub items: Vec<BoundColumn>,
    pub group_by: Vec<usize>,
    pub keep_rows: Vec<(usize, Clause)>,
    pub properties: Vec<(usize, String)>,
}

#[derive(Debug, Clone)]
pub struct BoundColumn {
    pub at: Vec<usize>,
    pub rows: Vec<(usize, Clause)>,
    pub times: Option<usize>,
    pub column: Column,
}

/// How header names are compared: full-width letters, brackets and stray spaces do not tell columns apart.
pub fn plain(name: &str) -> String {
    name.nfkc().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '\u{feff}').flat_map(char::to_lowercase).collect()
}

/// Whether `text` fits `pattern`, in which each `*` stands for any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// `COL = VALUE and COL in (A, B)`; a name or a value with ` and ` or brackets in it stands in double quotes.
pub fn parse_condition(text: &str) -> Result<Vec<Clause>, String> {
    split_outside_quotes(text, " and ").into_iter().map(parse_clause).collect()
}

/// Walks the TOML document; what is wrong is noted and the walk goes on.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

const SOURCE_KEYS: &[&str] = &[
    "name",
    "kind",
    "encoding",
    "separator",
    "header",
    "skip_rows",
    "timezone",
    "currency",
    "tax_included",
    "shipping_tax_percent",
    "group_by",
    "keep_rows",
    "known_lag",
    "properties",
];
const COLUMN_KEYS: &[&str] = &[
    "from", "first", "nth", "as", "formats", "null_if", "map", "prefix", "join", "region", "const", "rows", "times", "optional",
];

impl Reader<'_> {
    fn mapping(&mut self, document: &DeTable<'_>) -> Mapping {
        let mut mapping = Mapping {
            file: self.file.into(),
            name: String::new(),
            kind: Kind::Orders,
            layout: Layout::default(),
            zone: ShopZone::tokyo(),
            currency: Currency::jpy(),
            tax_included: TaxIncluded::default(),
            shipping_tax_percent: 10,
            group_by: Vec::new(),
            keep_rows: Vec::new(),
            known_lag: Duration::zero(),
            properties: Vec::new(),
            columns: Vec::new(),
            items: Vec::new(),
        };
        for (key, value) in document.iter() {
            if !["source", "columns", "items"].contains(&key.get_ref().as_ref()) {
                self.say(
                    key.span().start,
                    format!("unknown table `{}`", key.get_ref()),
                    "a mapping has [source], [columns], [items]",
                );
            } else if value.get_ref().as_table().is_none() {
                self.say(
                    key.span().start,
                    format!("`{}` is not a table", key.get_ref()),
                    "write it as [source], [columns], [items]",
                );
            }
        }
        let table = |name: &str| document.get(name).and_then(|value| value.get_ref().as_table());
        let kind_known = match table("source") {
            Some(source) => self.source(source, &mut mapping),
            None => {
                self.say(0, "there is no [source]".into(), "add [source] with name and kind");
                false
            }
        };
        if !kind_known {
            // The kind that knows most of the columns: what is wrong with those is said at once too.
            let known = |kind: &Kind| {
                let is_known = |name: &str| kind.targets().iter().any(|(target, _)| *target == name);
                table("columns").map_or(0, |columns| columns.keys().filter(|key| is_known(key.get_ref())).count())
            };
            mapping.kind = Kind::ALL.into_iter().rev().max_by_key(known).expect("there are kinds");
        }
        match table("columns") {
            Some(columns) => {
                mapping.columns =
                    self.columns(columns, mapping.kind.targets(), mapping.kind == Kind::Customers, mapping.kind.name())
            }
            None => self.say(0, "there is no [columns]".into(), "`tsubame import detect FILE` writes a first mapping"),
        }
        if let Some(items) = table("items") {
            if mapping.kind != Kind::Orders {
                self.say(
                    0,
                    format!("[items] stands in a mapping of {}", mapping.kind.name()),
                    "only orders have lines: remove [items]",
                );
            }
            mapping.items = self.columns(items, ITEM_TARGETS, false, "items");
        }
        if kind_known {
            self.required(&mapping);
        }
        mapping
    }

    /// False when the kind could not be read.
    fn source(&mut self, source: &DeTable<'_>, mapping: &mut Mapping) -> bool {
        let mut kind = None;
        for (key, value) in source.iter() {
            let name = key.get_ref().as_ref();
            match name {
                "name" => {
                    mapping.name = self.string(name, value);
                    if mapping.name.is_empty() || mapping.name.contains('|') || mapping.name.len() > 100 {
                        self.say(
                            value.span().start,
                            format!("`{}` is not a source name", mapping.name),
                            "1 to 100 characters, without `|`",
                        );
                    }
                }
                "kind" => {
                    let text = self.string(name, value);
                    kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
                    if kind.is_none() {
                        self.say(value.span().start, format!("`{text}` is not a kind"), Kind::listed());
                    }
                }
                "encoding" => {
                    let text = self.string(name, value);
                    match Encoding::parse(&text) {
                        Some(encoding) => mapping.layout.encoding = encoding,
                        None => {
                            self.say(value.span().start, format!("`{text}` is not an encoding"), "auto, cp932, utf-8 or euc-jp")
                        }
                    }
                }
                "separator" => {
                    let text = self.string(name, value);
                    match text.as_str() {
                        "tab" => mapping.layout.separator = b'\t',
                        _ if text.len() == 1 && !text.contains(['"', '\r', '\n']) => {
                            mapping.layout.separator = text.as_bytes()[0]
                        }
                        _ => self.say(
                            value.span().start,
                            format!("`{text}` is not a separator"),
                            "one ASCII character, or \"tab\"",
                        ),
                    }
                }
                "header" => mapping.layout.header = self.boolean(name, value),
                "skip_rows" => mapping.layout.skip_rows = self.count(name, value, 0, 10_000),
                "timezone" => {
                    let text = self.string(name, value);
                    match ShopZone::parse(&text) {
                        Ok(zone) => mapping.zone = zone,
                        Err(error) => self.say(value.span().start, error.to_string(), "e.g. Asia/Tokyo"),
                    }
                }
                "currency" => {
                    let text = self.string(name, value);
                    match Currency::parse(&text) {
                        Ok(currency) => mapping.currency = currency,
                        Err(error) => self.say(value.span().start, error.to_string(), "e.g. JPY"),
                    }
                }
                "tax_included" => mapping.tax_included = self.tax_included(value),
                "shipping_tax_percent" => mapping.shipping_tax_percent = self.count(name, value, 0, 100) as i64,
                "group_by" => mapping.group_by = self.strings(name, value),
                "properties" => mapping.properties = self.strings(name, value),
                "keep_rows" => {
                    let text = self.string(name, value);
                    match parse_condition(&text) {
                        Ok(clauses) => mapping.keep_rows = clauses,
                        Err(message) => self.say(
                            value.span().start,
                            format!("keep_rows: {message}"),
                            "e.g. 明細区分(ID) = 1, or COL in (A, B) and COL != C",
                        ),
                    }
                }
                "known_lag" => {
                    let text = self.string(name, value);
                    match parse_duration(&text) {
                        Ok(lag) => mapping.known_lag = lag,
                        Err(error) => self.say(value.span().start, error.to_string(), "e.g. 30m, 3h, 1d"),
                    }
                }
                _ => self.unknown(key, "source", SOURCE_KEYS),
            }
        }
        if !source.contains_key("name") {
            self.say(0, "[source] has no name".into(), "add name = \"my-shop-orders\": every fact carries it");
        }
        if !source.contains_key("kind") {
            self.say(0, "[source] has no kind".into(), format!("add kind = {}", Kind::listed()));
        }
        if let Some(kind) = kind {
            mapping.kind = kind;
            if kind != Kind::Orders && !mapping.group_by.is_empty() {
                self.say(
                    0,
                    format!("group_by stands in a mapping of {}", kind.name()),
                    "only orders are made of several rows: remove it",
                );
            }
            if kind != Kind::Events && !mapping.properties.is_empty() {
                self.say(
                    0,
                    format!("properties stands in a mapping of {}", kind.name()),
                    "only events have properties: remove it",
                );
            }
        }
        kind.is_some()
    }

    fn columns(&mut self, table: &DeTable<'_>, targets: &[(&str, Type)], attributes: bool, what: &str) -> Vec<Column> {
        let mut columns = Vec::new();
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            // `attributes = { rank = { from = "会員ランク" } }` and "attributes.rank" = { … } are the same.
            if attributes && name == "attributes" {
                if let Some(inner) = value.get_ref().as_table() {
                    for (key, value) in inner.iter() {
                        columns.extend(self.one_column(
                            &format!("attributes.{}", key.get_ref()),
                            Type::Text,
                            key.span().start,
                            value,
                        ));
                    }
                }
                continue;
            }
            if attributes && name.starts_with("attributes.") {
                columns.extend(self.one_column(name, Type::Text, key.span().start, value));
                continue;
            }
            match targets.iter().find(|(target, _)| *target == name) {
                Some((_, kind)) => columns.extend(self.one_column(name, *kind, key.span().start, value)),
                None => {
                    let mut allowed: Vec<&str> = targets.iter().map(|(target, _)| *target).collect();
                    if attributes {
                        allowed.push("attributes.NAME");
                    }
                    self.unknown(key, what, &allowed);
                }
            }
        }
        columns
    }

    fn one_column(&mut self, target: &str, kind: Type, at: usize, value: &Spanned<DeValue<'_>>) -> Option<Column> {
        let Some(table) = value.get_ref().as_table() else {
            self.say(at, format!("`{target}` is not a column"), format!("write {target} = {{ from = \"…\" }}"));
            return None;
        };
        let mut column = Column {
            target: target.into(),
            kind,
            from: Vec::new(),
            first: false,
            nth: 1,
            float: false,
            formats: Vec::new(),
            null_if: Vec::new(),
            map: Vec::new(),
            prefix: String::new(),
            join: " ".into(),
            constant: None,
            rows: Vec::new(),
            times: None,
            optional: false,
            line: self.line(at),
        };
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            match name {
                "from" => match value.get_ref().as_str() {
                    Some(one) => column.from = vec![one.into()],
                    None => column.from = self.strings(name, value),
                },
                "nth" => column.nth = self.count(name, value, 1, 10_000),
                "as" => {
                    let text = self.string(name, value);
                    if !kind.spellings().contains(&text.as_str()) {
                        self.say(
                            value.span().start,
                            format!("`{target}` cannot be read as `{text}`"),
                            format!("{target} is read as {}", kind.spellings().join(" or ")),
                        );
                    }
                    column.float = text == "float";
                }
                "formats" => column.formats = self.formats(kind, target, value),
                "null_if" => column.null_if = self.strings(name, value),
                "map" => column.map = self.map(kind, target, value),
                "prefix" => column.prefix = self.string(name, value),
                "join" => column.join = self.string(name, value),
                "region" => {
                    let text = self.string(name, value);
                    if text != "JP" {
                        self.say(
                            value.span().start,
                            format!("the region `{text}` is not known"),
                            "\"JP\"; write other numbers with + and the country code",
                        );
                    }
                }
                "const" => column.constant = Some(self.string(name, value)),
                "first" => column.first = self.boolean(name, value),
                "optional" => column.optional = self.boolean(name, value),
                "times" => column.times = Some(self.string(name, value)),
                "rows" => {
                    let text = self.string(name, value);
                    match parse_condition(&text) {
                        Ok(clauses) => column.rows = clauses,
                        Err(message) => self.say(value.span().start, format!("rows: {message}"), "e.g. 明細区分(ID) = 3"),
                    }
                }
                _ => self.unknown(key, target, COLUMN_KEYS),
            }
        }
        if column.from.is_empty() == column.constant.is_none() {
            self.say(at, format!("`{target}` needs `from` or `const`"), "give exactly one of the two");
        }
        if !column.rows.is_empty() && kind != Type::Money {
            self.say(at, format!("`{target}` is not money"), "only an order's money is added up over rows: remove rows");
        }
        if column.times.is_some() && column.rows.is_empty() {
            self.say(at, format!("`{target}` has times without rows"), "add rows = \"COL = VALUE\", or remove times");
        }
        if column.formats.is_empty() {
            let defaults = match kind {
                Type::Instant => INSTANT_FORMATS,
                Type::Date => DATE_FORMATS,
                _ => &[],
            };
            column.formats = defaults.iter().map(|format| format.to_string()).collect();
        }
        Some(column)
    }

    fn formats(&mut self, kind: Type, target: &str, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let formats = self.strings("formats", value);
        let at = value.span().start;
        if !matches!(kind, Type::Instant | Type::Date) {
            self.say(at, format!("`{target}` is no date"), "remove formats");
        }
        let order = |format: &String| Some(format.find(['m', 'b'])? < format.find(['d', 'e'])?);
        let (mut month_first, mut day_first) = (false, false);
        for format in &formats {
            let named = ["rfc3339", "excel_serial", "jp_era"].contains(&format.as_str());
            if !named && chrono::format::StrftimeItems::new(format).any(|item| item == chrono::format::Item::Error) {
                self.say(
                    at,
                    format!("`{format}` is not a date format"),
                    "strftime (%Y-%m-%d %H:%M:%S), rfc3339, excel_serial or jp_era",
                );
            } else if !named && !format.trim_start().starts_with("%Y") {
                match order(format) {
                    Some(true) => month_first = true,
                    Some(false) => day_first = true,
                    None => {}
                }
            }
        }
        if month_first && day_first {
            self.say(
                at,
                format!("the formats of `{target}` disagree whether day or month comes first"),
                "keep the one the file uses: 03/04 would be read by chance",
            );
        }
        formats
    }

    fn map(&mut self, kind: Type, target: &str, value: &Spanned<DeValue<'_>>) -> Vec<(String, String)> {
        let Some(table) = value.get_ref().as_table() else {
            self.say(
                value.span().start,
                "`map` is not a table".into(),
                "write map = { \"3\" = \"cancelled\", \"*\" = \"completed\" }",
            );
            return Vec::new();
        };
        let mut map = Vec::new();
        for (key, value) in table.iter() {
            let result = self.string("map", value);
            let allowed: &[&str] = match kind {
                Type::Status => &["completed", "cancelled", "returned", "skip"],
                Type::Yes => &["true", "false", ""],
                Type::Gender => &["female", "male", "other", ""],
                Type::Channel => &["email", "line", "sms", "web_push", "app_push", "webhook"],
                Type::OneOf(words) => words,
                _ => &[],
            };
            let is_empty_word = matches!(kind, Type::OneOf(_)) && result.is_empty();
            if !allowed.is_empty() && !is_empty_word && !allowed.contains(&result.as_str()) {
                self.say(
                    value.span().start,
                    format!("`{result}` is no value of `{target}`"),
                    format!("one of {}", allowed.join(", ")),
                );
            }
            map.push((key.get_ref().to_string(), result));
        }
        // An exact name before a pattern, a longer pattern before a shorter one.
        map.sort_by_key(|(pattern, _)| (pattern.contains('*'), std::cmp::Reverse(pattern.chars().count()), pattern.clone()));
        map
    }

    fn required(&mut self, mapping: &Mapping) {
        let has = |target: &str| mapping.column(target).is_some();
        let missing: Vec<&str> = mapping.kind.needed().iter().copied().filter(|target| !has(target)).collect();
        for target in missing {
            self.say(
                0,
                format!("[columns] has no `{target}`"),
                format!("add {target} = {{ from = \"…\" }}: {} need it", mapping.kind.name()),
            );
        }
        for (targets, message) in mapping.kind.needed_one_of() {
            if !targets.iter().any(|target| has(target)) {
                self.say(0, message.to_string(), format!("add one of {}", targets.join(", ")));
            }
        }
        let money = ["subtotal", "subtotal_discounted", "total"].iter().any(|target| has(target))
            || ["price", "amount"].iter().any(|target| mapping.item(target).is_some());
        if mapping.kind == Kind::Orders && !money {
            self.say(
                0,
                "the mapping names no money".into(),
                "add subtotal, subtotal_discounted or total, or price or amount under [items]",
            );
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at.min(self.text.len())].matches('\n').count() + 1
    }

    /// `at` = 0 means the whole file.
    fn say(&mut self, at: usize, message: String, remedy: impl Into<String>) {
        let line = if at == 0 { 0 } else { self.line(at) };
        self.problems.push(Problem::new(self.file, line, message).with_remedy(remedy));
    }

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, what: &str, allowed: &[&str]) {
        let name = key.get_ref().as_ref();
        let names: Vec<String> = allowed.iter().map(|name| name.to_string()).collect();
        let hint = nearest(name, &names).map(|index| format!("did you mean `{}`? ", names[index])).unwrap_or_default();
        self.say(key.span().start, format!("{what} has no `{name}`"), format!("{hint}allowed: {}", allowed.join(", ")));
    }

    fn string(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> String {
        match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_string(),
            DeValue::Boolean(yes) => yes.to_string(),
            _ => {
                self.say(value.span().start, format!("`{name}` is not a text"), "put it in quotes");
                String::new()
            }
        }
    }

    fn strings(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| self.string(name, item)).collect(),
            DeValue::String(text) => vec![text.to_string()],
            _ => {
                self.say(value.span().start, format!("`{name}` is not a list of texts"), format!("write {name} = [\"…\"]"));
                Vec::new()
            }
        }
    }

    fn boolean(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.say(value.span().start, format!("`{name}` is neither true nor false"), format!("write {name} = true"));
            false
        })
    }

    fn tax_included(&mut self, value: &Spanned<DeValue<'_>>) -> TaxIncluded {
        let mut included = TaxIncluded::default();
        let words = match value.get_ref() {
            DeValue::Boolean(true) => vec!["goods".to_string()],
            DeValue::Boolean(false) => Vec::new(),
            DeValue::Array(_) => self.strings("tax_included", value),
            _ => vec![String::new()],
        };
        for word in words {
            match word.as_str() {
                "goods" => included.goods = true,
                "shipping" => included.shipping = true,
                "fee" => included.fee = true,
                _ => self.say(
                    value.span().start,
                    "`tax_included` is neither true, false nor a list of amounts".into(),
                    "write tax_included = true, or [\"goods\", \"shipping\", \"fee\"]",
                ),
            }
        }
        included
    }

    fn count(&mut self, name: &str, value: &Spanned<DeValue<'_>>, min: usize, max: usize) -> usize {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|number| (min..=max).contains(number)),
            _ => None,
        };
        number.unwrap_or_else(|| {
            self.say(value.span().start, format!("`{name}` is not a whole number from {min}"), format!("write {name} = {min}"));
            min
        })
    }
}

fn parse_clause(text: &str) -> Result<Clause, String> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let list = |at: usize, word: &str, negated: bool| -> Result<Clause, String> {
        let inner = text[at + word.len()..].trim();
        let inner = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.ok_or_else(|| format!("`{text}` needs a list in brackets"))?;
        clause(&text[..at], split_outside_quotes(inner, ","), negated)
    };
    if let Some(at) = lower.rfind(" not in ") {
        return list(at, " not in ", true);
    }
    if let Some(at) = lower.rfind(" in ") {
        return list(at, " in ", false);
    }
    if let Some(at) = text.rfind("!=") {
        return clause(&text[..at], vec![&text[at + 2..]], true);
    }
    match text.rfind('=') {
        Some(at) => clause(&text[..at], vec![&text[at + 1..]], false),
        None => Err(format!("`{text}` has no =, !=, in or not in")),
    }
}

fn clause(column: &str, values: Vec<&str>, negated: bool) -> Result<Clause, String> {
    let column = unquoted(column);
    if column.is_empty() {
        return Err("a condition names no column".into());
    }
    Ok(Clause { column: column.into(), values: values.into_iter().map(|value| unquoted(value).to_string()).collect(), negated })
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

fn split_outside_quotes<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if at >= start && text[at..].get(..separator.len()).is_some_and(|here| here.eq_ignore_ascii_case(separator)) => {
                parts.push(&text[start..at]);
                start = at + separator.len();
            }
            None => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The name with the fewest edits, if at most half of the letters differ.
fn nearest(wanted: &str, names: &[String]) -> Option<usize> {
    let distance = |name: &String| edits(wanted, name);
    let (index, name) = names.iter().enumerate().min_by_key(|(_, name)| distance(name))?;
    let longest = wanted.chars().count().max(name.chars().count());
    (distance(name) * 2 <= longest).then_some(index)
}

fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn listed(header: &[String]) -> String {
    let unique: BTreeSet<&str> = header.iter().map(|name| name.trim()).collect();
    let shown: Vec<&str> = unique.iter().copied().take(20).collect();
    let more = unique.len().saturating_sub(shown.len());
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// The mappings that ship with the product, by file stem. Detection offers one whose columns are all there.
pub fn built_in() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("complete-journey-campaigns", include_str!("../../../fixtures/mappings/complete-journey-campaigns.toml")),
        ("complete-journey-coupons", include_str!("../../../fixtures/mappings/complete-journey-coupons.toml")),
        ("complete-journey-transactions", include_str!("../../../fixtures/mappings/complete-journey-transactions.toml")),
        ("demo-customers", include_str!("../../../fixtures/mappings/demo-customers.toml")),
        ("demo-events", include_str!("../../../fixtures/mappings/demo-events.toml")),
        ("demo-orders", include_str!("../../../fixtures/mappings/demo-orders.toml")),
        ("eccube4-customers", include_str!("../../../fixtures/mappings/eccube4-customers.toml")),
        ("eccube4-orders", include_str!("../../../fixtures/mappings/eccube4-orders.toml")),
        ("ecforce-orders", include_str!("../../../fixtures/mappings/ecforce-orders.toml")),
        ("generic-customers", include_str!("../../../fixtures/mappings/generic-customers.toml")),
        ("generic-opt-ins", include_str!("../../../fixtures/mappings/generic-opt-ins.toml")),
        ("generic-opt-outs", include_str!("../../../fixtures/mappings/generic-opt-outs.toml")),
        ("generic-orders", include_str!("../../../fixtures/mappings/generic-orders.toml")),
        ("generic-points", include_str!("../../../fixtures/mappings/generic-points.toml")),
        ("generic-products", include_str!("../../../fixtures/mappings/generic-products.toml")),
        ("generic-shipments", include_str!("../../../fixtures/mappings/generic-shipments.toml")),
        ("generic-spend", include_str!("../../../fixtures/mappings/generic-spend.toml")),
        ("generic-subscriptions", include_str!("../../../fixtures/mappings/generic-subscriptions.toml")),
        ("makeshop-orders", include_str!("../../../fixtures/mappings/makeshop-orders.toml")),
        ("next-engine-orders", include_str!("../../../fixtures/mappings/next-engine-orders.toml")),
        ("online-retail", include_str!("../../../fixtures/mappings/online-retail.toml")),
        ("shopify-orders", include_str!("../../../fixtures/mappings/shopify-orders.toml")),
        ("snowplow-events", include_str!("../../../fixtures/mappings/snowplow-events.toml")),
        ("superstore", include_str!("../../../fixtures/mappings/superstore.toml")),
        ("woocommerce-orders", include_str!("../../../fixtures/mappings/woocommerce-orders.toml")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once_with_its_line_and_a_remedy() {
        let text = "[source]\nname = \"x\"\nkind = \"orders\"\nencoding = \"latin\"\nspeed = 1\n[columns]\norder_id = { from = \"a\" }\n\
                    order_date = { from = \"b\" }\ntotal = { from = \"c\", as = \"date\" }\nstatus = { from = \"d\", map = { a = \"sold\" } }\n\
                    ordered_at = { from = \"e\", formats = [\"%d/%m/%Y\", \"%m/%d/%Y\", \"%Q\"] }\ncoupon = { }\n";
        let problems = Mapping::parse("m.toml", text).unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [4, 5, 8, 9, 10, 11, 11, 12], "{problems:#?}");
        assert!(problems.iter().all(|problem| problem.remedy.is_some()));
        assert!(problems[2].remedy.as_ref().unwrap().contains("did you mean `ordered_at`"), "{}", problems[2]);
        let problems = Mapping::parse("m.toml", "[source]\nname = \"x\"\nkind = \"orders\"\n[columns]\n").unwrap_err();
        assert_eq!(problems.len(), 3, "order_id, ordered_at and money are missing");
    }

    #[test]
    fn built_in_mappings_are_right() {
        for (name, text) in built_in() {
            let mapping = Mapping::parse(name, text).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
            assert_eq!(mapping.name, name, "a source is named after its mapping");
        }
    }

    #[test]
    fn a_missing_column_is_met_with_the_nearest() {
        let text = "[source]\nname = \"x\"\nkind = \"orders\"\n[columns]\norder_id = { from = \"注文番号\" }\nordered_at = { from = \"受注日\" }\n\
                    total = { from = \"合計\" }\nshipping = { from = \"送料\", nth = 3 }\n";
        let mapping = Mapping::parse("m.toml", text).unwrap();
        let header = ["注文番号", "受注日時", "合計", "送料", "送料"].map(String::from);
        let problems = mapping.bind(&header).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().any(|p| p.line == 6 && p.remedy.as_ref().unwrap().contains("受注日時")), "{problems:#?}");
        assert!(problems.iter().any(|p| p.line == 8 && p.message.contains("nth = 3")), "{problems:#?}");
    }

    #[test]
    fn conditions() {
        let check = |text: &str, expect: &str| {
            let got = match parse_condition(text) {
                Ok(clauses) => {
                    let one = |c: &Clause| format!("{}{}{}", c.column, if c.negated { "!" } else { "=" }, c.values.join("/"));
                    clauses.iter().map(one).collect::<Vec<_>>().join("&")
                }
                Err(_) => "no".into(),
            };
            assert_eq!(got, expect, "{text}");
        };
        check("明細区分(ID) = 1", "明細区分(ID)=1");
        check("a != 'x y' AND b in (1, 2)", "a!x y&b=1/2");
        check("\"a and b\" not in ('1,5', 2)", "a and b!1,5/2");
        check("a", "no");
        check("= 1", "no");
        check("a in 1", "no");
    }

    #[test]
    fn patterns() {
        let check = |pattern: &str, text: &str, expect: bool| assert_eq!(fits(pattern, text), expect, "{pattern} {text}");
        check("C*", "C536", true);
        check("C*", "536", false);
        check("*", "", true);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxc", false);
        check("abc", "abc", true);
        check("abc", "abcd", false);
    }
}
