//! What an analyst is told when their SQL is not answered: the kind, for programs; the words, in both languages; the place in their text.

use arrow::error::ArrowError;
use datafusion::{
    common::{DataFusionError, SchemaError},
    sql::sqlparser::parser::ParserError,
};
use model::{Remedy, Text};
use serde::{Deserialize, Serialize};

use super::text::Shifts;
use crate::{
    Mistake, QueryError, aside,
    mistake::{japanese::in_japanese, running},
};

/// Why SQL was not answered. It travels from the worker to whoever asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlError {
    pub kind: SqlErrorKind,
    pub message: Text,
    pub remedy: Option<Box<Text>>,
    pub at: Option<Place>,
}

/// A place in the text that was asked, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlErrorKind {
    /// The text is no SQL.
    Syntax,
    UnknownTable,
    UnknownColumn,
    UnknownFunction,
    /// A parameter is missing, unknown or of another type.
    Parameter,
    /// SQL that makes no sense: types that do not go together, a column that is not grouped.
    Invalid,
    /// This door only reads, and only what it shows.
    Refused,
    /// Larger or deeper than is planned here.
    TooComplex,
    /// It failed on the data.
    Data,
    Memory,
    Spill,
    Time,
    Rows,
    Bytes,
    Cancelled,
    /// Too many questions at once: when to ask again.
    Busy {
        seconds: u64,
    },
    /// Nobody's fault who asked.
    Internal,
}

