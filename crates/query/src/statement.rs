//! An SQL text as a statement: one question and nothing else. Read once, so that every place in it that a message names is the file's.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{CastKind, DataType, Expr, Ident, SetExpr, Statement, Value, VisitMut, visit_expressions, visit_expressions_mut},
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};

use crate::{
    ParamKind, QueryError,
    mistake::{Mistake, Place, reading},
};

/// An SQL text as tokens, with where each stands.
pub(crate) struct Tokens {
    /// For messages.
    pub file: String,
    pub sql: String,
    tokens: Vec<TokenWithSpan>,
}

impl Tokens {
    pub fn read(file: &str, sql: &str) -> Result<Tokens, QueryError> {
        let wrong = |mistake: Mistake| QueryError::Syntax { file: file.into(), mistake: Box::new(mistake) };
        if let Some(mistake) = reading::foreign_letter(sql) {
            return Err(wrong(mistake.within(sql)));
        }
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
        let tokens = tokens.map_err(|error| wrong(reading::unreadable(&error).within(sql)))?;
        Ok(Tokens { file: file.into(), sql: sql.into(), tokens })
    }

    /// Names of the `$placeholders`, once each, in order of appearance.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (name, _) in self.placed_placeholders() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    pub fn placed_placeholders(&self) -> impl Iterator<Item = (&str, Place)> {
        self.tokens.iter().filter_map(|token| match &token.token {
            Token::Placeholder(text) => Some((text.trim_start_matches('$'), Place::from(token.span))),
            _ => None,
        })
    }

    /// Identifiers that may name a relation.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.placed_words().map(|(word, _)| word)
    }

    /// All that may name a relation, also as a function's argument (`as_of('orders', …)`).
    pub fn names(&self) -> impl Iterator<Item = String> {
        let quoted = self.tokens.iter().filter_map(|token| match &token.token {
            Token::SingleQuotedString(text) => Some(text.to_lowercase()),
            _ => None,
        });
        self.words().chain(quoted)
    }

    /// Names of the segments it selects from: what follows `segment.`, once each.
    pub fn segments(&self) -> Vec<String> {
        let mut names = Vec::new();
        let solid: Vec<&Token> = self.solid().map(|token| &token.token).collect();
        for three in solid.windows(3) {
            if let [Token::Word(schema), Token::Period, Token::Word(name)] = three
                && schema.quote_style.is_none()
                && schema.value.eq_ignore_ascii_case("segment")
            {
                let name = if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Every identifier and keyword, as the planner folds it.
    pub fn placed_words(&self) -> impl Iterator<Item = (String, Place)> {
        self.tokens.iter().filter_map(|token| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => Some((word.value.to_lowercase(), token.span.into())),
            Token::Word(word) => Some((word.value.clone(), token.span.into())),
            _ => None,
        })
    }

    /// What the text consists of: no spaces, no comments.
    pub fn solid(&self) -> impl Iterator<Item = &TokenWithSpan> {
        self.tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
    }

    /// Where the text begins after the header.
    pub fn start(&self) -> Place {
        self.solid().next().map_or_else(|| Place::line(self.sql.lines().count().max(1)), |token| token.span.into())
    }

    pub fn mistake(&self, mistake: Mistake) -> QueryError {
        QueryError::Syntax { file: self.file.clone(), mistake: Box::new(mistake.within(&self.sql)) }
    }

    /// The text as one question.
    pub fn statement(&self) -> Result<Statement, QueryError> {
        let nothing =
            || self.mistake(Mistake::new(self.start(), "there is no question in it", "write a SELECT below the header"));
        let first = self.solid().next().ok_or_else(nothing)?;
        if let Token::Word(word) = &first.token
            && let Some(mistake) = reading::no_question(word, first.span.into())
        {
            return Err(self.mistake(mistake));
        }
        let mut statements = Parser::new(&PostgreSqlDialect {})
            .with_tokens_with_locations(self.tokens.clone())
            .parse_statements()
            .map_err(|error| self.mistake(self.misread(&error)))?;
        if statements.len() > 1 {
            let second = self.after_semicolon().map_or_else(|| self.start(), |token| token.span.into());
            return Err(self.mistake(Mistake::new(
                second,
                "a second statement begins here",
                "one file asks one question: remove it, or put it in a file of its own",
            )));
        }
        // A semicolon alone is none.
        let statement = statements.pop().ok_or_else(nothing)?;
        let foreign = visit_expressions(&statement, |expr| match expr {
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) if !name.starts_with('$') => ControlFlow::Break((name.clone(), Place::from(value.span))),
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        });
        if let ControlFlow::Break((name, place)) = foreign
            && let Some(mistake) = reading::foreign_parameter(&name, place)
        {
            return Err(self.mistake(mistake));
        }
        let mut innermost = &statement;
        while let Statement::Explain { statement, .. } = innermost {
            innermost = statement;
        }
        match innermost {
            Statement::Query(query)
                if !matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)) =>
            {
                Ok(statement)
            }
            _ => Err(self.mistake(reading::not_a_question(self.start()))),
        }
    }

    /// A first word that is nearly one which begins a question.
    pub fn misspelt_opening(&self) -> Option<QueryError> {
        let first = self.solid().next()?;
        let Token::Word(word) = &first.token else { return None };
        reading::misspelt_opening(word, first.span.into()).map(|mistake| self.mistake(mistake))
    }

    fn misread(&self, error: &ParserError) -> Mistake {
        let tokens: Vec<&TokenWithSpan> = self.solid().collect();
        reading::misread(&tokens, error)
    }

    fn after_semicolon(&self) -> Option<&TokenWithSpan> {
        let mut tokens = self.solid().skip_while(|token| token.token != Token::SemiColon);
        tokens.find(|token| token.token != Token::SemiColon)
    }
}

/// Casts each placeholder to its declared type, so that planning knows it before any value is there.
pub(crate) fn type_placeholders(statement: &mut impl VisitMut, kind: impl Fn(&str) -> Option<ParamKind>) {
    let _ = visit_expressions_mut(statement, |expr| {
        if let Some(kind) = placeholder(expr).and_then(&kind) {
            let untyped = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
            *expr = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(untyped),
                data_type: sql_type(kind),
                array: false,
                format: None,
            };
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The name of the parameter an expression is.
pub(crate) fn placeholder(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => Some(text.trim_start_matches('$')),
            _ => None,
        },
        _ => None,
    }
}

fn sql_type(kind: ParamKind) -> DataType {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(kind.sql()).expect("the types of parameters are SQL");
    parser.parse_data_type().expect("the types of parameters are SQL")
}

/// A word that begins or joins clauses, and therefore is no name.
pub(crate) fn is_clause(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::OFFSET
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::ON
            | Keyword::JOIN
            | Keyword::LEFT
            | Keyword::RIGHT
            | Keyword::INNER
            | Keyword::OUTER
            | Keyword::FULL
            | Keyword::CROSS
            | Keyword::BY
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::END
            | Keyword::WHEN
    )
}
