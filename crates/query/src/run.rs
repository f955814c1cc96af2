//! Asking: bind, run under limits, and turn batches into an answer.

use std::time::Duration;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use chrono::{DateTime, NaiveDate};
use datafusion::{dataframe::DataFrame, error::DataFusionError, execution::context::SQLOptions, logical_expr::LogicalPlan};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use model::{Money, Remedy, Text};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Column, Desk, Header, Kind, Mistake, Params, Query, Value,
    desk::bind,
    mistake::{Place, running},
    settings::suited,
    statement::Tokens,
};

pub(crate) use crate::mistake::planning::type_name;

/// What one question may use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    pub partitions: usize,
    pub memory_bytes: usize,
    pub spill_bytes: u64,
    pub time: Duration,
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { partitions: 2, memory_bytes: 1 << 30, spill_bytes: 8 << 30, time: Duration::from_secs(120), rows: 10_000_000 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("there is no query `{name}`")]
    NotFound { name: String, similar: Vec<String> },
    #[error("query `{query}` needs the parameter `{name}` ({kind})")]
    MissingParam { query: String, name: String, kind: &'static str },
    #[error("query `{query}` has no parameter `{name}`")]
    UnknownParam { query: String, name: String, known: String },
    #[error("parameter `{name}` of query `{query}` is of type {expected}, not {found}")]
    ParamType { query: String, name: String, expected: &'static str, found: &'static str },
    #[error("`{raw}` is not a value of type {kind} for parameter `{name}`")]
    ParamValue { name: String, kind: &'static str, raw: String },
    /// The text is no SQL, or no question.
    #[error("{file}:{}: {}", mistake.place.line, mistake.message)]
    Syntax { file: String, mistake: Box<Mistake> },
    /// The question names what does not exist, or what does not go together.
    #[error("{file}:{}: {}", mistake.place.line, mistake.message)]
    Plan { file: String, mistake: Box<Mistake> },
    #[error("{file}: the segment selects from itself: {path}")]
    Cycle { file: String, path: String },
    #[error("{file}: `{segment}` has the parameter `{param}` without a default, so nothing can select from it")]
    SegmentParam { file: String, segment: String, param: String },
    #[error("{file}: the segment returns no `customer_id`")]
    NoCustomer { file: String },
    #[error("{file}: the query failed: {message}")]
    Run { file: String, message: String, remedy: Option<String> },
    #[error("{file}: stopped after {seconds} s")]
    Timeout { file: String, seconds: u64 },
    #[error("{file}: more than {rows} rows")]
    TooManyRows { file: String, rows: usize },
}

impl Remedy for QueryError {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            QueryError::NotFound { similar, .. } if !similar.is_empty() => format!("did you mean {}?", similar.join(", ")),
            QueryError::NotFound { .. } => "`tsubame query --list` shows all".into(),
            QueryError::MissingParam { name, .. } => format!("give it with -p {name}=VALUE"),
            QueryError::UnknownParam { known, .. } if known.is_empty() => "it takes none".into(),
            QueryError::UnknownParam { known, .. } => format!("it takes {known}"),
            QueryError::ParamValue { kind, .. } => match *kind {
                "date" => "write it as 2026-06-01".into(),
                "instant" => "write it as 2026-06-01T00:00:00+09:00".into(),
                _ => return None,
            },
            QueryError::Timeout { .. } => "narrow the time range, or raise the limit".into(),
            QueryError::TooManyRows { .. } => "add a LIMIT, or write it to a file with --format parquet".into(),
            QueryError::Syntax { mistake, .. } | QueryError::Plan { mistake, .. } => mistake.remedy.clone(),
            QueryError::Run { remedy, .. } => return remedy.clone(),
            QueryError::ParamType { .. } => return None,
            QueryError::NoCustomer { .. } => "a segment is a question about customers: select `customer_id`".into(),
            QueryError::Cycle { .. } => "take one of these steps out: a segment is made of others, not of itself".into(),
            QueryError::SegmentParam { segment, param, .. } => {
                format!("give it one in the header of {segment}: `-- param {param} <type> = <value>`")
            }
        })
    }
}

