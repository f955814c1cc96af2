//! Spreadsheets (XLSX, XLS): the cells of one sheet, as text that says what the cell says. The sheet is the mapping's `sheet`, else the first.
//!
//! | cell | text |
//! |---|---|
//! | number | as Excel shows it at most: 15 digits, no `.0`; from 10^15 on `1.23456789012346E+17`, because Excel has cut such a number already and an id must not be read from it |
//! | date or time | by the 1900 or 1904 calendar of the file: `2024-04-02`, `2024-04-02 08:20:54`, `08:20:54`; a duration as `26:30:00` |
//! | formula | the value that was kept with it; empty when none was |
//! | yes or no | `TRUE`, `FALSE` |
//! | error (`#N/A`, `#REF!`, …) | its row is rejected |
//!
//! A row's line is its number in the sheet. Such a file has to be held as a whole, so its size is bounded three ways: as it stands
//! ([`FILE_BYTES_MAX`]), inflated ([`INFLATED_BYTES_MAX`], as its directory declares; who opens the file checks with [`parts`] that the
//! directory does not lie) and as text ([`TEXT_BYTES_MAX`]). What is larger is read as CSV.

use std::io::{Cursor, Read};

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime, Reader, Xls, XlsError, Xlsx, XlsxError};

use super::{Encoding, FormatError, ImportFormat, Layout, Opened, Parsed, Rejection, Row};

pub const FILE_BYTES_MAX: usize = 128 << 20;
pub const INFLATED_BYTES_MAX: u64 = 1 << 30;
const TEXT_BYTES_MAX: usize = 256 << 20;
/// From here on Excel, which keeps 15 digits, may have cut a whole number.
const EXACT_BELOW: f64 = 1e15;

const ZIP: &[u8] = b"PK\x03\x04";
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

pub struct Spreadsheet;

impl ImportFormat for Spreadsheet {
    fn name(&self) -> &'static str {
        "spreadsheet"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xlsx", "xlsm", "xls"]
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(ZIP) || head.starts_with(COMPOUND)
    }

    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError> {
        let mut whole = Vec::new();
        bytes.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut whole).map_err(|source| FormatError::Read { source })?;
        if whole.is_empty() {
            return Err(FormatError::Empty);
        }
        if whole.len() > FILE_BYTES_MAX {
            return Err(FormatError::TooLarge { what: "file", max_bytes: FILE_BYTES_MAX as u64 });
        }
        let sheet = if whole.starts_with(ZIP) { xlsx(whole, layout)? } else { xls(whole, layout)? };
        opened(sheet, layout)
    }
}

/// A part of an XLSX file, as the directory of the archive describes it.
pub struct Part<'a> {
    pub name: &'a [u8],
    /// As stored; [`Part::is_deflated`] says how.
    pub bytes: &'a [u8],
    pub is_deflated: bool,
    /// How long it becomes, as the directory says.
    pub inflated: u64,
}

