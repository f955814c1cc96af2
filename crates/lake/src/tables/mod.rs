//! The lake's tables, one file each: a name, columns with their labels, the order of rows in a file, and the columns that keep statistics.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

mod ad_spend;
mod audiences;
mod consents;
mod contacts;
mod coupon_uses;
mod coupons;
mod credits;
mod customer_facts;
mod customers;
mod decisions;
mod entries;
mod events;
mod exposures;
mod identities;
mod ltv_models;
mod order_lines;
mod orders;
mod points;
mod products;
mod receipts;
mod runs;
mod segment_changes;
mod sends;
mod shipments;
mod stock;
mod stops;
mod subscriptions;
mod suppressions;
mod touches;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Float,
    Bool,
    /// `Decimal128(18,4)`.
    Money,
    Date,
    /// Microseconds, UTC.
    Instant,
}

impl Kind {
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Bool => DataType::Boolean,
            Kind::Money => DataType::Decimal128(18, 4),
            Kind::Date => DataType::Date32,
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub ja: &'static str,
    pub en: &'static str,
}

/// A table of facts. Every table also has [`TIMES`] and [`LANDED`] columns.
pub trait Table: Sync {
    fn name(&self) -> &'static str;

    /// Its name for people, in Japanese and English.
    fn title(&self) -> (&'static str, &'static str);

    /// Its own columns: the fields of the noun in `model`.
    fn columns(&self) -> &'static [Column];

    /// The order of rows in a file: what queries filter by most comes first, so that row groups can be skipped.
    fn sort(&self) -> &'static [&'static str];

    /// Own columns that keep min and max in the Delta log: an allow-list, because statistics repeat values for all to read.
    fn statistics(&self) -> &'static [&'static str];

    /// Columns in which one value is looked for: they get a bloom filter, which tells row groups apart without naming anybody.
    fn looked_up(&self) -> &'static [&'static str] {
        &[]
    }
}

/// When a fact happened, and when it could have been known.
pub const TIMES: [Column; 2] = [
    Column { name: "occurred_at", kind: Kind::Instant, ja: "発生日時", en: "Occurred at" },
    Column { name: "known_at", kind: Kind::Instant, ja: "把握日時", en: "Known at" },
];

/// When it reached the journal, and its place there.
pub const LANDED: [Column; 2] = [
    Column { name: "ingested_at", kind: Kind::Instant, ja: "取込日時", en: "Ingested at" },
    Column { name: "position", kind: Kind::Int, ja: "位置", en: "Position" },
];

pub const TABLES: &[&dyn Table] = &[
    &events::Events,
    &orders::Orders,
    &order_lines::OrderLines,
    &customers::Customers,
    &contacts::Contacts,
    &consents::Consents,
    &suppressions::Suppressions,
    &entries::Entries,
    &sends::Sends,
    &stops::Stops,
    &receipts::Receipts,
    &touches::Touches,
    &credits::Credits,
    &exposures::Exposures,
    &audiences::Audiences,
    &runs::Runs,
    &segment_changes::SegmentChanges,
    &customer_facts::CustomerFacts,
    &identities::Identities,
    &products::Products,
    &stock::Stock,
    &subscriptions::Subscriptions,
    &shipments::Shipments,
    &points::Points,
    &ad_spend::AdSpend,
    &ltv_models::LtvModels,
    &decisions::Decisions,
    &coupons::Coupons,
    &coupon_uses::CouponUses,
];

pub fn find(name: &str) -> Option<&'static dyn Table> {
    TABLES.iter().copied().find(|table| table.name() == name)
}

/// All columns of a table in their order: times, its own, landed.
pub fn all_columns(table: &dyn Table) -> impl Iterator<Item = &'static Column> {
    row_columns(table).chain(LANDED.iter())
}

/// The columns of a row in the journal: without those that landing adds.
pub fn row_columns(table: &dyn Table) -> impl Iterator<Item = &'static Column> {
    TIMES.iter().chain(table.columns())
}

/// The schema of the table.
pub fn schema(table: &dyn Table) -> SchemaRef {
    schema_of(all_columns(table))
}

fn schema_of<'a>(columns: impl Iterator<Item = &'a Column>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(|column| Field::new(column.name, column.kind.data_type(), true)).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tables");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder of this file")
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .filter(|name| name != "mod")
            .collect();
        assert_eq!(files, TABLES.iter().map(|table| table.name().to_string()).collect());
    }

    #[test]
    fn sort_and_statistics_name_columns() {
        for table in TABLES {
            let names: BTreeSet<_> = all_columns(*table).map(|column| column.name).collect();
            assert_eq!(names.len(), all_columns(*table).count(), "{}: a column twice", table.name());
            for name in table.sort().iter().chain(table.statistics()) {
                assert!(names.contains(name), "{}: {name}", table.name());
            }
        }
    }
}