impl QueryError {
    /// What is wrong with the text, where it is the text: its place, and the line with a caret.
    pub fn mistake(&self) -> Option<&Mistake> {
        match self {
            QueryError::Syntax { mistake, .. } | QueryError::Plan { mistake, .. } => Some(mistake),
            _ => None,
        }
    }

    pub(crate) fn run(file: &str, source: &str) -> QueryError {
        let (message, remedy) = running::failure(source);
        QueryError::Run { file: file.into(), message, remedy }
    }
}

/// What the engine refuses after a text could be planned: it has no place of its own in it.
pub(crate) fn planning_error(file: &str, source: DataFusionError) -> QueryError {
    let (message, remedy) = running::failure(&source.strip_backtrace());
    let mistake = Mistake::new(Place::line(1), message, remedy.unwrap_or_else(|| "`tsubame check` plans every file".into()));
    QueryError::Plan { file: file.into(), mistake: Box::new(mistake) }
}

/// Refuses everything but queries, on the plan: a statement kind can hide behind another, a plan node cannot.
pub(crate) fn read_only(plan: &LogicalPlan) -> datafusion::common::Result<()> {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(plan)
}

impl Desk {
    /// The answer of a query of the library.
    pub async fn ask(&self, name: &str, params: &Params) -> Result<Answer, QueryError> {
        let query = self.query(name)?;
        let (schema, batches) = self.batches(query, params).await?;
        answer(&query.file, Some(&query.header), &schema, &batches)
    }

    /// The answer of an SQL text. Its parameters are `$as_of` and `$today`.
    pub async fn ask_sql(&self, sql: &str) -> Result<Answer, QueryError> {
        let query = ad_hoc(sql);
        let (schema, batches) = self.batches(&query, &Params::new()).await?;
        answer(&query.file, None, &schema, &batches)
    }

    pub fn query(&self, name: &str) -> Result<&Query, QueryError> {
        self.library.find(name).ok_or_else(|| QueryError::NotFound {
            name: name.into(),
            similar: self.library.similar(name).into_iter().map(String::from).collect(),
        })
    }

    /// Plans, and no more: what is wrong with the text or with a value.
    pub(crate) async fn plan_of(&self, query: &Query, params: &Params) -> Result<(), QueryError> {
        let values = self.values(query, params)?;
        let tokens = Tokens::read(&query.file, &query.sql)?;
        let session = self.session(&tokens, &query.file).await?;
        self.plan(&session, query, &tokens, &values).await.map(|_| ())
    }

    /// The answer as Arrow batches, for files.
    pub async fn batches(&self, query: &Query, params: &Params) -> Result<(SchemaRef, Vec<RecordBatch>), QueryError> {
        let (file, begun) = (&query.file, std::time::Instant::now());
        let values = self.values(query, params)?;
        let tokens = Tokens::read(file, &query.sql)?;
        let session = self.session(&tokens, file).await?;
        let plan = self.plan(&session, query, &tokens, &values).await?;
        let plan = bind(plan, &values).map_err(|source| planning_error(file, source))?;
        let frame = suited(&session, plan).await.map_err(|source| planning_error(file, source))?;
        tracing::debug!(query = file, ms = begun.elapsed().as_millis() as u64, "planned");
        self.drain(file, frame).await
    }

