//! Finds personal data in free text, so that none of it reaches the lake: e-mail addresses, phone numbers (Japanese, and others behind a
//! `+`), LINE user ids, card numbers (Luhn) and マイナンバー (check digit). What is found is replaced by `[email]`, `[phone]`, `[line]`,
//! `[card]`, `[my_number]` and counted.
//!
//! The same text always gives the same result. Ids must survive, so a pattern counts only where it stands alone: digits that touch letters
//! (`P123456789012345678`), longer runs of digits and groups of another number are left as they are, a landline needs its hyphens, and
//! twelve bare digits are a マイナンバー only where the text or the member's name says so. Names of people cannot be found this way.

use std::borrow::Cow;

use model::{IdKey, Phone};
use serde::Serialize;
use serde_json::{Map, Value};

/// How many of each were masked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    pub email: u64,
    pub phone: u64,
    pub line: u64,
    pub card: u64,
    pub my_number: u64,
}

impl Found {
    pub fn total(&self) -> u64 {
        self.email + self.phone + self.line + self.card + self.my_number
    }

    pub fn add(&mut self, other: &Found) {
        self.email += other.email;
        self.phone += other.phone;
        self.line += other.line;
        self.card += other.card;
        self.my_number += other.my_number;
    }

    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Email => self.email += 1,
            Kind::Phone => self.phone += 1,
            Kind::Line => self.line += 1,
            Kind::Card => self.card += 1,
            Kind::MyNumber => self.my_number += 1,
        }
    }
}

/// Free text (a search, a coupon, a URL with its query) without personal data.
pub fn mask(text: &str) -> Cow<'_, str> {
    mask_counted(text, &mut Found::default())
}

pub fn mask_counted<'a>(text: &'a str, found: &mut Found) -> Cow<'a, str> {
    mask_as(text, Scope::Free, found)
}

/// An id, in which only what can hardly be an id is masked: e-mail addresses, LINE user ids, mobile numbers and numbers behind a `+`.
fn mask_id<'a>(text: &'a str, found: &mut Found) -> Cow<'a, str> {
    mask_as(text, Scope::Id, found)
}

/// An id that holds an address is replaced whole, so that two of them stay two.
pub(crate) fn plain_id(id: &str, key: &IdKey, found: &mut Found) -> String {
    match mask_id(id, found) {
        Cow::Borrowed(id) => id.to_string(),
        Cow::Owned(_) => format!("h-{}", key.pseudonym(id)),
    }
}

/// Whether an id can stay as it is: it holds no personal data.
pub(crate) fn is_plain_id(id: &str) -> bool {
    matches!(mask_id(id, &mut Found::default()), Cow::Borrowed(_))
}

/// Masks every text in a value, the names of members too. Members whose name says id, code or number are masked as ids; those whose name
/// says phone lose any phone number, however it is written.
pub fn mask_json(value: &mut Value, found: &mut Found) {
    mask_value(value, "", found);
}

/// The members of an object, as [`mask_json`].
pub fn mask_members(members: &mut Map<String, Value>, found: &mut Found) {
    if members.keys().any(|name| matches!(mask(name), Cow::Owned(_))) {
        let old = std::mem::take(members);
        for (name, value) in old {
            let masked = mask_counted(&name, found).into_owned();
            // Two addresses as names must not become one member.
            let mut free = masked.clone();
            let mut count = 1;
            while members.contains_key(&free) {
                count += 1;
                free = format!("{masked}{count}");
            }
            members.insert(free, value);
        }
    }
    for (name, value) in members.iter_mut() {
        mask_value(value, name, found);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Email,
    Phone,
    Line,
    Card,
    MyNumber,
}

impl Kind {
    fn mark(self) -> &'static str {
        match self {
            Kind::Email => "[email]",
            Kind::Phone => "[phone]",
            Kind::Line => "[line]",
            Kind::Card => "[card]",
            Kind::MyNumber => "[my_number]",
        }
    }
}

