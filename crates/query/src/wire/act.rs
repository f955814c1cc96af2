//! What a statement asks of us, told by its words. Nothing is parsed here: a question about the shop's data goes on as it was written,
//! and what parses it guards itself.

use std::ops::Range;

use datafusion::sql::sqlparser::{
    dialect::PostgreSqlDialect,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer},
};

use super::{
    copy::{self, Copy},
    failure::{Failure, code},
    settings,
};

/// A statement is no longer than this.
const BYTES_MAX: usize = 64 << 10;
/// A statement of literals alone has fewer words, and is answered without asking anybody.
const LITERAL_WORDS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// About the shop's data.
    Question,
    /// About what there is to ask.
    Catalogue,
    Copy(Copy),
    Begin,
    Commit,
    Rollback,
    RollbackTo,
    /// Done by saying so: the tag is the answer.
    Nothing(&'static str),
    Set {
        name: String,
        /// `None` for the default.
        value: Option<String>,
    },
    ResetAll,
    Show(String),
    /// A prepared statement's name; `None` for all of them.
    Deallocate(Option<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub sql: String,
    /// How many characters stand before it in what the client sent.
    pub after: usize,
    pub act: Act,
}

/// A token and where it stands in the text.
pub(super) struct Piece {
    pub token: Token,
    pub bytes: Range<usize>,
}

impl Piece {
    /// A word that is no quoted name, in upper case; what is no word is empty.
    pub fn keyword(&self) -> String {
        match &self.token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    /// A name as the planner reads it.
    pub fn name(&self) -> Option<String> {
        match &self.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            Token::Word(word) => Some(word.value.clone()),
            _ => None,
        }
    }
}

/// The statements of a text, each with what it asks.
pub(super) fn read(text: &str) -> Result<Vec<Statement>, Failure> {
    if text.len() > BYTES_MAX {
        return Err(Failure::new(code::TOO_LARGE, format!("a statement of {} bytes is longer than {BYTES_MAX}", text.len()))
            .hint("ask in several steps, or save the question as a file under the shop's queries/"));
    }
    let pieces = pieces(text)?;
    let statements = pieces.split(|piece| piece.token == Token::SemiColon).filter(|pieces| !pieces.is_empty());
    statements
        .map(|pieces| {
            let bytes = pieces[0].bytes.start..pieces[pieces.len() - 1].bytes.end;
            let after = text[..bytes.start].chars().count();
            let position = |byte: usize| text[..byte].chars().count() + 1;
            let act = act(text, pieces).map_err(|(failure, byte)| failure.at(byte.map(position)))?;
            Ok(Statement { sql: text[bytes].to_string(), after, act })
        })
        .collect()
}

fn pieces(text: &str) -> Result<Vec<Piece>, Failure> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).with_unescape(false).tokenize_with_location();
    let tokens = tokens.map_err(|error| Failure::of_message(text, &format!("SQL error: TokenizerError({error})")))?;
    // Places come in order, so that the text is gone through once; a column counts characters.
    let (mut line, mut column, mut rest) = (1, 1, text.chars());
    let mut byte = |to: Location| {
        while (line, column) < (to.line, to.column)
            && let Some(passed) = rest.next()
        {
            (line, column) = if passed == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        text.len() - rest.as_str().len()
    };
    let piece = |TokenWithSpan { token, span }| Piece { bytes: byte(span.start)..byte(span.end), token };
    Ok(tokens.into_iter().filter(|found| !matches!(found.token, Token::Whitespace(_) | Token::EOF)).map(piece).collect())
}

type Told = Result<Act, (Failure, Option<usize>)>;

