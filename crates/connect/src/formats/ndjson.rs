//! One JSON object per line (NDJSON, JSON Lines), streaming. UTF-8 alone, as JSON is.
//!
//! An object becomes a row of text, its members columns:
//!
//! | JSON | cell |
//! |---|---|
//! | text | the text; one with half of a surrogate pair rejects its line |
//! | number | its digits as they stand in the file: no id and no amount passes through a binary float |
//! | `true`, `false` | `true`, `false` |
//! | `null`, `""`, a member that is not there | empty |
//! | object | its members, `customer.email` for `{"customer":{"email":…}}`, to a depth of [`DEPTH_MAX`]; what lies deeper stays JSON |
//! | list of objects | one row per element, `line_items.sku`, with the other members repeated: a mapping's `group_by` makes one order of them again |
//! | any other list | JSON |
//!
//! Only one list is taken apart: the first whose members the mapping names, without a mapping the first there is. The columns are the
//! members of the first [`HEAD_RECORDS`] records, and those that the mapping names: a member that first occurs later and that nobody asked
//! for is not read, like a column of a CSV that no mapping names.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{BufRead, BufReader, Read},
};

use super::{Cells, Encoding, FormatError, ImportFormat, Layout, Opened, Parsed, RECORD_BYTES_MAX, Rejection, Row};
use crate::json_text::{self, BadText};

const HEAD_RECORDS: usize = 1_000;
const HEAD_BYTES: usize = 8 * 1024 * 1024;
const DEPTH_MAX: usize = 16;
const COLUMNS_MAX: usize = 2_000;
const BUFFER_BYTES: usize = 256 * 1024;
/// What is kept of a line that is too long to be a record.
const TOO_LONG_KEPT_BYTES: usize = 4 * 1024;

pub struct Ndjson;

impl ImportFormat for Ndjson {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl", "json"]
    }

    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError> {
        let mut lines = Lines::new(bytes)?;
        for _ in 0..layout.skip_rows {
            if lines.next_line()?.is_none() {
                return Err(FormatError::Empty);
            }
        }
        let (mut head, mut head_bytes) = (VecDeque::new(), 0);
        while head.len() < HEAD_RECORDS && head_bytes < HEAD_BYTES {
            let Some(line) = lines.next_line()? else { break };
            head_bytes += line.bytes.len();
            head.push_back(line);
        }
        let first = head.front().ok_or(FormatError::Empty)?.bytes.trim_ascii();
        if first.starts_with(b"[") || first == b"{" {
            return Err(FormatError::NotLines); // One list of everything, or objects over many lines.
        }
        let texts: Vec<&str> = head.iter().filter_map(|line| std::str::from_utf8(&line.bytes).ok()).collect();
        let items = items_of(&texts, &layout.wanted);
        let (header, any_read) = columns_of(&texts, items.as_deref());
        if !any_read {
            return Err(FormatError::NotLines);
        }
        let mut columns = Columns::new(header, items);
        let mut warnings = Vec::new();
        for name in &layout.wanted {
            if !columns.at.contains_key(name) {
                warnings.push(format!("none of the first {} records has `{name}`", head.len()));
                columns.push(name.clone());
            }
        }
        let header = columns.names.clone();
        let rows = Rows { lines, head, columns, ready: VecDeque::new(), failed: false };
        Ok(Opened { header, encoding: Encoding::Utf8, warnings, rows: Box::new(rows) })
    }
}

/// The list whose elements become rows.
fn items_of(texts: &[&str], wanted: &[String]) -> Option<String> {
    let is_wanted = |path: &str| {
        wanted.is_empty() || wanted.iter().any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    };
    let mut found = None;
    for text in texts {
        // A record that is not JSON is rejected when its turn comes.
        let _ = walk(text, None, &mut |path, value| {
            if found.is_none() && matches!(value, Value::List { of_objects: true, .. }) && is_wanted(path) {
                found = Some(path.to_string());
            }
        });
        if found.is_some() {
            break;
        }
    }
    found
}

