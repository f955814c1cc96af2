//! JSON as clients send it. A body is split into its events without being understood, so that one event that is no JSON (`NaN`, a broken
//! text) costs itself alone; then each is read on its own.
//!
//! Reading differs from `serde_json` in three ways: a number that a double cannot hold as it is written (`1e400`, an id of 25 digits) stays
//! as its text instead of becoming another number; what lies deeper than [`DEPTH_MAX`] stays as its JSON text; and what is wrong is named
//! (`not_utf8`, `lone_surrogate`), never replaced.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::Malformed;
use crate::json_text::{self, BadText};

/// Objects and arrays in each other.
pub(super) const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    NotUtf8,
    NotJson,
    /// Half of a UTF-16 pair: no text has it.
    LoneSurrogate,
}

/// A value, whole.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Wrong> {
    whole(bytes, |reader| reader.value(0))
}

/// The members of an event, as they come. They are few, so one is found by looking at each: no name is copied or hashed. The last of a name
/// counts, and `null` is none.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Value)>);

impl<'a> Fields<'a> {
    /// `None` where `bytes` are another value.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Option<Fields<'a>>, Wrong> {
        whole(bytes, |reader| {
            if reader.peek() != Some(b'{') {
                return reader.value(0).map(|_| None);
            }
            let mut fields = Fields::default();
            reader.object(0, |name, value| fields.0.push((name, value)))?;
            Ok(Some(fields))
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.0.iter_mut().rfind(|(known, _)| known == name).map(|(_, value)| value.take());
        value.filter(|value| !value.is_null())
    }

    pub(super) fn put(&mut self, name: &'a str, value: Value) {
        self.0.push((Cow::Borrowed(name), value));
    }
}

impl From<Map<String, Value>> for Fields<'_> {
    fn from(members: Map<String, Value>) -> Self {
        Fields(members.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
    }
}

fn whole<'a, T>(bytes: &'a [u8], what: impl FnOnce(&mut Reader<'a>) -> Result<T, Wrong>) -> Result<T, Wrong> {
    let text = std::str::from_utf8(bytes).map_err(|_| Wrong::NotUtf8)?;
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = what(&mut reader)?;
    reader.space();
    if reader.at == text.len() { Ok(value) } else { Err(Wrong::NotJson) }
}

/// The members of an object (`None` where `bytes` do not begin with one), each with the bytes of its value.
pub(super) fn members(bytes: &[u8]) -> Option<Members<'_>> {
    let at = space(bytes, 0);
    (bytes.get(at) == Some(&b'{')).then_some(Members { bytes, at: at + 1, first: true, done: false })
}

/// The elements of an array, as bytes.
pub(super) fn elements(bytes: &[u8]) -> Option<Elements<'_>> {
    let at = space(bytes, 0);
    (bytes.get(at) == Some(&b'[')).then_some(Elements { bytes, at: at + 1, first: true, done: false })
}

/// What a body is whose outermost is no object. It is not read for that: it may be long.
pub(super) fn no_object(body: &[u8]) -> Malformed {
    let body = body.trim_ascii();
    let is_json = body.starts_with(b"[") || (body.len() <= 64 && read(body).is_ok());
    if is_json { Malformed::Shape("an object") } else { Malformed::NotJson }
}

pub(super) struct Members<'a> {
    bytes: &'a [u8],
    at: usize,
    first: bool,
    done: bool,
}

