//! How many people a test needs before it starts.

use stats::{Alpha, Plan};

use super::{
    ALPHA, Arg, Function, Gives,
    Kind::Scalar,
    Make,
    Type::{Float, Int},
    Words, arg, example, optional,
    scalar::{Cell, Row, one},
    words,
};

const POWER: Arg = optional("power", Float, "0.8", "検出力", "probability of seeing it");
const NULLS: Words = words(
    "引数が空値、値に差がない、または必要な人数が多すぎれば空値。",
    "Null if an argument is null or out of range, the two are equal, or no shop has so many people.",
);
const SOURCE: &str = "normal approximation, two-sided, arms of equal size (STATISTICS F18)";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "required_n_rates",
        kind: Scalar,
        takes: &[
            arg("rate_a", Float, "今の割合", "the rate as it is"),
            arg("rate_b", Float, "見分けたい割合", "the rate to tell from it"),
            POWER,
            ALPHA,
        ],
        gives: Gives::One(Int),
        says: words("2つの割合を見分けるのに必要な1群あたりの人数。", "People needed in each arm to tell two rates apart."),
        nulls: NULLS,
        source: SOURCE,
        examples: &[example("required_n_rates(0.03, 0.035)", "19740"), example("required_n_rates(0.03, 0.03)", "")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let needed = stats::required_n_proportions(row.float(0)?, row.float(1)?, &plan(row, 2)?).ok()?;
                i64::try_from(needed.a).ok().map(Cell::Int)
            })
        }),
    },
    Function {
        name: "required_n_means",
        kind: Scalar,
        takes: &[
            arg("difference", Float, "見分けたい差", "the difference to see"),
            arg("sd", Float, "標準偏差（差と同じ単位）", "standard deviation, in the unit of the difference"),
            POWER,
            ALPHA,
        ],
        gives: Gives::One(Int),
        says: words("平均の差を見分けるのに必要な1群あたりの人数。", "People needed in each arm to see a difference of means."),
        nulls: NULLS,
        source: SOURCE,
        examples: &[example("required_n_means(100, 2500)", "9812")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let needed = stats::required_n_means(row.float(0)?, row.float(1)?, &plan(row, 2)?).ok()?;
                i64::try_from(needed.a).ok().map(Cell::Int)
            })
        }),
    },
];

fn plan(row: &Row, first: usize) -> Option<Plan> {
    let alpha = Alpha::new(row.float_or(first + 1, Alpha::FIVE_PERCENT.get())?).ok()?;
    Plan::new(alpha, row.float_or(first, 0.8)?, 1.0).ok()
}