/// The members of the records in the order in which they are met, and whether any record could be read.
fn columns_of(texts: &[&str], items: Option<&str>) -> (Vec<String>, bool) {
    let (mut names, mut known, mut any_read) = (Vec::new(), BTreeSet::new(), false);
    for text in texts {
        let mut met: Vec<String> = Vec::new();
        let mut lists: Vec<&str> = Vec::new();
        let walked = walk(text, items, &mut |path, value| match value {
            Value::Items(list) => lists.push(list),
            _ if !known.contains(path) => met.push(path.to_string()),
            _ => {}
        });
        let walked = walked.and_then(|()| {
            lists.iter().try_for_each(|list| {
                elements(list, &mut |element, _| {
                    walk_element(element, items.unwrap_or_default(), &mut |path, _| {
                        if !known.contains(path) {
                            met.push(path.to_string());
                        }
                    })
                })
            })
        });
        if walked.is_err() {
            continue;
        }
        any_read = true;
        for name in met {
            if names.len() < COLUMNS_MAX && known.insert(name.clone()) {
                names.push(name);
            }
        }
    }
    (names, any_read)
}

struct Columns {
    names: Vec<String>,
    at: BTreeMap<String, usize>,
    items: Option<String>,
}

impl Columns {
    fn new(names: Vec<String>, items: Option<String>) -> Columns {
        let at = names.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
        Columns { names, at, items }
    }

    fn push(&mut self, name: String) {
        self.at.insert(name.clone(), self.names.len());
        self.names.push(name);
    }

    /// Members mostly come in the order of the header: `next` is where to look first.
    fn find(&self, path: &str, next: &mut usize) -> Option<usize> {
        let index = match self.names.get(*next) {
            Some(name) if name == path => *next,
            _ => *self.at.get(path)?,
        };
        *next = index + 1;
        Some(index)
    }

    fn rows(&self, text: &str) -> Result<Vec<Cells>, Broken> {
        let mut cells = Cells::empty(self.names.len());
        let mut list = None;
        let mut next = 0;
        walk(text, self.items.as_deref(), &mut |path, value| match value {
            Value::Items(raw) => list = Some(raw),
            value => {
                if let Some(index) = self.find(path, &mut next) {
                    cells.set(index, value.text());
                }
            }
        })?;
        let (Some(list), Some(items)) = (list, &self.items) else { return Ok(vec![cells]) };
        let mut rows = Vec::new();
        elements(list, &mut |element, _| {
            let mut row = cells.clone();
            let mut next = next;
            walk_element(element, items, &mut |path, value| {
                if let Some(index) = self.find(path, &mut next) {
                    row.set(index, value.text());
                }
            })?;
            rows.push(row);
            Ok(())
        })?;
        if rows.is_empty() {
            rows.push(cells);
        }
        Ok(rows)
    }
}

struct Rows<'a> {
    lines: Lines<'a>,
    /// Lines that were read for the header.
    head: VecDeque<Line>,
    columns: Columns,
    ready: VecDeque<Parsed>,
    failed: bool,
}

impl Iterator for Rows<'_> {
    type Item = Result<Parsed, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(parsed) = self.ready.pop_front() {
            return Some(Ok(parsed));
        }
        if self.failed {
            return None;
        }
        let line = match self.head.pop_front() {
            Some(line) => line,
            None => match self.lines.next_line() {
                Ok(line) => line?,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            },
        };
        self.parse(line);
        self.ready.pop_front().map(Ok)
    }
}

impl Rows<'_> {
    /// Makes at least one row or rejection of a line.
    fn parse(&mut self, line: Line) {
        let number = line.number;
        let reject = |code, reason: String, remedy: &str, raw| {
            Parsed::Rejected(Rejection { line: number, column: None, code, reason, remedy: remedy.into(), raw })
        };
        if line.is_cut {
            let reason = format!("the line is longer than {RECORD_BYTES_MAX} bytes");
            self.ready.push_back(reject("too_long", reason, "write one object per line", line.bytes));
            return;
        }
        let made = match std::str::from_utf8(&line.bytes) {
            Ok(text) => self.columns.rows(text),
            Err(_) => Err(Broken { code: "undecodable", reason: "a byte sequence is not utf-8".into() }),
        };
        match made {
            Ok(mut rows) => {
                let last = rows.pop();
                for cells in rows {
                    self.ready.push_back(Parsed::Row(Row { line: number, cells, raw: line.bytes.clone() }));
                }
                self.ready.extend(last.map(|cells| Parsed::Row(Row { line: number, cells, raw: line.bytes })));
            }
            Err(broken) => {
                let remedy = match broken.code {
                    "undecodable" => "write the file in UTF-8, with whole characters",
                    _ => "write one JSON object per line",
                };
                self.ready.push_back(reject(broken.code, broken.reason, remedy, line.bytes));
            }
        }
    }
}

struct Line {
    number: u64,
    bytes: Vec<u8>,
    is_cut: bool,
}