impl SqlErrorKind {
    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            SqlErrorKind::Syntax => "syntax",
            SqlErrorKind::UnknownTable => "unknown_table",
            SqlErrorKind::UnknownColumn => "unknown_column",
            SqlErrorKind::UnknownFunction => "unknown_function",
            SqlErrorKind::Parameter => "parameter",
            SqlErrorKind::Invalid => "invalid",
            SqlErrorKind::Refused => "refused",
            SqlErrorKind::TooComplex => "too_complex",
            SqlErrorKind::Data => "data",
            SqlErrorKind::Memory => "memory",
            SqlErrorKind::Spill => "spill",
            SqlErrorKind::Time => "time",
            SqlErrorKind::Rows => "rows",
            SqlErrorKind::Bytes => "bytes",
            SqlErrorKind::Cancelled => "cancelled",
            SqlErrorKind::Busy { .. } => "busy",
            SqlErrorKind::Internal => "internal",
        }
    }

    /// Whether what was asked is wrong, and not what it met.
    pub(super) fn is_of_the_text(self) -> bool {
        matches!(
            self,
            SqlErrorKind::Syntax
                | SqlErrorKind::UnknownTable
                | SqlErrorKind::UnknownColumn
                | SqlErrorKind::UnknownFunction
                | SqlErrorKind::Invalid
        )
    }

    /// The limit that was met, where one was.
    pub fn limit(self) -> Option<&'static str> {
        match self {
            SqlErrorKind::Memory | SqlErrorKind::Spill | SqlErrorKind::Time | SqlErrorKind::Rows | SqlErrorKind::Bytes => {
                Some(self.code())
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message.en)?;
        match self.at {
            Some(Place { line, column }) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}

impl Remedy for SqlError {
    fn remedy(&self) -> Option<String> {
        self.remedy.as_ref().map(|remedy| remedy.en.clone())
    }
}

impl SqlError {
    pub fn new(kind: SqlErrorKind, ja: impl Into<String>, en: impl Into<String>) -> SqlError {
        SqlError { kind, message: Text { ja: ja.into(), en: en.into() }, remedy: None, at: None }
    }

    pub fn with_remedy(mut self, ja: impl Into<String>, en: impl Into<String>) -> SqlError {
        self.remedy = Some(Box::new(Text { ja: ja.into(), en: en.into() }));
        self
    }

    pub(crate) fn at(mut self, at: Option<Place>) -> SqlError {
        self.at = at;
        self
    }

    /// The same, in the words for whoever wrote the text.
    pub(super) fn in_words(self, mistake: Option<&Mistake>, shifts: &Shifts) -> SqlError {
        let Some(mistake) = mistake else { return self };
        let at = Place { line: mistake.place.line as u64, column: mistake.place.column as u64 };
        let at = (at.column > 0).then(|| shifts.back(at)).or(self.at);
        let said = SqlError::of(self.kind, mistake).at(at);
        match self.remedy {
            // Who asks here need not have the commands.
            Some(own) if mistake.remedy.starts_with("`tsubame ") => SqlError { remedy: Some(own), ..said },
            _ => said,
        }
    }

    fn of(kind: SqlErrorKind, mistake: &Mistake) -> SqlError {
        SqlError::new(kind, in_japanese(&mistake.message), &mistake.message)
            .with_remedy(in_japanese(&mistake.remedy), &mistake.remedy)
    }

    /// Words that the engine has in one language only.
    fn said(kind: SqlErrorKind, message: String) -> SqlError {
        SqlError::new(kind, message.clone(), message)
    }

    pub fn internal(message: impl Into<String>) -> SqlError {
        SqlError::said(SqlErrorKind::Internal, message.into())
    }

    pub fn cancelled() -> SqlError {
        SqlError::new(SqlErrorKind::Cancelled, "問い合わせは取り消されました", "the question was cancelled")
    }

    pub fn out_of_time(seconds: u64) -> SqlError {
        SqlError::new(SqlErrorKind::Time, format!("{seconds} 秒で打ち切りました"), format!("stopped after {seconds} s"))
            .with_remedy(
                "期間を絞るか、先に集計してから結合するか、`timeout` を延ばしてください",
                "narrow the time range, aggregate before you join, or give a longer `timeout`",
            )
    }

    pub fn out_of_memory() -> SqlError {
        SqlError::new(
            SqlErrorKind::Memory,
            "この問い合わせに許されたメモリを超えました",
            "the question needed more memory than it may have",
        )
        .with_remedy(
            "列や期間を絞るか、先に集計してください。上限は tsubame.toml の [sql] memory_mb です",
            "select fewer columns or days, or aggregate first; the limit is `memory_mb` under [sql] in tsubame.toml",
        )
    }

    pub fn too_many_rows(rows: usize) -> SqlError {
        SqlError::new(SqlErrorKind::Rows, format!("{rows} 行を超えました"), format!("more than {rows} rows"))
            .with_remedy("LIMIT を付けるか、集計してください", "add a LIMIT, or aggregate")
    }

    pub fn too_many_bytes(bytes: u64) -> SqlError {
        let mb = bytes >> 20;
        SqlError::new(SqlErrorKind::Bytes, format!("結果が {mb} MB を超えました"), format!("the answer is larger than {mb} MB"))
            .with_remedy("列や行を減らしてください", "select fewer columns or rows")
    }

    /// What the engine says of a plan or of a run, with the place in the text where it knows it.
    pub(crate) fn engine(error: &DataFusionError, shifts: &Shifts, planned: bool) -> SqlError {
        // One of our own, on its way through the engine.
        if let DataFusionError::External(inner) = error.find_root()
            && let Some(ours) = inner.downcast_ref::<SqlError>()
        {
            return ours.clone();
        }
        let message = plain(error);
        let kind = kind(error, &message, planned);
        if kind == SqlErrorKind::Memory {
            return SqlError::out_of_memory();
        }
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let at = span.map(|span| Place { line: span.start.line, column: span.start.column }).or_else(|| stated(&message));
        let message = match message.split_once(" at Line: ") {
            Some((before, _)) => before.to_string(),
            None => message,
        };
        let at = at.map(|at| shifts.back(at));
        if kind == SqlErrorKind::Data
            && let Some((message, remedy)) = running::value(&message)
        {
            return SqlError::new(kind, in_japanese(&message), message).with_remedy(in_japanese(&remedy), remedy).at(at);
        }
        let error = SqlError::said(kind, message).at(at);
        match kind {
            SqlErrorKind::UnknownTable => {
                error.with_remedy("`SHOW TABLES` で使えるテーブルが分かります", "`SHOW TABLES` lists what there is")
            }
            SqlErrorKind::UnknownColumn => {
                error.with_remedy("`DESCRIBE テーブル名` で列が分かります", "`DESCRIBE table` lists its columns")
            }
            SqlErrorKind::UnknownFunction => {
                error.with_remedy("`tsubame functions` で使える関数が分かります", "`tsubame functions` lists what there is")
            }
            SqlErrorKind::Spill => error.with_remedy(
                "期間を絞ってください。上限は tsubame.toml の [sql] spill_mb です",
                "narrow the time range; the limit is `spill_mb` under [sql] in tsubame.toml",
            ),
            _ => error,
        }
    }
}

/// A view of the library that cannot be planned: whoever asked did nothing wrong.
impl From<QueryError> for SqlError {
    fn from(error: QueryError) -> SqlError {
        if let QueryError::Syntax { file, mistake } = &error
            && file == "SQL"
        {
            let at = Place { line: mistake.place.line as u64, column: mistake.place.column as u64 };
            return SqlError::of(SqlErrorKind::Syntax, mistake).at(Some(at).filter(|at| at.column > 0));
        }
        SqlError::said(
            match &error {
                QueryError::MissingParam { .. } | QueryError::UnknownParam { .. } | QueryError::ParamType { .. } => {
                    SqlErrorKind::Parameter
                }
                _ => SqlErrorKind::Internal,
            },
            error.to_string(),
        )
    }
}

/// The innermost words, without the engine's own labels before them.
fn plain(error: &DataFusionError) -> String {
    let said = match error.find_root() {
        DataFusionError::Collection(errors) if !errors.is_empty() => plain(&errors[0]),
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => plain(inner),
        DataFusionError::SQL(inner, _) => match inner.as_ref() {
            ParserError::TokenizerError(said) | ParserError::ParserError(said) => said.clone(),
            ParserError::RecursionLimitExceeded => "nested too deeply".into(),
        },
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::Plan(said)
        | DataFusionError::Execution(said)
        | DataFusionError::NotImplemented(said)
        | DataFusionError::ResourcesExhausted(said) => said.clone(),
        other => other.strip_backtrace(),
    };
    said.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or_default().trim_end().to_string()
}

fn kind(error: &DataFusionError, message: &str, planned: bool) -> SqlErrorKind {
    let root = match error.find_root() {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => inner.find_root(),
        DataFusionError::Collection(errors) if !errors.is_empty() => return kind(&errors[0], message, planned),
        root => root,
    };
    match root {
        DataFusionError::External(_) => SqlErrorKind::Internal,
        DataFusionError::SQL(inner, _) => match inner.as_ref() {
            ParserError::RecursionLimitExceeded => SqlErrorKind::TooComplex,
            _ => SqlErrorKind::Syntax,
        },
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { .. } => SqlErrorKind::UnknownColumn,
            _ => SqlErrorKind::Invalid,
        },
        _ if message.contains(aside::TOO_MANY) => SqlErrorKind::Spill,
        DataFusionError::ResourcesExhausted(_) => SqlErrorKind::Memory,
        _ if message.starts_with("Invalid function") || message.contains("unction not found") => SqlErrorKind::UnknownFunction,
        _ if message.contains("table '") && message.contains("not found") => SqlErrorKind::UnknownTable,
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) | DataFusionError::Internal(_) => SqlErrorKind::Internal,
        // Constants are computed while the question is planned.
        DataFusionError::ArrowError(inner, _) if is_of_data(inner) => SqlErrorKind::Data,
        _ if planned => SqlErrorKind::Data,
        _ => SqlErrorKind::Invalid,
    }
}

fn is_of_data(error: &ArrowError) -> bool {
    use ArrowError::{ArithmeticOverflow, CastError, ComputeError, DivideByZero, ParseError};
    matches!(error, CastError(_) | ParseError(_) | DivideByZero | ArithmeticOverflow(_) | ComputeError(_))
}

/// The parser says `… at Line: 12, Column: 3`.
fn stated(message: &str) -> Option<Place> {
    let number = |before: &str| -> Option<u64> {
        let rest = message.split(before).nth(1)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some(Place { line: number("Line: ")?, column: number("Column: ")? })
}
