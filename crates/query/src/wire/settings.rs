//! Settings of a connection: those that clients set and ask for, and no others. Most change nothing; they are taken so that programs go on.

use std::{collections::BTreeMap, time::Duration};

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{
    act::{Act, Piece},
    failure::{Failure, code},
};

/// A setting's name as it is shown, its default, and who may change it.
struct Known {
    name: &'static str,
    default: &'static str,
    may: May,
}

#[derive(Clone, Copy, PartialEq)]
enum May {
    /// It tells of us.
    Read,
    /// Any value is taken, none changes anything.
    Write,
    /// Changes something, or has values that would have to.
    Mean,
}

const VERSION: &str = concat!("16.6 (Tsubame ", env!("CARGO_PKG_VERSION"), ")");

static KNOWN: [Known; 51] = {
    const fn known(name: &'static str, default: &'static str, may: May) -> Known {
        Known { name, default, may }
    }
    [
        known("application_name", "", May::Write),
        known("bytea_output", "hex", May::Mean),
        known("client_encoding", "UTF8", May::Mean),
        known("client_min_messages", "notice", May::Write),
        known("cursor_tuple_fraction", "0.1", May::Write),
        known("DateStyle", "ISO, YMD", May::Mean),
        known("default_table_access_method", "heap", May::Write),
        known("default_tablespace", "", May::Write),
        known("default_transaction_deferrable", "off", May::Write),
        known("default_transaction_isolation", "read committed", May::Write),
        known("default_transaction_read_only", "on", May::Write),
        known("enable_nestloop", "on", May::Write),
        known("enable_seqscan", "on", May::Write),
        known("escape_string_warning", "on", May::Write),
        known("extra_float_digits", "1", May::Write),
        known("geqo", "on", May::Write),
        known("idle_in_transaction_session_timeout", "0", May::Write),
        known("in_hot_standby", "off", May::Read),
        known("integer_datetimes", "on", May::Read),
        known("IntervalStyle", "postgres", May::Write),
        known("is_superuser", "off", May::Read),
        known("jit", "off", May::Write),
        known("lc_collate", "C", May::Read),
        known("lc_ctype", "C", May::Read),
        known("lc_messages", "C", May::Write),
        known("lc_monetary", "C", May::Write),
        known("lc_numeric", "C", May::Write),
        known("lc_time", "C", May::Write),
        known("lock_timeout", "0", May::Write),
        known("max_connections", "32", May::Read),
        known("max_identifier_length", "63", May::Read),
        known("plan_cache_mode", "auto", May::Write),
        known("quote_all_identifiers", "off", May::Write),
        known("row_security", "on", May::Write),
        known("search_path", "public", May::Write),
        known("server_encoding", "UTF8", May::Read),
        known("server_version", VERSION, May::Read),
        known("server_version_num", "160006", May::Read),
        known("session_authorization", "", May::Read),
        known("ssl", "off", May::Read),
        known("standard_conforming_strings", "on", May::Mean),
        known("statement_timeout", "0", May::Mean),
        known("synchronize_seqscans", "on", May::Write),
        known("tcp_keepalives_idle", "0", May::Write),
        known("TimeZone", "UTC", May::Mean),
        known("transaction_deferrable", "off", May::Write),
        known("transaction_isolation", "read committed", May::Write),
        known("transaction_read_only", "on", May::Write),
        known("transaction_timeout", "0", May::Write),
        known("work_mem", "4MB", May::Write),
        known("xmloption", "content", May::Write),
    ]
};

/// Those whose changes a client is told of unasked.
const REPORTED: [&str; 8] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "search_path",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// What is said once, at the start.
pub(super) const TOLD_AT_START: [&str; 13] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// A connection's own values.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings(BTreeMap<&'static str, String>);

/// A change that clients hear of.
pub(super) struct Told {
    pub name: &'static str,
    pub value: String,
}

fn find(name: &str) -> Result<&'static Known, Failure> {
    KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        Failure::new(code::UNDEFINED_OBJECT, format!("there is no setting {name} here")).hint("SHOW ALL lists the settings")
    })
}

impl Settings {
    pub fn get(&self, name: &str) -> Result<&str, Failure> {
        find(name).map(|known| self.0.get(known.name).map_or(known.default, String::as_str))
    }

