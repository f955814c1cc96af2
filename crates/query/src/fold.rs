//! The moments of many metrics, per arm and per value of every dimension, in one pass over the units: they are added up once for every
//! combination of arm and values, and these few sums are then added up along each dimension.
//!
//! What `queries/system/paired_moments.sql` says of one metric and one dimension, said of all at once; a test holds both equal. The text is made of
//! numbers alone: relations are `dimension_0`, `metric_0`, `before_0` and so on, and nothing that anybody wrote is in it.

use std::{collections::BTreeMap, fmt::Write};

use crate::{Answer, Desk, FileDesk, Header, Params, Query, QueryError, Value, aggregates::moments::NAME, run::answer};

/// Above so many combinations it is cheaper to go over the units once for each dimension.
const COMBINATIONS_MAX: u64 = 200_000;

/// What one arm did in one slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// Units, whether they are still followed or not.
    pub units: u64,
    /// Followed to the end: the sums are of these.
    pub over: u64,
    /// By metric.
    pub sums: Vec<Sums>,
}

/// Of a metric (y) and of its past (x): amounts in ten-thousandths, products in hundred-millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub y: i128,
    pub yy: i128,
    pub x: i128,
    pub xx: i128,
    pub xy: i128,
}

/// Cells by dimension and value, then by arm. No dimension: everybody.
pub type Cells = BTreeMap<(Option<usize>, String), BTreeMap<String, Cell>>;

/// Which dimensions a pass keeps apart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Apart {
    All,
    One(Option<usize>),
}

/// `exposed` and the value of each dimension: the relation `unit` that [`Desk::fold`] folds. The dimensions are `dimension_0` and so on.
pub fn units(dimensions: usize) -> Query {
    let mut sql = "SELECT exposed.customer_id, exposed.arm, exposed.mature".to_string();
    for number in 0..dimensions {
        let _ = write!(sql, ", slice_{number}.value AS d{number}");
    }
    sql.push_str("\nFROM exposed");
    for number in 0..dimensions {
        let _ =
            write!(sql, "\nLEFT JOIN dimension_{number} AS slice_{number} ON slice_{number}.customer_id = exposed.customer_id");
    }
    query("units of a read-out", sql)
}

/// The moments over a relation that is called `unit` and has the columns `arm`, `mature` and `d0`…: `from` says which, and `metrics` has the columns
/// of each metric, its own and where there is one that of its past. Whether a unit was followed to the end is one more key, which costs less than
/// to ask it of every value.
pub fn text(from: &str, dimensions: &[usize], metrics: &[(String, Option<String>)]) -> String {
    let own = ["unit.arm".to_string(), "unit.mature".to_string()];
    let keys: Vec<String> = own.into_iter().chain(dimensions.iter().map(|number| format!("unit.d{number}"))).collect();
    let keys = keys.join(", ");
    let mut sql = format!("SELECT\n    {keys},\n    CAST(count(*) AS BIGINT) AS units");
    for (number, (now, before)) in metrics.iter().enumerate() {
        let columns: Vec<&str> = std::iter::once(now.as_str()).chain(before.as_deref()).collect();
        let _ = write!(sql, ",\n    {NAME}({}) AS m{number}", columns.join(", "));
    }
    let _ = write!(sql, "\nFROM {from}\nGROUP BY {keys}");
    sql
}

impl Desk {
    /// Folds `metric_0`… over `unit`, each with its past `before_0`… where `pasts` says that there is one.
    pub async fn fold(&self, dimensions: usize, pasts: &[bool]) -> Result<Cells, QueryError> {
        let metrics: Vec<(String, Option<String>)> = (0..)
            .zip(pasts)
            .map(|(number, has_past)| (format!("metric_{number}.value"), has_past.then(|| format!("before_{number}.value"))))
            .collect();
        let mut from = "unit".to_string();
        for (number, has_past) in pasts.iter().enumerate() {
            for name in ["metric", "before"].iter().filter(|name| **name == "metric" || *has_past) {
                let _ = write!(from, "\nLEFT JOIN {name}_{number} ON {name}_{number}.customer_id = unit.customer_id");
            }
        }
        let mut cells = Cells::new();
        for apart in self.passes(dimensions).await? {
            let kept: Vec<usize> = match apart {
                Apart::All => (0..dimensions).collect(),
                Apart::One(dimension) => dimension.into_iter().collect(),
            };
            let answer = self.asked(&query("moments of a read-out", text(&from, &kept, &metrics))).await?;
            add(&mut cells, &answer, &kept, &apart)?;
        }
        Ok(cells)
    }

