//! The comment at the head of a query file: its title, what it means, its parameters and its columns, each with what pages call it. Lines that
//! begin with `ja` say the same in Japanese, the title first.

use model::{Problem, Text};

use crate::{Kind, ParamKind, ParamValue, mistake::nearest};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    pub title: String,
    pub description: String,
    /// Title and description in Japanese, where the file gives them.
    pub title_ja: String,
    pub description_ja: String,
    pub params: Vec<Param>,
    pub columns: Vec<ColumnHeader>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    pub kind: ParamKind,
    /// Without one the parameter must be given.
    pub default: Option<ParamValue>,
    /// What pages call it; empty where the file does not say.
    pub label: Text,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnHeader {
    pub name: String,
    pub kind: Kind,
    pub label: Text,
    /// What analysts see instead, where the column tells of a person.
    pub personal: Option<Mask>,
    pub line: usize,
}

/// How a personal column is shown to those to whom it was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// Of a date the year: its first day.
    Year,
    /// Nothing.
    Hidden,
}

impl Mask {
    pub fn parse(name: &str) -> Option<Mask> {
        Some(match name {
            "year" => Mask::Year,
            "hidden" => Mask::Hidden,
            _ => return None,
        })
    }
}

impl Header {
    /// Reads the leading `--` lines; every problem at once.
    pub fn parse(file: &str, text: &str) -> Result<Header, Vec<Problem>> {
        let mut header = Header::default();
        let mut problems = Vec::new();
        let mut prose = Vec::new();
        if text.trim().is_empty() {
            let remedy = "begin it with `-- What it answers`, then a `-- column` line per column, then the SELECT";
            return Err(vec![Problem::new(file, 1, "the file is empty").with_remedy(remedy)]);
        }
        for (index, line) in text.lines().enumerate().take_while(|(_, line)| line.starts_with("--")) {
            let body = line.trim_start_matches('-').trim();
            let mut fail =
                |message: String, remedy: &str| problems.push(Problem::new(file, index + 1, message).with_remedy(remedy));
            if index == 0 {
                header.title = body.into();
            } else if let Some(rest) = body.strip_prefix("param ") {
                match param(rest) {
                    Ok(param) if header.params.iter().any(|other| other.name == param.name) => {
                        fail(format!("parameter `{}` is declared twice", param.name), "remove one of the lines");
                    }
                    Ok(param) => header.params.push(param),
                    Err(message) => {
                        fail(message, "write `-- param days int = 90` (int, float, text, date, instant, bool, money)")
                    }
                }
            } else if let Some(rest) = body.strip_prefix("column ") {
                match column(rest, index + 1) {
                    Ok(column) if header.columns.iter().any(|other| other.name == column.name) => {
                        fail(
                            format!("column `{}` is declared twice", column.name),
                            "remove one of the lines, or rename a column",
                        );
                    }
                    Ok(column) => header.columns.push(column),
                    Err(message) => fail(message, "write `-- column net_revenue money ja:\"純売上\" en:\"Net revenue\"`"),
                }
            } else if let Some(rest) = body.strip_prefix("ja ") {
                match header.title_ja.is_empty() {
                    true => header.title_ja = rest.trim().into(),
                    false => header.description_ja.push_str(rest.trim()),
                }
            } else if let Some(meant) = misspelt(body) {
                fail(format!("`{body}` declares nothing"), &format!("write `-- {meant} …`"));
            } else if !body.is_empty() {
                prose.push(body);
            }
        }
        let below = text.lines().enumerate().skip_while(|(_, line)| line.starts_with("--"));
        for (index, line) in below {
            let body = line.trim_start_matches('-').trim();
            let declares = body
                .strip_prefix("param ")
                .map(|rest| param(rest).is_ok())
                .or_else(|| body.strip_prefix("column ").map(|rest| column(rest, 0).is_ok()));
            if line.starts_with("--") && declares == Some(true) {
                problems.push(
                    Problem::new(file, index + 1, format!("`{body}` stands below the header and declares nothing"))
                        .with_remedy("move it up: the header is the `--` lines at the very beginning, without a gap"),
                );
            }
        }
        header.description = prose.join(" ");
        if header.title.is_empty() || misplaced(&header.title) {
            problems.push(Problem::new(file, 1, "the file has no title").with_remedy("start it with `-- What it answers`"));
        }
        if header.columns.is_empty() && problems.is_empty() {
            problems.push(
                Problem::new(file, 1, "the header names no column")
                    .with_remedy("add a `-- column` line per column of the SELECT"),
            );
        }
        if problems.is_empty() { Ok(header) } else { Err(problems) }
    }

    /// The title in both languages; the English one where no other is given.
    pub fn titles(&self) -> Text {
        Text { ja: self.title_ja.clone(), en: self.title.clone() }
    }

