//! What a client is told when something is refused or fails: PostgreSQL's code, the cause, the remedy and the place.

use datafusion::error::DataFusionError;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};

use crate::sql::SqlError;

/// PostgreSQL's codes that clients act on (appendix A of its manual).
pub mod code {
    pub const ABORTED: &str = "25P02";
    pub const CANCELED: &str = "57014";
    pub const DATA: &str = "22000";
    pub const DATATYPE: &str = "42804";
    pub const DISK_FULL: &str = "53100";
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub const INTERNAL: &str = "XX000";
    pub const INVALID_AUTHORIZATION: &str = "28000";
    pub const INVALID_PASSWORD: &str = "28P01";
    pub const INVALID_TEXT: &str = "22P02";
    pub const INVALID_VALUE: &str = "22023";
    pub const NOT_SUPPORTED: &str = "0A000";
    pub const OUT_OF_MEMORY: &str = "53200";
    pub const PROTOCOL: &str = "08P01";
    pub const READ_ONLY: &str = "25006";
    pub const SYNTAX: &str = "42601";
    pub const TOO_COMPLEX: &str = "54001";
    pub const TOO_LARGE: &str = "54000";
    pub const TOO_MANY_CONNECTIONS: &str = "53300";
    pub const UNDEFINED_COLUMN: &str = "42703";
    pub const UNDEFINED_FUNCTION: &str = "42883";
    pub const UNDEFINED_OBJECT: &str = "42704";
    pub const UNDEFINED_PARAMETER: &str = "42P02";
    pub const UNDEFINED_TABLE: &str = "42P01";
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// The character of the statement it is about, the first being 1.
    pub position: Option<usize>,
    /// Whether the connection ends with it.
    pub is_fatal: bool,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), hint: None, position: None, is_fatal: false }
    }

    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    pub fn at(self, position: impl Into<Option<usize>>) -> Failure {
        Failure { position: position.into(), ..self }
    }

    pub fn fatal(self) -> Failure {
        Failure { is_fatal: true, ..self }
    }

    /// Of a statement that stands `characters` into the text that the client sent.
    pub(super) fn after(self, characters: usize) -> Failure {
        Failure { position: self.position.map(|position| position + characters), ..self }
    }

    /// What planning or running said. `sql` is what was planned, to find the place that a message names by line and column.
    pub(crate) fn of(sql: &str, error: &DataFusionError) -> Failure {
        if let DataFusionError::External(cause) = error.find_root()
            && let Some(ours) = cause.downcast_ref::<SqlError>()
        {
            return Failure::too_complex(ours);
        }
        Failure::of_message(sql, &error.strip_backtrace())
    }

    /// What measures a question refused.
    pub(super) fn too_complex(error: &SqlError) -> Failure {
        let hint = error.remedy.as_ref().map(|remedy| remedy.en.clone());
        Failure { hint, ..Failure::new(code::TOO_COMPLEX, error.message.en.clone()) }
    }

    pub fn of_message(sql: &str, message: &str) -> Failure {
        // Text of ours names nothing of the inside; theirs begins with whose error it is.
        let mut said = message;
        for prefix in
            ["Error during planning: ", "SQL error: ", "Schema error: ", "This feature is not implemented: ", "Execution error: "]
        {
            said = said.strip_prefix(prefix).unwrap_or(said);
        }
        let lower = message.to_lowercase();
        let is = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let code = match () {
            () if is(&["parsererror", "tokenizererror", "sql error"]) => code::SYNTAX,
            () if is(&["table '", "table not found"]) && is(&["not found"]) => code::UNDEFINED_TABLE,
            () if is(&["no field named", "column '"]) => code::UNDEFINED_COLUMN,
            () if is(&["invalid function", "no function matches", "failed to coerce arguments", "table function '"]) => {
                code::UNDEFINED_FUNCTION
            }
            () if is(&["placeholder", "no value found for"]) => code::UNDEFINED_PARAMETER,
            () if is(&["resources exhausted"]) => code::OUT_OF_MEMORY,
            () if is(&["recursion limit", "recursionlimitexceeded"]) => code::TOO_COMPLEX,
            () if is(&["not implemented", "not supported", "unsupported"]) => code::NOT_SUPPORTED,
            () if is(&["cannot coerce", "type_coercion", "cannot infer common"]) => code::DATATYPE,
            () if is(&["cast error", "cannot cast"]) => code::INVALID_TEXT,
            () => code::INTERNAL,
        };
        Failure::new(code, said.trim()).at(place(sql, message))
    }
}

/// The parser says `… at Line: 2, Column: 3`.
fn place(sql: &str, message: &str) -> Option<usize> {
    let number = |label: &str| -> Option<usize> {
        message.split(label).nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().filter(|number| *number > 0)
    };
    position(sql, number("Line: ")?, number("Column: ")?)
}

/// The character of a text, the first being 1, that stands in this line and column.
pub fn position(sql: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = sql.split_inclusive('\n').take(line.checked_sub(1)?).map(|line| line.chars().count()).sum();
    Some(before + column).filter(|position| *position <= sql.chars().count() + 1)
}

impl From<Failure> for ErrorInfo {
    fn from(failure: Failure) -> ErrorInfo {
        let severity = if failure.is_fatal { "FATAL" } else { "ERROR" };
        let mut info = ErrorInfo::new(severity.into(), failure.code.into(), failure.message);
        info.severity_nonlocalized = Some(severity.into());
        info.hint = failure.hint;
        info.position = failure.position.map(|position| position.to_string());
        info
    }
}

impl From<Failure> for PgWireError {
    fn from(failure: Failure) -> PgWireError {
        PgWireError::UserError(Box::new(failure.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gets_its_code_and_place() {
        let check = |message: &str, code: &str, said: &str, position: Option<usize>| {
            let failure = Failure::of_message("SELECT a\nFROM 注文 WHERE", message);
            assert_eq!((failure.code, failure.message.as_str(), failure.position), (code, said, position), "{message}");
        };
        let parser = "SQL error: ParserError(\"Expected: an expression, found: EOF at Line: 2, Column: 9\")";
        check(parser, code::SYNTAX, "ParserError(\"Expected: an expression, found: EOF at Line: 2, Column: 9\")", Some(18));
        check("SQL error: ParserError(\"at Line: 9, Column: 9\")", code::SYNTAX, "ParserError(\"at Line: 9, Column: 9\")", None);
        let table = "Error during planning: table 'tsubame.public.order' not found";
        check(table, code::UNDEFINED_TABLE, "table 'tsubame.public.order' not found", None);
        check("Schema error: No field named totl.", code::UNDEFINED_COLUMN, "No field named totl.", None);
        check("Error during planning: Invalid function 'foo'.", code::UNDEFINED_FUNCTION, "Invalid function 'foo'.", None);
        let function = "Error during planning: table function 'foo' not found";
        check(function, code::UNDEFINED_FUNCTION, "table function 'foo' not found", None);
        check("Resources exhausted: no", code::OUT_OF_MEMORY, "Resources exhausted: no", None);
        check("Execution error: odd", code::INTERNAL, "odd", None);
    }
}