    /// One for all dimensions, unless they have too many combinations.
    async fn passes(&self, dimensions: usize) -> Result<Vec<Apart>, QueryError> {
        if dimensions < 2 {
            return Ok(vec![Apart::All]);
        }
        let keys: String = (0..dimensions).map(|number| format!(", d{number}")).collect();
        let sql = format!("SELECT CAST(count(*) AS BIGINT) AS cells FROM (SELECT DISTINCT arm{keys} FROM unit) AS cell");
        let answer = self.asked(&query("slices of a read-out", sql)).await?;
        let one_by_one = || std::iter::once(None).chain((0..dimensions).map(Some)).map(Apart::One).collect();
        Ok(if count(answer.get(0, "cells")) > COMBINATIONS_MAX { one_by_one() } else { vec![Apart::All] })
    }

    async fn asked(&self, query: &Query) -> Result<Answer, QueryError> {
        let (schema, batches) = self.batches(query, &Params::new()).await?;
        answer(&query.file, None, &schema, &batches)
    }
}

impl FileDesk {
    /// Folds a table of units in which every metric, `y0`…, is a column already.
    pub async fn fold(&self, table: &str, dimensions: usize, metrics: usize) -> Result<Cells, QueryError> {
        let columns: Vec<(String, Option<String>)> = (0..metrics).map(|number| (format!("unit.y{number}"), None)).collect();
        let kept: Vec<usize> = (0..dimensions).collect();
        let sql = text(&format!("{table} AS unit"), &kept, &columns);
        let answer = self.run("moments of a read-out", &sql, &Params::new()).await?.answer()?;
        let mut cells = Cells::new();
        add(&mut cells, &answer, &kept, &Apart::All)?;
        Ok(cells)
    }
}

/// Adds every row to the cells that it is part of.
fn add(cells: &mut Cells, answer: &Answer, kept: &[usize], apart: &Apart) -> Result<(), QueryError> {
    let metrics = (0..).take_while(|number| answer.columns.iter().any(|column| column.name == format!("m{number}"))).count();
    for row in 0..answer.rows.len() {
        let plain = |column: &str| answer.get(row, column).map(Value::plain).unwrap_or_default();
        let units = count(answer.get(row, "units"));
        let found = match answer.get(row, "mature") {
            Some(Value::Bool(true)) => {
                let sums = (0..metrics).map(|number| Sums::read(&plain(&format!("m{number}"))));
                Cell { units, over: units, sums: sums.collect::<Result<_, _>>()? }
            }
            // What those do who are still followed is not counted yet.
            _ => Cell { units, over: 0, sums: vec![Sums::default(); metrics] },
        };
        let slices: Vec<(Option<usize>, String)> = match apart {
            Apart::All => {
                let each = kept.iter().map(|number| (Some(*number), plain(&format!("d{number}"))));
                std::iter::once((None, String::new())).chain(each).collect()
            }
            Apart::One(None) => vec![(None, String::new())],
            Apart::One(Some(number)) => vec![(Some(*number), plain(&format!("d{number}")))],
        };
        for slice in slices {
            cells.entry(slice).or_default().entry(plain("arm")).or_default().add(&found)?;
        }
    }
    Ok(())
}

impl Cell {
    fn add(&mut self, other: &Cell) -> Result<(), QueryError> {
        self.units += other.units;
        self.over += other.over;
        self.sums.resize(other.sums.len(), Sums::default());
        self.sums.iter_mut().zip(&other.sums).try_for_each(|(sums, more)| sums.add(more))
    }
}