/// What a text is, as far as its name tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Free,
    Id,
    Phone,
    MyNumber,
}

impl Scope {
    fn of(name: &str) -> Scope {
        let lower = name.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let ends = |words: &[&str]| words.iter().any(|word| lower.ends_with(word));
        if says(&["mynumber", "my_number", "my number", "マイナンバー", "個人番号"]) {
            Scope::MyNumber
        } else if says(&["phone", "mobile", "電話", "携帯", "fax"])
            || lower == "tel"
            || lower.starts_with("tel_")
            || ends(&["_tel"])
        {
            Scope::Phone
        } else if says(&["card", "pan"]) {
            Scope::Free
        } else if ends(&[
            "id",
            "ids",
            "sku",
            "code",
            "jan",
            "ean",
            "upc",
            "gtin",
            "isbn",
            "barcode",
            "number",
            "_no",
            "番号",
            "コード",
        ]) {
            Scope::Id
        } else {
            Scope::Free
        }
    }
}

fn mask_value(value: &mut Value, name: &str, found: &mut Found) {
    match value {
        Value::String(text) => {
            if let Some(masked) = mask_scalar(text, name, found) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            if !number.is_f64()
                && number.as_u64().is_none_or(|number| number >= 100_000_000)
                && let Some(masked) = mask_scalar(&number.to_string(), name, found)
            {
                *value = Value::String(masked);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(item, name, found)),
        Value::Object(members) => mask_members(members, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn mask_scalar(text: &str, name: &str, found: &mut Found) -> Option<String> {
    // What cannot even be a phone number need not be asked what it is.
    let digits = text.chars().filter(|c| c.is_numeric()).take(8).count();
    if digits < 8 && !may_hold(text) {
        return None;
    }
    let scope = Scope::of(name);
    if scope == Scope::Phone && Phone::parse(text).is_ok() {
        found.phone += 1;
        return Some(Kind::Phone.mark().into());
    }
    match mask_as(text, scope, found) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    }
}

fn mask_as<'a>(text: &'a str, scope: Scope, found: &mut Found) -> Cow<'a, str> {
    if !may_hold(text) {
        return Cow::Borrowed(text);
    }
    let marks = fold(text);
    let mut spans = emails(&marks);
    spans.extend(numbers(&marks, scope, scope == Scope::MyNumber || says_my_number(text)));
    spans.extend(line_ids(&marks));
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|(from, to, _)| (*from, usize::MAX - *to));
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for (from, to, kind) in spans {
        let (start, end) = (marks[from].start, marks[to - 1].end);
        if start < done {
            continue;
        }
        masked.push_str(&text[done..start]);
        masked.push_str(kind.mark());
        found.count(kind);
        done = end;
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// Nearly every text has neither an `@` nor ten digits in a row, and is done with here.
fn may_hold(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_encoded = bytes.contains(&b'%') || bytes.contains(&b'\\');
    let mut digits = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'@' => return true,
            b'0'..=b'9' => {
                digits += 1;
                if digits >= 10 {
                    return true;
                }
            }
            b'%' if bytes[at..].starts_with(b"%40") || bytes[at..].starts_with(b"%2540") => return true,
            b'\\' if bytes[at..].starts_with(b"\\u0040") => return true,
            b'U' if bytes.get(at + 1..at + 33).is_some_and(|id| id.iter().all(u8::is_ascii_hexdigit)) => return true,
            // Full-width digits and the full-width `@` are U+FF10 to U+FF20.
            0xEF => {
                if let Some([0xBC, last]) = bytes.get(at + 1..at + 3) {
                    if *last == 0xA0 {
                        return true;
                    }
                    digits += usize::from((0x90..=0x99).contains(last));
                    if digits >= 10 {
                        return true;
                    }
                }
            }
            b' ' | b'-' | b'.' | b'(' | b')' | 0x80.. => {}
            _ if is_encoded => {}
            _ => digits = 0,
        }
    }
    false
}

