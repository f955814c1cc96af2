//! `COPY (question) TO STDOUT`: how people and programs fetch many rows at once.

use datafusion::sql::sqlparser::tokenizer::Token;
use datafusion_postgres::pgwire::messages::data::DataRow;

use super::{
    act::Piece,
    failure::{Failure, code},
};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Copy {
    /// The question whose rows are copied.
    pub question: String,
    /// How many characters of the statement stand before it.
    pub after: usize,
    pub format: CopyFormat,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum CopyFormat {
    Text { delimiter: u8, null: String, header: bool },
    Csv { delimiter: u8, null: String, header: bool, quote: u8, escape: u8, always: Always },
    Binary,
}

/// Which columns are quoted whatever they hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Always {
    These(Vec<String>),
    All,
}

type Wrong = (Failure, Option<usize>);

/// Reads a whole statement that begins with COPY.
pub(super) fn read(text: &str, pieces: &[Piece]) -> Result<Copy, Wrong> {
    let begin = pieces[0].bytes.start;
    let at = |index: usize| pieces.get(index).map(|piece| piece.bytes.start).or(Some(text.len()));
    let keyword = |index: usize| pieces.get(index).map(Piece::keyword).unwrap_or_default();
    let wrong = |message: &str, index: usize| {
        (Failure::new(code::SYNTAX, message).hint("COPY (SELECT …) TO STDOUT WITH (FORMAT csv, HEADER)"), at(index))
    };
    let (question, after, mut next) = if pieces.get(1).is_some_and(|piece| piece.token == Token::LParen) {
        let close = closing(pieces, 1).ok_or_else(|| wrong("a parenthesis of COPY is not closed", 1))?;
        let inside = pieces[1].bytes.end..pieces[close].bytes.start;
        (text[inside.clone()].to_string(), text[begin..inside.start].chars().count(), close + 1)
    } else {
        // A relation's name, and maybe columns of it.
        let mut end = 2;
        while pieces.get(end).is_some_and(|piece| piece.token == Token::Period) {
            end += 2;
        }
        let names = pieces.get(1..end).filter(|names| names.iter().step_by(2).all(|piece| piece.name().is_some()));
        let names = names.ok_or_else(|| wrong("COPY needs a question in parentheses or a relation", 1))?;
        let name = &text[names[0].bytes.start..names[names.len() - 1].bytes.end];
        match pieces.get(end).filter(|piece| piece.token == Token::LParen) {
            None => (format!("SELECT * FROM {name}"), 0, end),
            Some(_) => {
                let close = closing(pieces, end).ok_or_else(|| wrong("a parenthesis of COPY is not closed", end))?;
                let are_names = pieces[end + 1..close].iter().all(|piece| piece.name().is_some() || piece.token == Token::Comma);
                if !are_names {
                    return Err(wrong("columns of a relation are names", end));
                }
                let columns = &text[pieces[end].bytes.end..pieces[close].bytes.start];
                (format!("SELECT {columns} FROM {name}"), 0, close + 1)
            }
        }
    };
    match keyword(next).as_str() {
        "TO" => next += 1,
        "FROM" => {
            let failure = Failure::new(code::READ_ONLY, "COPY … FROM is refused: the shop's data is read-only here");
            return Err((failure.hint("facts come in through `tsubame import` and the collector"), Some(begin)));
        }
        _ => return Err(wrong("COPY needs TO STDOUT", next)),
    }
    if keyword(next) != "STDOUT" {
        let failure = Failure::new(code::NOT_SUPPORTED, "COPY to a file or program of the server is refused");
        return Err((
            failure.hint("COPY (…) TO STDOUT sends the rows to you; psql's `\\copy (…) TO 'file'` writes them on your side"),
            at(next),
        ));
    }
    next += 1;
    if keyword(next) == "WITH" {
        next += 1;
    }
    let options = match pieces.get(next).filter(|piece| piece.token == Token::LParen) {
        Some(_) => {
            let close = closing(pieces, next).ok_or_else(|| wrong("a parenthesis of COPY is not closed", next))?;
            if close + 1 < pieces.len() {
                return Err(wrong("COPY ends with its options", close + 1));
            }
            &pieces[next + 1..close]
        }
        None => &pieces[next.min(pieces.len())..],
    };
    Ok(Copy { question, after, format: format(options)? })
}