impl Sums {
    /// As `exact_moments` writes them.
    fn read(text: &str) -> Result<Sums, QueryError> {
        let numbers: Option<Vec<i128>> = text.split_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([y, yy]) => Ok(Sums { y: *y, yy: *yy, ..Sums::default() }),
            Some([y, yy, x, xx, xy]) => Ok(Sums { y: *y, yy: *yy, x: *x, xx: *xx, xy: *xy }),
            _ => Err(QueryError::run("moments of a read-out", "the sums of a metric are no whole numbers")),
        }
    }

    fn add(&mut self, more: &Sums) -> Result<(), QueryError> {
        let pairs = [
            (&mut self.y, more.y),
            (&mut self.yy, more.yy),
            (&mut self.x, more.x),
            (&mut self.xx, more.xx),
            (&mut self.xy, more.xy),
        ];
        for (sum, value) in pairs {
            *sum = sum.checked_add(value).ok_or_else(|| {
                QueryError::run("moments of a read-out", "the sum of the squares of a metric does not fit 38 digits")
            })?;
        }
        Ok(())
    }
}

fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Int(count)) => (*count).try_into().unwrap_or(0),
        _ => 0,
    }
}

fn query(name: &str, sql: String) -> Query {
    Query { name: name.into(), file: name.into(), header: Header::default(), sql }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray},
        datatypes::SchemaRef,
    };
    use lake::ReadView;
    use model::{ShopZone, time::Instant};

    use super::*;
    use crate::{Library, Mode, Moment};

    type Table = (SchemaRef, Vec<RecordBatch>);

    fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
        (batch.schema(), vec![batch])
    }

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn people(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("c{number}")).collect()
    }

    /// Units of two arms, of which some are still followed; two metrics that miss some; two dimensions, of which one misses some.
    struct Made {
        exposed: Table,
        metrics: Vec<(Table, Table)>,
        dimensions: Vec<Table>,
    }

    fn made(count: usize) -> Made {
        let ids = people(count);
        let id = |keep: fn(usize) -> bool| -> Vec<Option<&str>> {
            ids.iter().enumerate().filter(|(number, _)| keep(*number)).map(|(_, id)| Some(id.as_str())).collect()
        };
        let amount =
            |values: Vec<i128>| -> ArrayRef { Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 4).unwrap()) };
        let all: fn(usize) -> bool = |_| true;
        let most: fn(usize) -> bool = |number| number % 5 != 3;
        let arms: Vec<Option<&str>> = (0..count).map(|number| Some(if number % 3 == 0 { "a" } else { "b" })).collect();
        let mature: Vec<bool> = (0..count).map(|number| number % 7 != 2).collect();
        let ints = |times: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values((0..count as i64).map(|number| number * times % 2)))
        };
        let money = |times: i128| {
            let chosen = (0..count).filter(|number| most(*number));
            amount(chosen.map(|number| number as i128 * times % 9_999_999 - 77).collect())
        };
        let parity: Vec<Option<&str>> = (0..count).map(|number| Some(if number % 2 == 0 { "even" } else { "odd" })).collect();
        let third: Vec<Option<&str>> =
            (0..count).filter(|number| most(*number)).map(|number| Some(["x", "y", "z"][number % 3])).collect();
        Made {
            exposed: table(vec![
                ("customer_id", texts(&id(all))),
                ("arm", texts(&arms)),
                ("mature", Arc::new(BooleanArray::from(mature))),
            ]),
            metrics: vec![
                (
                    table(vec![("customer_id", texts(&id(all))), ("value", ints(3))]),
                    table(vec![("customer_id", texts(&id(all))), ("value", ints(5))]),
                ),
                (
                    table(vec![("customer_id", texts(&id(most))), ("value", money(123_457))]),
                    table(vec![("customer_id", texts(&id(most))), ("value", money(7_654_321))]),
                ),
            ],
            dimensions: vec![
                table(vec![("customer_id", texts(&id(all))), ("value", texts(&parity))]),
                table(vec![("customer_id", texts(&id(most))), ("value", texts(&third))]),
            ],
        }
    }

    fn desk() -> Desk {
        let (library, problems) = Library::load(None);
        assert!(problems.is_empty());
        let moment = Moment { as_of: Instant::default(), mode: Mode::AsKnown, zone: ShopZone::tokyo() };
        Desk::new(library.into(), ReadView::empty(), moment)
    }

    /// What the file says of one metric and one dimension.
    async fn by_the_file(
        made: &Made,
        metric: usize,
        has_past: bool,
        dimension: Option<usize>,
    ) -> BTreeMap<(String, String), Vec<String>> {
        let nothing = |of: &Table| (of.0.clone(), Vec::new());
        let (now, before) = &made.metrics[metric];
        let before = if has_past { before.clone() } else { nothing(before) };
        let slices = dimension.map_or_else(|| nothing(&made.dimensions[0]), |dimension| made.dimensions[dimension].clone());
        let desk = desk().with_table("exposed", made.exposed.clone()).unwrap().with_table("metric", now.clone()).unwrap();
        let desk = desk.with_table("before", before).unwrap().with_table("dimension", slices).unwrap();
        let answer = desk.ask("system/paired_moments", &Params::new()).await.unwrap();
        let cell = |row: usize, column: &str| answer.get(row, column).map(Value::plain).unwrap_or_default();
        let columns = ["n", "open", "y", "yy", "x", "xx", "xy"];
        (0..answer.rows.len())
            .map(|row| {
                let key = (cell(row, "slice"), cell(row, "arm"));
                (key, columns.iter().map(|column| digits(&cell(row, column))).collect())
            })
            .collect()
    }

    /// `12.50` is `12.5`.
    fn digits(text: &str) -> String {
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').into(),
            false => text.into(),
        }
    }

    fn decimal(value: i128, decimals: u32) -> String {
        let one = 10_i128.pow(decimals);
        let sign = if value < 0 { "-" } else { "" };
        digits(&format!("{sign}{}.{:0width$}", value.abs() / one, value.abs() % one, width = decimals as usize))
    }

    #[tokio::test]
    async fn all_at_once_is_what_the_file_says_of_each() {
        let made = made(500);
        let mut whole = desk().with_table("exposed", made.exposed.clone()).unwrap();
        for (number, slices) in made.dimensions.iter().enumerate() {
            whole = whole.with_table(&format!("dimension_{number}"), slices.clone()).unwrap();
        }
        let unit = whole.batches(&units(2), &Params::new()).await.unwrap();
        whole = whole.with_table("unit", unit).unwrap();
        for (number, (now, before)) in made.metrics.iter().enumerate() {
            whole = whole.with_table(&format!("metric_{number}"), now.clone()).unwrap();
            whole = whole.with_table(&format!("before_{number}"), before.clone()).unwrap();
        }
        for pasts in [[true, true], [false, true], [false, false]] {
            let cells = whole.fold(2, &pasts).await.unwrap();
            for (metric, has_past) in pasts.into_iter().enumerate() {
                for dimension in [None, Some(0), Some(1)] {
                    let expect = by_the_file(&made, metric, has_past, dimension).await;
                    let mut found = BTreeMap::new();
                    for ((_, value), arms) in cells.iter().filter(|((of, _), _)| *of == dimension) {
                        for (arm, cell) in arms {
                            let Sums { y, yy, x, xx, xy } = cell.sums[metric];
                            let sums = [decimal(y, 4), decimal(yy, 8), decimal(x, 4), decimal(xx, 8), decimal(xy, 8)];
                            let counts = [cell.over.to_string(), (cell.units - cell.over).to_string()];
                            found.insert((value.clone(), arm.clone()), counts.into_iter().chain(sums).collect::<Vec<_>>());
                        }
                    }
                    assert_eq!(found, expect, "metric {metric}, past {has_past}, dimension {dimension:?}");
                }
            }
        }
    }

    #[test]
    fn the_text_names_what_it_folds() {
        let check = |dimensions: &[usize], metrics: &[(&str, Option<&str>)], expect: &str| {
            let metrics: Vec<_> = metrics.iter().map(|(now, before)| (now.to_string(), before.map(String::from))).collect();
            assert_eq!(text("t AS unit", dimensions, &metrics).split_whitespace().collect::<Vec<_>>().join(" "), expect);
        };
        let counted = "CAST(count(*) AS BIGINT) AS units";
        check(&[], &[], &format!("SELECT unit.arm, unit.mature, {counted} FROM t AS unit GROUP BY unit.arm, unit.mature"));
        check(
            &[0, 1],
            &[("y", None), ("z", Some("w"))],
            &format!(
                "SELECT unit.arm, unit.mature, unit.d0, unit.d1, {counted}, exact_moments(y) AS m0, exact_moments(z, w) AS m1 \
                 FROM t AS unit GROUP BY unit.arm, unit.mature, unit.d0, unit.d1"
            ),
        );
    }
}