    pub fn descriptions(&self) -> Text {
        Text { ja: self.description_ja.clone(), en: self.description.clone() }
    }
}

/// The parameters that a text declares, whatever else its header lacks.
pub(crate) fn params_of(text: &str) -> Vec<Param> {
    let lines = text.lines().take_while(|line| line.starts_with("--"));
    lines.filter_map(|line| param(line.trim_start_matches('-').trim().strip_prefix("param ")?).ok()).collect()
}

/// A parameter as a value suggests that was typed for it. An id of digits (`00123`) is no number.
pub(crate) fn guessed(name: &str, raw: &str) -> Param {
    let kinds = [ParamKind::Int, ParamKind::Float, ParamKind::Date, ParamKind::Instant, ParamKind::Bool];
    let read = |kind: ParamKind| Some((kind, kind.read(raw).filter(|value| kind == ParamKind::Instant || value.plain() == raw)?));
    let (kind, value) = kinds.into_iter().find_map(read).unwrap_or_else(|| (ParamKind::Text, ParamValue::Text(raw.into())));
    Param { name: name.into(), kind, default: Some(value).filter(|_| !raw.is_empty()), label: Text::default() }
}

/// A line that declares a parameter, or why its default cannot be written in one.
pub(crate) fn declaration(param: &Param) -> Result<String, String> {
    let default = match &param.default {
        None => String::new(),
        Some(ParamValue::Text(text)) => format!(" = '{text}'"),
        Some(value) => format!(" = {}", value.plain()),
    };
    let label = match &param.label {
        label if label.get("ja").is_empty() => String::new(),
        label => format!(" ja:\"{}\" en:\"{}\"", label.ja, label.en),
    };
    let declared = format!("{} {}{default}{label}", param.name, param.kind.name());
    match self::param(&declared) {
        Ok(read) if read.default == param.default && !declared.contains('\n') => Ok(format!("-- param {declared}\n")),
        _ => Err(format!("the value of `${}` cannot be the default of a file", param.name)),
    }
}

/// A declaration that took the title's place.
fn misplaced(title: &str) -> bool {
    title.strip_prefix("param ").is_some_and(|rest| param(rest).is_ok())
        || title.strip_prefix("column ").is_some_and(|rest| column(rest, 0).is_ok())
}

/// The word of a line that would declare something if it were spelt right: `colum x int`.
fn misspelt(line: &str) -> Option<&'static str> {
    let mut words = line.split_whitespace();
    let (word, _, kind) = (words.next()?, words.next()?, words.next()?);
    if Kind::parse(kind).is_none() && ParamKind::parse(kind).is_none() {
        return None;
    }
    nearest(word.trim_end_matches(':'), ["param", "column", "parameter", "columns"])
        .map(|meant| if meant.starts_with('p') { "param" } else { "column" })
}

/// A name that a placeholder can have: `$days_max`.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn param(text: &str) -> Result<Param, String> {
    let labels = ["ja", "en"].into_iter().filter_map(|lang| text.find(&format!(" {lang}:\""))).min();
    let (declared, labels) = text.split_at(labels.unwrap_or(text.len()));
    let (left, default) = match declared.split_once('=') {
        Some((left, default)) => (left, Some(default.trim())),
        None => (declared, None),
    };
    let mut words = left.split_whitespace();
    let (Some(name), Some(kind), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("`param {text}` is not a name and a type"));
    };
    if !is_name(name) {
        return Err(format!("`{name}` cannot name a parameter: letters, digits and _ can"));
    }
    if matches!(name, "as_of" | "today") {
        return Err(format!("`{name}` is given to every query and is not declared"));
    }
    let kind = ParamKind::parse(kind).ok_or_else(|| format!("parameter `{name}` has the unknown type `{kind}`"))?;
    let default = default
        .map(|raw| {
            kind.read(unquoted(raw)).ok_or_else(|| format!("the default of `{name}`, `{raw}`, is not of type {}", kind.name()))
        })
        .transpose()?;
    let label = match (label(labels, "ja"), label(labels, "en")) {
        (Some(ja), Some(en)) => Text { ja, en },
        (None, None) => Text::default(),
        _ => return Err(format!("parameter `{name}` has a label in one of ja and en alone: give both, or none")),
    };
    Ok(Param { name: name.into(), kind, default, label })
}

