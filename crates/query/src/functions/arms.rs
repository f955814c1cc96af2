//! Who meets which arm: the same as stock SDKs, the server and the command line say, so that an analyst can look at a test's units before
//! anybody was exposed.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::{
    common::{Result, exec_err},
    error::DataFusionError,
};
use decide::{bucket, experiment::assign};
use model::Experiment;
use serde_json::{Map, Value};

use super::{
    Function, Gives,
    Kind::Scalar,
    Make, STRICT,
    Type::{Int, Text},
    arg, example, optional,
    scalar::{Cell, Row, of_columns, one},
    words,
};
use crate::mistake::nearest;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "bucket",
        kind: Scalar,
        takes: &[
            arg("salt", Text, "ソルト", "what the hash is salted with"),
            arg("unit", Text, "単位（会員IDなど）", "a unit, such as a customer"),
        ],
        gives: Gives::One(Int),
        says: words(
            "ホールドアウトとシナリオのテストが使うバケット（0〜9,999）。5%のホールドアウトは500未満。",
            "The bucket of holdouts and tests in scenarios, 0 to 9,999: a holdout of 5 % is those below 500.",
        ),
        nulls: STRICT,
        source: "u64_be(sha256(salt \":\" unit)[0..8]) % 10000 (SEMANTICS §10)",
        examples: &[example("bucket('global-2026q1', 'c-0001')", "5120"), example("bucket('exp-cart-01', 'c-0042')", "728")],
        make: Make::Scalar(|function, _| one(function, |row| Some(Cell::Int(bucket::bucket(row.text(0)?, row.text(1)?) as i64)))),
    },
    Function {
        name: "experiment_arm",
        kind: Scalar,
        takes: &[
            arg("experiment", Text, "experiments/ のテスト", "a test of experiments/"),
            arg("unit", Text, "単位（会員IDなど）", "a unit, such as a customer"),
            optional("attributes", Text, "'{}'", "ターゲティングが見る属性（JSON）", "what targeting looks at, as a JSON object"),
        ],
        gives: Gives::One(Text),
        says: words(
            "その単位のグループ。SDK・サーバー・`tsubame experiment assign` と同じ。",
            "The arm of a unit: the same as SDKs, the server and `tsubame experiment assign` give.",
        ),
        nulls: words(
            "引数が空値、またはどのグループにも入らない単位（下書き・停止中・対象外）なら空値。",
            "Null if an argument is null, or the unit meets no arm: the test is a draft or stopped, or the unit is not in it.",
        ),
        source: "the test's own hash: growthbook-2 (FNV-1a, version 2) or sha256",
        examples: &[
            example("experiment_arm('example', 'u-1')", "b"),
            example("experiment_arm('example', 'u-2')", "a"),
            example("experiment_arm('example', 'u-1', '{\"country\": \"US\"}')", ""),
        ],
        make: Make::Scalar(|function, shop| {
            let experiments = shop.experiments.clone();
            of_columns(function, move |columns, rows| arms(&experiments, columns, rows))
        }),
    },
];

fn arms(experiments: &[Experiment], columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    // A whole column mostly names one test, and one set of attributes.
    let mut known: Option<&Experiment> = None;
    let mut read: Option<(String, Value)> = None;
    let arms = (0..rows).map(|at| {
        let row = Row { columns, at };
        let (Some(name), Some(unit)) = (row.text(0), row.text(1)) else { return Ok(None) };
        let given = match row.given() {
            3 => row.text(2),
            _ => Some("{}"),
        };
        let Some(given) = given else { return Ok(None) };
        let experiment = match known.filter(|last| last.experiment == name) {
            Some(experiment) => experiment,
            None => find(experiments, name)?,
        };
        known = Some(experiment);
        if read.as_ref().is_none_or(|(last, _)| *last != given) {
            read = Some((given.into(), attributes(given)?));
        }
        let attributes = read.as_ref().map_or(&Value::Null, |(_, attributes)| attributes);
        Ok(assign(experiment, unit, attributes).ok().map(|arm| arm.id.as_str()))
    });
    Ok(Arc::new(arms.collect::<Result<StringArray>>()?))
}

fn find<'a>(experiments: &'a [Experiment], name: &str) -> Result<&'a Experiment> {
    match experiments.iter().find(|experiment| experiment.experiment == name) {
        Some(experiment) => Ok(experiment),
        None => match nearest(name, experiments.iter().map(|experiment| experiment.experiment.as_str())) {
            Some(near) => exec_err!("there is no test `{name}` in experiments/: did you mean `{near}`?"),
            None => exec_err!("there is no test `{name}` in experiments/: `tsubame experiment list` shows all"),
        },
    }
}

fn attributes(text: &str) -> Result<Value> {
    let members: serde_json::Result<Map<String, Value>> = serde_json::from_str(text);
    let wrong = |error| {
        DataFusionError::Execution(format!(
            "the attributes of experiment_arm are no JSON object: {error}; write them as '{{\"country\": \"JP\"}}'"
        ))
    };
    members.map(Value::Object).map_err(wrong)
}