    /// The answer of a query of the library as it comes, however long: for what is stored and not shown.
    pub(crate) async fn stream(
        &self,
        name: &str,
        params: &Params,
    ) -> Result<BoxStream<'static, Result<RecordBatch, QueryError>>, QueryError> {
        let (file, frame) = self.planned(name, params).await?;
        let failed = move |source: DataFusionError| QueryError::run(&file, &source.strip_backtrace());
        Ok(frame.execute_stream().await.map_err(&failed)?.map_err(failed).boxed())
    }

    /// A query of the library ready to run, and its file.
    pub(crate) async fn planned(&self, name: &str, params: &Params) -> Result<(String, DataFrame), QueryError> {
        let query = self.query(name)?;
        let file = query.file.clone();
        let tokens = Tokens::read(&file, &query.sql)?;
        let values = self.values(query, params)?;
        let session = self.session(&tokens, &file).await?;
        let plan =
            bind(self.plan(&session, query, &tokens, &values).await?, &values).map_err(|source| planning_error(&file, source))?;
        let frame = suited(&session, plan).await.map_err(|source| planning_error(&file, source))?;
        Ok((file, frame))
    }

    pub(crate) async fn collect(&self, file: &str, header: Option<&Header>, frame: DataFrame) -> Result<Answer, QueryError> {
        let (schema, batches) = self.drain(file, frame).await?;
        answer(file, header, &schema, &batches)
    }

    /// Runs a plan to its end, under the limits.
    async fn drain(&self, file: &str, frame: DataFrame) -> Result<(SchemaRef, Vec<RecordBatch>), QueryError> {
        let failed = |source: DataFusionError| QueryError::run(file, &source.strip_backtrace());
        let run = async {
            let schema: SchemaRef = std::sync::Arc::new(frame.schema().as_arrow().clone());
            let mut stream = frame.execute_stream().await.map_err(failed)?;
            let mut batches = Vec::new();
            let mut rows = 0;
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(failed)?;
                rows += batch.num_rows();
                if rows > self.limits.rows {
                    return Err(QueryError::TooManyRows { file: file.into(), rows: self.limits.rows });
                }
                batches.push(batch);
            }
            Ok((schema, batches))
        };
        let begun = std::time::Instant::now();
        match tokio::time::timeout(self.limits.time, run).await {
            Ok(result) => {
                tracing::debug!(query = file, ms = begun.elapsed().as_millis() as u64, "answered");
                result
            }
            Err(_) => Err(QueryError::Timeout { file: file.into(), seconds: self.limits.time.as_secs() }),
        }
    }
}

/// An SQL text that is in no file.
pub fn ad_hoc(sql: &str) -> Query {
    Query { name: "sql".into(), file: "SQL".into(), header: Header::default(), sql: sql.into() }
}

pub(crate) fn kind_of(data_type: &DataType) -> Option<Kind> {
    Some(match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => Kind::Text,
        DataType::Boolean => Kind::Bool,
        data_type if data_type.is_integer() => Kind::Int,
        data_type if data_type.is_floating() => Kind::Float,
        // As amounts are kept, and sums of them.
        DataType::Decimal128(_, 4) => Kind::Money,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Kind::Float,
        DataType::Date32 => Kind::Date,
        DataType::Timestamp(_, Some(_)) => Kind::Instant,
        // A clock's time of nobody says where: it is no instant.
        DataType::Timestamp(_, None) => Kind::Text,
        _ => return None,
    })
}

/// Whether a column declared as `kind` may hold this type.
pub(crate) fn holds(kind: Kind, data_type: &DataType) -> bool {
    match (kind, kind_of(data_type)) {
        (_, None) => false,
        (_, Some(_)) if *data_type == DataType::Null => true,
        (Kind::Money, Some(_)) if matches!(data_type, DataType::Decimal128(_, scale) if *scale <= 4) => true,
        (Kind::Instant, Some(_)) if matches!(data_type, DataType::Timestamp(..)) => true,
        (Kind::Rate | Kind::Float, Some(found)) => matches!(found, Kind::Float),
        (kind, Some(found)) => kind == found,
    }
}

