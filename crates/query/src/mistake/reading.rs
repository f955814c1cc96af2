//! Texts that are no SQL: letters a Japanese keyboard or a word processor put in, brackets and commas, words misspelt, statements that are no
//! questions.

use datafusion::sql::sqlparser::{
    keywords::Keyword,
    parser::ParserError,
    tokenizer::{Token, TokenWithSpan, TokenizerError, Word},
};

use super::{Mistake, Place, nearest};
use crate::statement::is_clause;

/// A letter outside texts, quoted names and comments that looks like SQL and is none: it would be read as part of a name.
pub(crate) fn foreign_letter(sql: &str) -> Option<Mistake> {
    let letters: Vec<char> = sql.chars().collect();
    let (mut line, mut column) = (1, 1);
    let (mut at, mut inside) = (0, Inside::Nothing);
    let mut word = String::new();
    while at < letters.len() {
        let (letter, next) = (letters[at], letters.get(at + 1).copied());
        let place = Place { line, column, width: 1 };
        let mut taken = 1;
        inside = match inside {
            Inside::Nothing => match letter {
                '\'' => Inside::Text,
                '"' => Inside::Name,
                '-' if next == Some('-') => Inside::Comment,
                '/' if next == Some('*') => {
                    taken = 2;
                    Inside::Remark(1)
                }
                letter => {
                    let starts_word = !word.chars().next_back().is_some_and(char::is_alphanumeric);
                    if let Some(mistake) = foreign(letter, starts_word, letters.get(at..).unwrap_or_default(), place) {
                        return Some(mistake);
                    }
                    Inside::Nothing
                }
            },
            Inside::Text if letter == '\'' => Inside::Nothing,
            Inside::Name if letter == '"' => Inside::Nothing,
            Inside::Comment if letter == '\n' => Inside::Nothing,
            Inside::Remark(depth) if letter == '*' && next == Some('/') => {
                taken = 2;
                if depth == 1 { Inside::Nothing } else { Inside::Remark(depth - 1) }
            }
            Inside::Remark(depth) if letter == '/' && next == Some('*') => {
                taken = 2;
                Inside::Remark(depth + 1)
            }
            inside => inside,
        };
        for letter in &letters[at..at + taken] {
            word.push(*letter);
            column += 1;
            if *letter == '\n' {
                (line, column) = (line + 1, 1);
            }
        }
        at += taken;
    }
    None
}

#[derive(Clone, Copy)]
enum Inside {
    Nothing,
    Text,
    Name,
    Comment,
    Remark(usize),
}

fn foreign(letter: char, starts_word: bool, rest: &[char], place: Place) -> Option<Mistake> {
    let said = |name: &str, remedy: String| Some(Mistake::new(place, format!("{name} stands outside a text"), remedy));
    match letter {
        '\u{3000}' => {
            said("a full-width space", "replace it with an ordinary space (Japanese input puts full-width ones)".into())
        }
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => said(
            "a space that is not an ordinary one",
            "replace it with an ordinary space: texts copied from pages bring them along".into(),
        ),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {
            said("an invisible letter", "delete it and type the place anew: texts copied from pages bring them along".into())
        }
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' => {
            said(&format!("the typographic quote {letter}"), "write ' (a straight single quote)".into())
        }
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2033}' => {
            said(&format!("the typographic quote {letter}"), "write ' around texts and \" around names (straight quotes)".into())
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => {
            said(&format!("the dash {letter}"), "write - (the minus sign of the keyboard)".into())
        }
        '、' | '，' => said(&format!("the full-width comma {letter}"), "write ,".into()),
        '≧' | '≥' => said(&format!("the sign {letter}"), "write >=".into()),
        '≦' | '≤' => said(&format!("the sign {letter}"), "write <=".into()),
        '≠' => said("the sign ≠", "write <>".into()),
        '×' => said("the sign ×", "write *".into()),
        '÷' => said("the sign ÷", "write /".into()),
        '。' => said("the full stop 。", "remove it, or write .".into()),
        '「' | '」' | '『' | '』' => said(&format!("the bracket {letter}"), "write ' around texts".into()),
        '（' | '）' | '；' | '：' | '＝' | '＜' | '＞' | '＋' | '－' | '＊' | '／' | '％' | '．' | '＄' | '＂' | '＇' | '｜'
        | '！' | '［' | '］' => {
            let half = char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter);
            said(&format!("the full-width {letter}"), format!("write {half}"))
        }
        // A whole word in full width; one within a Japanese name is part of the name.
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' | '＿' if starts_word => {
            let word: String =
                rest.iter().take_while(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '＿')).collect();
            let is_full = |letter: char| matches!(letter, 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' | '＿');
            let half: String = word.chars().map(|letter| char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter)).collect();
            let place = Place { width: word.chars().count(), ..place };
            word.chars()
                .all(is_full)
                .then(|| Mistake::new(place, format!("`{word}` is written in full-width letters"), format!("write {half}")))
        }
        _ => None,
    }
}

