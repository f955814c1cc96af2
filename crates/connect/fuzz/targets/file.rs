//! A file of any format through any built-in mapping: its first byte says which. Every row must be accounted for.
#![no_main]

use connect::{
    formats::{FORMATS, FormatError},
    import::Importer,
    mapping::{Mapping, built_in},
};
use connect_fuzz::{key, now};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [first, second, body @ ..] = bytes else { return };
    let texts: Vec<&str> = built_in().values().copied().collect();
    let mapping = Mapping::parse("fuzz.toml", texts[usize::from(*second) % texts.len()]).expect("a built-in mapping");
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let Ok(opened) = format.open(Box::new(body), &mapping.layout) else { return };
    let rows: Vec<Result<_, FormatError>> = opened.rows.take(2_000).collect();
    // The columns of the file, or those that the mapping wants: else nearly every input would end here.
    let mut header = opened.header.clone();
    for column in mapping.columns.iter().chain(&mapping.items).flat_map(|column| &column.from).chain(&mapping.properties) {
        if !header.contains(column) {
            header.push(column.clone());
        }
    }
    let Ok(mut importer) = Importer::new(&mapping, &header, &key(), now()) else { return };
    for row in rows.into_iter().map_while(Result::ok) {
        importer.push(row);
    }
    let done = importer.finish();
    assert_eq!(done.rejections.len() as u64, done.counts.rejected.values().sum::<u64>());
});