fn says_my_number(text: &str) -> bool {
    ["マイナンバー", "個人番号"].iter().any(|word| text.contains(word)) || {
        let lower = text.to_ascii_lowercase();
        lower.contains("my number") || lower.contains("mynumber") || lower.contains("my_number")
    }
}

/// A character as it is meant, and the bytes it stands in.
#[derive(Clone, Copy)]
struct Mark {
    c: char,
    start: usize,
    end: usize,
}

/// Full-width forms as narrow ones, every dash as `-`, and what is encoded for a URL (once or twice) or for JSON as it is meant.
fn fold(text: &str) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        let mut meant = match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            '‐' | '‑' | '‒' | '–' | '—' | '−' | 'ー' | '―' => '-',
            '\u{3000}' => ' ',
            c => c,
        };
        if matches!(c, '%' | '\\')
            && let Some((decoded, length)) = decode(&text[start..])
        {
            meant = decoded;
            end = start + length;
            (1..length).for_each(|_| {
                chars.next();
            });
        }
        marks.push(Mark { c: meant, start, end });
    }
    marks
}

/// A printable ASCII character in the encoding of URLs or of JSON, and how many bytes it took.
fn decode(text: &str) -> Option<(char, usize)> {
    let prefix = ["%25", "%", "\\u00"].into_iter().find(|prefix| {
        text.strip_prefix(prefix)
            .and_then(|rest| rest.get(..2))
            .is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })?;
    let length = prefix.len() + 2;
    let byte = u8::from_str_radix(&text[prefix.len()..length], 16).ok()?;
    (b' '..=b'~').contains(&byte).then_some((char::from(byte), length))
}

type Span = (usize, usize, Kind);

fn emails(marks: &[Mark]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut free_from = 0;
    for at in (0..marks.len()).filter(|at| marks[*at].c == '@') {
        let run = |keep: fn(char) -> bool| {
            let mut from = at;
            while from > free_from && at - from < 64 && keep(marks[from - 1].c) {
                from -= 1;
            }
            from
        };
        let mut from = run(|c| c.is_ascii_alphanumeric() || "._%+-'!#$*~^`{|}".contains(c));
        if from == at {
            from = run(char::is_alphanumeric); // 太郎@example.jp
        }
        if from == at {
            continue;
        }
        if let Some(to) = domain_end(marks, at + 1) {
            spans.push((from, to, Kind::Email));
            free_from = to;
        }
    }
    spans
}

/// Where the domain that begins at `from` ends. It has two labels or more, and a last one of letters.
fn domain_end(marks: &[Mark], from: usize) -> Option<usize> {
    const FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "webp", "svg", "js", "css"];
    let mut end = from;
    while end < marks.len() && end - from < 253 && (marks[end].c.is_alphanumeric() || marks[end].c == '-' || marks[end].c == '.')
    {
        end += 1;
    }
    let mut labels: Vec<(usize, usize)> = Vec::new();
    let mut start = from;
    for label in marks[from..end].split(|mark| mark.c == '.') {
        labels.push((start, start + label.len()));
        start += label.len() + 1;
    }
    // A domain stops at its first empty label: `a@example.jp..` or the full stop of a sentence.
    let whole = labels.iter().take_while(|(start, end)| start < end).count();
    for last in (1..whole).rev() {
        let (start, end) = labels[last];
        let letters = (start..end).take_while(|at| marks[*at].c.is_ascii_alphabetic()).count();
        if letters >= 2 {
            let word: String = (start..start + letters).map(|at| marks[at].c.to_ascii_lowercase()).collect();
            if last == 1 && FILES.contains(&word.as_str()) {
                return None; // logo@2x.png
            }
            let is_ascii = (start..end).all(|at| marks[at].c.is_ascii());
            return Some(if is_ascii { end } else { start + letters }); // example.jpまで
        }
        if (start..end).any(|at| !marks[at].c.is_ascii()) {
            return Some(end);
        }
    }
    None
}

