//! Rates and means compared, as experiments and campaigns are read. Arms are A (control) and B; an effect is B minus A.

use stats::{Alpha, ArmCount, Moments, Proportion, Summary, Welch};

use super::{
    ALPHA, Arg, Function, Gives,
    Kind::{Aggregate, Scalar},
    Make, Member,
    Type::{Bool, Float, Floats, Int, Number},
    Words,
    aggregate::{Constant, Fold, aggregate},
    arg, example, member,
    scalar::{self, Cell, Row, several},
    structure::{float, int},
    survival::{alpha, bits},
    words,
};

const X_A: Arg = arg("x_a", Int, "Aで該当した人数", "how many of A did");
const N_A: Arg = arg("n_a", Int, "Aの人数", "how many are in A");
const X_B: Arg = arg("x_b", Int, "Bで該当した人数", "how many of B did");
const N_B: Arg = arg("n_b", Int, "Bの人数", "how many are in B");

const NO_SCATTER: Words = words(
    "引数が空値か、差を測るばらつきがなければ空値（全員同じ、人数が足りない、xがnより大きい）。",
    "Null if an argument is null or there is no scatter to measure a difference against: all alike, too few, or more successes than trials.",
);

const WELCH: &[Member] = &[
    member("n_a", Int, "Aの人数", "how many in A"),
    member("n_b", Int, "Bの人数", "how many in B"),
    member("mean_a", Float, "Aの平均", "mean of A"),
    member("mean_b", Float, "Bの平均", "mean of B"),
    member("difference", Float, "平均の差（B−A）", "difference of the means, B − A"),
    member("low", Float, "差の下限", "its lower end"),
    member("high", Float, "差の上限", "its upper end"),
    member("se", Float, "差の標準誤差", "its standard error"),
    member("t", Float, "t値", "t"),
    member("df", Float, "自由度", "degrees of freedom"),
    member("p_value", Float, "両側p値", "two-sided p value"),
    member("lift", Float, "Aに対する伸び（0.1は10%増）", "difference as a share of A (0.1 is 10 % up)"),
    member("lift_low", Float, "伸びの下限", "its lower end"),
    member("lift_high", Float, "伸びの上限", "its upper end"),
];