struct Lines<'a> {
    input: BufReader<Box<dyn Read + 'a>>,
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(bytes: Box<dyn Read + 'a>) -> Result<Self, FormatError> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, bytes);
        let start = input.fill_buf().map_err(|source| FormatError::Read { source })?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(FormatError::Encoding("UTF-16"));
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            input.consume(3);
        }
        Ok(Lines { input, number: 0 })
    }

    /// The next line that is not blank. Of one that is too long the beginning is kept and the rest skipped.
    fn next_line(&mut self) -> Result<Option<Line>, FormatError> {
        loop {
            let could_not = |source| FormatError::Read { source };
            let mut bytes = Vec::new();
            // A line as long as is allowed, and what ends it.
            let most = RECORD_BYTES_MAX as u64 + 1;
            if self.input.by_ref().take(most).read_until(b'\n', &mut bytes).map_err(could_not)? == 0 {
                return Ok(None);
            }
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            let is_cut = bytes.len() > RECORD_BYTES_MAX;
            if is_cut {
                bytes.truncate(TOO_LONG_KEPT_BYTES);
                bytes.shrink_to_fit();
                self.input.skip_until(b'\n').map_err(could_not)?;
            }
            self.number += 1;
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number: self.number, bytes, is_cut }));
            }
        }
    }
}

/// Why a record is no JSON object. It names places, never content.
struct Broken {
    code: &'static str,
    reason: String,
}

enum Value<'a> {
    Text(Cow<'a, str>),
    /// A number, `true` or `false`, as it stands.
    Word(&'a str),
    Null,
    /// The list that is taken apart.
    Items(&'a str),
    List {
        raw: &'a str,
        of_objects: bool,
    },
    /// An object that lies too deep.
    Deep(&'a str),
}

impl Value<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text),
            Value::Null => None,
            Value::Word(raw) | Value::Items(raw) | Value::List { raw, .. } | Value::Deep(raw) => Some(raw),
        }
    }
}

/// Calls `found` with each member's path and value.
fn walk<'a>(text: &'a str, items: Option<&str>, found: &mut dyn FnMut(&str, Value<'a>)) -> Result<(), Broken> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blank();
    scanner.object("", items, 1, found)?;
    scanner.blank();
    if scanner.at < text.len() { Err(scanner.broken("more follows the object")) } else { Ok(()) }
}

/// An element of a list: the members of an object, or the value itself under the name of the list.
fn walk_element<'a>(element: &'a str, items: &str, found: &mut dyn FnMut(&str, Value<'a>)) -> Result<(), Broken> {
    let mut scanner = Scanner { text: element, at: 0 };
    scanner.value(items, None, 1, found)
}

/// Calls `found` with the text of each element of a list.
fn elements<'a>(list: &'a str, found: &mut dyn FnMut(&'a str, usize) -> Result<(), Broken>) -> Result<(), Broken> {
    let mut scanner = Scanner { text: list, at: 0 };
    scanner.take(b'[')?;
    scanner.blank();
    if scanner.peek() == Some(b']') {
        return Ok(());
    }
    loop {
        scanner.blank();
        let start = scanner.at;
        scanner.skip()?;
        found(&list[start..scanner.at], start)?;
        scanner.blank();
        match scanner.peek() {
            Some(b',') => scanner.at += 1,
            _ => return scanner.take(b']'),
        }
    }
}