fn line_ids(marks: &[Mark]) -> Vec<Span> {
    let mut spans = Vec::new();
    for at in 0..marks.len().saturating_sub(32) {
        let alone = (at == 0 || !marks[at - 1].c.is_ascii_alphanumeric())
            && marks.get(at + 33).is_none_or(|mark| !mark.c.is_ascii_alphanumeric());
        if marks[at].c == 'U' && alone && marks[at + 1..at + 33].iter().all(|mark| mark.c.is_ascii_hexdigit()) {
            spans.push((at, at + 33, Kind::Line));
        }
    }
    spans
}

fn numbers(marks: &[Mark], scope: Scope, my_number_said: bool) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while at < marks.len() {
        let c = marks[at].c;
        if !(c.is_ascii_digit() || c == '+') || !may_begin(marks, at) {
            at += 1;
            continue;
        }
        let hit = Separator::ALL.into_iter().find_map(|separator| number_at(marks, at, separator, scope, my_number_said));
        match hit {
            Some((end, kind)) => {
                spans.push((at, end, kind));
                at = end;
            }
            None => {
                at += 1;
                while at < marks.len() && marks[at].c.is_ascii_digit() {
                    at += 1;
                }
            }
        }
    }
    spans
}

/// A number is not the middle of something longer.
fn may_begin(marks: &[Mark], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| marks[at].c);
    match before(1) {
        None => true,
        Some(c) if c.is_ascii_alphanumeric() || c == '_' => false,
        Some('-' | '.' | ',') => !before(2).is_some_and(|c| c.is_ascii_alphanumeric()),
        Some(_) => true,
    }
}