    /// The setting's name as it is shown.
    pub fn title(name: &str) -> Result<&'static str, Failure> {
        find(name).map(|known| known.name)
    }

    /// Every setting with its value.
    pub fn all(&self) -> Vec<(&'static str, &str)> {
        KNOWN.iter().map(|known| (known.name, self.0.get(known.name).map_or(known.default, String::as_str))).collect()
    }

    /// What the start-up message asks for; what we do not know there is no error.
    pub fn begin(user: &str, asked: &std::collections::HashMap<String, String>) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in asked {
            let _ = settings.set(name, Some(value));
        }
        settings.0.insert("session_authorization", user.into());
        settings
    }

    /// `None` sets the default. The client is told where the protocol says so.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<Option<Told>, Failure> {
        let known = find(name)?;
        let wrong = |message: String| Failure::new(code::INVALID_VALUE, message);
        let value = match (known.may, value) {
            (May::Read, _) => return Err(Failure::new("55P02", format!("{} cannot be changed", known.name))),
            (_, None) => known.default.to_string(),
            (May::Write, Some(value)) => value.to_string(),
            (May::Mean, Some(value)) => match known.name {
                "client_encoding" => match value.to_uppercase().replace(['-', '_'], "").as_str() {
                    "UTF8" | "UNICODE" => "UTF8".into(),
                    _ => {
                        return Err(
                            wrong(format!("client_encoding {value} is not spoken here")).hint("SET client_encoding TO 'UTF8'")
                        );
                    }
                },
                "DateStyle" => match value.to_uppercase().split(',').next().map(str::trim) {
                    Some("ISO" | "YMD" | "MDY" | "DMY") => "ISO, YMD".into(),
                    _ => return Err(wrong(format!("DateStyle {value} is not spoken here")).hint("SET DateStyle TO 'ISO'")),
                },
                "standard_conforming_strings" => match truth(value) {
                    Some(true) => "on".into(),
                    _ => return Err(wrong("standard_conforming_strings is always on".into())),
                },
                "bytea_output" => match value {
                    "hex" | "escape" => value.to_string(),
                    _ => return Err(wrong(format!("bytea_output is hex or escape, not {value}"))),
                },
                "statement_timeout" => match milliseconds(value) {
                    Some(time) => time.to_string(),
                    None => {
                        return Err(wrong(format!("statement_timeout {value} is no time")).hint("'30s', '5min' or milliseconds"));
                    }
                },
                "TimeZone" => {
                    zone(value).ok_or_else(|| wrong(format!("there is no time zone {value}")).hint("for example 'Asia/Tokyo'"))?
                }
                _ => value.to_string(),
            },
        };
        self.0.insert(known.name, value.clone());
        Ok(REPORTED.contains(&known.name).then_some(Told { name: known.name, value }))
    }

    pub fn reset(&mut self) {
        self.0.retain(|name, _| *name == "session_authorization");
    }

    /// How long a statement may take; `None` for as long as we let anybody's.
    pub fn statement_time(&self) -> Option<Duration> {
        let time = self.0.get("statement_timeout")?.parse().ok()?;
        (time > 0).then_some(Duration::from_millis(time))
    }

    pub fn zone(&self) -> &str {
        self.0.get("TimeZone").map_or("UTC", String::as_str)
    }
}

fn truth(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn milliseconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let each = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each)
}

/// A zone's name as it is known to everybody, or an offset.
fn zone(value: &str) -> Option<String> {
    if let Some(zone) = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(value)) {
        return Some(zone.name().into());
    }
    if ["local", "default", "gmt"].contains(&value.to_lowercase().as_str()) {
        return Some("UTC".into());
    }
    // An offset: `9`, `+09`, `+09:00`.
    let (hours, minutes) = value.split_once(':').unwrap_or((value, "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((-15..=15).contains(&hours) && (0..60).contains(&minutes)).then(|| format!("{hours:+03}:{minutes:02}"))
}

/// What SHOW is to show: a setting's name, or `all`.
pub(super) fn shown(pieces: &[Piece], words: &[String]) -> String {
    match words.get(1).map(String::as_str) {
        Some("TIME") => "timezone".into(),
        Some("TRANSACTION") => "transaction_isolation".into(),
        Some("SESSION") => "session_authorization".into(),
        _ => pieces[1..].iter().filter_map(Piece::name).collect::<Vec<_>>().join("."),
    }
}

/// A statement that begins with SET or RESET.
pub(super) fn read(pieces: &[Piece], words: &[String]) -> Result<Act, Failure> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    if word(0) == "RESET" {
        return Ok(match word(1) {
            "ALL" => Act::ResetAll,
            "TIME" => Act::Set { name: "timezone".into(), value: None },
            _ => Act::Set { name: shown(pieces, words), value: None },
        });
    }
    let mut index =
        1 + usize::from(["SESSION", "LOCAL"].contains(&word(1)) && !["CHARACTERISTICS", "AUTHORIZATION"].contains(&word(2)));
    match word(index) {
        "TRANSACTION" | "CONSTRAINTS" => return Ok(Act::Nothing("SET")),
        "SESSION" if word(index + 1) == "CHARACTERISTICS" => return Ok(Act::Nothing("SET")),
        "ROLE" | "SESSION" => {
            return Err(Failure::new(code::NOT_SUPPORTED, "SET ROLE is refused: everybody asks as who they came in")
                .hint("come in under another account"));
        }
        "NAMES" => {
            let value = pieces.get(index + 1).and_then(said);
            return Ok(Act::Set { name: "client_encoding".into(), value });
        }
        "TIME" if word(index + 1) == "ZONE" => {
            let value = values(&pieces[(index + 2).min(pieces.len())..]);
            return Ok(Act::Set { name: "timezone".into(), value });
        }
        _ => {}
    }
    let mut name = Vec::new();
    while let Some(piece) = pieces.get(index) {
        index += 1;
        match &piece.token {
            Token::Period => {}
            Token::Eq => break,
            _ if piece.keyword() == "TO" => break,
            _ => name.extend(piece.name()),
        }
    }
    Ok(Act::Set { name: name.join("."), value: values(&pieces[index..]) })
}

