//! Analysts' own SQL: one question in a text that nobody reviewed. It passes four gates: its tokens, its statement, its plan, and a session
//! that holds the relations of the library with personal columns masked and nothing else. The process it runs in is the fifth, and not
//! ours: the server hands it to a worker (`worker`), the command line runs it where its caller is.

mod catalogue;
mod draft;
mod error;
pub mod frame;
mod functions;
mod plan;
mod session;
mod statement;
mod text;
pub mod worker;

use std::sync::{Arc, Mutex};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use datafusion::{
    common::{DataFusionError, ScalarValue},
    execution::SessionState,
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::SessionContext,
    sql::parser::Statement as Parsed,
};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use serde::{Deserialize, Serialize};

pub use catalogue::{Relation, RelationColumn, sql_type};
pub use draft::{checked_file, file_text, has_undeclared, params_of};
pub use error::{Place, SqlError, SqlErrorKind};
pub(crate) use functions::fed_little;
pub(crate) use plan::few_pairs;
pub use text::TEXT_BYTES_MAX;

use self::{
    statement::Statement,
    text::{Checked, Shifts},
};
use crate::{Desk, ParamKind, ParamValue, statement::Tokens};

/// A question of somebody's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnSql {
    pub sql: String,
    pub params: Vec<Bound>,
    /// Whether personal columns are shown as they are.
    pub personal: bool,
}

/// A parameter with its value: `$days`, or `$1`, without the sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    pub name: String,
    pub kind: ParamKind,
    /// `None` is null.
    pub value: Option<ParamValue>,
}

/// An answer that is being made.
pub struct OwnAnswer {
    pub schema: SchemaRef,
    pub batches: BoxStream<'static, Result<RecordBatch, SqlError>>,
    cost: Cost,
}

/// The plan that runs: it knows what it has read.
type Cost = Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>;

/// What a question would answer, without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    pub schema: SchemaRef,
    /// Each parameter with its type, where that follows from the text; in order of appearance.
    pub params: Vec<(String, Option<DataType>)>,
}

impl Bound {
    pub fn new(name: impl Into<String>, value: ParamValue) -> Bound {
        Bound { name: name.into(), kind: value.kind(), value: Some(value) }
    }

    fn scalar(&self) -> Result<ScalarValue, DataFusionError> {
        match &self.value {
            Some(value) => Ok(value.scalar()),
            None => ScalarValue::try_from(&self.kind.data_type()),
        }
    }
}

impl OwnAnswer {
    /// Bytes that were read in the lake so far.
    pub fn scanned_bytes(&self) -> u64 {
        let cost = self.cost.lock().expect("nobody panics while holding it");
        cost.as_ref().map_or(0, |plan| scanned(plan.as_ref()))
    }
}

fn scanned(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned")).map_or(0, |sum| sum.as_usize() as u64);
    own + plan.children().into_iter().map(|child| scanned(child.as_ref())).sum::<u64>()
}

/// Refuses what the words of a text alone forbid: one that is too large or too deep, and a statement that opens as none this door takes. It parses
/// nothing, so that whoever hands questions on may ask it of anything.
pub fn look_over(sql: &str) -> Result<(), SqlError> {
    let text = Checked::read(sql)?;
    let tokens = Tokens::read(OWN, sql)?;
    if statement::opens_a_question(&text) { Ok(()) } else { Err(statement::not_opened(&tokens, &text)) }
}

/// Whether a text opens with this word.
pub fn opens_with(sql: &str, word: &str) -> bool {
    Checked::read(sql).is_ok_and(|text| text.opening(1) == word)
}