/// Texts whose end cannot be found.
pub(crate) fn unreadable(error: &TokenizerError) -> Mistake {
    let place = Place { line: error.location.line.max(1) as usize, column: error.location.column as usize, width: 1 };
    let (message, remedy) = match error.message.as_str() {
        message if message.contains("Unterminated string literal") => {
            ("a text that begins here does not end", "close it with ', and write '' for a quote within it")
        }
        message if message.contains("Expected close delimiter") => ("a name that begins here does not end", "close it with \""),
        message if message.contains("multi-line comment") => ("a remark /* does not end", "close it with */"),
        message => {
            return Mistake::new(
                place,
                format!("this cannot be read: {message}"),
                "compare it with a file that works: `tsubame query --list` names some",
            );
        }
    };
    Mistake::new(place, message, remedy)
}

/// A parameter as other tools write it: `?`, `:name`, `@name`, `$1`.
pub(crate) fn foreign_parameter(name: &str, place: Place) -> Option<Mistake> {
    let bare = name.trim_start_matches([':', '@', '?', '#']);
    if bare.len() == name.len() && !bare.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let named = if bare.is_empty() || bare.starts_with(|letter: char| letter.is_ascii_digit()) { "days" } else { bare };
    Some(Mistake::new(
        place,
        "parameters have names here, and are written $name",
        format!("write ${named}, and declare it in the header: `-- param {named} int`"),
    ))
}

/// Words that begin statements which change something or set options.
const STATEMENTS: [&str; 24] = [
    "insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "copy", "grant", "revoke", "set", "reset",
    "begin", "commit", "rollback", "prepare", "execute", "call", "vacuum", "load", "use", "show", "describe",
];

/// Words that begin a question.
const QUESTIONS: [&str; 5] = ["select", "with", "values", "explain", "table"];

pub(crate) fn not_a_question(place: Place) -> Mistake {
    Mistake::new(
        place,
        "this is no question: it would change something",
        "only SELECT is possible here; facts come in by import and over HTTP",
    )
}

/// What is wrong with a text that begins with this word.
pub(crate) fn no_question(word: &Word, place: Place) -> Option<Mistake> {
    let lower = word.value.to_lowercase();
    if matches!(lower.as_str(), "show" | "describe" | "use") {
        return Some(Mistake::new(
            place,
            format!("{} is not understood", word.value.to_uppercase()),
            "`tsubame dictionary` lists the tables, `tsubame dictionary TABLE` its columns",
        ));
    }
    if STATEMENTS.contains(&lower.as_str()) {
        return Some(Mistake::new(
            place,
            format!("{} is no question: nothing can be changed or set from here", word.value.to_uppercase()),
            "only SELECT is possible; facts come in by import and over HTTP",
        ));
    }
    if QUESTIONS.contains(&lower.as_str()) {
        return None;
    }
    misspelt_opening(word, place).or_else(|| {
        let remedy = "begin it with SELECT or WITH; a line of the header begins with --";
        Some(Mistake::new(place, format!("`{}` begins no question", word.value), remedy))
    })
}

/// Of a word that begins no statement at all: what it nearly is.
pub(crate) fn misspelt_opening(word: &Word, place: Place) -> Option<Mistake> {
    let lower = word.value.to_lowercase();
    if STATEMENTS.contains(&lower.as_str()) || QUESTIONS.contains(&lower.as_str()) {
        return None;
    }
    let meant = nearest(&lower, QUESTIONS)?.to_uppercase();
    Some(Mistake::new(place, format!("`{}` begins no question", word.value), format!("did you mean {meant}?")))
}