/// The parts of an XLSX file. Archives that more than one reader could understand differently (a comment at the end, something before the
/// beginning, parts that overlap) are refused.
pub fn parts(archive: &[u8]) -> Result<Vec<Part<'_>>, FormatError> {
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let digits = archive.get(at..at.checked_add(bytes)?)?;
        Some(digits.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let walk = || -> Option<Vec<Part<'_>>> {
        let end = archive.len().checked_sub(22)?;
        let (count, size, start) = (number(end + 10, 2)?, number(end + 12, 4)?, number(end + 16, 4)?);
        if !archive[end..].starts_with(b"PK\x05\x06") || number(end + 20, 2)? != 0 || start.checked_add(size)? != end {
            return None;
        }
        let (mut at, mut parts, mut spans) = (start, Vec::new(), Vec::new());
        for _ in 0..count {
            let (flags, method) = (number(at + 8, 2)?, number(at + 10, 2)?);
            let (stored, inflated, local) = (number(at + 20, 4)?, number(at + 24, 4)?, number(at + 42, 4)?);
            let (name, extra, comment) = (number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?);
            let is_plain = flags & 1 == 0 && matches!(method, 0 | 8);
            if !archive.get(at..)?.starts_with(b"PK\x01\x02") || !archive.get(local..)?.starts_with(ZIP) || !is_plain {
                return None;
            }
            let body = local + 30 + number(local + 26, 2)? + number(local + 28, 2)?;
            let bytes = archive.get(body..body.checked_add(stored)?).filter(|_| body + stored <= start)?;
            let name_bytes = archive.get(at + 46..at + 46 + name)?;
            parts.push(Part { name: name_bytes, bytes, is_deflated: method == 8, inflated: inflated as u64 });
            spans.push(local..body + stored);
            at += 46 + name + extra + comment;
        }
        spans.sort_by_key(|span| span.start);
        let overlap = spans.windows(2).any(|pair| pair[1].start < pair[0].end);
        (at == end && !overlap).then_some(parts)
    };
    let parts = walk().ok_or_else(|| broken("its archive is damaged or unusual"))?;
    if parts.iter().map(|part| part.inflated).sum::<u64>() > INFLATED_BYTES_MAX {
        return Err(FormatError::TooLarge { what: "inflated file", max_bytes: INFLATED_BYTES_MAX });
    }
    Ok(parts)
}

fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FormatError {
    FormatError::Spreadsheet { source: cause.into() }
}

/// What a cell holds, whichever of the two formats it is from.
enum Cell<'a> {
    Text(&'a str),
    Number(f64),
    Time { at: ExcelDateTime, with_clock: bool },
    Bool(bool),
    Error(&'a CellErrorType),
}

/// The filled cells of a sheet, packed: a byte vector for all of them, each as its length, whether it is an error, and its text.
#[derive(Default)]
struct Sheet {
    /// Number of the row in the sheet, and where its cells begin.
    rows: Vec<(u32, usize)>,
    cells: Vec<u8>,
    /// Cells of the last row so far.
    width: u32,
}

impl Sheet {
    /// Cells come row by row, from left to right.
    fn push(&mut self, row: u32, column: u32, cell: &Cell<'_>) -> Result<(), FormatError> {
        let text = cell.text();
        if text.is_empty() {
            return Ok(());
        }
        let line = row.saturating_add(1);
        match self.rows.last() {
            Some((last, _)) if *last == line && column >= self.width => {}
            Some((last, _)) if *last >= line => return Err(broken("its cells are not in order")),
            _ => {
                self.rows.push((line, self.cells.len()));
                self.width = 0;
            }
        }
        for _ in self.width..column {
            self.cells.extend_from_slice(&[0; 4]);
        }
        self.width = column + 1;
        let mark = (text.len() as u32) << 1 | u32::from(matches!(cell, Cell::Error(_)));
        self.cells.extend_from_slice(&mark.to_le_bytes());
        self.cells.extend_from_slice(text.as_bytes());
        if self.cells.len() > TEXT_BYTES_MAX {
            return Err(FormatError::TooLarge { what: "sheet's text", max_bytes: TEXT_BYTES_MAX as u64 });
        }
        Ok(())
    }

    /// The cells of a row, each with whether it is an error.
    fn row(&self, index: usize) -> (u32, Vec<(Option<String>, bool)>) {
        let (line, start) = self.rows[index];
        let end = self.rows.get(index + 1).map_or(self.cells.len(), |(_, start)| *start);
        let (mut rest, mut cells) = (&self.cells[start..end], Vec::new());
        while let Some((mark, after)) = rest.split_first_chunk::<4>() {
            let mark = u32::from_le_bytes(*mark);
            let (text, after) = after.split_at((mark >> 1) as usize);
            let text = String::from_utf8_lossy(text);
            cells.push(((!text.is_empty()).then(|| text.into_owned()), mark & 1 == 1));
            rest = after;
        }
        (line, cells)
    }
}

impl Cell<'_> {
    fn text(&self) -> String {
        match self {
            Cell::Text(text) => (*text).to_string(),
            Cell::Number(number) => number_text(*number),
            Cell::Bool(yes) => if *yes { "TRUE" } else { "FALSE" }.into(),
            Cell::Time { at, with_clock } => time_text(*at, *with_clock),
            Cell::Error(error) => error.to_string(),
        }
    }
}