impl Desk {
    /// Starts to answer. It plans, and runs as far as the answer is read. The caller has a large stack: the text may be 1,000 operators deep.
    pub async fn ask_own(&self, own: &OwnSql) -> Result<OwnAnswer, SqlError> {
        let text = Checked::read(&own.sql)?;
        let mut bound = own.params.clone();
        bound.extend(self.given().into_iter().map(|(name, value)| Bound::new(name, value)));
        check_params(&text, &bound, own.params.len())?;
        let (typed, shifts) = text.typed(&bound);
        let question = match statement::parse(&own.sql, &text, &typed, &shifts)? {
            Statement::Question(question) => question,
            Statement::ShowTables => return Ok(at_once(catalogue::show_tables(&self.library.relations()))),
            Statement::Describe(name) => return catalogue::describe(&self.library.relations(), &name).map(at_once),
        };
        let wrong = |error: DataFusionError| SqlError::engine(&error, &shifts, false);
        let state = self.own_session(&own.sql, own.personal).await?;
        let plan = self.own_plan(&state, *question, &typed, &shifts).await?;
        plan::only_reads(&plan)?;
        let values = bound.iter().map(|bound| Ok((bound.name.clone(), bound.scalar()?)));
        let values = values.collect::<Result<Vec<_>, DataFusionError>>().map_err(wrong)?;
        let plan = plan.with_param_values(values).map_err(wrong)?;
        let optimized = state.optimize(&plan).map_err(wrong)?;
        plan::few_pairs(&optimized, plan::PAIRS_MAX)?;
        let explains = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        self.run_own(state, optimized, shifts, explains).await
    }

    /// The plan of the typed text. What is wrong with it is said to whoever wrote it.
    async fn own_plan(
        &self,
        state: &SessionState,
        question: Parsed,
        typed: &str,
        shifts: &Shifts,
    ) -> Result<LogicalPlan, SqlError> {
        let error = match state.statement_to_plan(question.clone()).await {
            Ok(plan) => return Ok(plan),
            Err(error) => error,
        };
        let said = SqlError::engine(&error, shifts, false);
        let statement = match &question {
            Parsed::Statement(statement) => Some(statement.as_ref()),
            _ => None,
        };
        match Tokens::read(OWN, typed) {
            Ok(tokens) if said.kind.is_of_the_text() && !matches!(error.find_root(), DataFusionError::External(_)) => {
                let session = SessionContext::new_with_state(state.clone());
                let mistake = self.planning_error(&session, &tokens, statement, &error);
                Err(said.in_words(mistake.mistake(), shifts))
            }
            _ => Err(said),
        }
    }

    async fn run_own(
        &self,
        state: SessionState,
        optimized: LogicalPlan,
        shifts: Shifts,
        explains: bool,
    ) -> Result<OwnAnswer, SqlError> {
        let cost = Cost::default();
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await;
        let physical = physical.map_err(|error| SqlError::engine(&error, &shifts, false))?;
        let schema = physical.schema();
        if schema.fields().iter().any(|field| depth(field.data_type()) > TYPE_DEPTH_MAX) {
            return Err(SqlError::new(
                SqlErrorKind::TooComplex,
                format!("型の入れ子が {TYPE_DEPTH_MAX} 段を超えました"),
                format!("a column's type is nested deeper than {TYPE_DEPTH_MAX}"),
            ));
        }
        let noted = cost.clone();
        let run = move |state: &SessionState, physical: Arc<dyn ExecutionPlan>| {
            *noted.lock().expect("nobody panics while holding it") = Some(physical.clone());
            execute_stream(physical, state.task_ctx())
        };
        let begun = async move {
            let mut stream = run(&state, physical)?;
            let first = stream.next().await;
            let first = match first {
                // A hash join holds all of one side; a sort-merge join takes its time and the disk.
                Some(Err(error)) if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) => {
                    drop(stream);
                    let mut state = state;
                    state.config_mut().options_mut().optimizer.prefer_hash_join = false;
                    let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
                    stream = run(&state, physical)?;
                    stream.next().await
                }
                first => first,
            };
            Ok::<_, DataFusionError>(futures::stream::iter(first).chain(stream))
        };
        let batches = futures::stream::once(begun).try_flatten().map(move |batch| match batch {
            Ok(batch) if explains => Ok(without_folders(batch)),
            Ok(batch) => Ok(batch),
            Err(error) => Err(SqlError::engine(&error, &shifts, true)),
        });
        Ok(OwnAnswer { schema, batches: batches.boxed(), cost })
    }

    /// What a question would answer. `declared` are the types that the asker already knows of its parameters.
    pub async fn describe_own(&self, sql: &str, declared: &[Bound]) -> Result<Described, SqlError> {
        let text = Checked::read(sql)?;
        let mut bound = declared.to_vec();
        bound.extend(self.given().into_iter().map(|(name, value)| Bound::new(name, value)));
        let (typed, shifts) = text.typed(&bound);
        let question = match statement::parse(sql, &text, &typed, &shifts)? {
            Statement::Question(question) => question,
            Statement::ShowTables => {
                return Ok(Described { schema: catalogue::show_tables(&[]).schema(), params: Vec::new() });
            }
            Statement::Describe(name) => {
                let schema = catalogue::describe(&self.library.relations(), &name)?.schema();
                return Ok(Described { schema, params: Vec::new() });
            }
        };
        let wrong = |error: DataFusionError| SqlError::engine(&error, &shifts, false);
        let state = self.own_session(sql, false).await?;
        let plan = self.own_plan(&state, *question, &typed, &shifts).await?;
        plan::only_reads(&plan)?;
        let types = plan.get_parameter_types().map_err(wrong)?;
        let of = |name: &str| {
            let declared = declared.iter().find(|bound| bound.name == name).map(|bound| bound.kind.data_type());
            declared.or_else(|| types.get(&format!("${name}")).cloned().flatten())
        };
        let params = text.placeholders().into_iter().filter(|(name, _)| !GIVEN.contains(name));
        let params = params.map(|(name, _)| (name.to_string(), of(name))).collect();
        Ok(Described { schema: Arc::new(plan.schema().as_arrow().clone()), params })
    }
}