pub(crate) fn answer(
    file: &str,
    header: Option<&Header>,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Answer, QueryError> {
    let (schema, batches) = &crate::flat::flat(schema, batches).map_err(|error| QueryError::run(file, &error.to_string()))?;
    let mut columns = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let declared = header.and_then(|header| header.columns.get(index));
        // What is none of the kinds is shown as its text.
        let found = kind_of(field.data_type()).unwrap_or(Kind::Text);
        let kind = declared.map_or(found, |column| column.kind);
        let label = declared.map_or_else(|| Text::new(field.name(), field.name()), |column| column.label.clone());
        columns.push(Column { name: field.name().clone(), kind, label });
    }
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for batch in batches {
        let values = batch
            .columns()
            .iter()
            .zip(&columns)
            .map(|(column, shown)| values_of(column, shown.kind).map_err(|message| QueryError::run(file, &message)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut values: Vec<_> = values.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            rows.push(values.iter_mut().map(|column| column.next().unwrap_or(Value::Null)).collect());
        }
    }
    Ok(Answer { columns, rows })
}

/// The values of a column that is shown as a kind which holds its type.
pub(crate) fn values_of(array: &ArrayRef, kind: Kind) -> Result<Vec<Value>, String> {
    let cast = |to: DataType| arrow::compute::cast(array, &to).map_err(|error| error.to_string());
    let collect = |array: &ArrayRef, value: &dyn Fn(usize) -> Result<Value, String>| {
        (0..array.len()).map(|row| if array.is_null(row) { Ok(Value::Null) } else { value(row) }).collect()
    };
    if *array.data_type() == DataType::Null {
        return Ok(vec![Value::Null; array.len()]);
    }
    match kind {
        Kind::Bool => {
            let array = array.as_boolean();
            Ok(array.iter().map(|value| value.map_or(Value::Null, Value::Bool)).collect())
        }
        Kind::Int => {
            let whole = cast(DataType::Int64)?;
            let values = whole.as_primitive::<Int64Type>();
            // What is larger has its digits.
            let text = texts(array)?;
            collect(array, &|row| Ok(if whole.is_null(row) { text(row) } else { Value::Int(values.value(row)) }))
        }
        Kind::Float | Kind::Rate => {
            let array = cast(DataType::Float64)?;
            let values = array.as_primitive::<Float64Type>();
            // "Not computable" is empty, never NaN.
            collect(&array, &|row| Ok(if values.value(row).is_finite() { Value::Float(values.value(row)) } else { Value::Null }))
        }
        Kind::Money => {
            let array = cast(DataType::Decimal128(38, 4))?;
            let values = array.as_primitive::<Decimal128Type>();
            collect(&array, &|row| {
                let scaled = values.value(row);
                let amount = i64::try_from(scaled).ok().and_then(|scaled| Money::from_scaled(scaled).ok());
                // No shop has as much; a sum of squares has.
                Ok(amount.map_or(Value::Float(scaled as f64 / 1e4), Value::Money))
            })
        }
        Kind::Date => {
            let values = array.as_primitive::<Date32Type>();
            let date = |days: i32| NaiveDate::from_epoch_days(days).map_or(Value::Null, Value::Date);
            collect(array, &|row| Ok(date(values.value(row))))
        }
        Kind::Instant => {
            let array = cast(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
            let values = array.as_primitive::<TimestampMicrosecondType>();
            collect(&array, &|row| Ok(DateTime::from_timestamp_micros(values.value(row)).map_or(Value::Null, Value::Instant)))
        }
        Kind::Text if array.data_type().is_string() => {
            let array = cast(DataType::Utf8)?;
            let values = array.as_string::<i32>();
            collect(&array, &|row| Ok(Value::Text(values.value(row).into())))
        }
        Kind::Text => {
            let text = texts(array)?;
            collect(array, &|row| Ok(text(row)))
        }
    }
}

/// The words of each value.
fn texts(array: &ArrayRef) -> Result<impl Fn(usize) -> Value, String> {
    let options = FormatOptions::new().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let shown = ArrayFormatter::try_new(array.as_ref(), &options).map_err(|error| error.to_string())?;
    Ok(move |row| Value::Text(shown.value(row).to_string()))
}