const WELCH_SOURCE: &str = "Welch 1947; the lift by the delta method (STATISTICS F2-F4)";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "wilson",
        kind: Scalar,
        takes: &[arg("x", Int, "該当した人数", "how many did"), arg("n", Int, "全体の人数", "of how many"), ALPHA],
        gives: Gives::Members(&[
            member("rate", Float, "割合", "the rate"),
            member("low", Float, "下限", "its lower end"),
            member("high", Float, "上限", "its upper end"),
        ]),
        says: words(
            "割合とその信頼区間。0件や全件でも幅を持つ。",
            "A rate with its interval, which has width at 0 of n and at n of n too.",
        ),
        nulls: words("引数が空値、nが0、xがnより大きければ空値。", "Null if an argument is null, n is 0 or x is more than n."),
        source: "Wilson 1927, without continuity correction (STATISTICS F4c)",
        examples: &[
            example("round(wilson(30, 100)['low'], 6)", "0.218949"),
            example("round(wilson(0, 10)['high'], 6)", "0.277533"),
            example("wilson(1, 0)['rate']", ""),
        ],
        make: Make::Scalar(|function, _| {
            several(function, |row| {
                let rate = proportion(row, 0)?;
                let interval = stats::wilson(rate, level(row, 2)?).ok()?;
                Some(vec![Cell::Float(rate.rate()), Cell::Float(interval.low), Cell::Float(interval.high)])
            })
        }),
    },
    Function {
        name: "two_proportion",
        kind: Scalar,
        takes: &[X_A, N_A, X_B, N_B, ALPHA],
        gives: Gives::Members(&[
            member("rate_a", Float, "Aの割合", "rate of A"),
            member("rate_b", Float, "Bの割合", "rate of B"),
            member("difference", Float, "差（B−A、0.01は1ポイント）", "difference, B − A (0.01 is one point)"),
            member("low", Float, "差の下限", "its lower end"),
            member("high", Float, "差の上限", "its upper end"),
            member("se", Float, "差の標準誤差", "its standard error"),
            member("z", Float, "z値", "z"),
            member("p_value", Float, "両側p値", "two-sided p value"),
            member("lift", Float, "Aに対する伸び（Aが0なら空値）", "difference as a share of A, null if A is 0"),
        ]),
        says: words(
            "2つの割合の差の検定。配信ありとなしの転換率などを比べる。",
            "Compares two rates, as conversion with and without a message.",
        ),
        nulls: NO_SCATTER,
        source: "z test with the pooled rate; interval with the unpooled variance, by Newcombe where fewer than 10 did or did not (STATISTICS F4b)",
        examples: &[
            example("round(two_proportion(300, 10000, 3150, 90000)['p_value'], 6)", "0.00935"),
            example("round(two_proportion(300, 10000, 3150, 90000)['difference'], 6)", "0.005"),
            example("round(two_proportion(0, 10, 10, 10)['low'], 6)", "0.607509"),
            example("two_proportion(0, 10, 0, 10)['p_value']", ""),
        ],
        make: Make::Scalar(|function, _| {
            several(function, |row| {
                let (a, b, alpha) = (proportion(row, 0)?, proportion(row, 2)?, level(row, 4)?);
                let test = stats::two_proportion(a, b, alpha).ok()?;
                let interval = if is_few(a) || is_few(b) { stats::newcombe(a, b, alpha).ok()? } else { test.interval };
                Some(vec![
                    Cell::Float(a.rate()),
                    Cell::Float(b.rate()),
                    Cell::Float(test.difference),
                    Cell::Float(interval.low),
                    Cell::Float(interval.high),
                    Cell::Float(test.se_unpooled),
                    Cell::Float(test.z_pooled),
                    Cell::Float(test.p_two_sided),
                    float(test.relative_lift),
                ])
            })
        }),
    },
    Function {
        name: "fisher",
        kind: Scalar,
        takes: &[X_A, N_A, X_B, N_B],
        gives: Gives::One(Float),
        says: words(
            "2つの小さな割合の差の両側p値（フィッシャーの正確確率検定）。",
            "Two-sided p value of the difference of two small rates, by Fisher's exact test.",
        ),
        nulls: words(
            "引数が空値、nが0、xがnより大きければ空値。",
            "Null if an argument is null, an n is 0 or an x is more than its n.",
        ),
        source: "Fisher's exact test (STATISTICS F4d)",
        examples: &[example("round(fisher(1, 10, 9, 10), 6)", "0.001093")],
        make: Make::Scalar(|function, _| {
            scalar::one(function, |row| {
                Some(float(stats::fisher(proportion(row, 0)?, proportion(row, 2)?).map(|test| test.p_two_sided)))
            })
        }),
    },
    Function {
        name: "welch",
        kind: Aggregate,
        takes: &[
            arg("value", Number, "1人1行の値", "a value, one row per unit"),
            arg("in_b", Bool, "Bか（偽はA）", "whether the row is of B, else A"),
            ALPHA,
        ],
        gives: Gives::Members(WELCH),
        says: words(
            "2つの群の平均の差の検定。1人1行で渡す（注文ごとに渡すと誤り）。金額の合計は正確。",
            "Compares the means of two arms; one row per unit (a row per order is the commonest mistake). Sums of money are exact.",
        ),
        nulls: words(
            "値か群が空値の行は数えない。一方が2人未満か、ばらつきがなければ差は空値。Aの平均が0なら伸びは空値。",
            "Rows with a null are left out. The difference is null below two units in an arm and without scatter, the lift if A's mean is 0.",
        ),
        source: WELCH_SOURCE,
        examples: &[
            example(
                "SELECT round(welch(spent, in_b)['p_value'], 6) AS p FROM (VALUES (10, false), (12, false), (14, false), (15, true), (18, true), (21, true)) AS unit (spent, in_b)",
                "0.05298",
            ),
            example("SELECT welch(spent, in_b)['p_value'] AS p FROM (VALUES (10, false), (12, true)) AS unit (spent, in_b)", ""),
        ],
        make: Make::Aggregate(aggregate::<Arms>),
    },
    Function {
        name: "welch_moments",
        kind: Scalar,
        takes: &[
            arg("n_a", Int, "Aの人数", "how many in A"),
            arg("mean_a", Float, "Aの平均", "mean of A"),
            arg("variance_a", Float, "Aの標本分散（n−1）", "sample variance of A, over n − 1"),
            arg("n_b", Int, "Bの人数", "how many in B"),
            arg("mean_b", Float, "Bの平均", "mean of B"),
            arg("variance_b", Float, "Bの標本分散（n−1）", "sample variance of B, over n − 1"),
            ALPHA,
        ],
        gives: Gives::Members(WELCH),
        says: words(
            "集計済みの人数、平均、分散から2つの群の平均の差を検定する（count、avg、var_sampの結果）。",
            "Compares the means of two arms from what was added up before: count, avg and var_samp of each.",
        ),
        nulls: NO_SCATTER,
        source: WELCH_SOURCE,
        examples: &[example("round(welch_moments(3, 12, 4, 3, 18, 9)['p_value'], 6)", "0.05298")],
        make: Make::Scalar(|function, _| {
            several(function, |row| {
                let arm = |first| Summary::new(row.count(first)?, row.float(first + 1)?, row.float(first + 2)?).ok();
                let (a, b) = (arm(0)?, arm(3)?);
                compared(a.n(), b.n(), Some(a), Some(b), level(row, 6)?)
            })
        }),
    },
    Function {
        name: "srm",
        kind: Scalar,
        takes: &[
            arg("seen", Floats, "群ごとの人数", "units seen in each arm"),
            arg(
                "weights",
                Floats,
                "予定の比率（合計は1でなくてよい）",
                "planned weights, in the same order; they need not add up to 1",
            ),
        ],
        gives: Gives::One(Float),
        says: words(
            "群の人数が予定の比率どおりかのp値。0.001未満なら振り分けが壊れており、結果を読んではならない。",
            "The p value of the arms having the sizes they were meant to have. Below 0.001 the split is broken and nothing may be read off it.",
        ),
        nulls: words(
            "空値を含むか、比率が正の群が2つ未満なら空値。",
            "Null if a member is null or fewer than two arms have a positive weight.",
        ),
        source: "Pearson's chi-square (STATISTICS F15)",
        examples: &[example("round(srm([5000, 5200], [1, 1]), 6)", "0.04767"), example("srm([5000, 5000], [1, 1])", "1")],
        make: Make::Scalar(|function, _| {
            scalar::one(function, |row| {
                let (seen, weights) = (row.floats(0)?, row.floats(1)?);
                let whole = |seen: f64| (seen >= 0.0 && seen.fract() == 0.0 && seen < 9e15).then_some(seen as u64);
                if seen.len() != weights.len() {
                    return None;
                }
                let arms: Option<Vec<ArmCount>> =
                    seen.into_iter().zip(weights).map(|(seen, weight)| Some(ArmCount { seen: whole(seen)?, weight })).collect();
                Some(float(stats::srm(&arms?).map(|test| test.p_value)))
            })
        }),
    },
];

