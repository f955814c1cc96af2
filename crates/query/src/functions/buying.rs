//! A fitted model of repeat buying (`ltv_model`) applied to one customer's history. Histories are in shop days, the parameters in weeks.

use stats::{BuyingModel, GammaGamma, History, RepeatBuying, Spending, clv};

use super::{
    Arg, Function, Gives,
    Kind::Scalar,
    Make,
    Type::{Float, Int, Text},
    Words, arg, example,
    scalar::{Cell, Row, one},
    words,
};

const WEEK: f64 = 7.0;
/// A hundred years: each month is worked out by itself.
const MONTHS_MAX: u32 = 1_200;
/// Months of customer value are of 30 days.
const MONTH: f64 = 30.0 / WEEK;

const KIND: Arg = arg("kind", Text, "モデル（mbg_nbdまたはbg_nbd）", "the model: mbg_nbd or bg_nbd");
const R: Arg = arg("r", Float, "購入間隔の分布の形", "shape of the distribution of buying");
const ALPHA: Arg = arg("alpha", Float, "購入間隔の分布の尺度（週）", "rate of the distribution of buying, in weeks");
const A: Arg = arg("a", Float, "離脱の分布の1つ目の母数", "first parameter of the distribution of dropping out");
const B: Arg = arg("b", Float, "離脱の分布の2つ目の母数", "second parameter of the distribution of dropping out");
const REPEATS: Arg = arg("repeats", Int, "初回の後に購入した日数", "days with a purchase after the first");
const RECENCY: Arg = arg("recency_days", Int, "初回から最後の購入までの日数", "days from the first to the last of them");
const AGE: Arg = arg("age_days", Int, "初回から今日までの日数", "days from the first purchase to today");
const NULLS: Words = words(
    "引数が空値か、モデルや履歴としてありえない値、または計算できなければ空値。",
    "Null if an argument is null or none of a model or a history, and where it cannot be computed.",
);
const SOURCE: &str = "Fader, Hardie and Lee 2005 (BG/NBD), Batislam et al. 2007 (MBG/NBD) (STATISTICS F22)";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "p_alive",
        kind: Scalar,
        takes: &[KIND, R, ALPHA, A, B, REPEATS, RECENCY, AGE],
        gives: Gives::One(Float),
        says: words("これからも購入する確率。", "The probability that a customer will ever buy again."),
        nulls: NULLS,
        source: SOURCE,
        examples: &[example("round(p_alive('bg_nbd', 0.243, 4.414, 0.793, 2.426, 2, 213, 272), 6)", "0.72659")],
        make: Make::Scalar(|function, _| one(function, |row| Some(Cell::Float(buying(row)?.p_alive(history(row)?))))),
    },
    Function {
        name: "expected_orders",
        kind: Scalar,
        takes: &[KIND, R, ALPHA, A, B, REPEATS, RECENCY, AGE, arg("days", Int, "今日から何日先まで", "days ahead")],
        gives: Gives::One(Float),
        says: words("期間内に購入すると予測される日数。", "The purchase days expected of a customer within the days ahead."),
        nulls: NULLS,
        source: SOURCE,
        examples: &[example("round(expected_orders('bg_nbd', 0.243, 4.414, 0.793, 2.426, 2, 213, 272, 273), 6)", "1.226116")],
        make: Make::Scalar(|function, _| {
            one(function, |row| buying(row)?.expected(history(row)?, row.int(8)? as f64 / WEEK).ok().map(Cell::Float))
        }),
    },
    Function {
        name: "discounted_orders",
        kind: Scalar,
        takes: &[
            KIND,
            R,
            ALPHA,
            A,
            B,
            REPEATS,
            RECENCY,
            AGE,
            arg("months", Int, "今日から何か月先まで（1か月は30日）", "months of 30 days ahead"),
            arg("discount", Float, "1か月の割引率", "discount of a month"),
        ],
        gives: Gives::One(Float),
        says: words(
            "予測される購入日数を月ごとに割り引いた合計。平均純売上を掛けると顧客価値になる。",
            "The purchase days expected, discounted month by month: times the mean value of one it is the customer's value.",
        ),
        nulls: NULLS,
        source: "the sum over months of expected purchases / (1 + d)^i (STATISTICS F24)",
        examples: &[example(
            "round(discounted_orders('bg_nbd', 0.243, 4.414, 0.793, 2.426, 2, 213, 272, 12, 0.01), 6)",
            "1.454937",
        )],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let months = u32::try_from(row.int(8)?).ok().filter(|months| *months <= MONTHS_MAX)?;
                clv(&buying(row)?, history(row)?, 1.0, MONTH, months, row.float(9)?).ok().map(Cell::Float)
            })
        }),
    },
    Function {
        name: "expected_order_value",
        kind: Scalar,
        takes: &[
            arg("p", Float, "単価モデルのp", "p of the model of values"),
            arg("q", Float, "単価モデルのq", "q of the model of values"),
            arg("v", Float, "単価モデルのv", "v of the model of values"),
            REPEATS,
            arg("mean", Float, "リピート購入日1日の平均純売上", "mean net revenue of a repeat day"),
        ],
        gives: Gives::One(Float),
        says: words("購入日1日の平均純売上の予測。", "The mean net revenue expected of a customer's purchase days."),
        nulls: words(
            "引数が空値か、モデルとしてありえない値なら空値。購入が1日だけなら平均は空値でよい。",
            "Null if an argument is null or none of a model; of somebody who bought on one day the mean may be null.",
        ),
        source: "Fader and Hardie 2013, Gamma-Gamma (STATISTICS F23)",
        examples: &[
            example("round(expected_order_value(6.25, 3.74, 15.44, 2, 35), 6)", "35.03937"),
            example("round(expected_order_value(6.25, 3.74, 15.44, 0, NULL), 6)", "35.218978"),
        ],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let [p, q, v] = [row.float(0)?, row.float(1)?, row.float(2)?];
                let model = [p, q, v].iter().all(|parameter| parameter.is_finite() && *parameter > 0.0);
                let model = model.then_some(GammaGamma { p, q, v })?;
                let x = u32::try_from(row.int(3)?).ok()?;
                let mean = if x == 0 { 0.0 } else { row.float(4).filter(|mean| mean.is_finite() && *mean >= 0.0)? };
                model.expected_value(Spending { x, mean }).ok().map(Cell::Float)
            })
        }),
    },
];

fn buying(row: &Row) -> Option<RepeatBuying> {
    let model = match row.text(0)? {
        "mbg_nbd" => BuyingModel::Mbg,
        "bg_nbd" => BuyingModel::Bg,
        _ => return None,
    };
    let [r, alpha, a, b] = [row.float(1)?, row.float(2)?, row.float(3)?, row.float(4)?];
    // The largest that a fit tries are e^25.
    let is_model = [r, alpha, a, b].iter().all(|parameter| *parameter > 0.0 && *parameter <= 1e12);
    is_model.then_some(RepeatBuying { model, r, alpha, a, b })
}

fn history(row: &Row) -> Option<History> {
    let (x, recency, age) = (u32::try_from(row.int(5)?).ok()?, row.int(6)?, row.int(7)?);
    // Who bought again did so after the first day, and not after today.
    // They are counted in days, of which each is at least one after the one before.
    let is_history = (0..=age).contains(&recency) && (x == 0) == (recency == 0) && i64::from(x) <= recency;
    is_history.then_some(History { x, t_x: recency as f64 / WEEK, t: age as f64 / WEEK })
}