fn act(text: &str, pieces: &[Piece]) -> Told {
    let words: Vec<String> = pieces.iter().map(Piece::keyword).collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let refused = |failure: Failure| Err((failure, Some(pieces[0].bytes.start)));
    Ok(match word(0) {
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "EXPLAIN" => place(pieces, &words),
        "" if pieces[0].token == Token::LParen => place(pieces, &words),
        "COPY" => Act::Copy(copy::read(text, pieces)?),
        "BEGIN" => Act::Begin,
        "START" if word(1) == "TRANSACTION" => Act::Begin,
        "COMMIT" | "END" => Act::Commit,
        "ROLLBACK" if words[1..].iter().any(|word| word == "TO") => Act::RollbackTo,
        "ROLLBACK" | "ABORT" => Act::Rollback,
        "SAVEPOINT" => Act::Nothing("SAVEPOINT"),
        "RELEASE" => Act::Nothing("RELEASE"),
        "DISCARD" => Act::Nothing("DISCARD ALL"),
        "UNLISTEN" => Act::Nothing("UNLISTEN"),
        "CLOSE" if word(1) == "ALL" => Act::Nothing("CLOSE CURSOR ALL"),
        "SET" | "RESET" => return settings::read(pieces, &words).map_err(|failure| (failure, Some(pieces[0].bytes.start))),
        // The door of SQL has answers of its own to these.
        "DESCRIBE" | "DESC" => Act::Question,
        "SHOW" if ["TABLES", "VIEWS", "COLUMNS"].contains(&word(1)) => Act::Question,
        "SHOW" => Act::Show(settings::shown(pieces, &words)),
        "DEALLOCATE" => {
            let name = pieces.iter().skip(1).find(|piece| piece.keyword() != "PREPARE").and_then(Piece::name);
            Act::Deallocate(name.filter(|name| name != "all"))
        }
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => {
            let failure = Failure::new(code::NOT_SUPPORTED, format!("{} is refused: there are no cursors here", word(0)));
            return refused(
                failure.hint("use a plain SELECT: its rows are sent as they are found, and a client may stop reading"),
            );
        }
        "PREPARE" | "EXECUTE" => {
            let failure = Failure::new(code::NOT_SUPPORTED, format!("{} as a statement is refused", word(0)));
            return refused(failure.hint("use your client's prepared statements (with parameters `$1`, `$2`, …)"));
        }
        "" => {
            let found = &text[pieces[0].bytes.clone()];
            return refused(Failure::new(code::SYNTAX, format!("no statement begins with `{found}`")));
        }
        other if WRITES.contains(&other) => {
            let failure = Failure::new(code::READ_ONLY, format!("{other} is refused: the shop's data is read-only here"));
            return refused(failure.hint(
                "facts come in through `tsubame import` and the collector; a question is kept as a file under the shop's queries/",
            ));
        }
        other => {
            let failure = Failure::new(code::SYNTAX, format!("there is no statement {other} here"));
            return refused(failure.hint("SELECT, WITH, VALUES, EXPLAIN, COPY (…) TO STDOUT, SHOW and SET are understood"));
        }
    })
}

const WRITES: [&str; 34] = [
    "ALTER",
    "ANALYZE",
    "CALL",
    "CHECKPOINT",
    "CLUSTER",
    "COMMENT",
    "CREATE",
    "DELETE",
    "DO",
    "DROP",
    "GRANT",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "NOTIFY",
    "OPTIMIZE",
    "PRAGMA",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "REPLACE",
    "REVOKE",
    "SECURITY",
    "TRUNCATE",
    "UNLOAD",
    "UPDATE",
    "UPSERT",
    "USE",
    "VACUUM",
    "ATTACH",
];

/// Functions that tell of the server or the catalogue, and are known there alone.
const CATALOGUE_FUNCTIONS: [&str; 17] = [
    "version",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "set_config",
    "format_type",
    "obj_description",
    "col_description",
    "shobj_description",
    "has_table_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_any_column_privilege",
    "quote_ident",
    "to_regclass",
    "to_regtype",
];

/// The same without parentheses.
const CATALOGUE_WORDS: [&str; 5] = ["current_catalog", "current_role", "current_user", "session_user", "current_schema"];

