//! The units that a read-out is made of, drawn by chance from a seed: a row per exposed unit with its arm, whether it was followed to the end, its
//! value in every dimension, and what it did in every metric.

use std::{path::Path, sync::Arc};

use arrow::array::{ArrayRef, BooleanBuilder, Int64Builder, StringBuilder};

use super::{DIMENSIONS, METRICS};
use crate::{
    bench::queries::data::{Chance, GROUP_ROWS, Table, money},
    fault::Fault,
};

pub const ARMS: [&str; 3] = ["control", "reminder", "reminder and coupon"];
/// What the values of each dimension begin with, and how many there are.
const VALUES: [(&str, u64); DIMENSIONS] = [("known", 2), ("device", 3), ("channel", 4), ("week", 5), ("region", 8)];
/// Metrics of money come first, then those that are yes or no.
const MONEY: usize = 12;

/// Writes `units.parquet` into a folder.
pub fn write(folder: &Path, rows: u64, seed: u64) -> Result<(), Fault> {
    std::fs::create_dir_all(folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
    let mut table = Table::create(folder, "units")?;
    let chance = &mut Chance(seed);
    let mut written = 0;
    while written < rows {
        let count = (rows - written).min(GROUP_ROWS as u64);
        table.put(group(count, chance))?;
        written += count;
    }
    table.close()
}

/// The columns of so many rows.
fn group(count: u64, chance: &mut Chance) -> Vec<(&'static str, ArrayRef)> {
    let mut columns: Vec<(&'static str, ArrayRef)> = Vec::new();
    let mut arms = StringBuilder::new();
    (0..count).for_each(|_| arms.append_value(ARMS[chance.below(ARMS.len() as u64) as usize]));
    columns.push(("arm", Arc::new(arms.finish())));
    let mut mature = BooleanBuilder::new();
    (0..count).for_each(|_| mature.append_value(!chance.happens(0.05)));
    columns.push(("mature", Arc::new(mature.finish())));
    for (name, (word, values)) in NAMES.dimensions.iter().zip(VALUES) {
        let mut slices = StringBuilder::new();
        (0..count).for_each(|_| slices.append_value(format!("{word} {}", chance.below(values))));
        columns.push((*name, Arc::new(slices.finish())));
    }
    for (number, name) in NAMES.metrics.iter().enumerate() {
        // Some metrics are rare, as orders are, and some are not, as visits are.
        let share = 0.02 + 0.6 * number as f64 / METRICS as f64;
        let column: ArrayRef = if number < MONEY {
            let mut amounts = money();
            for _ in 0..count {
                let yen = if chance.happens(share) { 300 + 10 * chance.below(2_000) as i128 } else { 0 };
                amounts.append_value(yen * 10_000);
            }
            Arc::new(amounts.finish())
        } else {
            let mut happened = Int64Builder::new();
            (0..count).for_each(|_| happened.append_value(chance.happens(share).into()));
            Arc::new(happened.finish())
        };
        columns.push((*name, column));
    }
    columns
}

struct Names {
    dimensions: [&'static str; DIMENSIONS],
    metrics: [&'static str; METRICS],
}

const NAMES: Names = Names {
    dimensions: ["d0", "d1", "d2", "d3", "d4"],
    metrics: [
        "y0", "y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8", "y9", "y10", "y11", "y12", "y13", "y14", "y15", "y16", "y17",
        "y18", "y19",
    ],
};
