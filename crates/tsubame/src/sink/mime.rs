//! As much of a mail's form as an inbox needs to show it: encoded words in headers, quoted-printable and base64 bodies, in UTF-8.

use base64::{Engine, prelude::BASE64_STANDARD};

/// Headers (unfolded, a line each, as they came) and the body in words.
pub struct Mail {
    pub head: String,
    pub text: String,
}

impl Mail {
    pub fn read(bytes: &[u8]) -> Mail {
        let raw = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let (head, body) = raw.split_once("\n\n").unwrap_or((&raw, ""));
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let mail = Mail { head, text: String::new() };
        let text = match mail.header("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => decoded(BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok(), body),
            "quoted-printable" => decoded(Some(quoted_printable(body, false)), body),
            _ => body.to_string(),
        };
        Mail { text, ..mail }
    }

    /// As it came; `words` makes it readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A header's value with its encoded words (RFC 2047) read.
pub fn words(value: &str) -> String {
    let mut out = String::new();
    let mut was_encoded = false;
    for part in value.split(' ') {
        let read = encoded_word(part);
        // A space between two encoded words is no part of the text.
        if !(out.is_empty() || was_encoded && read.is_some()) {
            out.push(' ');
        }
        was_encoded = read.is_some();
        out.push_str(&read.unwrap_or_else(|| part.to_string()));
    }
    out
}

fn encoded_word(part: &str) -> Option<String> {
    let mut fields = part.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
    let (charset, encoding, text) = (fields.next()?, fields.next()?, fields.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let bytes = match encoding {
        "b" | "B" => BASE64_STANDARD.decode(text).ok()?,
        "q" | "Q" => quoted_printable(text, true),
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

fn quoted_printable(text: &str, in_header: bool) -> Vec<u8> {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, hex) {
            (b'=', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'_', _) if in_header => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    bytes
}

fn decoded(bytes: Option<Vec<u8>>, otherwise: &str) -> String {
    bytes.map_or_else(|| otherwise.to_string(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_bodies_are_read() {
        let check = |raw: &str, subject: &str, text: &str| {
            let mail = Mail::read(raw.replace('\n', "\r\n").as_bytes());
            assert_eq!((words(mail.header("subject").unwrap_or_default()).as_str(), mail.text.as_str()), (subject, text));
        };
        check("Subject: hello\n\nplain\n", "hello", "plain\n");
        check(
            "subject: =?utf-8?b?44KE?=\n =?utf-8?B?44GC?= x\nContent-Transfer-Encoding: base64\n\n44KE44GC\n",
            "やあ x",
            "やあ",
        );
        check(
            "Subject: =?UTF-8?Q?a_=E3=82=84?=\nContent-Transfer-Encoding: quoted-printable\n\n=E3=82=84=\n=E3=81=82 1=3D1\n",
            "a や",
            "やあ 1=1\n",
        );
        check("Subject: =?latin1?q?x?=\n\n", "=?latin1?q?x?=", "");
        check("Subject: x\nContent-Transfer-Encoding: base64\n\n!!", "x", "!!");
        check("no header at all", "", "");
    }
}