/// Whether the usual interval of a rate is too short, and may leave 0 and 1.
fn is_few(arm: Proportion) -> bool {
    arm.x().min(arm.n() - arm.x()) < 10
}

fn proportion(row: &Row, first: usize) -> Option<Proportion> {
    Proportion::new(row.count(first)?, row.count(first + 1)?).ok()
}

fn level(row: &Row, index: usize) -> Option<Alpha> {
    Alpha::new(row.float_or(index, Alpha::FIVE_PERCENT.get())?).ok()
}

/// The members of [`WELCH`]; what there is of each arm is shown even where the two cannot be compared.
fn compared(n_a: u64, n_b: u64, a: Option<Summary>, b: Option<Summary>, alpha: Alpha) -> Option<Vec<Cell>> {
    let test: Option<Welch> = a.zip(b).and_then(|(a, b)| stats::welch(&a, &b, alpha).ok());
    let lift = a.zip(b).and_then(|(a, b)| stats::welch_lift(&a, &b, alpha).ok());
    let or_null = |value: Option<f64>| value.map_or(Cell::Null, Cell::Float);
    Some(vec![
        int(n_a),
        int(n_b),
        or_null(a.map(|a| a.mean())),
        or_null(b.map(|b| b.mean())),
        or_null(test.map(|test| test.effect)),
        or_null(test.map(|test| test.interval.low)),
        or_null(test.map(|test| test.interval.high)),
        or_null(test.map(|test| test.se)),
        or_null(test.map(|test| test.t)),
        or_null(test.map(|test| test.df)),
        or_null(test.map(|test| test.p_two_sided)),
        or_null(lift.map(|lift| lift.welch.effect)),
        or_null(lift.map(|lift| lift.welch.interval.low)),
        or_null(lift.map(|lift| lift.welch.interval.high)),
    ])
}

