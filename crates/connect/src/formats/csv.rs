//! Separated values, streaming: comma or another separator, quotes, LF, CRLF or CR, in UTF-8, CP932 or EUC-JP.
//!
//! Records are cut on bytes and decoded afterwards: in all three encodings the bytes of `,` `;` TAB `"` CR and LF never occur inside a
//! character, and a record that does not decode can be handed back as it stood.
//!
//! With `encoding = "auto"`: a byte order mark decides; else the first record with a byte outside ASCII does (UTF-8 if it is valid UTF-8,
//! else what `chardetng` says of the bytes read so far), so that a long ASCII beginning does not decide for the Japanese that follows.

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Read},
};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::{Cells, Encoding, FormatError, ImportFormat, Layout, Opened, Parsed, RECORD_BYTES_MAX, Rejection, Row};

const BUFFER_BYTES: usize = 64 * 1024;

pub struct Csv;

impl ImportFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "txt"]
    }

    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError> {
        let mut records = Records::new(bytes, layout)?;
        let mut layout = layout.clone();
        if let Some(separator) = records.declared_separator()? {
            layout.separator = separator;
            records.separator = separator;
        }
        for _ in 0..layout.skip_rows {
            if records.next_record()?.is_none() {
                return Err(FormatError::Empty);
            }
        }
        let first = loop {
            match records.next_record()? {
                None => return Err(FormatError::Empty),
                Some(record) if is_blank(&record.bytes, layout.separator) => continue,
                Some(record) => break record,
            }
        };
        let cells = split(&first.bytes, layout.separator);
        let (header, pending) = if layout.header {
            let decoded: Option<Vec<_>> = cells.iter().map(|cell| records.decoder.decode(cell)).collect();
            let names = decoded.ok_or(FormatError::Header(records.decoder.encoding.name()))?;
            (names.iter().map(|name| name.trim().to_string()).collect(), None)
        } else {
            ((1..=cells.len()).map(|position| position.to_string()).collect::<Vec<_>>(), Some(first))
        };
        let mut warnings = Vec::new();
        if header.iter().any(|name| is_mojibake(name)) {
            warnings.push(MOJIBAKE.to_string());
        }
        let encoding = records.decoder.encoding;
        let rows = Rows { header: header.clone(), records, pending, failed: false, separator: layout.separator };
        Ok(Opened { header, encoding, warnings, rows: Box::new(rows) })
    }
}

const MOJIBAKE: &str =
    "文字化け済みのファイルです: the text was broken before it was saved (UTF-8 read as CP932); export the file again";

/// Whether text looks like UTF-8 that was once read as CP932: those clusters hardly occur in Japanese.
pub fn is_mojibake(text: &str) -> bool {
    text.chars().filter(|c| "繝縺荳髢譁蟄".contains(*c)).count() >= 2 || text.contains('\u{fffd}')
}

/// The separator that cuts the first line into most pieces; a comma when none does.
pub fn guess_separator(sample: &[u8]) -> u8 {
    let line = sample.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or(b"");
    let count = |separator: u8| split(line, separator).len();
    [b',', b'\t', b';'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// The records after the header.
struct Rows<'a> {
    records: Records<'a>,
    pending: Option<Record>,
    header: Vec<String>,
    separator: u8,
    failed: bool,
}

impl Iterator for Rows<'_> {
    type Item = Result<Parsed, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        loop {
            let record = match self.pending.take().map_or_else(|| self.records.next_record(), |record| Ok(Some(record))) {
                Ok(Some(record)) => record,
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            };
            if !is_blank(&record.bytes, self.separator) {
                return Some(Ok(self.parse(record)));
            }
        }
    }
}

impl Rows<'_> {
    fn parse(&self, record: Record) -> Parsed {
        let reject = |code, column: Option<usize>, reason: String, remedy: &str, raw| {
            let column = column.map(|index| self.header[index].clone());
            Parsed::Rejected(Rejection { line: record.line, column, code, reason, remedy: remedy.into(), raw })
        };
        if record.unclosed {
            let remedy = "close the quote, or double a quote that is part of the text";
            return reject("unclosed_quote", None, "a quote is opened and never closed".into(), remedy, record.bytes);
        }
        let mut cells = split(&record.bytes, self.separator);
        while cells.len() > self.header.len() && cells.last().is_some_and(|cell| cell.is_empty()) {
            cells.pop(); // Trailing separators are harmless.
        }
        if cells.len() != self.header.len() {
            let reason = format!("the row has {} fields, the header {}", cells.len(), self.header.len());
            let remedy = "look for a separator or a line break that is not inside quotes";
            return reject("ragged", None, reason, remedy, record.bytes);
        }
        let mut row = Cells::with_room(cells.len(), record.bytes.len());
        for (index, cell) in cells.iter().enumerate() {
            if cell.is_empty() {
                row.push(None);
                continue;
            }
            match self.records.decoder.decode(cell) {
                Some(text) => row.push(Some(&text)),
                None => {
                    let reason = format!("a byte sequence is not {}", self.records.decoder.encoding.name());
                    let remedy = "set encoding in the mapping: cp932 (Windows), utf-8 or euc-jp; or correct the row";
                    drop(cells);
                    return reject("undecodable", Some(index), reason, remedy, record.bytes);
                }
            }
        }
        Parsed::Row(Row { line: record.line, cells: row, raw: record.bytes })
    }
}