/// At most the 15 digits that Excel keeps and shows; what has more than that in front of the point in scientific notation.
fn number_text(number: f64) -> String {
    let scientific = format!("{number:.14E}");
    let Some((mantissa, exponent)) = scientific.split_once('E') else { return scientific };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    if number.abs() >= EXACT_BELOW {
        let point = if mantissa.contains('.') { "" } else { ".0" };
        return format!("{mantissa}{point}E+{exponent}");
    }
    let digits_after = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len() as i32);
    let decimals = digits_after - exponent.parse::<i32>().unwrap_or(0);
    let text = format!("{number:.*}", decimals.clamp(0, 330) as usize);
    if text == "-0" { "0".into() } else { text }
}

fn time_text(at: ExcelDateTime, with_clock: bool) -> String {
    if at.is_duration() {
        let seconds = (at.as_f64() * 86_400.0).round() as i64;
        let sign = if seconds < 0 { "-" } else { "" };
        let seconds = seconds.unsigned_abs();
        return format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let mut clock = format!("{hour:02}:{minute:02}:{second:02}");
    if milli > 0 {
        clock.push_str(&format!(".{milli:03}"));
    }
    match (at.as_f64() < 1.0, with_clock || clock != "00:00:00") {
        (true, _) => clock,
        (false, true) => format!("{date} {clock}"),
        (false, false) => date,
    }
}

fn xlsx(whole: Vec<u8>, layout: &Layout) -> Result<Sheet, FormatError> {
    parts(&whole)?;
    let of = |error: XlsxError| match error {
        XlsxError::Password => FormatError::Protected,
        error => broken(error),
    };
    let mut book = Xlsx::new(Cursor::new(whole)).map_err(of)?;
    let name = chosen(&book.sheet_names(), layout)?;
    let mut reader = book.worksheet_cells_reader(&name).map_err(of)?;
    // Whether a cell's format shows the time of day decides whether midnight is said.
    let shows_clock: Vec<bool> = reader
        .styles()
        .iter()
        .map(|style| style.number_format.as_ref().is_some_and(|format| format.format_code.to_lowercase().contains('h')))
        .collect();
    let mut sheet = Sheet::default();
    while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(of)? {
        let (row, column) = cell.get_position();
        let with_clock = shows_clock.get(style).copied().unwrap_or(false);
        let cell = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::Int(number) => Cell::Number(*number as f64),
            DataRef::Float(number) => Cell::Number(*number),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text),
            DataRef::SharedString(text) => Cell::Text(text),
            DataRef::Bool(yes) => Cell::Bool(*yes),
            DataRef::DateTime(at) => Cell::Time { at: *at, with_clock },
            DataRef::Error(error) => Cell::Error(error),
        };
        sheet.push(row, column, &cell)?;
    }
    Ok(sheet)
}

fn xls(whole: Vec<u8>, layout: &Layout) -> Result<Sheet, FormatError> {
    // What a password locks is an XLSX inside a compound file.
    const LOCKED: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
    let of = |error: XlsError| match error {
        XlsError::Password => FormatError::Protected,
        error => broken(error),
    };
    if !whole.starts_with(COMPOUND) {
        return Err(broken("it begins as no spreadsheet does"));
    }
    if whole.windows(LOCKED.len()).any(|window| window == LOCKED) {
        return Err(FormatError::Protected);
    }
    let mut book = Xls::new(Cursor::new(whole)).map_err(of)?;
    let name = chosen(&book.sheet_names(), layout)?;
    let range = book.worksheet_range(&name).map_err(of)?;
    let (first_row, first_column) = range.start().unwrap_or_default();
    let mut sheet = Sheet::default();
    for (row, column, data) in range.used_cells() {
        let cell = match data {
            Data::Empty => continue,
            Data::Int(number) => Cell::Number(*number as f64),
            Data::Float(number) => Cell::Number(*number),
            Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Text(text),
            Data::Bool(yes) => Cell::Bool(*yes),
            Data::DateTime(at) => Cell::Time { at: *at, with_clock: false },
            Data::Error(error) => Cell::Error(error),
        };
        sheet.push(first_row + row as u32, first_column + column as u32, &cell)?;
    }
    Ok(sheet)
}

