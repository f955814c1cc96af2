//! How many have done it by day h when some were not followed that long, and whether two groups differ in it.

use std::collections::BTreeMap;

use stats::{Alpha, DayCount, KaplanMeier, NotComputable};

use super::{
    ALPHA, Arg, Function, Gives,
    Kind::Aggregate,
    Make,
    Type::{Bool, Float, Int},
    aggregate::{Constant, Fold, aggregate},
    arg, example, member,
    scalar::{Cell, Row},
    structure::{float, int},
    words,
};

const DURATION: Arg = arg(
    "days",
    Int,
    "開始から、起きた日または最後に観測した日までの日数",
    "days from the start to the event, or to the last day seen",
);
const EVENT: Arg = arg("happened", Bool, "起きたか（偽は観測終了）", "whether it happened then; false where observation ended");

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "kaplan_meier",
        kind: Aggregate,
        takes: &[DURATION, EVENT, arg("at", Int, "何日目の値か", "the day asked about, counted from the start"), ALPHA],
        gives: Gives::Members(&[
            member("n", Int, "人数", "how many"),
            member("events", Int, "起きた人数", "to how many it happened, at any time"),
            member("at_risk", Int, "その日より後も観測中の人数", "how many are followed beyond the day without it"),
            member("survival", Float, "まだ起きていない割合", "share to whom it has not happened by the day"),
            member("survival_low", Float, "その下限", "its lower end"),
            member("survival_high", Float, "その上限", "its upper end"),
            member("converted", Float, "起きた割合（1−survival）", "share to whom it has happened, 1 − survival"),
            member("converted_low", Float, "その下限", "its lower end"),
            member("converted_high", Float, "その上限", "its upper end"),
            member("se", Float, "標準誤差", "standard error of both"),
            member("median", Int, "半数に起きた日", "the day by which it has happened to half"),
        ]),
        says: words(
            "観測期間の短い人も含めて、ある日までに起きた割合をカプラン・マイヤー法で推定する。2回目購入や解約に使う。",
            "The share to whom something has happened by a day, people followed for a shorter time included (Kaplan-Meier): second purchases, \
             cancellations.",
        ),
        nulls: words(
            "日数か有無が空値の行は数えない。誰もその日まで観測していなければ割合は空値。起きていないか全員に起きたなら区間は空値。半数に達しなければ中央値は空値。",
            "Rows without days or whether it happened are left out. Shares are null if nobody was followed to that day, intervals while it has \
             happened to nobody or to everybody, the median while it has not happened to half.",
        ),
        source: "Kaplan and Meier 1958; Greenwood's variance, interval on log(-log S) (STATISTICS F26)",
        examples: &[
            example(
                "SELECT kaplan_meier(days, bought, 30)['converted'] AS f2 FROM (VALUES (10, true), (20, true), (40, false), (40, false)) AS buyer (days, bought)",
                "0.5",
            ),
            example(
                "SELECT kaplan_meier(days, bought, 50)['converted'] AS f2, kaplan_meier(days, bought, 50)['median'] AS median \
                 FROM (VALUES (10, true), (20, true), (40, false), (40, false)) AS buyer (days, bought)",
                " | 20",
            ),
        ],
        make: Make::Aggregate(aggregate::<Survival>),
    },
    Function {
        name: "log_rank",
        kind: Aggregate,
        takes: &[DURATION, EVENT, arg("in_b", Bool, "比べる2群のうちBか", "whether the row is of group B, else A")],
        gives: Gives::Members(&[
            member("n_a", Int, "Aの人数", "how many in A"),
            member("n_b", Int, "Bの人数", "how many in B"),
            member("chi_square", Float, "カイ二乗値（自由度1）", "chi-square with 1 degree of freedom"),
            member("p_value", Float, "p値", "p value"),
        ]),
        says: words(
            "2つの群で、起きるまでの日数の曲線が違うかを検定する。",
            "Whether two groups differ in how soon it happens: the log-rank test of their Kaplan-Meier curves.",
        ),
        nulls: words(
            "引数が空値の行は数えない。一方の群に誰もいないか、違いを測れる日がなければ空値。",
            "Rows with a null are left out. Null if a group is empty or no day tells the two apart.",
        ),
        source: "Mantel 1966",
        examples: &[example(
            "SELECT round(log_rank(days, bought, in_b)['p_value'], 6) AS p FROM (VALUES (5, true, false), (6, true, false), (7, true, false), \
             (20, true, true), (30, false, true), (30, false, true)) AS buyer (days, bought, in_b)",
            "0.024602",
        )],
        make: Make::Aggregate(aggregate::<Curves>),
    },
];

type Days = BTreeMap<u32, (u64, u64)>;

