//! RFM: scores by rank among buyers, and by thresholds a shop can explain.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    common::Result,
    logical_expr::{
        PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl, function::PartitionEvaluatorArgs,
        function::WindowUDFFieldArgs,
    },
};

use super::{
    Arg, Function, Gives,
    Kind::{Scalar, Window},
    Make, STRICT,
    Type::{Float, Int},
    arg, example, optional,
    scalar::{Cell, Row, one},
    words,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "rfm_score",
        kind: Window,
        takes: &[],
        gives: Gives::One(Int),
        says: words(
            "並び順で下位から数えた5段階の評価（5が最良）。同じ値は同じ評価。良いものが最後に来るように並べる。",
            "The score 1 to 5 (5 is best) by rank among all rows; equal values get equal scores. Order so that the best come last.",
        ),
        nulls: words("並べ替えの規則に従う（昇順では空値が最後）。", "As the ordering has them: last when ascending."),
        source: "1 + min(4, floor(5 · rows strictly worse / (rows − 1))) (STATISTICS F28)",
        examples: &[example(
            "SELECT orders, rfm_score() OVER (ORDER BY orders) AS f FROM (VALUES (1), (1), (2), (9), (30)) AS buyer (orders) ORDER BY orders",
            "1 | 1\n1 | 1\n2 | 3\n9 | 4\n30 | 5",
        )],
        make: Make::Window(|function| WindowUDF::from(Score { function, signature: Signature::nullary(Volatility::Immutable) })),
    },
    Function {
        name: "rfm_recency",
        kind: Scalar,
        takes: &[arg("days", Int, "最終購入からの日数", "days since the last purchase"), R5, R4, R3, R2],
        gives: Gives::One(Int),
        says: words("最終購入からの日数による評価（5が最良）。", "The score 1 to 5 (5 is best) by days since the last purchase."),
        nulls: STRICT,
        source: "fixed thresholds, comparable over time (SEMANTICS §14)",
        examples: &[
            example("rfm_recency(30)", "5"),
            example("rfm_recency(31)", "4"),
            example("rfm_recency(95, 100)", "5"),
            example("rfm_recency(400)", "1"),
        ],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let value = row.int(0)? as f64;
                let limits = limits(row, [30.0, 90.0, 180.0, 365.0])?;
                // From the best down, as a CASE does: a limit of one's own above the next best one leaves that class empty.
                Some(Cell::Int(5 - limits.into_iter().take_while(|limit| value > *limit).count() as i64))
            })
        }),
    },
    Function {
        name: "rfm_frequency",
        kind: Scalar,
        takes: &[arg("orders", Int, "購入回数", "orders"), F2, F3, F4, F5],
        gives: Gives::One(Int),
        says: words("購入回数による評価（5が最良）。", "The score 1 to 5 (5 is best) by number of orders."),
        nulls: STRICT,
        source: "fixed thresholds: 1, 2, 3-4, 5-9, 10 and more (SEMANTICS §14)",
        examples: &[
            example("rfm_frequency(1)", "1"),
            example("rfm_frequency(4)", "3"),
            example("rfm_frequency(4, 5)", "3"),
            example("rfm_frequency(10)", "5"),
        ],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let value = row.int(0)? as f64;
                Some(Cell::Int(reached(value, limits(row, [2.0, 3.0, 5.0, 10.0])?)))
            })
        }),
    },
    Function {
        name: "rfm_money",
        kind: Scalar,
        takes: &[
            arg("amount", Float, "金額", "the amount"),
            arg("from_2", Float, "評価2の下限", "score 2 from this amount on"),
            arg("from_3", Float, "評価3の下限", "score 3 from this amount on"),
            arg("from_4", Float, "評価4の下限", "score 4 from this amount on"),
            arg("from_5", Float, "評価5の下限", "score 5 from this amount on"),
        ],
        gives: Gives::One(Int),
        says: words(
            "金額による評価（5が最良）。基準はショップが決める。",
            "The score 1 to 5 (5 is best) by amount; the thresholds are the shop's.",
        ),
        nulls: STRICT,
        source: "fixed thresholds by shop (SEMANTICS §14)",
        examples: &[
            example("rfm_money(9800, 3000, 10000, 30000, 100000)", "2"),
            example("rfm_money(10000, 3000, 10000, 30000, 100000)", "3"),
        ],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let value = row.float(0)?;
                Some(Cell::Int(reached(value, [row.float(1)?, row.float(2)?, row.float(3)?, row.float(4)?])))
            })
        }),
    },
];

/// The best score whose limit is reached; 1 where none is.
fn reached(value: f64, limits: [f64; 4]) -> i64 {
    limits.into_iter().rposition(|limit| value >= limit).map_or(1, |place| place as i64 + 2)
}

const R5: Arg = optional("up_to_5", Int, "30", "評価5の上限（日）", "score 5 up to so many days");
const R4: Arg = optional("up_to_4", Int, "90", "評価4の上限（日）", "score 4 up to so many days");
const R3: Arg = optional("up_to_3", Int, "180", "評価3の上限（日）", "score 3 up to so many days");
const R2: Arg = optional("up_to_2", Int, "365", "評価2の上限（日）", "score 2 up to so many days");
const F2: Arg = optional("from_2", Int, "2", "評価2の下限（回）", "score 2 from so many orders on");
const F3: Arg = optional("from_3", Int, "3", "評価3の下限（回）", "score 3 from so many orders on");
const F4: Arg = optional("from_4", Int, "5", "評価4の下限（回）", "score 4 from so many orders on");
const F5: Arg = optional("from_5", Int, "10", "評価5の下限（回）", "score 5 from so many orders on");

/// The thresholds of a call: those given, the rest as they are by default.
fn limits(row: &Row, default: [f64; 4]) -> Option<[f64; 4]> {
    let mut limits = default;
    for (index, limit) in limits.iter_mut().enumerate().take(row.given() - 1) {
        *limit = row.int(index + 1)? as f64;
    }
    Some(limits)
}

#[derive(Debug)]
struct Score {
    function: &'static Function,
    signature: Signature,
}

impl WindowUDFImpl for Score {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Ranks))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Int64, true)))
    }
}

/// Scores from the runs of equal rows.
#[derive(Debug)]
struct Ranks;

impl PartitionEvaluator for Ranks {
    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        let others = rows.saturating_sub(1).max(1) as u64;
        let score = |ties: &Range<usize>| 1 + (5 * ties.start as u64 / others).min(4) as i64;
        Ok(Arc::new(ranks.iter().flat_map(|ties| ties.clone().map(move |_| score(ties))).collect::<Int64Array>()))
    }

    fn include_rank(&self) -> bool {
        true
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Score {}

impl std::hash::Hash for Score {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}
