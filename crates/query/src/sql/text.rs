//! An analyst's text before anybody parses it. It is looked over token by token, without recursion: what is too large or too deep for the
//! planner's stack is refused here, wherever a parser would follow it down.

use datafusion::sql::sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};

use super::{Bound, Place, SqlError, SqlErrorKind};
use crate::ParamKind;

pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// Brackets and CASEs within each other; the parser itself gives up at 50.
const NESTING_MAX: usize = 48;
/// What makes an expression or a plan deeper by one.
const OPERATORS_MAX: usize = 1_000;
/// Each may stand on the one before it (`WITH a AS (…), b AS (SELECT … FROM a), …`).
const SELECTS_MAX: usize = 200;

/// A text that may be parsed.
#[derive(Debug)]
pub(crate) struct Checked(Vec<TokenWithSpan>);

impl Checked {
    pub fn read(sql: &str) -> Result<Checked, SqlError> {
        if sql.len() > TEXT_BYTES_MAX {
            return Err(too_complex(
                &format!("SQL が {} バイトあります（上限 {TEXT_BYTES_MAX}）", sql.len()),
                &format!("the SQL has {} bytes, {TEXT_BYTES_MAX} are read", sql.len()),
            ));
        }
        // Unescaped text would be printed back without its escapes.
        let tokens =
            Tokenizer::new(&PostgreSqlDialect {}, sql).with_unescape(false).tokenize_with_location().map_err(|error| {
                let at = Place { line: error.location.line, column: error.location.column };
                SqlError::new(SqlErrorKind::Syntax, error.message.clone(), error.message).at(Some(at))
            })?;
        let (mut depth, mut operators, mut selects) = (0_usize, 0, 0);
        let mut lists = Lists::new();
        for token in &tokens {
            match &token.token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
                Token::Word(word) if word.keyword == Keyword::CASE => depth += 1,
                Token::Word(word) if word.keyword == Keyword::END => depth = depth.saturating_sub(1),
                Token::Word(word) if word.keyword == Keyword::SELECT => selects += 1,
                _ => {}
            }
            operators += usize::from(lists.joins(&token.token, depth) || deepens(&token.token));
            let problem = if depth > NESTING_MAX {
                Some((format!("入れ子が {NESTING_MAX} 段を超えました"), format!("nested deeper than {NESTING_MAX}")))
            } else if operators > OPERATORS_MAX {
                Some((format!("演算子が {OPERATORS_MAX} 個を超えました"), format!("more than {OPERATORS_MAX} operators")))
            } else if selects > SELECTS_MAX {
                Some((format!("SELECT が {SELECTS_MAX} 個を超えました"), format!("more than {SELECTS_MAX} SELECTs")))
            } else {
                None
            };
            if let Some((ja, en)) = problem {
                return Err(too_complex(&ja, &en).at(Some(start(token))));
            }
        }
        Ok(Checked(tokens))
    }

    /// The text with a typed placeholder for each that has a value, and how to find one's way back.
    pub fn typed(&self, bound: &[Bound]) -> (String, Shifts) {
        let (mut text, mut shifts) = (String::new(), Shifts::default());
        for token in &self.0 {
            let shown = token.token.to_string();
            let kind: Option<ParamKind> = match &token.token {
                Token::Placeholder(name) => {
                    bound.iter().find(|bound| bound.name == name.trim_start_matches('$')).map(|bound| bound.kind)
                }
                _ => None,
            };
            match kind {
                None => text.push_str(&shown),
                Some(kind) => {
                    let cast = format!("CAST({shown} AS {})", kind.sql());
                    shifts.0.push((start(token), shown.len() as u64, cast.len() as u64));
                    text.push_str(&cast);
                }
            }
        }
        (text, shifts)
    }

    /// Names of the `$placeholders` with their places, once each.
    pub fn placeholders(&self) -> Vec<(&str, Place)> {
        let mut found: Vec<(&str, Place)> = Vec::new();
        for token in &self.0 {
            if let Token::Placeholder(text) = &token.token
                && let name = text.trim_start_matches('$')
                && !found.iter().any(|(known, _)| *known == name)
            {
                found.push((name, start(token)));
            }
        }
        found
    }

    /// Where its first word stands.
    pub fn begins(&self) -> Option<Place> {
        self.0.iter().find(|token| matches!(token.token, Token::Word(_))).map(start)
    }

    /// The first words, for saying what was refused: `CREATE EXTERNAL`.
    pub fn opening(&self, words: usize) -> String {
        let found = self.0.iter().filter_map(|token| match &token.token {
            Token::Word(word) => Some(word.value.to_uppercase()),
            _ => None,
        });
        found.take(words).collect::<Vec<_>>().join(" ")
    }
}

/// Where the typed text differs from the one that was asked.
#[derive(Debug, Default)]
pub(crate) struct Shifts(Vec<(Place, u64, u64)>);

impl Shifts {
    /// The place in the text that was asked.
    pub fn back(&self, at: Place) -> Place {
        let mut column = at.column;
        for (place, old, new) in self.0.iter().filter(|(place, ..)| place.line == at.line) {
            if column >= place.column + new {
                column -= new - old;
            } else if column > place.column {
                column = place.column;
            }
        }
        Place { line: at.line, column }
    }
}

fn start(token: &TokenWithSpan) -> Place {
    Place { line: token.span.start.line, column: token.span.start.column }
}

fn too_complex(ja: &str, en: &str) -> SqlError {
    SqlError::new(SqlErrorKind::TooComplex, ja, en).with_remedy(
        "`IN (…)` や CTE、一時的な VALUES を使って短くしてください",
        "shorten it: an `IN (…)` list instead of ORs, a join with VALUES instead of CASEs",
    )
}