/// Readers of Arrow follow a type down as we do, on stacks of their own.
const TYPE_DEPTH_MAX: usize = 32;

fn depth(of: &DataType) -> usize {
    match of {
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _) => 1 + depth(inner.data_type()),
        DataType::Struct(members) => 1 + members.iter().map(|member| depth(member.data_type())).max().unwrap_or(0),
        _ => 0,
    }
}

/// Parameters that every question is given.
const GIVEN: [&str; 2] = ["as_of", "today"];

/// What messages call the text.
const OWN: &str = "SQL";

fn check_params(text: &Checked, bound: &[Bound], given: usize) -> Result<(), SqlError> {
    let placeholders = text.placeholders();
    for (name, at) in &placeholders {
        if !bound.iter().any(|bound| bound.name == *name) {
            return Err(SqlError::new(
                SqlErrorKind::Parameter,
                format!("パラメータ `${name}` に値がありません"),
                format!("the parameter `${name}` has no value"),
            )
            .at(Some(*at))
            .with_remedy(
                format!("値を入力してください（API では `params` の `{name}`）"),
                format!("give it one: its field on the page, `{name}` in `params`"),
            ));
        }
    }
    if let Some(own) = bound[..given].iter().find(|bound| GIVEN.contains(&bound.name.as_str())) {
        return Err(SqlError::new(
            SqlErrorKind::Parameter,
            format!("`${}` はどの問い合わせにも与えられる値で、変えられません", own.name),
            format!("`${}` is given to every question and takes no value", own.name),
        )
        .with_remedy("時点は `as_of` で指定してください", "the moment of a question is its own `as_of`, beside `params`"));
    }
    match bound[..given].iter().find(|bound| !placeholders.iter().any(|(name, _)| *name == bound.name)) {
        Some(unused) => Err(SqlError::new(
            SqlErrorKind::Parameter,
            format!("SQL はパラメータ `${}` を使っていません", unused.name),
            format!("the SQL does not use the parameter `${}`", unused.name),
        )),
        None => Ok(()),
    }
}

/// Rows as pages show them.
pub fn answer_of(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<crate::Answer, SqlError> {
    crate::run::answer("SQL", None, schema, batches)
        .map_err(|error| SqlError::new(SqlErrorKind::Data, error.to_string(), error.to_string()))
}

fn at_once(batch: RecordBatch) -> OwnAnswer {
    let schema = batch.schema();
    OwnAnswer { schema, batches: futures::stream::iter([Ok(batch)]).boxed(), cost: Arc::default() }
}

/// A plan's text names data files: their folders are nobody's business.
fn without_folders(batch: RecordBatch) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8 => {
            let texts = arrow::array::AsArray::as_string::<i32>(column).iter();
            let texts: arrow::array::StringArray = texts.map(|text| text.map(plain_names)).collect();
            Arc::new(texts) as arrow::array::ArrayRef
        }
        _ => column.clone(),
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap_or(batch)
}

fn plain_names(text: &str) -> String {
    let is_edge = |c: char| c.is_whitespace() || "[]{}(),=".contains(c);
    text.split_inclusive(is_edge)
        .map(|word| match word.rsplit_once('/') {
            Some((_, name)) if word.contains(".parquet") => name,
            _ => word,
        })
        .collect()
}

#[cfg(test)]
mod tests;
