//! SQL functions of the shop. Each is declared once: what it takes and gives, what it does with nulls, where its formula is from, and an
//! example that a test runs. `tsubame functions`, the page, the planner's types and its messages are all made from that.

use std::sync::Arc;

use datafusion::{
    common::Result,
    logical_expr::{AggregateUDF, ScalarUDF, Signature, Volatility, WindowUDF},
    prelude::SessionContext,
};
use model::{Experiment, ShopZone};

mod aggregate;
mod arms;
pub(crate) mod as_of;
mod buying;
mod compare;
mod days;
mod journeys;
mod sample_size;
mod scalar;
mod scores;
mod structure;
mod survival;
mod text;
mod tiles;

/// A function as people are told of it, and how it is made for a session.
pub struct Function {
    pub name: &'static str,
    pub kind: Kind,
    pub takes: &'static [Arg],
    pub gives: Gives,
    pub says: Words,
    pub nulls: Words,
    /// Where the formula is from; for conventions, whose they are.
    pub source: &'static str,
    pub examples: &'static [Example],
    make: Make,
}

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    pub ja: &'static str,
    pub en: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One row in, one value out.
    Scalar,
    /// Many rows in, one value out.
    Aggregate,
    /// Used with `OVER (ORDER BY …)`.
    Window,
    /// Used in `FROM`.
    Table,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Scalar => "scalar",
            Kind::Aggregate => "aggregate",
            Kind::Window => "window",
            Kind::Table => "table",
        }
    }
}

/// What an argument or answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Float,
    /// Money or any other number; sums of it are exact where it is.
    Number,
    Text,
    Date,
    Instant,
    /// A list of numbers, as `array_agg` and `make_array` give.
    Floats,
    /// `$as_of` or any other moment that does not differ by row.
    Moment,
}

