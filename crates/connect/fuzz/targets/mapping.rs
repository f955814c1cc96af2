//! A mapping file, and a header it is bound to: its first line is the header, the rest the mapping.
#![no_main]

use connect::mapping::Mapping;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (header, rest) = text.split_once('\n').unwrap_or(("a,b,c", text));
    if let Ok(mapping) = Mapping::parse("fuzz.toml", rest) {
        let header: Vec<String> = header.split(',').map(String::from).collect();
        let _ = mapping.bind(&header);
    }
});