fn chosen(names: &[String], layout: &Layout) -> Result<String, FormatError> {
    match &layout.sheet {
        None => names.first().cloned().ok_or(FormatError::Empty),
        Some(wanted) => names
            .iter()
            .find(|name| name.trim() == wanted.trim())
            .cloned()
            .ok_or_else(|| FormatError::Sheet { wanted: wanted.clone(), sheets: names.to_vec() }),
    }
}

fn opened<'a>(sheet: Sheet, layout: &Layout) -> Result<Opened<'a>, FormatError> {
    let skipped = sheet.rows.iter().take_while(|(line, _)| *line as usize <= layout.skip_rows).count();
    if skipped == sheet.rows.len() {
        return Err(FormatError::Empty);
    }
    let (_, first) = sheet.row(skipped);
    let header: Vec<String> = match layout.header {
        true => first.into_iter().map(|(name, _)| name.unwrap_or_default().trim().to_string()).collect(),
        // Without a header the widest row says how many columns there are.
        false => {
            let width = (skipped..sheet.rows.len()).map(|index| sheet.row(index).1.len()).max().unwrap_or(0);
            (1..=width).map(|position| position.to_string()).collect()
        }
    };
    let names = header.clone();
    let first_row = if layout.header { skipped + 1 } else { skipped };
    let rows = (first_row..sheet.rows.len()).map(move |index| Ok(parsed(&names, sheet.row(index))));
    Ok(Opened { header, encoding: Encoding::Utf8, warnings: Vec::new(), rows: Box::new(rows) })
}

