//! Tab-separated values: what [`super::csv`] reads, with a tab where the mapping names no other separator.

use std::io::Read;

use super::{FormatError, ImportFormat, Layout, Opened, csv::Csv};

pub struct Tsv;

impl ImportFormat for Tsv {
    fn name(&self) -> &'static str {
        "tsv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tsv", "tab"]
    }

    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError> {
        // A comma is what a mapping has that says nothing.
        let separator = if layout.separator == Layout::default().separator { b'\t' } else { layout.separator };
        Csv.open(bytes, &Layout { separator, ..layout.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_unless_the_mapping_says_otherwise() {
        let check = |separator: u8, bytes: &[u8], expect: &[&str]| {
            let opened = Tsv.open(Box::new(bytes), &Layout { separator, ..Layout::default() }).unwrap();
            assert_eq!(opened.header, expect);
        };
        check(b',', b"a\tb,c\n1\t2\n", &["a", "b,c"]);
        check(b'\t', b"a\tb,c\n1\t2\n", &["a", "b,c"]);
        check(b';', b"a;b\tc\n1;2\n", &["a", "b\tc"]);
    }
}