pub(super) struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    first: bool,
    done: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<(String, &'a [u8]), Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

impl<'a> Members<'a> {
    fn step(&mut self) -> Result<Option<(String, &'a [u8])>, Wrong> {
        let Some(at) = next_item(self.bytes, self.at, &mut self.first, b'}')? else { return Ok(None) };
        let name_end = skip(self.bytes, at).filter(|_| self.bytes[at] == b'"').ok_or(Wrong::NotJson)?;
        let Value::String(name) = read(&self.bytes[at..name_end])? else { return Err(Wrong::NotJson) };
        let colon = space(self.bytes, name_end);
        if self.bytes.get(colon) != Some(&b':') {
            return Err(Wrong::NotJson);
        }
        let start = space(self.bytes, colon + 1);
        self.at = skip(self.bytes, start).ok_or(Wrong::NotJson)?;
        Ok(Some((name, &self.bytes[start..self.at])))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

impl<'a> Elements<'a> {
    fn step(&mut self) -> Result<Option<&'a [u8]>, Wrong> {
        let Some(start) = next_item(self.bytes, self.at, &mut self.first, b']')? else { return Ok(None) };
        self.at = skip(self.bytes, start).ok_or(Wrong::NotJson)?;
        // What follows up to the comma is of the same element, and makes it no JSON: its neighbours are none the worse.
        loop {
            let next = space(self.bytes, self.at);
            match self.bytes.get(next) {
                None => return Err(Wrong::NotJson),
                Some(b',' | b']') => return Ok(Some(&self.bytes[start..self.at])),
                Some(b'}' | b':') => self.at = next + 1,
                Some(_) => self.at = skip(self.bytes, next).ok_or(Wrong::NotJson)?,
            }
        }
    }
}

/// Where the next item begins; none after `close`, behind which nothing may stand.
fn next_item(bytes: &[u8], at: usize, first: &mut bool, close: u8) -> Result<Option<usize>, Wrong> {
    let at = space(bytes, at);
    match bytes.get(at) {
        Some(byte) if *byte == close => {
            if space(bytes, at + 1) == bytes.len() {
                Ok(None)
            } else {
                Err(Wrong::NotJson)
            }
        }
        Some(_) if *first => {
            *first = false;
            Ok(Some(at))
        }
        Some(b',') => Ok(Some(space(bytes, at + 1))),
        _ => Err(Wrong::NotJson),
    }
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// Where the value that begins at `at` ends, by its quotes and brackets alone.
fn skip(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => skip_text(bytes, at),
        b'{' | b'[' => {
            let (mut at, mut depth) = (at, 0usize);
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = skip_text(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        b',' | b':' | b'}' | b']' => None,
        _ => {
            let length = bytes[at..].iter().take_while(|byte| {
                !matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'[')
            });
            Some(at + length.count())
        }
    }
}

fn skip_text(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        self.at = space(self.text.as_bytes(), self.at);
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        self.space();
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Wrong::NotJson)
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Wrong> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                let end = skip(self.text.as_bytes(), self.at).ok_or(Wrong::NotJson)?;
                let raw = self.text.get(self.at..end).ok_or(Wrong::NotJson)?;
                self.at = end;
                Ok(Value::String(raw.into()))
            }
            Some(b'{') => {
                let mut members = Map::new();
                // The last of a name counts, as in a browser.
                self.object(depth, |name, value| drop(members.insert(name.into_owned(), value)))?;
                Ok(Value::Object(members))
            }
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|text| Value::String(text.into_owned())),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Wrong::NotJson),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Wrong> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(Wrong::NotJson)
        }
    }

    fn object(&mut self, depth: usize, mut put: impl FnMut(Cow<'a, str>, Value)) -> Result<(), Wrong> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Wrong::NotJson);
            }
            let name = self.string()?;
            self.expect(b':')?;
            self.space();
            let value = self.value(depth + 1)?;
            put(name, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Wrong::NotJson),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Wrong> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(Wrong::NotJson),
            }
        }
    }

    /// A text as it stands, if it has no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        self.at += 1;
        json_text::read(self.text, &mut self.at).map_err(|bad| match bad {
            BadText::LoneSurrogate => Wrong::LoneSurrogate,
            _ => Wrong::NotJson,
        })
    }

    fn number(&mut self) -> Result<Value, Wrong> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - from
        };
        self.at += usize::from(bytes[self.at] == b'-');
        let leading_zero = bytes.get(self.at) == Some(&b'0');
        let whole = digits(&mut self.at);
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(Wrong::NotJson);
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if digits(&mut self.at) == 0 {
                return Err(Wrong::NotJson);
            }
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            if digits(&mut self.at) == 0 {
                return Err(Wrong::NotJson);
            }
        }
        Ok(number(&self.text[start..self.at]))
    }
}

/// The number, where it can be held exactly (or as the double that its sender had); else its text.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::Number(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Value::Number(whole.into());
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let significant: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = significant.trim_start_matches('0');
    let held = text.parse::<f64>().ok().filter(|value| value.is_finite() && (*value != 0.0 || significant.is_empty()));
    match held.and_then(Number::from_f64) {
        // Fifteen digits go through a double unharmed; more do if it is written as doubles are.
        Some(number) if significant.len() <= 15 || number.to_string() == text => Value::Number(number),
        _ => Value::String(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        let check = |text: &str, expect: Result<Value, Wrong>| assert_eq!(read(text.as_bytes()), expect, "{text}");
        check(" {\"a\":[1,-2.5,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"]} ", Ok(json!({ "a": [1, -2.5, true, null, "xé😀\n"] })));
        check("-0", Ok(json!(0)));
        check("1e3", Ok(json!(1000.0)));
        check("18446744073709551615", Ok(json!(u64::MAX)));
        check("0.30000000000000004", Ok(json!(0.30000000000000004)));
        for kept in
            ["1e400", "-1e400", "1e-400", "18446744073709551616", "12345678901234567890123", "0.100000000000000000000000000001"]
        {
            check(kept, Ok(json!(kept)));
        }
        for wrong in [
            "",
            "NaN",
            "Infinity",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "{",
            "{\"a\"}",
            "{\"a\":1,}",
            "[1,]",
            "\"\t\"",
            "tru",
            "1 2",
            "{'a':1}",
        ] {
            check(wrong, Err(Wrong::NotJson));
        }
        check("\"\\ud800\"", Err(Wrong::LoneSurrogate));
        check("\"\\udc00\"", Err(Wrong::LoneSurrogate));
        check("\"\\ud800\\u0041\"", Err(Wrong::LoneSurrogate));
        assert_eq!(read(b"\"\xff\""), Err(Wrong::NotUtf8));
    }

    #[test]
    fn what_lies_too_deep_stays_text() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let mut value = read(deep.as_bytes()).unwrap();
        for _ in 0..DEPTH_MAX {
            value = value[0].take();
        }
        assert_eq!(value.as_str().unwrap().len(), 2 * (5_000 - DEPTH_MAX) + 1);
    }

    #[test]
    fn a_body_is_split_before_it_is_understood() {
        let split = |text: &'static str| -> Option<Result<Vec<String>, Wrong>> {
            elements(text.as_bytes())
                .map(|items| items.map(|item| item.map(|raw| String::from_utf8_lossy(raw).into_owned())).collect())
        };
        let some = |items: &[&str]| Some(Ok(items.iter().map(|item| item.to_string()).collect::<Vec<_>>()));
        assert_eq!(split("[ {\"a\":\"]\\\"}\"} , NaN,[1, {]} ]"), some(&["{\"a\":\"]\\\"}\"}", "NaN", "[1, {]}"]));
        assert_eq!(split("[1 2,{}x:}, 3]"), some(&["1 2", "{}x:}", "3"]));
        assert_eq!(split("[]"), some(&[]));
        assert_eq!(split("{}"), None);
        for broken in ["[", "[1", "[1,", "[\"a]", "[1]x", "[,1]", "[{\"a\":1]"] {
            assert!(matches!(split(broken), Some(Err(Wrong::NotJson))), "{broken}");
        }
    }
}