struct Record {
    line: u64,
    /// Without the line break that ends it.
    bytes: Vec<u8>,
    unclosed: bool,
}

/// Cuts records: a line break inside quotes does not end one.
struct Records<'a> {
    input: BufReader<Box<dyn Read + 'a>>,
    separator: u8,
    line: u64,
    /// A CR ended the last record: an LF right after it belongs to it.
    after_cr: bool,
    decoder: Decoder,
}

impl<'a> Records<'a> {
    fn new(bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Self, FormatError> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, bytes);
        let mut decoder = Decoder { encoding: layout.encoding };
        let start = input.fill_buf().map_err(|source| FormatError::Read { source })?;
        if start.is_empty() {
            return Err(FormatError::Empty);
        }
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(FormatError::Encoding("UTF-16"));
        }
        if start.windows(3).any(|window| window == b"\x1b$B" || window == b"\x1b$@") {
            return Err(FormatError::Encoding("ISO-2022-JP"));
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            decoder.encoding = Encoding::Utf8;
            input.consume(3);
        }
        Ok(Records { input, separator: layout.separator, line: 1, after_cr: false, decoder })
    }

    /// Excel's own line in front of the header, `sep=;`. It is taken if it stands there.
    fn declared_separator(&mut self) -> Result<Option<u8>, FormatError> {
        let start = self.input.fill_buf().map_err(|source| FormatError::Read { source })?;
        let line = &start[..start.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(start.len())];
        let bare = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
        let &[s, e, p, b'=', separator] = bare else { return Ok(None) };
        if ![s, e, p].eq_ignore_ascii_case(b"sep") || separator == b'"' || !separator.is_ascii() {
            return Ok(None);
        }
        self.next_record()?;
        Ok(Some(separator))
    }

    fn next_record(&mut self) -> Result<Option<Record>, FormatError> {
        let start_line = self.line;
        let mut bytes = Vec::new();
        let (mut quoted, mut quote_ended, mut last_cr, mut read_any) = (false, false, false, false);
        'record: loop {
            let buffer = self.input.fill_buf().map_err(|source| FormatError::Read { source })?;
            if buffer.is_empty() {
                break;
            }
            let mut used = 0;
            if !read_any && std::mem::take(&mut self.after_cr) && buffer[0] == b'\n' {
                used = 1;
            }
            while used < buffer.len() {
                read_any = true;
                let rest = &buffer[used..];
                // What lies before the next byte that means anything is taken as one piece.
                let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\r' | b'\n')).unwrap_or(rest.len());
                if plain > 0 {
                    bytes.extend_from_slice(&rest[..plain]);
                    (quote_ended, last_cr) = (false, false);
                    used += plain;
                    continue;
                }
                let byte = rest[0];
                used += 1;
                if quoted {
                    if byte == b'"' {
                        (quoted, quote_ended) = (false, true);
                    } else if byte == b'\r' || !last_cr {
                        self.line += 1;
                    }
                    last_cr = byte == b'\r';
                } else if byte == b'"' {
                    // It opens a field, or doubles the one that ended it; elsewhere it is text.
                    quoted = quote_ended || bytes.last().is_none_or(|before| *before == self.separator);
                    quote_ended = false;
                } else {
                    self.line += 1;
                    self.after_cr = byte == b'\r';
                    self.input.consume(used);
                    break 'record;
                }
                bytes.push(byte);
            }
            self.input.consume(used);
            if bytes.len() > RECORD_BYTES_MAX {
                return Err(FormatError::RecordTooLong { line: start_line, max_bytes: RECORD_BYTES_MAX });
            }
        }
        if !read_any {
            return Ok(None);
        }
        if self.decoder.encoding == Encoding::Auto {
            self.decoder.decide(&bytes)?;
        }
        Ok(Some(Record { line: start_line, bytes, unclosed: quoted }))
    }
}