/// What is wrong with a text that has words but no sentence.
pub(crate) fn misread(tokens: &[&TokenWithSpan], error: &ParserError) -> Mistake {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.as_str(),
        ParserError::RecursionLimitExceeded => "",
    };
    if matches!(error, ParserError::RecursionLimitExceeded) {
        return Mistake::new(start(tokens), "the question is nested too deeply", "give its parts names with WITH");
    }
    let at = place_in(message).or_else(|| tokens.last().map(|token| token.span.into())).unwrap_or(Place::line(1));
    brackets(tokens)
        .or_else(|| commas(tokens))
        .or_else(|| other_dialects(tokens))
        .or_else(|| incomplete(tokens))
        .or_else(|| misspelt(tokens, at))
        .or_else(|| missing_end(tokens))
        .or_else(|| reserved(tokens, at))
        .unwrap_or_else(|| plainly(message, at, tokens))
}

fn start(tokens: &[&TokenWithSpan]) -> Place {
    tokens.first().map_or(Place::line(1), |token| token.span.into())
}

/// The parser says `… at Line: 12, Column: 3`.
fn place_in(message: &str) -> Option<Place> {
    let number = |name: &str| -> Option<usize> {
        message.rsplit_once(name)?.1.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    Some(Place { line: number("Line: ").filter(|line| *line > 0)?, column: number("Column: ")?, width: 1 })
}

fn keyword(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn is_word(token: &TokenWithSpan, name: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}

fn brackets(tokens: &[&TokenWithSpan]) -> Option<Mistake> {
    let mut open: Vec<&TokenWithSpan> = Vec::new();
    for token in tokens {
        match token.token {
            Token::LParen => open.push(token),
            Token::RParen if open.pop().is_none() => {
                return Some(Mistake::new(
                    token.span.into(),
                    "this bracket closes none that is open",
                    "remove it, or open one before",
                ));
            }
            _ => {}
        }
    }
    // The innermost: what follows it is what it should have held.
    let token = open.pop()?;
    Some(Mistake::new(token.span.into(), "this bracket is never closed", "close it with ) where what belongs to it ends"))
}

fn commas(tokens: &[&TokenWithSpan]) -> Option<Mistake> {
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.token == Token::Comma) {
        let place = Place::from(token.span);
        match tokens.get(index + 1) {
            None => return Some(Mistake::new(place, "nothing follows this comma", "remove it, or add what is missing")),
            Some(next) if next.token == Token::Comma => {
                return Some(Mistake::new(next.span.into(), "two commas follow each other", "remove one"));
            }
            Some(next) if next.token == Token::RParen => {
                return Some(Mistake::new(place, "nothing stands between this comma and )", "remove the comma"));
            }
            Some(next)
                if keyword(next).is_some_and(is_clause)
                    && !is_word(next, "left")
                    && !is_word(next, "right")
                    && !is_word(next, "select") =>
            {
                return Some(Mistake::new(
                    place,
                    format!("nothing stands between this comma and {}", next.token.to_string().to_uppercase()),
                    "remove the comma",
                ));
            }
            Some(_) => {}
        }
        if index > 0 && tokens.get(index - 1).and_then(|before| keyword(before)) == Some(Keyword::SELECT) {
            return Some(Mistake::new(place, "nothing stands before this comma", "remove the comma"));
        }
    }
    None
}

/// What other databases would have understood.
fn other_dialects(tokens: &[&TokenWithSpan]) -> Option<Mistake> {
    for (index, token) in tokens.iter().enumerate() {
        let place = Place::from(token.span);
        let next = tokens.get(index + 1);
        if token.token == Token::Char('`') {
            return Some(Mistake::new(place, "a backtick", "names need no quotes; where they do, they take \"double\" ones"));
        }
        if token.token == Token::LBracket
            && index > 0
            && (tokens[index - 1].token == Token::Comma || keyword(tokens[index - 1]).is_some_and(is_clause))
        {
            return Some(Mistake::new(
                place,
                "a name in square brackets",
                "names need no quotes; where they do, they take \"double\" ones",
            ));
        }
        if is_word(token, "top")
            && index > 0
            && is_word(tokens[index - 1], "select")
            && next.is_some_and(|next| matches!(next.token, Token::Number(..)))
        {
            return Some(Mistake::new(place, "TOP is not understood", "write LIMIT at the end"));
        }
        if is_word(token, "limit") && tokens.get(index + 2).is_some_and(|comma| comma.token == Token::Comma) {
            return Some(Mistake::new(place, "LIMIT takes one number", "write LIMIT 10 OFFSET 5"));
        }
        if is_word(token, "interval") && next.is_some_and(|next| matches!(next.token, Token::Number(..) | Token::Placeholder(_)))
        {
            return Some(Mistake::new(place, "an interval is a text here", "write INTERVAL '30 days', or add_days(date, 30)"));
        }
        if token.token == Token::Question {
            return foreign_parameter("?", place);
        }
        if token.token == Token::LBrace && next.is_some_and(|next| next.token == Token::LBrace) {
            return Some(Mistake::new(
                place,
                "{{ … }} is filled in by another tool",
                "write $name for a parameter and declare it: `-- param name text`; name a table as it is",
            ));
        }
        if token.token == Token::Mul
            && next.is_some_and(|next| is_word(next, "except") || is_word(next, "exclude") || is_word(next, "replace"))
        {
            return Some(Mistake::new(place, "* takes no exceptions", "name the columns that are wanted"));
        }
        if matches!(token.token, Token::Char('#')) || token.token == Token::Sharp {
            return Some(Mistake::new(place, "a # begins no remark here", "write --"));
        }
    }
    None
}

/// Words that are a letter off a word of SQL where the parser stopped, or just before.
fn misspelt(tokens: &[&TokenWithSpan], at: Place) -> Option<Mistake> {
    const WORDS: [&str; 20] = [
        "select", "from", "where", "group", "having", "order", "limit", "between", "case", "when", "then", "else", "end", "join",
        "left", "inner", "union", "distinct", "exists", "interval",
    ];
    let upto = tokens.iter().position(|token| starts_at(token, at))?;
    for index in (upto.saturating_sub(3)..=upto).rev() {
        let token = tokens[index];
        // Behind these a name is expected, and one was found.
        let named = index.checked_sub(1).is_some_and(|before| {
            matches!(tokens[before].token, Token::Period | Token::Comma)
                || matches!(
                    keyword(tokens[before]),
                    Some(Keyword::FROM | Keyword::JOIN | Keyword::AS | Keyword::BY | Keyword::SELECT)
                )
        });
        if let Token::Word(word) = &token.token
            && !named
            && word.quote_style.is_none()
            && word.keyword == Keyword::NoKeyword
            && word.value.len() >= 3
            && let Some(meant) = nearest(&word.value, WORDS)
        {
            let meant = meant.to_uppercase();
            return Some(Mistake::new(
                token.span.into(),
                format!("`{}` was read as a name", word.value),
                format!("did you mean {meant}?"),
            ));
        }
    }
    None
}

fn starts_at(token: &TokenWithSpan, at: Place) -> bool {
    let place = Place::from(token.span);
    place.line == at.line && place.column == at.column
}

/// Words without the words they go with.
fn incomplete(tokens: &[&TokenWithSpan]) -> Option<Mistake> {
    for pair in tokens.windows(2) {
        let (Some(first), place) = (keyword(pair[0]), Place::from(pair[0].span)) else { continue };
        let next = keyword(pair[1]).unwrap_or(Keyword::NoKeyword);
        let word = pair[0].token.to_string().to_uppercase();
        match first {
            Keyword::GROUP | Keyword::ORDER
                if next != Keyword::BY && matches!(pair[1].token, Token::Word(_) | Token::Number(..)) =>
            {
                return Some(Mistake::new(place, format!("{word} without BY"), format!("write {word} BY")));
            }
            Keyword::AS if is_clause(next) => {
                return Some(Mistake::new(place, "no name follows this AS", "write a name behind it, or remove it"));
            }
            Keyword::AND | Keyword::OR
                if matches!(next, Keyword::AND | Keyword::OR)
                    || is_clause(next) && next != Keyword::LEFT && next != Keyword::RIGHT =>
            {
                return Some(Mistake::new(
                    place,
                    format!("no condition follows this {word}"),
                    format!("write one behind it, or remove {word}"),
                ));
            }
            Keyword::WHERE | Keyword::HAVING | Keyword::ON
                if is_clause(next) && next != Keyword::LEFT && next != Keyword::RIGHT && next != Keyword::SELECT
                    || matches!(next, Keyword::AND | Keyword::OR) =>
            {
                return Some(Mistake::new(
                    place,
                    format!("no condition follows {word}"),
                    format!("write one behind it, or remove {word}"),
                ));
            }
            _ => {}
        }
    }
    None
}

fn missing_end(tokens: &[&TokenWithSpan]) -> Option<Mistake> {
    let mut open: Vec<&TokenWithSpan> = Vec::new();
    for token in tokens {
        match keyword(token) {
            Some(Keyword::CASE) => open.push(token),
            Some(Keyword::END) => {
                open.pop();
            }
            _ => {}
        }
    }
    let case = open.pop()?;
    Some(Mistake::new(case.span.into(), "this CASE has no END", "write END behind its last THEN or ELSE"))
}

/// A word of SQL where a name was meant: `SELECT order FROM`, `AS group`.
fn reserved(tokens: &[&TokenWithSpan], at: Place) -> Option<Mistake> {
    let stopped = tokens.iter().position(|token| starts_at(token, at))?;
    // Where a clause begins, the word before it ends one.
    let before = stopped.checked_sub(1).filter(|_| !keyword(tokens[stopped]).is_some_and(is_clause));
    let candidates = [Some(stopped), before];
    for index in candidates.into_iter().flatten() {
        let token = tokens[index];
        let before = index.checked_sub(1).map(|before| tokens[before]);
        let expects_name = before.is_some_and(|before| {
            matches!(before.token, Token::Comma | Token::Period)
                || matches!(keyword(before), Some(Keyword::SELECT | Keyword::AS | Keyword::BY | Keyword::FROM | Keyword::JOIN))
        });
        if let Token::Word(word) = &token.token
            && word.quote_style.is_none()
            && word.keyword != Keyword::NoKeyword
            && !matches!(word.keyword, Keyword::SELECT | Keyword::FROM | Keyword::WHERE)
            && expects_name
        {
            let name = word.value.to_lowercase();
            return Some(Mistake::new(
                token.span.into(),
                format!("`{}` is a word of SQL, and stands where a name or a value belongs", word.value),
                format!("choose another name, or write \"{name}\" in double quotes"),
            ));
        }
    }
    None
}

/// The parser's own words, said plainly.
fn plainly(message: &str, at: Place, tokens: &[&TokenWithSpan]) -> Mistake {
    let bare = message.split(" at Line: ").next().unwrap_or(message).trim_start_matches("sql parser error: ");
    let Some((expected, found)) = bare.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) else {
        return Mistake::new(
            at,
            format!("this cannot be read: {bare}"),
            "compare it with a file that works: `tsubame query --list` names some",
        );
    };
    let width = found.chars().count().max(1);
    if found == "EOF" {
        let end = tokens.last().map_or(at, |token| token.span.into());
        return Mistake::new(
            end,
            "the question ends in the middle of a sentence",
            format!("{} is missing behind this", article(expected)),
        );
    }
    let remedy = match expected {
        "end of statement" => format!(
            "a comma, an operator or a keyword (AND, FROM, WHERE, ON) is missing before `{found}`, or it is one word too many"
        ),
        expected => format!("{} belongs here", article(expected)),
    };
    let clause = tokens.iter().find(|token| starts_at(token, at)).and_then(|token| keyword(token)).is_some_and(is_clause);
    let remedy = match clause && expected == "end of statement" {
        true => {
            "clauses stand in this order: SELECT, FROM, JOIN … ON, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT; each once".into()
        }
        false => remedy,
    };
    Mistake::new(Place { width, ..at }, format!("`{found}` does not fit here"), remedy)
}

fn article(expected: &str) -> String {
    match expected {
        "an expression" | "an expression:" => "a value or a column".into(),
        "identifier" => "a name".into(),
        "joined table" => "a table".into(),
        other => other.into(),
    }
}