fn column(text: &str, line: usize) -> Result<ColumnHeader, String> {
    let mut words = text.splitn(3, char::is_whitespace).filter(|word| !word.is_empty());
    let compact = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = compact.splitn(3, ' ');
    let (Some(name), Some(kind)) = (parts.next(), parts.next()) else {
        return Err(format!("`column {}` is not a name and a type", words.next().unwrap_or("")));
    };
    let kind = Kind::parse(kind).ok_or_else(|| format!("column `{name}` has the unknown type `{kind}`"))?;
    let labels = parts.next().unwrap_or("");
    let personal = label(labels, "personal")
        .map(|mask| Mask::parse(&mask).ok_or_else(|| format!("column `{name}` has the unknown mask `{mask}`: year or hidden")))
        .transpose()?;
    match (label(labels, "ja"), label(labels, "en")) {
        (Some(ja), Some(en)) => Ok(ColumnHeader { name: name.into(), kind, label: Text { ja, en }, personal, line }),
        _ => Err(format!("column `{name}` lacks a label in ja and en")),
    }
}

fn unquoted(raw: &str) -> &str {
    let within = |quote: char| raw.strip_prefix(quote)?.strip_suffix(quote);
    within('\'').or_else(|| within('"')).unwrap_or(raw)
}

/// The words behind `ja:"…"`.
fn label(labels: &str, of: &str) -> Option<String> {
    let (_, rest) = labels.split_once(&format!("{of}:\""))?;
    rest.split_once('"').map(|(label, _)| label.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let text = "-- Dormant\n--\n-- Who did not come back.\n--\n-- param days  int   = 150  ja:\"日数\" en:\"Days = 1\"\n-- param since date\n-- column customer_id  text   ja:\"会員 ID\"    en:\"Customer\"\nSELECT 1";
        let header = Header::parse("x.sql", text).unwrap();
        assert_eq!((header.title.as_str(), header.description.as_str()), ("Dormant", "Who did not come back."));
        assert_eq!(header.params[0].default, Some(ParamValue::Int(150)));
        assert_eq!(header.params[0].label, Text::new("日数", "Days = 1"));
        assert_eq!(header.params[1].label, Text::default());
        assert_eq!((header.params[1].default.as_ref(), header.columns[0].label.ja.as_str()), (None, "会員 ID"));
        assert_eq!((header.titles().get("ja"), header.descriptions().get("ja")), ("Dormant", "Who did not come back."));
    }

    #[test]
    fn a_value_suggests_its_type() {
        let check = |raw: &str, expect: ParamKind| assert_eq!(guessed("p", raw).kind, expect, "{raw}");
        check("30", ParamKind::Int);
        check("-1.5", ParamKind::Float);
        check("2026-06-01", ParamKind::Date);
        check("2026-06-01T09:00:00+09:00", ParamKind::Instant);
        check("true", ParamKind::Bool);
        check("00123", ParamKind::Text);
        check("+819012345678", ParamKind::Text);
        check("1e5", ParamKind::Text);
        check("", ParamKind::Text);
    }

    #[test]
    fn a_default_is_written_as_it_is_read() {
        let check = |value: &str, expect: Option<&str>| {
            let found = declaration(&guessed("p", value)).ok();
            assert_eq!(found.as_deref(), expect, "{value}");
        };
        check("30", Some("-- param p int = 30\n"));
        check("'quoted'", Some("-- param p text = ''quoted''\n"));
        check("  spaced ", Some("-- param p text = '  spaced '\n"));
        check("a = b", Some("-- param p text = 'a = b'\n"));
        check("", Some("-- param p text\n"));
        check("a ja:\"b\" c", None);
        check("a\nb", None);
    }

    #[test]
    fn a_header_speaks_two_languages() {
        let text = "-- Dormant\n-- ja 休眠\n--\n-- Who did not\n-- come back.\n-- ja 戻って\n-- ja こない人。\n-- column x int ja:\"x\" en:\"x\"\nSELECT 1";
        let header = Header::parse("x.sql", text).unwrap();
        let both = |text: Text| [text.ja, text.en];
        assert_eq!(both(header.titles()), ["休眠", "Dormant"]);
        assert_eq!(both(header.descriptions()), ["戻ってこない人。", "Who did not come back."]);
    }

    #[test]
    fn every_problem_has_its_line() {
        let check = |text: &str, expect: &[&str]| {
            let problems = Header::parse("x.sql", text).err().unwrap_or_default();
            let found: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("SELECT 1", &["1: the file has no title"]);
        check(
            "-- T\n-- param days number\n-- column x money ja:\"x\"",
            &["2: parameter `days` has the unknown type `number`", "3: column `x` lacks a label in ja and en"],
        );
        check(
            "-- T\n-- param days int = soon\n-- column x int ja:\"x\" en:\"x\"",
            &["2: the default of `days`, `soon`, is not of type int"],
        );
        check(
            "-- T\n-- param days int = 3 en:\"Days\"\n-- column x int ja:\"x\" en:\"x\"",
            &["2: parameter `days` has a label in one of ja and en alone: give both, or none"],
        );
        check(
            "-- T\n-- column x date ja:\"x\" en:\"x\" personal:\"month\"",
            &["2: column `x` has the unknown mask `month`: year or hidden"],
        );
    }
}