struct Decoder {
    encoding: Encoding,
}

impl Decoder {
    fn decide(&mut self, record: &[u8]) -> Result<(), FormatError> {
        if record.is_ascii() {
            return Ok(());
        }
        if std::str::from_utf8(record).is_ok() {
            self.encoding = Encoding::Utf8;
            return Ok(());
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(record, true);
        let guess = detector.guess(Some(b"jp"), Utf8Detection::Deny);
        self.encoding = match guess.name() {
            "Shift_JIS" => Encoding::Cp932,
            "EUC-JP" => Encoding::EucJp,
            // Too few bytes to tell: of the two that decode, Windows is the likelier; neither means broken UTF-8.
            _ if encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(record).is_some() => Encoding::Cp932,
            _ => Encoding::Utf8,
        };
        Ok(())
    }

    fn decode<'a>(&self, cell: &'a [u8]) -> Option<Cow<'a, str>> {
        let encoding = match self.encoding {
            Encoding::Auto | Encoding::Utf8 => return std::str::from_utf8(cell).ok().map(Cow::Borrowed),
            Encoding::Cp932 => encoding_rs::SHIFT_JIS,
            Encoding::EucJp => encoding_rs::EUC_JP,
        };
        encoding.decode_without_bom_handling_and_without_replacement(cell)
    }
}

fn is_blank(record: &[u8], separator: u8) -> bool {
    record.iter().all(|byte| *byte == separator || byte.is_ascii_whitespace())
}