#[derive(Debug, Default)]
struct Arms {
    alpha: Constant,
    a: Arm,
    b: Arm,
}

/// What has been seen of one arm: exact sums of exact numbers, and of floats the mean and the squares about it.
#[derive(Debug, Default, Clone, Copy)]
struct Arm {
    n: u64,
    scale: u8,
    sum: i128,
    sum_sq: i128,
    floats: bool,
    mean: f64,
    squares: f64,
}

impl Arm {
    const STATE: usize = 9;

    fn push(&mut self, number: scalar::Number) -> Result<(), String> {
        let one = match number {
            scalar::Number::Exact { value, scale } => {
                let square = value.checked_mul(value).ok_or("a square does not fit")?;
                Arm { n: 1, scale, sum: value, sum_sq: square, ..Arm::default() }
            }
            scalar::Number::Float(value) if value.is_finite() => Arm { n: 1, floats: true, mean: value, ..Arm::default() },
            scalar::Number::Float(value) => return Err(format!("{value} is no number to take a mean of")),
        };
        self.merge(&one)
    }

    fn merge(&mut self, other: &Arm) -> Result<(), String> {
        if self.n == 0 || other.n == 0 {
            *self = if self.n == 0 { *other } else { *self };
            return Ok(());
        }
        if self.floats {
            let (n, m) = (self.n as f64, other.n as f64);
            let apart = other.mean - self.mean;
            self.mean += apart * m / (n + m);
            self.squares += other.squares + apart * apart * n * m / (n + m);
        } else {
            self.sum = self.sum.checked_add(other.sum).ok_or("the sum does not fit")?;
            self.sum_sq = self.sum_sq.checked_add(other.sum_sq).ok_or("the sum of squares does not fit")?;
        }
        self.n += other.n;
        Ok(())
    }

    fn summary(&self) -> Option<Summary> {
        if self.floats {
            return (self.n > 1).then(|| Summary::new(self.n, self.mean, self.squares / (self.n - 1) as f64).ok())?;
        }
        Moments::from_sums(self.n, self.sum, self.sum_sq, self.scale).ok()?.summary().ok()
    }

    fn state(&self) -> [i64; Arm::STATE] {
        let halves = |value: i128| [(value >> 64) as i64, value as i64];
        let ([sum_high, sum_low], [sq_high, sq_low]) = (halves(self.sum), halves(self.sum_sq));
        let float = |value: f64| value.to_bits() as i64;
        [
            self.n as i64,
            self.scale.into(),
            sum_high,
            sum_low,
            sq_high,
            sq_low,
            self.floats.into(),
            float(self.mean),
            float(self.squares),
        ]
    }

    fn of(state: &[i64]) -> Arm {
        let whole = |high: i64, low: i64| (i128::from(high) << 64) | i128::from(low as u64);
        Arm {
            n: state[0] as u64,
            scale: state[1] as u8,
            sum: whole(state[2], state[3]),
            sum_sq: whole(state[4], state[5]),
            floats: state[6] == 1,
            mean: f64::from_bits(state[7] as u64),
            squares: f64::from_bits(state[8] as u64),
        }
    }
}

impl Fold for Arms {
    fn add(&mut self, row: &Row) -> Result<(), String> {
        self.alpha.set("alpha", bits(row.float(2)))?;
        match (row.number(0), row.bool(1)) {
            (Some(value), Some(in_b)) => (if in_b { &mut self.b } else { &mut self.a }).push(value),
            _ => Ok(()),
        }
    }

    fn state(&self) -> Vec<i64> {
        self.alpha.state().into_iter().chain(self.a.state()).chain(self.b.state()).collect()
    }

    fn merge(&mut self, state: &[i64]) -> Result<(), String> {
        self.alpha.set("alpha", Constant::of(&state[..2]))?;
        self.a.merge(&Arm::of(&state[2..2 + Arm::STATE]))?;
        self.b.merge(&Arm::of(&state[2 + Arm::STATE..]))
    }

    fn answer(&self) -> Option<Vec<Cell>> {
        compared(self.a.n, self.b.n, self.a.summary(), self.b.summary(), alpha(self.alpha).ok()?)
    }
}