/// The index of the parenthesis that closes the one at `open`.
fn closing(pieces: &[Piece], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, piece) in pieces.iter().enumerate().skip(open) {
        match piece.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some(index),
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The options, in today's form (`FORMAT csv, HEADER true`) or the former (`CSV HEADER`).
fn format(pieces: &[Piece]) -> Result<CopyFormat, Wrong> {
    let (mut kind, mut delimiter, mut null, mut header) = ("TEXT".to_string(), None, None, false);
    let (mut quote, mut escape, mut always) = (b'"', None, Always::These(Vec::new()));
    let mut index = 0;
    while let Some(piece) = pieces.get(index) {
        index += 1;
        let wrong = |message: String| (Failure::new(code::INVALID_VALUE, message), Some(piece.bytes.start));
        let option = piece.keyword();
        if piece.token == Token::Comma {
            continue;
        }
        if pieces.get(index).is_some_and(|next| next.keyword() == "AS") {
            index += 1;
        }
        let mut value = || {
            index += 1;
            pieces.get(index - 1).and_then(text)
        };
        let byte = |value: Option<String>| match value.as_deref().map(str::as_bytes) {
            Some([byte]) if byte.is_ascii() && !b"\r\n".contains(byte) => Ok(*byte),
            _ => Err(wrong(format!("{option} of COPY is one character of ASCII"))),
        };
        match option.as_str() {
            "FORMAT" => kind = value().unwrap_or_default().to_uppercase(),
            "CSV" | "BINARY" | "TEXT" => kind = option.clone(),
            "DELIMITER" => delimiter = Some(byte(value())?),
            "NULL" => null = Some(value().ok_or_else(|| wrong("NULL of COPY is a text".into()))?),
            "QUOTE" => quote = byte(value())?,
            "ESCAPE" => escape = Some(byte(value())?),
            "HEADER" => {
                let said = pieces.get(index).and_then(text).map(|said| said.to_uppercase());
                header = !matches!(said.as_deref(), Some("FALSE" | "OFF" | "0"));
                if matches!(said.as_deref(), Some("TRUE" | "ON" | "1" | "FALSE" | "OFF" | "0")) {
                    index += 1;
                }
            }
            "ENCODING" => match value().map(|encoding| encoding.to_uppercase().replace('-', "")) {
                Some(encoding) if encoding == "UTF8" => {}
                _ => return Err(wrong("COPY writes UTF-8 alone".into())),
            },
            "FORCE_QUOTE" | "FORCE" => {
                if option == "FORCE" {
                    index += 1; // QUOTE
                }
                let is = |index: usize, token: Token| pieces.get(index).is_some_and(|piece| piece.token == token);
                if is(index, Token::Mul) {
                    always = Always::All;
                    index += 1;
                    continue;
                }
                let in_parentheses = is(index, Token::LParen);
                index += usize::from(in_parentheses);
                let mut names = Vec::new();
                while let Some(name) = pieces.get(index).and_then(Piece::name) {
                    names.push(name);
                    index += 1;
                    if !is(index, Token::Comma) {
                        break;
                    }
                    index += 1;
                }
                index += usize::from(in_parentheses && is(index, Token::RParen));
                always = Always::These(names);
            }
            _ => {
                return Err(wrong(format!(
                    "COPY TO STDOUT has no option {}",
                    if option.is_empty() { "like this" } else { &option }
                )));
            }
        }
    }
    match kind.as_str() {
        "TEXT" => Ok(CopyFormat::Text { delimiter: delimiter.unwrap_or(b'\t'), null: null.unwrap_or("\\N".into()), header }),
        "CSV" => Ok(CopyFormat::Csv {
            delimiter: delimiter.unwrap_or(b','),
            null: null.unwrap_or_default(),
            header,
            quote,
            escape: escape.unwrap_or(quote),
            always,
        }),
        "BINARY" => Ok(CopyFormat::Binary),
        other => Err((
            Failure::new(code::INVALID_VALUE, format!("COPY has no format {other}")).hint("text, csv and binary"),
            pieces.first().map(|piece| piece.bytes.start),
        )),
    }
}

/// What a string, a word or a number says.
fn text(piece: &Piece) -> Option<String> {
    match &piece.token {
        Token::SingleQuotedString(text) => Some(text.replace("''", "'")),
        Token::EscapedStringLiteral(text) => Some(match text.as_str() {
            "\\t" => "\t".into(),
            _ => text.clone(),
        }),
        Token::Number(number, _) => Some(number.clone()),
        _ => piece.name(),
    }
}

impl CopyFormat {
    pub fn is_binary(&self) -> bool {
        *self == CopyFormat::Binary
    }

    /// What stands before the rows.
    pub fn head(&self, columns: &[&str]) -> Vec<u8> {
        let names: Vec<Option<&[u8]>> = columns.iter().map(|name| Some(name.as_bytes())).collect();
        match self {
            // A signature, flags, and the length of an extension there is none of.
            CopyFormat::Binary => b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec(),
            CopyFormat::Text { header: true, .. } | CopyFormat::Csv { header: true, .. } => self.line(&names, |_| false),
            CopyFormat::Text { .. } | CopyFormat::Csv { .. } => Vec::new(),
        }
    }

    /// One row. What a data row holds is a length and so many bytes per column, as binary COPY wants it.
    pub fn row(&self, row: &DataRow, columns: &[&str]) -> Vec<u8> {
        if self.is_binary() {
            return [&row.field_count.to_be_bytes()[..], &row.data[..]].concat();
        }
        let mut rest = &row.data[..];
        let mut values = Vec::with_capacity(columns.len());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    values.push(Some(&after[..length]));
                    rest = &after[length..];
                }
                Err(_) => {
                    values.push(None);
                    rest = after;
                }
            }
        }
        self.line(&values, |index| match self {
            CopyFormat::Csv { always: Always::All, .. } => true,
            CopyFormat::Csv { always: Always::These(names), .. } => {
                columns.get(index).is_some_and(|column| names.iter().any(|name| name == column))
            }
            _ => false,
        })
    }

    /// What stands after the rows.
    pub fn tail(&self) -> Vec<u8> {
        if self.is_binary() { vec![0xff, 0xff] } else { Vec::new() }
    }

    fn line(&self, values: &[Option<&[u8]>], is_forced: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match self {
                CopyFormat::Text { delimiter, null, .. } => {
                    if index > 0 {
                        line.push(*delimiter);
                    }
                    match value {
                        None => line.extend_from_slice(null.as_bytes()),
                        Some(value) => value.iter().for_each(|byte| match byte {
                            b'\n' => line.extend_from_slice(b"\\n"),
                            b'\r' => line.extend_from_slice(b"\\r"),
                            b'\t' => line.extend_from_slice(b"\\t"),
                            b'\\' => line.extend_from_slice(b"\\\\"),
                            byte if byte == delimiter => line.extend_from_slice(&[b'\\', *byte]),
                            byte => line.push(*byte),
                        }),
                    }
                }
                CopyFormat::Csv { delimiter, null, quote, escape, .. } => {
                    if index > 0 {
                        line.push(*delimiter);
                    }
                    let Some(value) = value else {
                        line.extend_from_slice(null.as_bytes());
                        continue;
                    };
                    // A text that looks like NULL, or like the end of the data, is quoted, so that it is none.
                    let is_plain = !is_forced(index)
                        && *value != null.as_bytes()
                        && *value != b"\\."
                        && !value
                            .iter()
                            .any(|byte| byte == delimiter || byte == quote || byte == escape || b"\r\n".contains(byte));
                    if is_plain {
                        line.extend_from_slice(value);
                        continue;
                    }
                    line.push(*quote);
                    for byte in *value {
                        if byte == quote || byte == escape {
                            line.push(*escape);
                        }
                        line.push(*byte);
                    }
                    line.push(*quote);
                }
                CopyFormat::Binary => {}
            }
        }
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::{super::act, *};

    fn csv(header: bool) -> CopyFormat {
        CopyFormat::Csv { delimiter: b',', null: String::new(), header, quote: b'"', escape: b'"', always: Always::These(vec![]) }
    }

    fn text(header: bool) -> CopyFormat {
        CopyFormat::Text { delimiter: b'\t', null: "\\N".into(), header }
    }

    #[test]
    fn both_forms_of_options_are_read() {
        let check = |sql: &str, question: &str, format: CopyFormat| {
            let statements = act::read(sql).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
            let act::Act::Copy(copy) = &statements[0].act else { panic!("{sql}: {statements:?}") };
            assert_eq!((copy.question.trim(), &copy.format), (question, &format), "{sql}");
        };
        check("COPY (SELECT ')' FROM a) TO STDOUT", "SELECT ')' FROM a", text(false));
        check("COPY  ( SELECT (1) ) TO STDOUT csv header", "SELECT (1)", csv(true));
        check("copy (SELECT 1) to stdout WITH (FORMAT csv, HEADER true)", "SELECT 1", csv(true));
        check("copy (SELECT 1) to stdout (HEADER false, FORMAT 'csv')", "SELECT 1", csv(false));
        check("COPY (SELECT 1) TO STDOUT (FORMAT binary)", "SELECT 1", CopyFormat::Binary);
        check("COPY orders TO STDOUT", "SELECT * FROM orders", text(false));
        check("COPY public.\"orders\" (order_id, net) TO STDOUT", "SELECT order_id, net FROM public.\"orders\"", text(false));
        let semicolons =
            CopyFormat::Csv { delimiter: b';', null: "-".into(), header: false, quote: b'"', escape: b'"', always: Always::All };
        check("COPY (SELECT 1) TO STDOUT (FORMAT csv, DELIMITER ';', NULL '-', FORCE_QUOTE *)", "SELECT 1", semicolons.clone());
        check("COPY (SELECT 1) TO STDOUT CSV DELIMITER AS ';' NULL AS '-' FORCE QUOTE *", "SELECT 1", semicolons);
        let quoted = |header: bool, always: Always| match csv(header) {
            CopyFormat::Csv { delimiter, null, header, quote, escape, .. } => {
                CopyFormat::Csv { delimiter, null, header, quote, escape, always }
            }
            other => other,
        };
        let all = quoted(true, Always::All);
        check("COPY (SELECT 1) TO STDOUT WITH (FORCE_QUOTE *, FORMAT csv, HEADER true)", "SELECT 1", all.clone());
        check("COPY (SELECT 1) TO STDOUT CSV FORCE QUOTE * HEADER", "SELECT 1", all);
        let some = quoted(true, Always::These(vec!["a".into(), "B".into()]));
        check("COPY (SELECT 1) TO STDOUT WITH (FORCE_QUOTE (a, \"B\"), HEADER, FORMAT csv)", "SELECT 1", some.clone());
        check("COPY (SELECT 1) TO STDOUT CSV HEADER FORCE QUOTE A, \"B\"", "SELECT 1", some);
    }

    #[test]
    fn wrong_options_are_named() {
        let check = |sql: &str, message: &str| assert_eq!(act::read(sql).expect_err(sql).message, message, "{sql}");
        check("COPY (SELECT 1) TO STDOUT (FORMAT xml)", "COPY has no format XML");
        check("COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')", "DELIMITER of COPY is one character of ASCII");
        check("COPY (SELECT 1) TO STDOUT (FREEZE)", "COPY TO STDOUT has no option FREEZE");
        check("COPY (SELECT 1 TO STDOUT", "a parenthesis of COPY is not closed");
        check("COPY (SELECT 1)", "COPY needs TO STDOUT");
        check("COPY orders (net + 1) TO STDOUT", "columns of a relation are names");
        check("COPY 'orders' TO STDOUT", "COPY needs a question in parentheses or a relation");
        check("COPY", "COPY needs a question in parentheses or a relation");
    }

    #[test]
    fn a_row_is_written_so_that_it_can_be_read_back() {
        let row = |values: &[Option<&str>]| {
            let mut row = DataRow::default();
            for value in values {
                row.data.extend_from_slice(&value.map_or(-1, |value| value.len() as i32).to_be_bytes());
                row.data.extend_from_slice(value.unwrap_or_default().as_bytes());
            }
            row.field_count = values.len() as i16;
            row
        };
        let check = |format: &CopyFormat, values: &[Option<&str>], expect: &str| {
            assert_eq!(String::from_utf8(format.row(&row(values), &["a", "b", "c"])).unwrap(), expect, "{values:?}");
        };
        check(&text(false), &[Some("a\tb\\c\nd"), None, Some("")], "a\\tb\\\\c\\nd\t\\N\t\n");
        check(&csv(false), &[Some("a,b\"c\"\nd"), None, Some("")], "\"a,b\"\"c\"\"\nd\",,\"\"\n");
        check(&csv(false), &[Some("\\."), Some("燕"), Some("1")], "\"\\.\",燕,1\n");
        let forced = CopyFormat::Csv {
            delimiter: b',',
            null: String::new(),
            header: true,
            quote: b'"',
            escape: b'\\',
            always: Always::These(vec!["b".into()]),
        };
        check(&forced, &[Some("1"), Some("a\"\\"), None], "1,\"a\\\"\\\\\",\n");
        assert_eq!(forced.head(&["a", "b", "c"]), b"a,b,c\n");
        let binary = CopyFormat::Binary.row(&row(&[Some("x"), None]), &["a", "b"]);
        assert_eq!(binary, [0, 2, 0, 0, 0, 1, b'x', 255, 255, 255, 255]);
        assert_eq!((CopyFormat::Binary.head(&[]).len(), CopyFormat::Binary.tail()), (19, vec![255, 255]));
    }
}
