//! Separated values in two kinds: for machines (raw, byte for byte what the query said) and for spreadsheets, which run what looks like a
//! formula and eat leading zeros.
//!
//! The machine kind never guards: a phone number begins with `+`, and an upload must get it as it is.

use std::borrow::Cow;

use super::{Destination, DestinationError, ExportFile, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Csv {
    pub spreadsheet: bool,
    /// UTF-8 with a byte order mark, by which spreadsheets recognise it.
    pub bom: bool,
    pub crlf: bool,
    /// A text cell that would be a formula gets a `'` (spreadsheet kind).
    pub formula_guard: bool,
    /// A text of digits with a leading zero is written `="0312345678"` (spreadsheet kind).
    pub keep_zeros: bool,
    pub encoding: OutputEncoding,
    pub unencodable: Unencodable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputEncoding {
    Utf8,
    Cp932,
}

/// What becomes of a character that CP932 lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unencodable {
    Error,
    Question,
    /// 〓, the mark of a missing letter.
    Geta,
    Drop,
}

impl Csv {
    pub const MACHINE: Csv = Csv {
        spreadsheet: false,
        bom: false,
        crlf: false,
        formula_guard: false,
        keep_zeros: false,
        encoding: OutputEncoding::Utf8,
        unencodable: Unencodable::Error,
    };
    pub const SPREADSHEET: Csv = Csv { spreadsheet: true, bom: true, crlf: true, formula_guard: true, ..Csv::MACHINE };
    pub const SPREADSHEET_CP932: Csv =
        Csv { bom: false, encoding: OutputEncoding::Cp932, unencodable: Unencodable::Geta, ..Csv::SPREADSHEET };

    fn cell<'a>(&self, text: &'a str, is_number: bool) -> Cow<'a, str> {
        if !self.spreadsheet || is_number {
            return Cow::Borrowed(text);
        }
        if self.keep_zeros && text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Cow::Owned(format!("=\"{text}\""));
        }
        if self.formula_guard && text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
            return Cow::Owned(format!("'{text}"));
        }
        Cow::Borrowed(text)
    }
}

impl Destination for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn files(&self, table: &Table) -> Result<Vec<ExportFile>, DestinationError> {
        let mut out = Writer { options: *self, bytes: Vec::new(), replaced_chars: 0 };
        if self.bom && self.encoding == OutputEncoding::Utf8 {
            out.bytes.extend(b"\xef\xbb\xbf");
        }
        let place = |row: usize, column: usize| DestinationError::Unencodable {
            row,
            column: table.columns.get(column).map(|column| column.name.clone()).unwrap_or_default(),
            encoding: "cp932",
        };
        for (index, column) in table.columns.iter().enumerate() {
            let label = if self.spreadsheet && !column.label.is_empty() { &column.label } else { &column.name };
            out.field(index, &self.cell(label, false), self.spreadsheet).map_err(|()| place(0, index))?;
        }
        out.end();
        for (row_index, row) in table.rows.iter().enumerate() {
            if row.len() != table.columns.len() {
                return Err(DestinationError::Ragged { row: row_index + 1, found: row.len(), expected: table.columns.len() });
            }
            for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                let is_number = column.kind.is_number();
                match cell {
                    Some(text) => {
                        let quote = self.spreadsheet && !is_number;
                        out.field(index, &self.cell(text, is_number), quote).map_err(|()| place(row_index + 1, index))?;
                    }
                    // A missing value is empty and unquoted, an empty text is quoted: a reader can tell.
                    None => out.separator(index),
                }
            }
            out.end();
        }
        let encoding = match self.encoding {
            OutputEncoding::Utf8 => "utf-8",
            OutputEncoding::Cp932 => "cp932",
        };
        let rows = table.rows.len() as u64;
        Ok(vec![ExportFile {
            path: "part-00000.csv".into(),
            bytes: out.bytes,
            rows,
            encoding,
            replaced_chars: out.replaced_chars,
        }])
    }
}

struct Writer {
    options: Csv,
    bytes: Vec<u8>,
    replaced_chars: u64,
}