/// Whether a question is about the shop's data or about the catalogue.
fn place(pieces: &[Piece], words: &[String]) -> Act {
    let is_catalogues = |(index, piece): (usize, &Piece)| {
        let Some(name) = piece.name() else { return false };
        let is_called = pieces.get(index + 1).is_some_and(|next| next.token == Token::LParen);
        let is_part = index > 0 && pieces[index - 1].token == Token::Period;
        name.starts_with("pg_")
            || name.starts_with("_pg_")
            || name == "information_schema"
            || (is_called && CATALOGUE_FUNCTIONS.contains(&name.as_str()))
            || (!is_part && CATALOGUE_WORDS.contains(&name.as_str()))
    };
    let asks_nobody = || {
        pieces.len() <= LITERAL_WORDS_MAX
            && words[0] == "SELECT"
            && !pieces.iter().any(|piece| piece.token == Token::LParen)
            && !words.iter().any(|word| {
                ["FROM", "TABLE", "UNION", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"].contains(&word.as_str())
            })
    };
    if pieces.iter().enumerate().any(is_catalogues) || asks_nobody() { Act::Catalogue } else { Act::Question }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_by_its_words() {
        let check = |text: &str, expect: Act| {
            let found = read(text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
            assert_eq!(found.into_iter().map(|statement| statement.act).collect::<Vec<_>>(), [expect], "{text}");
        };
        check("select count(*) from orders;", Act::Question);
        check("  -- why\n WITH a AS (SELECT 1) SELECT * FROM a", Act::Question);
        check("(SELECT order_id FROM orders)", Act::Question);
        check("VALUES (1)", Act::Question);
        check("SELECT repeat('x', 9)", Act::Question);
        check("SELECT current_timestamp", Act::Question);
        check("SELECT 'pg_class' FROM orders", Act::Question);
        check("SELECT 1", Act::Catalogue);
        check("SELECT 1 AS one, 'two'", Act::Catalogue);
        check("select pg_catalog.version()", Act::Catalogue);
        check("SELECT relname FROM pg_class", Act::Catalogue);
        check("SELECT * FROM information_schema.tables", Act::Catalogue);
        check("SELECT current_user", Act::Catalogue);
        check("SELECT orders.current_user FROM orders", Act::Question);
        check("BEGIN ISOLATION LEVEL READ COMMITTED", Act::Begin);
        check("START TRANSACTION READ ONLY", Act::Begin);
        check("END", Act::Commit);
        check("abort", Act::Rollback);
        check("ROLLBACK TO SAVEPOINT \"_pg3_1\"", Act::RollbackTo);
        check("SAVEPOINT \"_pg3_1\"", Act::Nothing("SAVEPOINT"));
        check("DISCARD ALL", Act::Nothing("DISCARD ALL"));
        check("DEALLOCATE ALL", Act::Deallocate(None));
        check("DEALLOCATE PREPARE s1", Act::Deallocate(Some("s1".into())));
        check("SHOW TABLES", Act::Question);
        check("DESCRIBE orders", Act::Question);
        check("SHOW TIME ZONE", Act::Show("timezone".into()));
        check("SHOW transaction_isolation", Act::Show("transaction_isolation".into()));
    }

    #[test]
    fn a_text_may_have_several_statements() {
        let found = read("SELECT '注文; 1' ;; \nSELECT 2 ;").unwrap();
        let found: Vec<_> = found.iter().map(|statement| (statement.sql.as_str(), statement.after)).collect();
        assert_eq!(found, [("SELECT '注文; 1'", 0), ("SELECT 2", 19)]);
        assert_eq!(read(" -- nothing\n ; /* at all */").unwrap(), []);
    }

    #[test]
    fn what_is_refused_is_refused_by_name() {
        let check = |text: &str, code: &str, message: &str, position: usize| {
            let failure = read(text).expect_err(text);
            assert_eq!((failure.code, failure.message.as_str(), failure.position), (code, message, Some(position)), "{text}");
            assert!(failure.hint.is_some() || code == code::SYNTAX, "{text}: no remedy");
        };
        check("DROP TABLE orders", code::READ_ONLY, "DROP is refused: the shop's data is read-only here", 1);
        check("SELECT 1; delete from orders", code::READ_ONLY, "DELETE is refused: the shop's data is read-only here", 11);
        check("DECLARE c CURSOR FOR SELECT 1", code::NOT_SUPPORTED, "DECLARE is refused: there are no cursors here", 1);
        check("PREPARE a AS SELECT 1", code::NOT_SUPPORTED, "PREPARE as a statement is refused", 1);
        check("SELEC 1", code::SYNTAX, "there is no statement SELEC here", 1);
        check("注文", code::SYNTAX, "there is no statement 注文 here", 1);
        check("= 1", code::SYNTAX, "no statement begins with `=`", 1);
        check("\n  COPY orders FROM STDIN", code::READ_ONLY, "COPY … FROM is refused: the shop's data is read-only here", 4);
        check("COPY (SELECT 1) TO '/tmp/x'", code::NOT_SUPPORTED, "COPY to a file or program of the server is refused", 20);
        let failure = read(&format!("SELECT '{}'", "x".repeat(BYTES_MAX))).unwrap_err();
        assert_eq!(failure.code, code::TOO_LARGE);
    }
}