/// Which commas join: those of a list of relations, each of which stands on the ones before it.
struct Lists {
    /// Whether such a list is open, by depth. What is too deep by one is still looked at.
    open: [bool; NESTING_MAX + 2],
    before: Keyword,
}

impl Lists {
    fn new() -> Lists {
        Lists { open: [false; NESTING_MAX + 2], before: Keyword::NoKeyword }
    }

    fn joins(&mut self, token: &Token, depth: usize) -> bool {
        let open = &mut self.open[depth];
        match token {
            Token::Comma => return *open,
            Token::LParen | Token::LBracket | Token::LBrace => *open = false,
            Token::Word(word) => {
                match word.keyword {
                    // `IS DISTINCT FROM` opens no list.
                    Keyword::FROM => *open = self.before != Keyword::DISTINCT,
                    Keyword::SELECT
                    | Keyword::VALUES
                    | Keyword::WHERE
                    | Keyword::GROUP
                    | Keyword::HAVING
                    | Keyword::WINDOW
                    | Keyword::ORDER
                    | Keyword::LIMIT => *open = false,
                    _ => {}
                }
                self.before = word.keyword;
            }
            _ => {}
        }
        false
    }
}

fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::SIMILAR
                | Keyword::RLIKE
                | Keyword::REGEXP
                | Keyword::BETWEEN
                | Keyword::DIV
                | Keyword::XOR
                | Keyword::AT
                | Keyword::COLLATE
                | Keyword::OVERLAPS
                | Keyword::JOIN
                | Keyword::APPLY
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::MINUS
                | Keyword::INTERVAL
        ),
        Token::Comma
        | Token::SemiColon
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::RBracket
        | Token::LBrace
        | Token::RBrace
        | Token::Whitespace(_)
        | Token::Number(..)
        | Token::Char(_)
        | Token::Placeholder(_)
        | Token::EOF => false,
        // Names and strings of all kinds, too, have a text; what is left is an operator or an index.
        token => is_symbol(&token.to_string()),
    }
}

fn is_symbol(shown: &str) -> bool {
    shown.len() <= 4 && shown.chars().all(|c| c.is_ascii_punctuation()) && !shown.starts_with(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_is_refused_where_it_becomes_so() {
        let check = |sql: String, expect: Option<&str>| {
            let found = Checked::read(&sql).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), expect, "{}…", &sql[..sql.len().min(40)]);
        };
        let chain = |operator: &str, count: usize| format!("SELECT 1{}", format!("{operator}1").repeat(count));
        check("SELECT 1".into(), None);
        check(chain("+", 1_000), None);
        check(chain("+", 1_001), Some("more than 1000 operators (line 1, column 2009)"));
        check(chain(" OR ", 5_000), Some("more than 1000 operators (line 1, column 5010)"));
        check(chain("||", 3_000), Some("more than 1000 operators (line 1, column 3009)"));
        check(chain("::INT", 1_001).replace("INT1", "INT"), Some("more than 1000 operators (line 1, column 5009)"));
        check(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)), Some("the SQL has 95008 bytes, 65536 are read"));
        check(format!("SELECT 1{}", "\nUNION SELECT 1".repeat(300)), Some("more than 200 SELECTs (line 201, column 7)"));
        check(format!("SELECT {}1{}", "(".repeat(49), ")".repeat(49)), Some("nested deeper than 48 (line 1, column 56)"));
        check(format!("SELECT {}1 END", "CASE WHEN 1 THEN ".repeat(49)), Some("nested deeper than 48 (line 1, column 824)"));
        check(format!("SELECT a{}", "[1]".repeat(1_001)), Some("more than 1000 operators (line 1, column 3009)"));
        check(format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(20_000)), None);
        check(format!("SELECT 1 FROM t{}", ", t".repeat(1_001)), Some("more than 1000 operators (line 1, column 3016)"));
        check(format!("SELECT 1 FROM t WHERE a IN (1) GROUP BY a{}", ", a".repeat(1_001)), None);
        check(format!("SELECT a IS DISTINCT FROM b{} FROM t", ", a".repeat(1_001)), None);
        check(format!("SELECT 1 FROM (VALUES (1){}) AS t (a)", ", (1)".repeat(1_001)), None);
        check(format!("SELECT 1 FROM t UNION ALL VALUES (1){}", ", (1)".repeat(1_001)), None);
        check(format!("SELECT '{}'", "+".repeat(5_000)), None);
        check(
            format!("/*{}*/ SELECT 1", "/* ".repeat(5_000)),
            Some("Unexpected EOF while in a multi-line comment (line 1, column 15014)"),
        );
    }

    #[test]
    fn places_lead_back_to_what_was_typed() {
        let text = Checked::read("SELECT $a,\n  $b + x, y").unwrap();
        let bound =
            [("a", ParamKind::Int), ("b", ParamKind::Date)].map(|(name, kind)| Bound { name: name.into(), kind, value: None });
        let (typed, shifts) = text.typed(&bound);
        assert_eq!(typed, "SELECT CAST($a AS BIGINT),\n  CAST($b AS DATE) + x, y");
        let check = |line, column, expect| {
            assert_eq!(shifts.back(Place { line, column }), Place { line, column: expect }, "{line}:{column}");
        };
        check(1, 1, 1);
        check(2, 3, 3);
        check(2, 8, 3);
        check(2, 22, 8);
        check(2, 25, 11);
    }
}