impl Writer {
    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.bytes.push(b',');
        }
    }

    fn field(&mut self, index: usize, text: &str, quote: bool) -> Result<(), ()> {
        self.separator(index);
        if quote || text.is_empty() || text.contains([',', '"', '\r', '\n']) {
            self.bytes.push(b'"');
            self.text(&text.replace('"', "\"\""))?;
            self.bytes.push(b'"');
            Ok(())
        } else {
            self.text(text)
        }
    }

    fn end(&mut self) {
        self.bytes.extend(if self.options.crlf { &b"\r\n"[..] } else { b"\n" });
    }

    fn text(&mut self, text: &str) -> Result<(), ()> {
        if self.options.encoding == OutputEncoding::Utf8 {
            self.bytes.extend(text.as_bytes());
            return Ok(());
        }
        // Letters that have a twin in CP932 (INTERFACES §2.3); ¥ would silently become a backslash.
        let twin = |c: char| match c {
            '\u{301c}' => '\u{ff5e}',
            '\u{2016}' => '\u{2225}',
            '\u{2014}' => '\u{2015}',
            '\u{2212}' => '\u{ff0d}',
            '\u{a0}' => ' ',
            '¥' => '￥',
            c => c,
        };
        let mut buffer = [0; 4];
        for c in text.chars().map(twin) {
            let (encoded, _, unencodable) = encoding_rs::SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
            if !unencodable {
                self.bytes.extend(&*encoded);
                continue;
            }
            self.replaced_chars += 1;
            match self.options.unencodable {
                Unencodable::Error => return Err(()),
                Unencodable::Question => self.bytes.push(b'?'),
                Unencodable::Geta => self.bytes.extend(b"\x81\xac"),
                Unencodable::Drop => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::{CellKind, Column};

    fn table() -> Table {
        let column = |name: &str, label: &str, kind| Column { name: name.into(), label: label.into(), kind, pii: false };
        let row = |cells: [Option<&str>; 3]| cells.map(|cell| cell.map(String::from)).to_vec();
        Table {
            columns: vec![
                column("customer_id", "会員ID", CellKind::Text),
                column("note", "メモ", CellKind::Text),
                column("net", "純売上", CellKind::Money),
            ],
            rows: vec![
                row([Some("c-1"), Some("=1+1"), Some("-500")]),
                row([Some("0312"), Some("a\"b,c"), None]),
                row([Some("+8190"), Some(""), Some("12.5")]),
            ],
        }
    }

    #[test]
    fn for_machines_and_for_spreadsheets() {
        let check = |csv: Csv, expect: &str| {
            let files = csv.files(&table()).unwrap();
            assert_eq!(String::from_utf8_lossy(&files[0].bytes), expect);
            assert_eq!((files[0].rows, files[0].replaced_chars), (3, 0));
        };
        check(Csv::MACHINE, "customer_id,note,net\nc-1,=1+1,-500\n0312,\"a\"\"b,c\",\n+8190,\"\",12.5\n");
        check(
            Csv::SPREADSHEET,
            "\u{feff}\"会員ID\",\"メモ\",\"純売上\"\r\n\"c-1\",\"'=1+1\",-500\r\n\"0312\",\"a\"\"b,c\",\r\n\"'+8190\",\"\",12.5\r\n",
        );
        check(
            Csv { keep_zeros: true, formula_guard: false, bom: false, crlf: false, ..Csv::SPREADSHEET },
            "\"会員ID\",\"メモ\",\"純売上\"\n\"c-1\",\"=1+1\",-500\n\"=\"\"0312\"\"\",\"a\"\"b,c\",\n\"+8190\",\"\",12.5\n",
        );
    }

    #[test]
    fn formulas_are_guarded() {
        let check = |text: &str, expect: &str| assert_eq!(Csv::SPREADSHEET.cell(text, false), expect);
        for start in ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"] {
            check(&format!("{start}cmd"), &format!("'{start}cmd"));
        }
        check("a=b", "a=b");
        assert_eq!(Csv::SPREADSHEET.cell("-5", true), "-5", "numbers are exempt");
    }

    #[test]
    fn what_cp932_lacks_is_counted() {
        let mut table = table();
        table.columns.truncate(1);
        table.rows = vec![vec![Some("〜髙¥𠮷".into())]];
        let file = &Csv::SPREADSHEET_CP932.files(&table).unwrap()[0];
        let back = encoding_rs::SHIFT_JIS.decode(&file.bytes).0;
        assert_eq!(back, "\"会員ID\"\r\n\"～髙￥〓\"\r\n");
        assert_eq!((file.replaced_chars, file.encoding), (1, "cp932"));
        let strict = Csv { unencodable: Unencodable::Error, ..Csv::SPREADSHEET_CP932 };
        let error = strict.files(&table).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column customer_id: a character is not in cp932");
    }

    #[test]
    fn a_row_of_another_width_is_an_error() {
        let mut table = table();
        table.rows[1].pop();
        assert!(matches!(Csv::MACHINE.files(&table), Err(DestinationError::Ragged { row: 2, found: 2, expected: 3 })));
    }
}