/// Reads JSON where it stands. Depth is bounded, so that no line can exhaust the stack.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != Some(byte) {
            return Err(self.broken(&format!("`{}` is missing", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    fn broken(&self, what: &str) -> Broken {
        Broken { code: "not_json", reason: format!("the line is not a JSON object: {what} at byte {}", self.at + 1) }
    }

    fn object(
        &mut self,
        prefix: &str,
        items: Option<&str>,
        depth: usize,
        found: &mut dyn FnMut(&str, Value<'a>),
    ) -> Result<(), Broken> {
        self.take(b'{')?;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            let key = self.string()?;
            self.blank();
            self.take(b':')?;
            self.blank();
            if prefix.is_empty() {
                self.value(&key, items, depth, found)?;
            } else {
                self.value(&format!("{prefix}.{key}"), items, depth, found)?;
            }
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn value(
        &mut self,
        path: &str,
        items: Option<&str>,
        depth: usize,
        found: &mut dyn FnMut(&str, Value<'a>),
    ) -> Result<(), Broken> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                found(path, Value::Text(text));
            }
            Some(b'{') if depth < DEPTH_MAX => self.object(path, items, depth + 1, found)?,
            Some(b'{') => {
                self.skip()?;
                found(path, Value::Deep(&self.text[start..self.at]));
            }
            Some(b'[') => {
                self.skip()?;
                let raw = &self.text[start..self.at];
                let of_objects = raw[1..].trim_start().starts_with('{');
                found(path, if items == Some(path) { Value::Items(raw) } else { Value::List { raw, of_objects } });
            }
            _ => {
                let word = self.word()?;
                found(path, if word == "null" { Value::Null } else { Value::Word(word) });
            }
        }
        Ok(())
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<&'a str, Broken> {
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(&byte)).unwrap_or(rest.len());
        let word = &rest[..end];
        if !matches!(word, "null" | "true" | "false") && !is_number(word) {
            return Err(self.broken("a value is missing"));
        }
        self.at += end;
        Ok(word)
    }

    /// A text with its escapes resolved; as it stands if there are none.
    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        self.take(b'"')?;
        json_text::read(self.text, &mut self.at).map_err(|bad| match bad {
            BadText::NotEnded => self.broken("a text is not ended"),
            BadText::ControlCharacter => self.broken("a control character stands"),
            BadText::UnknownEscape => self.broken("an unknown escape stands"),
            BadText::HexDigits => self.broken("four hexadecimal digits are missing"),
            BadText::LoneSurrogate => {
                Broken { code: "undecodable", reason: format!("half of a surrogate pair stands at byte {}", self.at + 1) }
            }
        })
    }

    /// Over a whole value, without recursion.
    fn skip(&mut self) -> Result<(), Broken> {
        let mut open = Vec::new();
        loop {
            self.blank();
            match self.peek() {
                Some(byte @ (b'{' | b'[')) => {
                    open.push(byte + 2); // `}` and `]` follow two places behind.
                    self.at += 1;
                    continue;
                }
                Some(byte @ (b'}' | b']')) if open.last() == Some(&byte) => {
                    open.pop();
                    self.at += 1;
                }
                Some(b',' | b':') if !open.is_empty() => {
                    self.at += 1;
                    continue;
                }
                Some(b'"') => drop(self.string()?),
                Some(_) => drop(self.word()?),
                None => return Err(self.broken("a bracket is not closed")),
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Whether text is a number as JSON writes it.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole) && !(whole.len() > 1 && whole.starts_with('0')) && fraction.is_none_or(digits) && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Remedy;

    fn read(bytes: &[u8], wanted: &[&str]) -> Result<(Vec<String>, Vec<String>), FormatError> {
        let wanted = wanted.iter().map(|name| name.to_string()).collect();
        let opened = Ndjson.open(Box::new(bytes), &Layout { wanted, ..Layout::default() })?;
        Ok((opened.header, super::super::tests::shown(opened.rows)))
    }

    #[test]
    fn objects_become_rows() {
        let check = |text: &str, header: &[&str], expect: &[&str]| {
            let (names, rows) = read(text.as_bytes(), &[]).unwrap();
            assert_eq!(
                (names, rows.iter().map(String::as_str).collect::<Vec<_>>()),
                (header.iter().map(|n| n.to_string()).collect(), expect.to_vec()),
                "{text}"
            );
        };
        check("{\"a\":\"1\",\"b\":2}\n{\"b\":3}\n", &["a", "b"], &["1: 1|2", "2: ∅|3"]);
        check(
            "\u{feff}{\"a\":null,\"b\":\"\"}\r\n\r\n{\"c\":true,\"a\":false}",
            &["a", "b", "c"],
            &["1: ∅|∅|∅", "3: false|∅|true"],
        );
        // Digits stay digits.
        check(
            r#"{"id":12345678901234567890123,"sum":0.1000000000000000055511151231257827,"e":1E+17}"#,
            &["id", "sum", "e"],
            &["1: 12345678901234567890123|0.1000000000000000055511151231257827|1E+17"],
        );
        check(
            r#"{"o":{"id":1,"by":{"mail":"x"}},"tags":["a","b"],"none":{}}"#,
            &["o.id", "o.by.mail", "tags"],
            &[r#"1: 1|x|["a","b"]"#],
        );
        check(
            r#"{"id":7,"items":[{"sku":"A","n":1},{"sku":"B","x":{"y":2}}],"at":"t"}"#,
            &["id", "at", "items.sku", "items.n", "items.x.y"],
            &["1: 7|t|A|1|∅", "1: 7|t|B|∅|2"],
        );
        check("{\"id\":7,\"items\":[{\"s\":1}]}\n{\"id\":8,\"items\":[]}", &["id", "items.s"], &["1: 7|1", "2: 8|∅"]);
        check(r#"{"t":"髙\u9ad9 \ud83d\ude00\n\"\\\/\u202e ﾀﾅｶ ①～－"}"#, &["t"], &["1: 髙髙 😀\n\"\\/\u{202e} ﾀﾅｶ ①～－"]);
        check(r#"{"t":"a\u0000b"}"#, &["t"], &["1: a\0b"]);
        check(r#"{"a":1,"a":2}"#, ["a", "a"][..1].as_ref(), &["1: 2"]);
    }

    #[test]
    fn a_line_that_is_none_rejects_itself_alone() {
        let check = |line: &[u8], code: &str| {
            let bytes = [b"{\"a\":1}\n", line, b"\n{\"a\":3}\n"].concat();
            let (_, rows) = read(&bytes, &[]).unwrap();
            assert_eq!(rows, ["1: 1".to_string(), format!("2: !{code}"), "3: 3".into()], "{}", String::from_utf8_lossy(line));
        };
        for line in [
            &b"{\"a\":1"[..],
            b"{\"a\":1}}",
            b"{\"a\":1}{\"a\":2}",
            b"{\"a\":01}",
            b"{\"a\":.5}",
            b"{\"a\":NaN}",
            b"{\"a\":-Infinity}",
            b"{\"a\":\"x",
            b"{\"a\":\"\x01\"}",
            b"{\"a\":\"\\x\"}",
            b"{\"a\":\"\\u12\"}",
            b"{\"a\" 1}",
            b"{a:1}",
            b"{\"a\":1,}",
            b"[1]",
            b"1",
            b"a,b",
            b"{\"a\":[1}",
            b"{\"a\":[[[}",
        ] {
            check(line, "not_json");
        }
        check(b"{\"a\":\"\xff\"}", "undecodable");
        check(b"{\"a\":\"\x93\x8c\"}", "undecodable");
        check(br#"{"a":"\ud83d"}"#, "undecodable");
        check(br#"{"a":"\ude00 x"}"#, "undecodable");
        check(br#"{"a":"\ud83d\u0041"}"#, "undecodable");
        check(&[b"{\"a\":\"".to_vec(), vec![b'x'; RECORD_BYTES_MAX + BUFFER_BYTES], b"\"}".to_vec()].concat(), "too_long");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        let (header, rows) = read(deep(200).as_bytes(), &[]).unwrap();
        assert_eq!((header.len(), header[0].matches('a').count(), rows.len()), (1, DEPTH_MAX, 1));
        let lists = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(lists.as_bytes(), &[]).unwrap().1.len(), 1);
    }

    #[test]
    fn the_mapping_chooses_columns_and_the_list() {
        let text = r#"{"id":1,"notes":[{"by":"x"}],"lines":[{"sku":"A"},{"sku":"B"}]}"#;
        let (header, rows) = read(text.as_bytes(), &["id", "lines.sku", "cancelled_at"]).unwrap();
        assert_eq!(header, ["id", "notes", "lines.sku", "cancelled_at"]);
        assert_eq!(rows, [r#"1: 1|[{"by":"x"}]|A|∅"#, r#"1: 1|[{"by":"x"}]|B|∅"#]);
        let (header, rows) = read(text.as_bytes(), &["id"]).unwrap();
        assert_eq!((header.len(), rows.len()), (3, 1), "nobody asks for the elements of a list");
        // A member that occurs late is read if it is asked for.
        let late = "{\"id\":1}\n".repeat(HEAD_RECORDS + 5) + "{\"id\":2,\"late\":3,\"other\":4}\n";
        let (header, rows) = read(late.as_bytes(), &["id", "late"]).unwrap();
        assert_eq!((header, rows.last().unwrap().as_str()), (vec!["id".to_string(), "late".into()], "1006: 2|3"));
        let opened = Ndjson.open(Box::new(&b"{\"id\":1}"[..]), &Layout { wanted: vec!["late".into()], ..Layout::default() });
        assert_eq!(opened.map(|opened| opened.warnings).unwrap_or_default(), ["none of the first 1 records has `late`"]);
    }

    #[test]
    fn files_that_are_something_else_say_what_to_do() {
        let check = |bytes: &[u8], expect: &str| {
            let error = read(bytes, &[]).unwrap_err();
            assert_eq!(error.to_string(), expect);
            assert!(error.remedy().is_some());
        };
        check(b"", "the file is empty");
        check(b"\n \r\n", "the file is empty");
        check(b"\xff\xfe{\0", "the file is in UTF-16, which is not read here");
        check(b"[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n", "no line of the file is a JSON object");
        check(b"{\n  \"a\": 1\n}\n", "no line of the file is a JSON object");
    }
}
