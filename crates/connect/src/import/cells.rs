//! A cell read as a mapping says: text, ids, money, dates, words of a closed list; and why one cannot be used, without showing an address.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use model::{
    Channel, Currency, Instant, Money, Phone, id::refuse_scientific, id_bytes, money::SCALE, text::narrow, time::parse_date,
};
use unicode_normalization::UnicodeNormalization;

use crate::{
    formats::Row,
    import::Importer,
    mapping::{BoundColumn, Type, fits},
    personal::{Found, mask, plain_id},
};

/// Why a cell or a row cannot be used.
#[derive(Clone)]
pub(super) struct Bad {
    pub column: Option<String>,
    pub code: &'static str,
    pub reason: String,
    pub remedy: String,
}

/// `5/4/24` is no day of the year 5: a format that begins with a year must not take a day for one.
const YEAR_MIN: i32 = 1868;

/// How the cell of a target is read.
pub(super) type Reader<T> = fn(&Importer, &BoundColumn, &Row) -> Result<Option<T>, Bad>;

impl Importer {
    pub(super) fn read<T>(&self, row: &Row, target: &str, how: Reader<T>) -> Result<Option<T>, Bad> {
        match self.bound.columns.iter().find(|bound| bound.column.target == target) {
            Some(column) => how(self, column, row),
            None => Ok(None),
        }
    }

    /// The cell's text after null_if, map and prefix.
    pub(super) fn text(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        Ok(self.cell(bound, row)?.map(Cow::into_owned))
    }