fn add(days: &mut Days, day: i64, happened: bool) -> Result<(), String> {
    let day = u32::try_from(day).map_err(|_| {
        format!("{day} is no number of days since the start (it ends before it begins: are the two dates the right way round?)")
    })?;
    let counts = days.entry(day).or_default();
    *(if happened { &mut counts.0 } else { &mut counts.1 }) += 1;
    Ok(())
}

fn counts(days: &Days) -> impl Iterator<Item = DayCount> {
    days.iter().map(|(&day, &(events, censored))| DayCount { day, events, censored })
}

fn flat(days: &Days) -> impl Iterator<Item = i64> {
    days.iter().flat_map(|(day, (events, censored))| [i64::from(*day), *events as i64, *censored as i64])
}

fn unflat(days: &mut Days, state: &[i64]) {
    for chunk in state.chunks_exact(3) {
        let counts = days.entry(chunk[0] as u32).or_default();
        *counts = (counts.0 + chunk[1] as u64, counts.1 + chunk[2] as u64);
    }
}

/// The level of an interval, as the bits of the number that was given.
pub(super) fn alpha(given: Constant) -> Result<Alpha, NotComputable> {
    given.get().map_or(Ok(Alpha::FIVE_PERCENT), |bits| Alpha::new(f64::from_bits(bits as u64)))
}

pub(super) fn bits(value: Option<f64>) -> Option<i64> {
    value.map(|value| value.to_bits() as i64)
}

#[derive(Debug, Default)]
struct Survival {
    at: Constant,
    alpha: Constant,
    days: Days,
}

impl Fold for Survival {
    fn add(&mut self, row: &Row) -> Result<(), String> {
        self.at.set("at", row.int(2))?;
        self.alpha.set("alpha", bits(row.float(3)))?;
        match (row.int(0), row.bool(1)) {
            (Some(day), Some(happened)) => add(&mut self.days, day, happened),
            _ => Ok(()),
        }
    }

    fn state(&self) -> Vec<i64> {
        self.at.state().into_iter().chain(self.alpha.state()).chain(flat(&self.days)).collect()
    }

    fn merge(&mut self, state: &[i64]) -> Result<(), String> {
        self.at.set("at", Constant::of(&state[..2]))?;
        self.alpha.set("alpha", Constant::of(&state[2..4]))?;
        unflat(&mut self.days, &state[4..]);
        Ok(())
    }

    fn answer(&self) -> Option<Vec<Cell>> {
        let curve = KaplanMeier::new(counts(&self.days)).ok()?;
        let horizon = self.at.get().and_then(|at| u32::try_from(at).ok());
        let at = horizon.zip(alpha(self.alpha).ok()).and_then(|(horizon, alpha)| curve.conversion_at(horizon, alpha).ok());
        let at = at.as_ref();
        let interval = at.and_then(|at| at.interval.clone().ok());
        let or_null = |value: Option<f64>| value.map_or(Cell::Null, Cell::Float);
        Some(vec![
            int(curve.n()),
            int(curve.events()),
            at.map_or(Cell::Null, |at| int(at.at_risk_after)),
            or_null(at.map(|at| 1.0 - at.converted)),
            or_null(interval.map(|interval| 1.0 - interval.high)),
            or_null(interval.map(|interval| 1.0 - interval.low)),
            or_null(at.map(|at| at.converted)),
            or_null(interval.map(|interval| interval.low)),
            or_null(interval.map(|interval| interval.high)),
            at.map_or(Cell::Null, |at| float(at.se.clone())),
            curve.median().map_or(Cell::Null, |day| int(day.into())),
        ])
    }
}

#[derive(Debug, Default)]
struct Curves {
    a: Days,
    b: Days,
}

impl Fold for Curves {
    fn add(&mut self, row: &Row) -> Result<(), String> {
        match (row.int(0), row.bool(1), row.bool(2)) {
            (Some(day), Some(happened), Some(in_b)) => add(if in_b { &mut self.b } else { &mut self.a }, day, happened),
            _ => Ok(()),
        }
    }

    fn state(&self) -> Vec<i64> {
        std::iter::once(self.a.len() as i64 * 3).chain(flat(&self.a)).chain(flat(&self.b)).collect()
    }

    fn merge(&mut self, state: &[i64]) -> Result<(), String> {
        let (a, b) = state[1..].split_at(state[0] as usize);
        unflat(&mut self.a, a);
        unflat(&mut self.b, b);
        Ok(())
    }

    fn answer(&self) -> Option<Vec<Cell>> {
        let people = |days: &Days| days.values().map(|(events, censored)| events + censored).sum::<u64>();
        let (a, b): (Vec<DayCount>, Vec<DayCount>) = (counts(&self.a).collect(), counts(&self.b).collect());
        let test = stats::log_rank(&a, &b);
        Some(vec![
            int(people(&self.a)),
            int(people(&self.b)),
            float(test.clone().map(|test| test.chi_square)),
            float(test.map(|test| test.p_value)),
        ])
    }
}
