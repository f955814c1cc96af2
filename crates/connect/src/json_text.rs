//! A text of JSON, with its escapes resolved. Live events and files are read by different rules; what stands between two quotes is the same
//! in both, and each says in its own words what is wrong with it.

use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadText {
    NotEnded,
    ControlCharacter,
    UnknownEscape,
    /// Not four of them after `\u`.
    HexDigits,
    /// Half of a UTF-16 pair: no text has it.
    LoneSurrogate,
}

/// The text that begins at `at`, behind its quote; as it stands, if it has no escapes. `at` goes on behind the closing quote, or to what is wrong.
#[inline]
pub(crate) fn read<'a>(json: &'a str, at: &mut usize) -> Result<Cow<'a, str>, BadText> {
    let mut out = Cow::Borrowed("");
    loop {
        let piece = plain(json, at);
        match &mut out {
            Cow::Borrowed("") => out = Cow::Borrowed(piece),
            out => out.to_mut().push_str(piece),
        }
        match json.as_bytes().get(*at) {
            Some(b'"') => {
                *at += 1;
                return Ok(out);
            }
            Some(b'\\') => {
                *at += 1;
                let c = escape(json.as_bytes(), at)?;
                out.to_mut().push(c);
            }
            Some(_) => return Err(BadText::ControlCharacter),
            None => return Err(BadText::NotEnded),
        }
    }
}

/// Up to the next quote, backslash or control character.
fn plain<'a>(json: &'a str, at: &mut usize) -> &'a str {
    let start = *at;
    let rest = &json.as_bytes()[start..];
    *at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(rest.len());
    &json[start..*at]
}

/// After a backslash.
fn escape(bytes: &[u8], at: &mut usize) -> Result<char, BadText> {
    let byte = *bytes.get(*at).ok_or(BadText::NotEnded)?;
    *at += 1;
    Ok(match byte {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes, at),
        _ => return Err(BadText::UnknownEscape),
    })
}

fn unicode(bytes: &[u8], at: &mut usize) -> Result<char, BadText> {
    let first = hex(bytes, at)?;
    let code = match first {
        0xD800..=0xDBFF if bytes[*at..].starts_with(b"\\u") => {
            *at += 2;
            let second = hex(bytes, at)?;
            if !(0xDC00..=0xDFFF).contains(&second) {
                return Err(BadText::LoneSurrogate);
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        }
        code => code,
    };
    char::from_u32(code).ok_or(BadText::LoneSurrogate)
}

fn hex(bytes: &[u8], at: &mut usize) -> Result<u32, BadText> {
    let digits = bytes.get(*at..*at + 4).ok_or(BadText::HexDigits)?;
    let mut code = 0;
    for byte in digits {
        code = code * 16 + char::from(*byte).to_digit(16).ok_or(BadText::HexDigits)?;
    }
    *at += 4;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_behind_its_quote_or_at_what_is_wrong() {
        let check = |json: &str, expect: Result<&str, BadText>, end: usize| {
            let mut at = 1;
            let got = read(json, &mut at);
            assert_eq!((got.as_deref(), at), (expect.as_ref().copied(), end), "{json}");
        };
        check(r#""" x"#, Ok(""), 2);
        check(r#""茶","#, Ok("茶"), 5);
        check(r#""\u9ad9\ud83d\ude00\n"]"#, Ok("髙😀\n"), 22);
        check(r#""茶"#, Err(BadText::NotEnded), 4);
        check(r#""a\"#, Err(BadText::NotEnded), 3);
        check("\"a\u{1}\"", Err(BadText::ControlCharacter), 2);
        check(r#""\x""#, Err(BadText::UnknownEscape), 3);
        check(r#""\u12""#, Err(BadText::HexDigits), 3);
        check(r#""\u12茶""#, Err(BadText::HexDigits), 3);
        check(r#""\ud83d""#, Err(BadText::LoneSurrogate), 7);
        check(r#""\ude00""#, Err(BadText::LoneSurrogate), 7);
        check(r#""\ud83d\u0041""#, Err(BadText::LoneSurrogate), 13);
        check(r#""\ud83d\u00""#, Err(BadText::HexDigits), 9);
    }
}