    /// The same where it stands, if nothing had to be done to it.
    fn cell<'a>(&self, bound: &'a BoundColumn, row: &'a Row) -> Result<Option<Cow<'a, str>>, Bad> {
        let column = &bound.column;
        let text = match &column.constant {
            Some(constant) => Cow::Borrowed(constant.as_str()),
            None => {
                let mut parts = self.parts(bound, row);
                let Some(first) = parts.next() else { return Ok(None) };
                let mut text = Cow::Borrowed(first);
                for part in parts {
                    let text = text.to_mut();
                    text.push_str(&column.join);
                    text.push_str(part);
                }
                match text {
                    Cow::Borrowed(text) => clean(text),
                    Cow::Owned(text) => Cow::Owned(clean(&text).into_owned()),
                }
            }
        };
        let text = if column.map.is_empty() {
            text
        } else {
            match column.map.iter().find(|(pattern, _)| fits(pattern, &text)) {
                Some((_, result)) => Cow::Borrowed(result.as_str()),
                None => return Err(self.unmapped(&column.target, &text, "a value of the map")),
            }
        };
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(if column.prefix.is_empty() { text } else { format!("{}{text}", column.prefix).into() }))
    }

    pub(super) fn parts<'a>(&self, bound: &'a BoundColumn, row: &'a Row) -> impl Iterator<Item = &'a str> {
        let cells = bound.at.iter().filter_map(|at| row.cells.get(*at)).map(str::trim);
        let filled = cells.filter(|text| !text.is_empty() && !bound.column.null_if.iter().any(|null| null == text));
        filled.take(if bound.column.first { 1 } else { usize::MAX })
    }

    /// Text that somebody typed: what looks personal in it is masked.
    pub(super) fn free(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        Ok(self.cell(bound, row)?.map(|text| free_text(&text)))
    }

    /// A word of the target's closed list.
    pub(super) fn word(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        let Type::OneOf(words) = bound.column.kind else { return Ok(Some(text.into_owned())) };
        let word = text.to_lowercase();
        if words.contains(&word.as_str()) {
            return Ok(Some(word));
        }
        Err(self.unmapped(&bound.column.target, &text, &format!("one of {}", words.join(", "))))
    }

    pub(super) fn channel(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Channel>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        match Channel::parse(&text) {
            Some(channel) => Ok(Some(channel)),
            None => Err(self.unmapped(&bound.column.target, &text, "email, line, sms, web_push, app_push or webhook")),
        }
    }

    /// A rate of tax as a share: `10`, `10%`, `0.1` are all a tenth. In 1/10,000, as money is.
    pub(super) fn percent(&self, bound: &BoundColumn, row: &Row) -> Result<Option<i64>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
        let rate = Money::parse(plain.trim_end_matches('%')).map(Money::scaled);
        match rate {
            Ok(rate) if rate > 0 && rate < SCALE && !plain.ends_with('%') => Ok(Some(rate)),
            Ok(rate) if (0..=100 * SCALE).contains(&rate) => Ok(Some(rate / 100)),
            _ => Err(Bad {
                column: self.columns_of(bound),
                code: "not_a_rate",
                reason: format!("{} is not a rate of tax", shown(&text)),
                remedy: "write 10, 10% or 0.1".into(),
            }),
        }
    }

    pub(super) fn id(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        if text.contains('|') || (text.len() > 200 && text.chars().count() > 200) {
            return Err(self.bad_id(&bound.column.target, &model::id::IdError::Separator(String::new())));
        }
        refuse_scientific(&text).map_err(|error| self.bad_id(&bound.column.target, &error))?;
        Ok(Some(plain_id(&text, &self.key, &mut Found::default())))
    }

    /// The id of something else, which may be anything that the one who gave it took for an id.
    pub(super) fn reference(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        Ok(self.cell(bound, row)?.map(|text| plain_id(&text, &self.key, &mut Found::default())))
    }

    pub(super) fn money(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Money>, Bad> {
        let column = &bound.column;
        let one = |text: &str| -> Result<Money, Bad> {
            if let Some(symbol) = self.foreign_symbol(text) {
                return Err(Bad {
                    column: self.columns_of(bound),
                    code: "other_currency",
                    reason: format!("an amount has the sign {symbol}, the file is in {}", self.mapping.currency.as_str()),
                    remedy: "set currency in the mapping, or map a column of currencies".into(),
                });
            }
            let money = if dialled(text) {
                Err(model::money::MoneyError::NotMoney(String::new()))
            } else if column.float {
                text.parse::<f64>().map_err(|_| model::money::MoneyError::NotMoney(String::new())).and_then(Money::from_f64)
            } else {
                Money::parse(text)
            };
            money.map_err(|error| {
                let (code, what, remedy) = match error {
                    model::money::MoneyError::TooFine(_) => {
                        ("too_fine", "has more than 4 decimals", "set as = \"float\" in the mapping to round it")
                    }
                    model::money::MoneyError::TooLarge(_) | model::money::MoneyError::Overflow => {
                        ("too_large", "does not fit 14 digits before the decimal point", "look for a missing separator")
                    }
                    _ => {
                        ("not_money", "is not an amount of money", "write 1200, 1,200 or ▲500; add words for nothing to null_if")
                    }
                };
                Bad { column: self.columns_of(bound), code, reason: format!("{} {what}", shown(text)), remedy: remedy.into() }
            })
        };
        if let Some(constant) = &column.constant {
            return one(constant).map(Some);
        }
        if !column.map.is_empty() {
            return self.cell(bound, row)?.map(|text| one(&text)).transpose();
        }
        let mut sum = None;
        for part in self.parts(bound, row) {
            sum = Some(one(part)?.plus(sum.unwrap_or_default()).map_err(|_| overflow())?);
        }
        Ok(sum)
    }

    /// A sign of another currency than the file's, unless each row says its own.
    fn foreign_symbol(&self, text: &str) -> Option<char> {
        if text.is_ascii() && !text.contains('$') || self.bound.columns.iter().any(|bound| bound.column.target == "currency") {
            return None;
        }
        let currency = self.mapping.currency.as_str();
        let is_other = |symbol: &char| match symbol {
            '$' | '＄' => !currency.ends_with('D'),
            '€' => currency != "EUR",
            '£' | '￡' => currency != "GBP",
            '¥' | '￥' | '円' => !["JPY", "CNY"].contains(&currency),
            _ => false,
        };
        text.chars().find(is_other)
    }

    pub(super) fn count(&self, bound: &BoundColumn, row: &Row) -> Result<Option<i64>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        self.whole_number(&text).map(Some).map_err(|bad| Bad { column: self.columns_of(bound), ..bad })
    }

    /// The count in the column that multiplies another.
    pub(super) fn count_at(&self, at: usize, row: &Row) -> Result<Option<i64>, Bad> {
        let Some(text) = row.cells.get(at).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        self.whole_number(text).map(Some).map_err(|bad| Bad { column: Some(self.header[at].clone()), ..bad })
    }

    fn whole_number(&self, text: &str) -> Result<i64, Bad> {
        let digits: String = narrow(text)
            .chars()
            .filter(|c| *c != ',' && !c.is_whitespace())
            .map(|c| if "−▲△‐".contains(c) { '-' } else { c })
            .collect();
        let whole = match digits.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
            _ => &digits,
        };
        // A quantity multiplies money: a bound keeps the product inside its type.
        match whole.parse::<i64>() {
            Ok(count) if count.abs() <= 1_000_000_000 && !dialled(text) => Ok(count),
            _ => Err(Bad {
                column: None,
                code: "not_a_count",
                reason: format!("{} is not a whole number", shown(text)),
                remedy: "write it without unit and without decimals".into(),
            }),
        }
    }

    pub(super) fn instant(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Instant>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        if has_signed_year(&text) {
            return Err(self.bad_date(bound, &text));
        }
        match self.mapping.zone.parse_instant(&text, &bound.column.formats) {
            Ok(at) if at.year() >= YEAR_MIN => Ok(Some(at)),
            _ => Err(self.bad_date(bound, &text)),
        }
    }

    pub(super) fn date(&self, bound: &BoundColumn, row: &Row) -> Result<Option<NaiveDate>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        if has_signed_year(&text) {
            return Err(self.bad_date(bound, &text));
        }
        match parse_date(&text, &bound.column.formats) {
            Ok(day) if day.year() >= YEAR_MIN => Ok(Some(day)),
            _ => Err(self.bad_date(bound, &text)),
        }
    }

    pub(super) fn currency(&self, bound: &BoundColumn, row: &Row) -> Result<Option<Currency>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        Currency::parse(&text).map(Some).map_err(|_| Bad {
            column: self.columns_of(bound),
            code: "not_a_currency",
            reason: format!("{} is not a currency code", shown(&text)),
            remedy: "write three letters (JPY), or add a map".into(),
        })
    }

    pub(super) fn yes(&self, bound: &BoundColumn, row: &Row) -> Result<Option<bool>, Bad> {
        const YES: &[&str] = &[
            "true",
            "yes",
            "y",
            "t",
            "1",
            "on",
            "はい",
            "有",
            "あり",
            "可",
            "希望する",
            "同意",
            "同意する",
            "受け取る",
            "○",
            "〇",
            "許可",
            "subscribed",
        ];
        const NO: &[&str] = &[
            "false",
            "no",
            "n",
            "f",
            "0",
            "off",
            "いいえ",
            "無",
            "なし",
            "不可",
            "希望しない",
            "不同意",
            "同意しない",
            "受け取らない",
            "×",
            "拒否",
            "unsubscribed",
        ];
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        let word = text.to_lowercase();
        match (YES.contains(&word.as_str()), NO.contains(&word.as_str())) {
            (true, _) => Ok(Some(true)),
            (_, true) => Ok(Some(false)),
            _ => Err(self.unmapped(&bound.column.target, &text, "yes or no")),
        }
    }

    pub(super) fn gender(&self, bound: &BoundColumn, row: &Row) -> Result<Option<String>, Bad> {
        let Some(text) = self.cell(bound, row)? else { return Ok(None) };
        let gender = match text.to_lowercase().as_str() {
            "female" | "f" | "女" | "女性" | "2" => "female",
            "male" | "m" | "男" | "男性" | "1" => "male",
            "other" | "その他" | "9" => "other",
            "unknown" | "不明" | "未回答" | "回答しない" | "0" | "-" => return Ok(None),
            _ => return Err(self.unmapped(&bound.column.target, &text, "female, male or other")),
        };
        Ok(Some(gender.into()))
    }

    pub(super) fn bad_date(&self, bound: &BoundColumn, text: &str) -> Bad {
        Bad {
            column: self.columns_of(bound),
            code: "not_a_date",
            reason: format!("{} fits none of the formats {}", shown(text), bound.column.formats.join(", ")),
            remedy: "add its format to `formats` in the mapping, or correct the cell".into(),
        }
    }

    pub(super) fn bad_id(&self, target: &str, error: &model::id::IdError) -> Bad {
        let column = self.name_of(target);
        match error {
            model::id::IdError::Scientific(_) => Bad {
                column,
                code: "scientific_id",
                reason: "the id is a number in scientific notation: a spreadsheet has cut it short".into(),
                remedy: "export the file again and do not save it from a spreadsheet; or format the column as text first".into(),
            },
            model::id::IdError::Separator(_) | model::id::IdError::CustomerId => Bad {
                column,
                code: "not_an_id",
                reason: "the id contains `|` or is longer than 200 characters".into(),
                remedy: "look for a column that is mapped wrongly".into(),
            },
        }
    }

    pub(super) fn unmapped(&self, target: &str, text: &str, expected: &str) -> Bad {
        // A word of a closed list helps to complete the map; anything that could be an address stays unsaid.
        let word = if text.chars().count() <= 20 && !looks_personal(text) { format!("`{text}`") } else { shown(text) };
        Bad {
            column: self.name_of(target),
            code: "not_in_map",
            reason: format!("{word} is not {expected} ({target})"),
            remedy: format!("add it to the map of {target} in the mapping, or a \"*\" for everything else"),
        }
    }

    pub(super) fn name_of(&self, target: &str) -> Option<String> {
        self.bound.columns.iter().find(|bound| bound.column.target == target).and_then(|bound| self.columns_of(bound))
    }

    pub(super) fn columns_of(&self, bound: &BoundColumn) -> Option<String> {
        let names: Vec<&str> = bound.at.iter().map(|at| self.header[*at].as_str()).collect();
        (!names.is_empty()).then(|| names.join(" + "))
    }
}