fn may_end(marks: &[Mark], end: usize) -> bool {
    let after = |ahead: usize| marks.get(end + ahead).map(|mark| mark.c);
    match after(0) {
        None => true,
        Some(c) if c.is_ascii_alphanumeric() || c == '_' => false,
        Some('-' | '.' | ',') => !after(1).is_some_and(|c| c.is_ascii_digit()),
        Some(_) => true,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Hyphen,
    Space,
}

impl Separator {
    const ALL: [Separator; 2] = [Separator::Hyphen, Separator::Space];

    fn is(self, c: char) -> bool {
        match self {
            Separator::Hyphen => matches!(c, '-' | '(' | ')' | '.'),
            Separator::Space => c == ' ',
        }
    }
}

/// The number that begins at `at`, in groups of digits. Behind spaces there may be other numbers, so there fewer groups are tried too.
fn number_at(marks: &[Mark], at: usize, separator: Separator, scope: Scope, my_number_said: bool) -> Option<(usize, Kind)> {
    const GROUPS_MAX: usize = 6;
    let plus = marks[at].c == '+';
    let mut digits = String::new();
    let mut groups: Vec<(usize, usize)> = Vec::new(); // Digits so far, and where the group ends.
    let mut next = at + usize::from(plus);
    while groups.len() < GROUPS_MAX && digits.len() < 20 {
        let start = next;
        while next < marks.len() && marks[next].c.is_ascii_digit() {
            digits.push(marks[next].c);
            next += 1;
        }
        if next == start {
            break;
        }
        groups.push((digits.len(), next));
        let mut ahead = next;
        // `) ` and `)-` are one separator.
        while ahead < marks.len() && ahead - next < 2 && (separator.is(marks[ahead].c) || (ahead > next && marks[ahead].c == ' '))
        {
            ahead += 1;
        }
        if ahead == next || !marks.get(ahead).is_some_and(|mark| mark.c.is_ascii_digit()) {
            break;
        }
        next = ahead;
    }
    let fewest = if separator == Separator::Space { 1 } else { groups.len() };
    for count in (fewest.max(1)..=groups.len()).rev() {
        let (length, end) = groups[count - 1];
        if !may_end(marks, end) {
            continue;
        }
        let mut sizes = Vec::with_capacity(count);
        let mut before = 0;
        for (sum, _) in &groups[..count] {
            sizes.push(sum - before);
            before = *sum;
        }
        if let Some(kind) = kind_of(plus, &digits[..length], &sizes, scope, my_number_said) {
            return Some((end, kind));
        }
    }
    None
}

fn kind_of(plus: bool, digits: &str, sizes: &[usize], scope: Scope, my_number_said: bool) -> Option<Kind> {
    let bare = sizes.len() == 1;
    if plus {
        let fits = (10..=15).contains(&digits.len()) && !digits.starts_with('0') && (bare || sizes.iter().all(|size| *size <= 8));
        return fits.then_some(Kind::Phone);
    }
    let is_mobile = digits.len() == 11 && ["050", "070", "080", "090"].iter().any(|prefix| digits.starts_with(prefix));
    if is_mobile && matches!(sizes, [11] | [3, 4, 4] | [3, 8] | [7, 4]) {
        return Some(Kind::Phone);
    }
    if scope == Scope::Id {
        return None;
    }
    let is_landline = digits.starts_with('0')
        && !digits.starts_with("00")
        && digits.len() == 10
        && matches!(sizes, [2, 4, 4] | [3, 3, 4] | [4, 2, 4] | [5, 1, 4]);
    if is_landline {
        return Some(Kind::Phone);
    }
    if (bare || matches!(sizes, [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4])) && is_card(digits) {
        return Some(Kind::Card);
    }
    let is_grouped = matches!(sizes, [4, 4, 4]);
    ((is_grouped || (bare && my_number_said)) && is_my_number(digits)).then_some(Kind::MyNumber)
}

/// A length and first digits that card networks use, and the Luhn digit.
fn is_card(digits: &str) -> bool {
    let first = |count: usize| digits.get(..count).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let known = match digits.len() {
        14 => matches!(first(2), 36 | 38) || (300..=305).contains(&first(3)),
        15 => matches!(first(2), 34 | 37),
        16 => {
            first(1) == 4
                || (51..=55).contains(&first(2))
                || (2221..=2720).contains(&first(4))
                || (3528..=3589).contains(&first(4))
                || matches!(first(2), 62 | 65)
                || first(4) == 6011
                || (644..=649).contains(&first(3))
        }
        17..=19 => first(2) == 62,
        _ => false,
    };
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            match at % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    known && sum.is_multiple_of(10)
}

/// Twelve digits, the last of which checks the others (総務省令 第5条).
fn is_my_number(digits: &str) -> bool {
    if digits.len() != 12 {
        return false;
    }
    let digit = |at: usize| u32::from(digits.as_bytes()[at] - b'0');
    // The n-th digit from the right of the first eleven weighs n + 1 up to the sixth, n - 5 beyond.
    let sum: u32 = (1..=11).map(|n: u32| digit(11 - n as usize) * if n <= 6 { n + 1 } else { n - 5 }).sum();
    let check = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    check == digit(11)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_and_numbers_are_masked() {
        let check = |text: &str, expect: &str| assert_eq!(mask(text), expect, "{text}");
        check("taro@example.jp", "[email]");
        check("連絡先はtaro.yamada+x@mail.example.co.jpまで。", "連絡先は[email]まで。");
        check("太郎@example.jp", "[email]");
        check("taro＠example．jp", "[email]");
        check("https://shop.example/a?mail=taro%40example.jp&b=1", "https://shop.example/a?mail=[email]&b=1");
        check("/go?to=%2Fa%3Fmail%3Dtaro%2540example.jp%26b%3D1", "/go?to=%2Fa%3Fmail%3D[email]%26b%3D1");
        check("tel=090%2D1234%2D5678&b", "tel=[phone]&b");
        check("[[\"taro\\u0040example.jp\"]]", "[[\"[email]\"]]");
        check("a@example.jp, b@example.com.", "[email], [email].");
        check("taro@例え.テスト", "[email]");
        check("090-1234-5678", "[phone]");
        check("tel:09012345678 まで", "tel:[phone] まで");
        check("０９０−１２３４−５６７８", "[phone]");
        check("03-1234-5678 / 0422-12-3456", "[phone] / [phone]");
        check("(03) 1234-5678", "([phone]");
        check("03(1234)5678", "[phone]");
        check("+81 90 1234 5678", "[phone]");
        check("q=%2B819012345678&x=1", "q=[phone]&x=1");
        check("q=foo+09012345678", "q=foo+[phone]");
        check("call +1 415 555 0100 now", "call [phone] now");
        check("12 090 1234 5678", "12 [phone]");
        check("4111 1111 1111 1111", "[card]");
        check("4111-1111-1111-1111", "[card]");
        check("card 4111111111111111 exp 12/29", "card [card] exp 12/29");
        check("3782 822463 10005", "[card]");
        check("1234 5678 9018", "[my_number]");
        check("マイナンバー123456789018です", "マイナンバー[my_number]です");
        check(&format!("line U{}", "0123456789abcdef".repeat(2)), "line [line]");
    }

    #[test]
    fn ids_prices_and_times_are_left_alone() {
        for text in [
            "2026-11-24T12:00:00+09:00",
            "2026-11-24 12:00:00.123456",
            "1764000000000",
            "1764000000000000",
            "1764000000000000000",
            "20261124120000",
            "2026/11/24",
            "¥12,800",
            "1,234,567,890",
            "1234567890.12",
            "0.12345678901234567",
            "4901234567894",
            "49-01234-56789-4",
            "P123456789012345678",
            "202611241234567890",
            "0312345678",
            "00000012345",
            "123456789018",
            "4111111111111112",
            "249-1234567-1234567",
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-090123456789",
            "GA1.1.1234567890.1764000000",
            "1234567890.1764000000",
            "#1001",
            "R-09012345678",
            "A09012345678",
            "09012345678901",
            "123-45",
            "192.168.100.100",
            "logo@2x.png",
            "react@18.2.0",
            "@tsubame",
            "a @ b",
            "3528000000000001",
            "https://shop.example/products/4901234567894?utm_source=line&tsb_m=f6a986968992ca7a7e39220fb9cd6397",
            "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
            "",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn the_name_of_a_member_says_what_its_text_is() {
        let check = |mut value: Value, expect: Value, total: u64| {
            let mut found = Found::default();
            mask_json(&mut value, &mut found);
            assert_eq!((value, found.total()), (expect, total));
        };
        check(json!({ "order_id": "4111111111111111" }), json!({ "order_id": "4111111111111111" }), 0);
        check(json!({ "note": 4111111111111111u64 }), json!({ "note": "[card]" }), 1);
        check(json!({ "orderNumber": "1234-5678-9018" }), json!({ "orderNumber": "1234-5678-9018" }), 0);
        check(json!({ "order_id": "taro@example.jp" }), json!({ "order_id": "[email]" }), 1);
        check(json!({ "phone": "0312345678", "tel": 9012345678u64 }), json!({ "phone": "[phone]", "tel": "[phone]" }), 2);
        check(json!({ "phone_number": "03 1234 5678" }), json!({ "phone_number": "[phone]" }), 1);
        check(json!({ "myNumber": 123456789018u64 }), json!({ "myNumber": "[my_number]" }), 1);
        check(json!({ "at": 1764000000000u64, "price": 12800.5 }), json!({ "at": 1764000000000u64, "price": 12800.5 }), 0);
        check(
            json!({ "a": [{ "b": ["x taro@example.jp"] }], "taro@example.jp": 1, "jiro@example.jp": 2 }),
            json!({ "a": [{ "b": ["x [email]"] }], "[email]": 1, "[email]2": 2 }),
            3,
        );
    }
}