#[derive(Debug, Clone, Copy)]
pub struct Arg {
    pub name: &'static str,
    pub of: Type,
    /// What it means, with its unit.
    pub says: Words,
    /// Arguments that may be left out come last.
    pub default: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
pub enum Gives {
    One(Type),
    /// Several values at once; one is picked by `f(…)['name']`.
    Members(&'static [Member]),
    /// A list of such, of which `unnest(f(…))` makes rows.
    Each(&'static [Member]),
    Rows,
}

impl Gives {
    /// The values given at once; none where there is one alone.
    pub fn members(&self) -> &'static [Member] {
        match self {
            Gives::Members(members) | Gives::Each(members) => members,
            Gives::One(_) | Gives::Rows => &[],
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub name: &'static str,
    pub of: Type,
    pub says: Words,
}

/// A question and what it answers, as plain text: members of a row by ` | `, rows by line.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    pub sql: &'static str,
    pub answer: &'static str,
}

/// What functions know of the shop.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    /// Where its days begin.
    pub zone: ShopZone,
    pub experiments: Arc<[Experiment]>,
}

enum Make {
    Scalar(fn(&'static Function, &Shop) -> ScalarUDF),
    Aggregate(fn(&'static Function) -> AggregateUDF),
    Window(fn(&'static Function) -> WindowUDF),
    /// [`as_of`]: it takes part before planning.
    Before,
}

/// All functions, by family.
pub fn all() -> impl Iterator<Item = &'static Function> {
    const FAMILIES: [&[Function]; 10] = [
        days::FUNCTIONS,
        journeys::FUNCTIONS,
        scores::FUNCTIONS,
        tiles::FUNCTIONS,
        compare::FUNCTIONS,
        sample_size::FUNCTIONS,
        survival::FUNCTIONS,
        buying::FUNCTIONS,
        arms::FUNCTIONS,
        text::FUNCTIONS,
    ];
    FAMILIES.into_iter().flatten().chain(as_of::FUNCTIONS)
}

pub fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// The function that was probably meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    crate::mistake::nearest(name, all().map(|function| function.name))
}

/// Makes the functions known to a session.
pub(crate) fn register(session: &SessionContext, shop: &Shop) {
    for function in all() {
        match function.make {
            Make::Scalar(make) => session.register_udf(make(function, shop)),
            Make::Aggregate(make) => session.register_udaf(make(function)),
            Make::Window(make) => session.register_udwf(make(function)),
            Make::Before => {}
        }
    }
    // Asked by `fold` alone, so it is declared to nobody.
    session.register_udaf(crate::aggregates::Moments::default().into());
}

impl Words {
    pub fn get(self, lang: &str) -> &'static str {
        if lang == "en" { self.en } else { self.ja }
    }
}

const fn words(ja: &'static str, en: &'static str) -> Words {
    Words { ja, en }
}

const fn arg(name: &'static str, of: Type, ja: &'static str, en: &'static str) -> Arg {
    Arg { name, of, says: words(ja, en), default: None }
}

const fn optional(name: &'static str, of: Type, default: &'static str, ja: &'static str, en: &'static str) -> Arg {
    Arg { name, of, says: words(ja, en), default: Some(default) }
}

const fn member(name: &'static str, of: Type, ja: &'static str, en: &'static str) -> Member {
    Member { name, of, says: words(ja, en) }
}

const fn example(sql: &'static str, answer: &'static str) -> Example {
    Example { sql, answer }
}

/// Most functions: a null argument gives null.
const STRICT: Words = words("引数に空値があれば結果も空値。", "Null if an argument is null.");

const ALPHA: Arg = optional("alpha", Type::Float, "0.05", "有意水準α（区間は1−α）", "level α; the interval covers 1 − α");

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Number => "number",
            Type::Text => "text",
            Type::Date => "date",
            Type::Instant => "instant",
            Type::Floats => "list of numbers",
            Type::Moment => "instant, date or text",
        }
    }
}

impl Function {
    /// `days_between(from date, to date) → int`.
    pub fn signature(&self) -> String {
        let arg = |arg: &Arg| match arg.default {
            Some(default) => format!("{} {} = {default}", arg.name, arg.of.name()),
            None => format!("{} {}", arg.name, arg.of.name()),
        };
        let takes: Vec<String> = self.takes.iter().map(arg).collect();
        let names = |members: &[Member]| members.iter().map(|member| member.name).collect::<Vec<_>>().join(", ");
        let over = if self.kind == Kind::Window { " OVER (ORDER BY …)" } else { "" };
        let gives = match self.gives {
            Gives::One(of) => of.name().to_string(),
            Gives::Members(members) => format!("struct({})", names(members)),
            Gives::Each(members) => format!("list of struct({})", names(members)),
            Gives::Rows => "rows".into(),
        };
        format!("{}({}){over} → {gives}", self.name, takes.join(", "))
    }

    /// For the engine: [`Self::accepts`] decides, and arguments may be named (`wilson(x => 3, n => 10)`).
    fn signature_of_engine(&self) -> Signature {
        let names = self.takes.iter().map(|arg| arg.name).collect();
        let any = Signature::user_defined(Volatility::Immutable);
        any.with_parameter_names(names).expect("arguments have names of their own")
    }

    /// How many arguments it takes: at least, at most.
    fn arity(&self) -> (usize, usize) {
        (self.takes.iter().filter(|arg| arg.default.is_none()).count(), self.takes.len())
    }

    /// The types the arguments are cast to; an error says what the function takes and what it was given.
    fn accepts(&self, given: &[arrow::datatypes::DataType]) -> Result<Vec<arrow::datatypes::DataType>> {
        let (least, most) = self.arity();
        let cast: Option<Vec<_>> = match (least..=most).contains(&given.len()) {
            true => self.takes.iter().zip(given).map(|(arg, given)| scalar::cast_to(arg.of, given)).collect(),
            false => None,
        };
        cast.ok_or_else(|| {
            let given: Vec<&str> = given.iter().map(crate::run::type_name).collect();
            datafusion::common::plan_datafusion_err!("{CALLED}{}({}){BUT}{}", self.name, given.join(", "), self.signature())
        })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Around a call that does not fit, so that [`misfit`] finds it within what the planner says about it.
const CALLED: &str = "called as ";
const BUT: &str = ", but it is ";

/// Our function that a planning error is about, and the call as types, where it was called with what it does not take.
pub(crate) fn misfit(error: &str) -> Option<(&'static Function, &str)> {
    let call = error.split_once(CALLED)?.1.split_once(BUT)?.0;
    Some((find(call.split('(').next()?)?, call))
}