/// What a setting is set to; `None` for DEFAULT.
fn values(pieces: &[Piece]) -> Option<String> {
    let mut whole = String::new();
    for piece in pieces {
        match &piece.token {
            Token::Comma => whole.push_str(", "),
            Token::Minus => whole.push('-'),
            Token::Plus => whole.push('+'),
            _ => whole.push_str(&said(piece)?),
        }
    }
    (!whole.eq_ignore_ascii_case("default")).then_some(whole)
}

fn said(piece: &Piece) -> Option<String> {
    match &piece.token {
        Token::SingleQuotedString(text) => Some(text.clone()),
        Token::Number(number, _) => Some(number.clone()),
        Token::Word(word) => Some(word.value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::act, *};

    #[test]
    fn settings_are_set_and_shown() {
        let mut settings =
            Settings::begin("taro", &[("TimeZone".to_string(), "Asia/Tokyo".to_string()), ("odd".into(), "1".into())].into());
        let mut check = |sql: &str, name: &str, expect: &str| {
            let act::Act::Set { name: found, value } = act::read(sql).unwrap().remove(0).act else { panic!("{sql}") };
            settings.set(&found, value.as_deref()).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
            assert_eq!((found.to_lowercase().as_str(), settings.get(name).unwrap()), (name, expect), "{sql}");
        };
        check("SET extra_float_digits = 3", "extra_float_digits", "3");
        check("SET SESSION datestyle TO 'ISO, MDY'", "datestyle", "ISO, YMD");
        check("SET client_encoding TO UNICODE", "client_encoding", "UTF8");
        check("SET NAMES 'utf-8'", "client_encoding", "UTF8");
        check("SET TIME ZONE 'asia/tokyo'", "timezone", "Asia/Tokyo");
        check("SET timezone TO '+9'", "timezone", "+09:00");
        check("SET timezone = DEFAULT", "timezone", "UTC");
        check("SET LOCAL search_path = public, pg_catalog", "search_path", "public, pg_catalog");
        check("SET statement_timeout TO '5min'", "statement_timeout", "300000");
        check("SET application_name = 'psql'", "application_name", "psql");
        check("RESET application_name", "application_name", "");
        assert_eq!(settings.get("session_authorization").unwrap(), "taro");
        assert_eq!(settings.statement_time(), Some(Duration::from_secs(300)));
        settings.reset();
        assert_eq!((settings.statement_time(), settings.get("session_authorization").unwrap()), (None, "taro"));
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        let check = |sql: &str, message: &str| {
            let failure = act::read(sql).and_then(|mut found| match found.remove(0).act {
                act::Act::Set { name, value } => Settings::default().set(&name, value.as_deref()).map(|_| ()),
                _ => Ok(()),
            });
            assert_eq!(failure.expect_err(sql).message, message, "{sql}");
        };
        check("SET datafusion.execution.batch_size = 1", "there is no setting datafusion.execution.batch_size here");
        check("SET server_version = '1'", "server_version cannot be changed");
        check("SET client_encoding TO 'SJIS'", "client_encoding SJIS is not spoken here");
        check("SET DateStyle TO 'German'", "DateStyle German is not spoken here");
        check("SET TIME ZONE 'Mars'", "there is no time zone Mars");
        check("SET standard_conforming_strings = off", "standard_conforming_strings is always on");
        check("SET statement_timeout = 'soon'", "statement_timeout soon is no time");
        check("SET ROLE admin", "SET ROLE is refused: everybody asks as who they came in");
        check("SET SESSION AUTHORIZATION admin", "SET ROLE is refused: everybody asks as who they came in");
    }
}