/// Cuts a record into its fields, without their quotes.
fn split(record: &[u8], separator: u8) -> Vec<Cow<'_, [u8]>> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        if rest.first() != Some(&b'"') {
            let end = rest.iter().position(|byte| *byte == separator);
            fields.push(Cow::Borrowed(&rest[..end.unwrap_or(rest.len())]));
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return fields,
            }
            continue;
        }
        let mut field = Vec::new();
        let (mut quoted, mut at) = (true, 1);
        let mut more = false;
        while at < rest.len() {
            let byte = rest[at];
            match (quoted, byte) {
                (true, b'"') if rest.get(at + 1) == Some(&b'"') => {
                    field.push(b'"');
                    at += 1;
                }
                (true, b'"') => quoted = false,
                (false, byte) if byte == separator => {
                    more = true;
                    break;
                }
                (_, byte) => field.push(byte),
            }
            at += 1;
        }
        fields.push(Cow::Owned(field));
        if !more {
            return fields;
        }
        rest = &rest[at + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], layout: &Layout) -> Result<(Vec<String>, Vec<String>), FormatError> {
        let opened = Csv.open(Box::new(bytes), layout)?;
        Ok((opened.header, super::super::tests::shown(opened.rows)))
    }

    #[test]
    fn shapes_of_files() {
        let check = |bytes: &[u8], expect: &[&str]| {
            let (header, rows) = read(bytes, &Layout::default()).unwrap();
            assert_eq!(header.len(), 2, "{header:?}");
            assert_eq!(rows, expect, "{}", String::from_utf8_lossy(bytes));
        };
        check(b"a,b\n1,2\n3,4", &["2: 1|2", "3: 3|4"]);
        check(b"a,b\r\n1,2\r\n\r\n3,4\r\n", &["2: 1|2", "4: 3|4"]);
        check(b"a,b\r1,2\r3,4\r", &["2: 1|2", "3: 3|4"]);
        check(b"a,b\n\"1\n1\",\"2\"\"2\"\n3,4\n", &["2: 1\n1|2\"2", "4: 3|4"]);
        check(b"a,b\n1\n1,2,3\n1,2,,\n,\n", &["2: !ragged", "3: !ragged", "4: 1|2"]);
        check(b"a,b\n1,\n\"x\",\"\"\n", &["2: 1|∅", "3: x|∅"]);
        check(b"a,b\n1,2\n\"3,4\n5,6\n", &["2: 1|2", "3: !unclosed_quote"]);
        check(b"a,b\n1\"x,2\n", &["2: 1\"x|2"]);
        check(b"\xef\xbb\xbfa,b\n1,2\n", &["2: 1|2"]);
        check(b"a,a\n1,2\n", &["2: 1|2"]);
        // What shops' tools write when they are not at their best.
        check(b"\xef\xbb\xbf\"a\",\"b\"\r\n\"1\",\"2\"\r\n", &["2: 1|2"]);
        check(b"sep=,\r\na,b\r\n1,2\r\n", &["3: 1|2"]);
        check(b"\xef\xbb\xbfsep=;\na;b\n1,5;2\n", &["3: 1,5|2"]);
        check(b"\"sep=\t\"\na\tb\n1\t2", &["3: 1|2"]);
        check(b"a,b\n", &[]);
        check(b"a,b", &[]);
        check(b"a,b\r\r\r1,2\r\r3,4", &["4: 1|2", "6: 3|4"]);
        check(b"a,b\n1,2\r3,4\r\n5,6\n\r7,8", &["2: 1|2", "3: 3|4", "4: 5|6", "6: 7|8"]);
        check(b"a,b\n1,x\0y\n", &["2: 1|x\0y"]);
        check(b"a,b\n\"1\"x,2\n", &["2: 1x|2"]);
        check(b"a,b\n1,2\"\"\n", &["2: 1|2\"\""]);
        check(b"a,b\n\"\"\"1\"\"\",\"\"\n", &["2: \"1\"|\u{2205}"]);
        check(b"a,b\n\"1\r\n1\r1\n1\",2\n3,4\n", &["2: 1\r\n1\r1\n1|2", "6: 3|4"]);
        check(b"a,b\n1,2\n\"3", &["2: 1|2", "3: !unclosed_quote"]);
        check(b"a,b\n 1 , 2 \n", &["2:  1 | 2 "]);
        check(b"a,b\n1,\"2\" \n", &["2: 1|2 "]);
    }

    #[test]
    fn a_long_line_costs_its_bound_and_no_more() {
        // A gigabyte without a line break: given up after the first megabytes.
        let endless = std::io::Read::chain(&b"a,b\n1,"[..], std::io::Read::take(std::io::repeat(b'x'), 1 << 30));
        let opened = Csv.open(Box::new(endless), &Layout::default()).unwrap();
        let rows = super::super::tests::shown(opened.rows);
        assert!(rows.len() == 1 && rows[0].starts_with("error: the record that starts at line 2"), "{rows:?}");
    }

    #[test]
    fn what_characters_are_kept() {
        let check = |text: &str| {
            let row = format!("id,t\n1,{text}\n");
            let mut files = vec![row.clone().into_bytes()];
            for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
                let (bytes, _, unmappable) = encoding.encode(&row);
                if !unmappable && encoding.decode_without_bom_handling(&bytes).0 == row {
                    files.push(bytes.into_owned());
                }
            }
            for (bytes, encoding) in files.iter().zip([Encoding::Utf8, Encoding::Cp932, Encoding::EucJp]) {
                let (_, rows) = read(bytes, &Layout { encoding, ..Layout::default() }).unwrap();
                assert_eq!(rows, [format!("2: 1|{text}")], "{encoding:?}");
            }
            files.len()
        };
        assert_eq!(check("①～－髙﨑㈱"), 3);
        assert_eq!(check("ﾀﾅｶ ﾊﾅｺ"), 3, "half-width kana stay half-width");
        assert_eq!(check("が か\u{3099}"), 1, "NFC and NFD stay as they are");
        assert_eq!(check("a\u{202e}b"), 1);
        assert_eq!(check("𠮷😀é"), 1);
    }

    #[test]
    fn utf8_that_breaks_late_names_the_line() {
        let bytes = ["id,名\n".to_string(), "1,髙\n".repeat(9_000)].concat().into_bytes();
        let bytes = [bytes, b"2,\x93\x8c\n3,ok\n".to_vec()].concat();
        let opened = Csv.open(Box::new(&bytes[..]), &Layout::default()).unwrap();
        let rejected: Vec<Rejection> = opened
            .rows
            .filter_map(|row| match row.unwrap() {
                Parsed::Rejected(rejection) => Some(rejection),
                Parsed::Row(row) => {
                    assert!(!row.cells.iter().flatten().any(|text| text.contains('\u{fffd}')));
                    None
                }
            })
            .collect();
        let [rejection] = rejected.as_slice() else { panic!("{rejected:?}") };
        assert_eq!((rejection.line, rejection.column.as_deref(), rejection.code), (9_002, Some("名"), "undecodable"));
    }

    #[test]
    fn encodings_are_declared_or_found() {
        let text = "氏名,町\n髙﨑 ①㈱,～－‖\nﾀﾅｶ,さいたま市\n";
        let check = |bytes: &[u8], encoding: Encoding, found: Encoding, expect: &str| {
            let mut opened = Csv.open(Box::new(bytes), &Layout { encoding, ..Layout::default() }).unwrap();
            assert_eq!(opened.encoding, found);
            let Some(Ok(Parsed::Row(row))) = opened.rows.next() else { panic!("no row for {encoding:?}") };
            assert_eq!(row.cells.get(0), Some(expect));
        };
        let cp932 = encoding_rs::SHIFT_JIS.encode(text).0;
        check(&cp932, Encoding::Auto, Encoding::Cp932, "髙﨑 ①㈱");
        check(&cp932, Encoding::Cp932, Encoding::Cp932, "髙﨑 ①㈱");
        let euc = encoding_rs::EUC_JP.encode("氏名,町\n佐藤 花子,さいたま市\n").0;
        check(&euc, Encoding::Auto, Encoding::EucJp, "佐藤 花子");
        check(text.as_bytes(), Encoding::Auto, Encoding::Utf8, "髙﨑 ①㈱");
        // A byte order mark outranks a wrong declaration.
        check(&[&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(), Encoding::Cp932, Encoding::Utf8, "髙﨑 ①㈱");
    }

    #[test]
    fn ascii_at_the_start_does_not_decide() {
        let mut bytes = b"id,name\n".to_vec();
        for id in 0..20_000 {
            bytes.extend(format!("{id},x\n").as_bytes());
        }
        bytes.extend(&*encoding_rs::SHIFT_JIS.encode("1,田中さん\n").0);
        let (_, rows) = read(&bytes, &Layout::default()).unwrap();
        assert_eq!(rows.last().unwrap(), "20002: 1|田中さん");
    }

    #[test]
    fn a_byte_that_does_not_decode_rejects_its_row_with_its_bytes() {
        let bytes = b"id,name\n1,\xe7\x94\xb0\n2,\xff\xfe\n3,ok\n";
        let opened = Csv.open(Box::new(&bytes[..]), &Layout::default()).unwrap();
        let rows: Vec<Parsed> = opened.rows.map(|row| row.unwrap()).collect();
        let Parsed::Rejected(rejection) = &rows[1] else { panic!("accepted") };
        assert_eq!((rejection.line, rejection.code, rejection.raw.as_slice()), (3, "undecodable", &b"2,\xff\xfe"[..]));
        assert!(matches!(rows[2], Parsed::Row(_)), "its neighbours are read");
    }

    #[test]
    fn files_that_cannot_be_read_say_what_to_do() {
        use model::Remedy;
        let check = |bytes: &[u8], expect: &str| {
            let error = read(bytes, &Layout::default()).unwrap_err();
            assert_eq!(error.to_string(), expect);
            assert!(error.remedy().is_some());
        };
        check(b"", "the file is empty");
        check(b"\n\r\n,,\n", "the file is empty");
        check(b"\xff\xfea\0,\0", "the file is in UTF-16, which is not read here");
        check(b"\x1b$B;aL>\x1b(B,a\n", "the file is in ISO-2022-JP, which is not read here");
        let declared = Layout { encoding: Encoding::Utf8, ..Layout::default() };
        let error = read(&encoding_rs::SHIFT_JIS.encode("氏名,町\n").0, &declared).unwrap_err();
        assert_eq!(error.to_string(), "the header does not fit the encoding utf-8");
        let endless = [b"a,b\n\"".to_vec(), vec![b'x'; RECORD_BYTES_MAX + BUFFER_BYTES]].concat();
        let (_, rows) = read(&endless, &Layout::default()).unwrap();
        assert!(rows[0].starts_with("error: the record that starts at line 2"), "{rows:?}");
    }

    #[test]
    fn a_file_without_header_and_with_rows_to_skip() {
        let layout = Layout { header: false, skip_rows: 1, separator: b'\t', ..Layout::default() };
        let (header, rows) = read(b"report of today\n1\t2\n3\t4\n", &layout).unwrap();
        assert_eq!((header, rows), (vec!["1".to_string(), "2".into()], vec!["2: 1|2".to_string(), "3: 3|4".into()]));
        assert_eq!(guess_separator(b"a\tb\tc,d\n"), b'\t');
        assert_eq!(guess_separator(b"a"), b',');
    }

    #[test]
    fn text_that_was_broken_before_is_noticed() {
        let twice = encoding_rs::SHIFT_JIS.decode("コンテンツ".as_bytes()).0.into_owned();
        assert!(is_mojibake(&twice), "{twice}");
        assert!(!is_mojibake("注文番号 髙﨑 ㈱"));
        let file = format!("id,{twice}\n");
        let opened = Csv.open(Box::new(file.as_bytes()), &Layout::default());
        assert_eq!(opened.map(|opened| opened.warnings.len()).unwrap_or(0), 1);
    }
}