pub(super) fn overflow() -> Bad {
    Bad {
        column: None,
        code: "too_large",
        reason: "the amounts do not fit 14 digits before the decimal point".into(),
        remedy: "look for a missing separator".into(),
    }
}

pub(super) fn missing(column: Option<String>, what: &str) -> Bad {
    Bad {
        column,
        code: "missing",
        reason: format!("{what} is missing"),
        remedy: "fill the cell, or leave the row out with keep_rows".into(),
    }
}

pub(super) fn twice(column: Option<String>, what: &str) -> Bad {
    Bad {
        column,
        code: "id_twice",
        reason: format!("another {what} of this file has the same id and other content"),
        remedy: "choose a column that is unique, or leave the id out: it is then made from the content".into(),
    }
}

/// Trims, and drops control characters that would travel on unseen.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    // Most text is plain, and there is much of it. No control character of two bytes begins with another than C2.
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) && text.chars().any(char::is_control) {
        return text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().into();
    }
    text.into()
}

/// Text that somebody typed, on its way into the lake.
pub(super) fn free_text(text: &str) -> String {
    mask(text).into_owned()
}

/// A cell as an error may show it: dates and amounts as they stand, anything that could be personal by its length alone.
pub(super) fn shown(text: &str) -> String {
    let harmless = text.nfkc().all(|c| c.is_ascii_digit() || "/:.,-+ TZ年月日円¥▲△()−".contains(c));
    if harmless && !looks_personal(text) && text.chars().count() <= 40 {
        format!("`{text}`")
    } else {
        format!("a text of {} characters", text.chars().count())
    }
}

fn looks_personal(text: &str) -> bool {
    let plain: String = text.nfkc().collect();
    let plain = plain.trim();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    let is_date = plain.contains(['/', ':']);
    plain.contains('@') || Phone::parse(plain).is_ok() || (digits >= 7 && plain.starts_with(['0', '+', '(']) && !is_date)
}

/// A sign allows years of more than four digits, at the end of which no time zone can be reckoned.
fn has_signed_year(text: &str) -> bool {
    narrow(text).chars().find(|c| !c.is_whitespace()).is_some_and(|c| matches!(c, '+' | '-' | '−'))
}

/// A number that begins like a phone number: columns that slipped must not turn people's phones into amounts.
fn dialled(text: &str) -> bool {
    if text.len() < 9 {
        return false; // Not even nine digits, however wide they are written.
    }
    let plain: String = narrow(text).chars().filter(|c| !c.is_whitespace()).collect();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    digits >= 9 && plain.starts_with(['0', '+']) && !plain.contains('.')
}

/// Eight bytes of a hash: enough to recognise an id again inside one file.
pub(super) fn short(text: &str) -> u64 {
    beginning(id_bytes(text))
}

pub(super) fn beginning([a, b, c, d, e, f, g, h, ..]: [u8; 16]) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