fn parsed(header: &[String], (line, mut cells): (u32, Vec<(Option<String>, bool)>)) -> Parsed {
    let raw = cells.iter().map(|(text, _)| text.as_deref().unwrap_or("")).collect::<Vec<_>>().join("\t").into_bytes();
    let reject = |column: Option<&String>, code, reason: String, remedy: &str, raw| {
        let column = column.cloned();
        Parsed::Rejected(Rejection { line: line.into(), column, code, reason, remedy: remedy.into(), raw })
    };
    if cells.len() > header.len() {
        let reason = format!("the row has {} cells, the header {}", cells.len(), header.len());
        return reject(None, "ragged", reason, "remove what stands right of the columns, or name the column", raw);
    }
    if let Some(at) = cells.iter().position(|(_, is_error)| *is_error) {
        let reason = format!("the cell is {}", cells[at].0.as_deref().unwrap_or_default());
        return reject(header.get(at), "error_cell", reason, "mend the formula in the spreadsheet", raw);
    }
    cells.resize(header.len(), (None, false));
    Parsed::Row(Row { line: line.into(), cells: cells.into_iter().map(|(text, _)| text).collect(), raw })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Remedy;

    /// An XLSX file of stored parts: what a spreadsheet program writes at least.
    fn xlsx_of(sheets: &[(&str, &str)], date_1904: bool, strings: &str) -> Vec<u8> {
        let names: Vec<String> = (1..=sheets.len()).map(|number| format!("xl/worksheets/sheet{number}.xml")).collect();
        let listed = sheets
            .iter()
            .zip(1..)
            .map(|((name, _), number)| format!(r#"<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>"#));
        let related = (1..=sheets.len()).map(|number| {
            format!(r#"<Relationship Id="r{number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{number}.xml"/>"#)
        });
        let main = r#"xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;
        let packaged = r#"xmlns="http://schemas.openxmlformats.org/package/2006/relationships""#;
        let workbook = format!(
            r#"<workbook {main}><workbookPr date1904="{date_1904}"/><sheets>{}</sheets></workbook>"#,
            listed.collect::<String>()
        );
        let styles = format!(
            r#"<styleSheet {main}><numFmts count="1"><numFmt numFmtId="170" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="46"/><xf numFmtId="21"/></cellXfs></styleSheet>"#
        );
        let mut files = vec![
            (
                "_rels/.rels".to_string(),
                format!(
                    r#"<Relationships {packaged}><Relationship Id="w" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
                ),
            ),
            ("xl/workbook.xml".into(), workbook),
            (
                "xl/_rels/workbook.xml.rels".into(),
                format!("<Relationships {packaged}>{}</Relationships>", related.collect::<String>()),
            ),
            ("xl/styles.xml".into(), styles),
            ("xl/sharedStrings.xml".into(), format!("<sst {main}>{strings}</sst>")),
        ];
        for (name, (_, rows)) in names.into_iter().zip(sheets) {
            files.push((name, format!("<worksheet {main}><sheetData>{rows}</sheetData></worksheet>")));
        }
        zip_of(&files)
    }

    fn zip_of(files: &[(String, String)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let crc = crc32(text.as_bytes());
            let sizes = [crc, text.len() as u32, text.len() as u32].map(u32::to_le_bytes).concat();
            let name_length = (name.len() as u16).to_le_bytes();
            directory.extend(
                [
                    &b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0!\0"[..],
                    &sizes,
                    &name_length,
                    &[0; 12],
                    &(out.len() as u32).to_le_bytes(),
                    name.as_bytes(),
                ]
                .concat(),
            );
            out.extend(
                [&b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0"[..], &sizes, &name_length, &[0; 2], name.as_bytes(), text.as_bytes()]
                    .concat(),
            );
        }
        let count = (files.len() as u16).to_le_bytes();
        let end = [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count,
            &count,
            &(directory.len() as u32).to_le_bytes(),
            &(out.len() as u32).to_le_bytes(),
            &[0; 2],
        ]
        .concat();
        [out, directory, end].concat()
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }

    fn read(bytes: &[u8], layout: &Layout) -> Result<(Vec<String>, Vec<String>), FormatError> {
        let opened = Spreadsheet.open(Box::new(bytes), layout)?;
        Ok((opened.header, super::super::tests::shown(opened.rows)))
    }

    const HEAD: &str =
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t> b </t></is></c></row>"#;

    #[test]
    fn a_cell_is_the_text_that_says_the_same() {
        let check = |cell: &str, date_1904: bool, expect: &str| {
            let rows = format!(r#"{HEAD}<row r="2"><c r="A2"><v>7</v></c><c r="B2" {cell}</c></row>"#);
            let file = xlsx_of(&[("s", &rows)], date_1904, "<si><t>髙﨑 ①</t></si><si><t>007</t></si>");
            let (header, rows) = read(&file, &Layout::default()).unwrap();
            assert_eq!((header, rows), (vec!["a".to_string(), "b".into()], vec![expect.to_string()]), "{cell}");
        };
        check(r#"t="s"><v>0</v>"#, false, "2: 7|髙﨑 ①");
        check(r#"t="s"><v>1</v>"#, false, "2: 7|007");
        check("><v>1200</v>", false, "2: 7|1200");
        check("><v>1.0</v>", false, "2: 7|1");
        check("><v>-0</v>", false, "2: 7|0");
        check("><v>0.30000000000000004</v>", false, "2: 7|0.3");
        check("><v>1980.1</v>", false, "2: 7|1980.1");
        check("><v>1E-7</v>", false, "2: 7|0.0000001");
        check("><v>123456789012345</v>", false, "2: 7|123456789012345");
        check("><v>999999999999999</v>", false, "2: 7|999999999999999");
        check("><v>1.2345678901234501E+17</v>", false, "2: 7|1.23456789012345E+17");
        check("><v>2E+17</v>", false, "2: 7|2.0E+17");
        check("><v>1234567890123456</v>", false, "2: 7|1.23456789012346E+15");
        check(r#"s="1"><v>45384</v>"#, false, "2: 7|2024-04-02");
        check(r#"s="1"><v>45384.347847222222</v>"#, false, "2: 7|2024-04-02 08:20:54");
        check(r#"s="2"><v>45384</v>"#, false, "2: 7|2024-04-02 00:00:00");
        check(r#"s="1"><v>43922</v>"#, true, "2: 7|2024-04-02");
        check(r#"s="1"><v>59</v>"#, false, "2: 7|1900-02-28");
        check(r#"s="1"><v>61</v>"#, false, "2: 7|1900-03-01");
        check(r#"s="4"><v>0.5</v>"#, false, "2: 7|12:00:00");
        check(r#"s="3"><v>1.1041666666666667</v>"#, false, "2: 7|26:30:00");
        check(r#"t="b"><v>1</v>"#, false, "2: 7|TRUE");
        check(r#"><f>1+1</f><v>2</v>"#, false, "2: 7|2");
        check(r#"t="str"><f>A2</f><v>x</v>"#, false, "2: 7|x");
        check("><f>1+1</f>", false, "2: 7|∅");
        check(r#"t="e"><v>#N/A</v>"#, false, "2: !error_cell");
        check(r#"t="inlineStr"><is><t>x&amp;y</t></is>"#, false, "2: 7|x&y");
    }

    #[test]
    fn rows_sheets_and_holes() {
        let check = |rows: &str, layout: &Layout, header: usize, expect: &[&str]| {
            let file =
                xlsx_of(&[("first", rows), ("受注", &format!(r#"{HEAD}<row r="9"><c r="A9"><v>9</v></c></row>"#))], false, "");
            let (names, rows) = read(&file, layout).unwrap();
            assert_eq!(
                (names.len(), rows.iter().map(String::as_str).collect::<Vec<_>>()),
                (header, expect.to_vec()),
                "{names:?}"
            );
        };
        let plain = Layout::default();
        check(
            &format!(r#"{HEAD}<row r="3"><c r="B3"><v>1</v></c></row><row r="4"/><row r="5"><c r="A5"><v>2</v></c></row>"#),
            &plain,
            2,
            &["3: ∅|1", "5: 2|∅"],
        );
        check(&format!(r#"{HEAD}<row r="2"><c r="A2"><v>1</v></c><c r="C2"><v>1</v></c></row>"#), &plain, 2, &["2: !ragged"]);
        check(
            r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="4"><c r="A4"><v>2</v></c><c r="B4"><v>2</v></c></row>"#,
            &Layout { header: false, ..plain.clone() },
            2,
            &["2: 1|∅", "4: 2|2"],
        );
        check(
            r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="3"><c r="A3"><v>2</v></c></row><row r="4"><c r="A4"><v>3</v></c></row>"#,
            &Layout { skip_rows: 2, ..plain.clone() },
            1,
            &["4: 3"],
        );
        check("", &Layout { sheet: Some("受注".into()), ..plain }, 2, &["9: 9|∅"]);
    }

    #[test]
    fn files_that_cannot_be_read_say_what_to_do() {
        let check = |bytes: &[u8], sheet: Option<&str>, expect: &str| {
            let error = read(bytes, &Layout { sheet: sheet.map(String::from), ..Layout::default() }).unwrap_err();
            assert_eq!(error.to_string(), expect);
            assert!(error.remedy().is_some());
        };
        let whole = xlsx_of(&[("s", HEAD)], false, "");
        check(b"", None, "the file is empty");
        check(&xlsx_of(&[("s", "")], false, ""), None, "the file is empty");
        check(&whole, Some("t"), "the file has no sheet `t`");
        check(&whole[..whole.len() - 30], None, "the spreadsheet could not be read");
        check(&[&whole[..], b"x"].concat(), None, "the spreadsheet could not be read");
        check(&[COMPOUND, &[0; 600]].concat(), None, "the spreadsheet could not be read");
        check(
            &[COMPOUND, &[0; 600], b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"].concat(),
            None,
            "the spreadsheet is locked with a password",
        );
        // A directory that declares more than may be inflated.
        let mut bomb = whole.clone();
        let entry = bomb.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        bomb[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
        check(&bomb, None, "the inflated file is larger than 1073741824 bytes, which is as much of a spreadsheet as is read");
    }
}
