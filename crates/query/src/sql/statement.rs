//! Which statements this door takes: one question, its explanation, or a look at what there is to ask.

use datafusion::sql::{
    parser::{DFParserBuilder, Statement as Parsed},
    sqlparser::{
        ast::{ObjectName, Statement as Sql},
        dialect::PostgreSqlDialect,
    },
};

use super::{
    OWN, SqlError, SqlErrorKind,
    text::{Checked, Shifts},
};
use crate::statement::Tokens;

pub(crate) enum Statement {
    /// SELECT, WITH, VALUES, TABLE; or EXPLAIN of one.
    Question(Box<Parsed>),
    ShowTables,
    Describe(String),
}

/// Parses the typed text. The caller has a stack for as deep as `Checked` lets through.
pub(crate) fn parse(sql: &str, text: &Checked, typed: &str, shifts: &Shifts) -> Result<Statement, SqlError> {
    let tokens = Tokens::read(OWN, sql)?;
    let wrong = |error| match (text.opening(1).as_str(), tokens.statement()) {
        // What the catalogue answers is no question of a file.
        ("SHOW" | "DESCRIBE" | "DESC" | "FROM", _) | (_, Ok(_)) => SqlError::engine(&error, shifts, false),
        (_, Err(mistake)) => mistake.into(),
    };
    let mut parser = DFParserBuilder::new(typed).with_dialect(&PostgreSqlDialect {}).build().map_err(wrong)?;
    let mut statements = match parser.parse_statements() {
        Ok(statements) => statements,
        // A statement of another system is no mistake of spelling.
        Err(_) if !opens_a_question(text) => return Err(not_opened(&tokens, text)),
        Err(error) => return Err(wrong(error)),
    };
    match (statements.pop_front(), statements.is_empty()) {
        (None, _) => Err(SqlError::new(SqlErrorKind::Syntax, "SQL がありません", "there is no statement")),
        (Some(_), false) => Err(SqlError::new(
            SqlErrorKind::Refused,
            format!("{} 文あります", statements.len() + 1),
            format!("there are {} statements", statements.len() + 1),
        )
        .with_remedy("一度に一文だけ送ってください", "send one at a time")),
        (Some(Parsed::Statement(statement)), true) => match *statement {
            Sql::Query(_) => Ok(Statement::Question(Box::new(Parsed::Statement(statement)))),
            Sql::ShowTables { .. } | Sql::ShowViews { .. } => Ok(Statement::ShowTables),
            Sql::ExplainTable { table_name, .. } => Ok(Statement::Describe(last(&table_name))),
            Sql::ShowColumns { show_options, .. } => match show_options.show_in.and_then(|shown| shown.parent_name) {
                Some(name) => Ok(Statement::Describe(last(&name))),
                None => Err(refused(text)),
            },
            _ => Err(refused(text)),
        },
        (Some(Parsed::Explain(explain)), true) => match explain.statement.as_ref() {
            Parsed::Statement(inner) if matches!(inner.as_ref(), Sql::Query(_)) => {
                Ok(Statement::Question(Box::new(Parsed::Explain(explain))))
            }
            _ => Err(refused(text)),
        },
        (Some(_), true) => Err(refused(text)),
    }
}

pub(crate) fn opens_a_question(text: &Checked) -> bool {
    matches!(
        text.opening(1).as_str(),
        "" | "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM" | "EXPLAIN" | "SHOW" | "DESCRIBE" | "DESC"
    )
}

/// Why a text is not taken that opens as no question.
pub(crate) fn not_opened(tokens: &Tokens, text: &Checked) -> SqlError {
    match tokens.misspelt_opening() {
        Some(mistake) => mistake.into(),
        None => refused(text).at(text.begins()),
    }
}

pub(crate) fn refused(text: &Checked) -> SqlError {
    let words = text.opening(if text.opening(1) == "EXPLAIN" { 3 } else { 2 });
    SqlError::new(
        SqlErrorKind::Refused,
        format!("`{words} …` は実行できません。この窓口は読み取り専用です"),
        format!("`{words} …` is refused: this door only reads"),
    )
    .with_remedy(
        "SELECT、WITH、VALUES、EXPLAIN、SHOW TABLES、DESCRIBE が使えます",
        "it takes SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES and DESCRIBE",
    )
}

/// As the planner reads a name: what is not quoted is in lower case.
fn last(name: &ObjectName) -> String {
    let ident = name.0.last().and_then(|part| part.as_ident());
    ident.map_or_else(String::new, |ident| match ident.quote_style {
        None => ident.value.to_lowercase(),
        Some(_) => ident.value.clone(),
    })
}
