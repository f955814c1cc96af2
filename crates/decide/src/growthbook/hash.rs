//! Where a unit falls between 0 and 1, and which variation that is, exactly as GrowthBook's JavaScript SDK has it, so that a unit
//! meets the same arm in a browser, on this server and in SQL. FNV-1a runs over UTF-16 code units, not UTF-8 bytes: the two agree
//! on ASCII ids only (STATISTICS §5).

/// FNV-1a, 32 bits.
fn fnv(text: &str) -> u32 {
    text.encode_utf16().fold(0x811c_9dc5, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193))
}

/// The hash of scenarios and holdouts, for tests that are evaluated on the server. No SDK is ever served it.
pub const SHA256: u64 = 256;

/// 0 up to, and without, 1; `None` for a version nobody knows.
pub fn hash(seed: &str, value: &str, version: u64) -> Option<f64> {
    match version {
        SHA256 => Some(crate::bucket::bucket(seed, value) as f64 / crate::bucket::BUCKETS as f64),
        1 => Some(f64::from(fnv(&format!("{value}{seed}")) % 1_000) / 1_000.0),
        2 => Some(f64::from(fnv(&fnv(&format!("{seed}{value}")).to_string()) % 10_000) / 10_000.0),
        _ => None,
    }
}

pub fn equal_weights(variations: usize) -> Vec<f64> {
    vec![1.0 / variations as f64; variations]
}

/// A variation's share is its weight times the coverage, laid at the start of the weight's own stretch, so that raising the
/// coverage moves nobody. Weights of another length, or that do not add up to one, count as equal.
pub fn bucket_ranges(variations: usize, coverage: f64, weights: Option<&[f64]>) -> Vec<(f64, f64)> {
    let coverage = coverage.clamp(0.0, 1.0);
    let fits = |weights: &&[f64]| weights.len() == variations && (0.99..=1.01).contains(&weights.iter().sum::<f64>());
    let weights = weights.filter(fits).map_or_else(|| equal_weights(variations), <[f64]>::to_vec);
    let mut start = 0.0;
    weights
        .into_iter()
        .map(|weight| {
            let range = (start, start + coverage * weight);
            start += weight;
            range
        })
        .collect()
}

pub fn in_range(point: f64, (from, until): (f64, f64)) -> bool {
    from <= point && point < until
}

pub fn choose_variation(point: f64, ranges: &[(f64, f64)]) -> Option<usize> {
    ranges.iter().position(|range| in_range(point, *range))
}

/// Namespaces exclude each other by where one hash of the unit falls.
pub fn in_namespace(unit: &str, namespace: &str, range: (f64, f64)) -> bool {
    hash(&format!("__{namespace}"), unit, 1).is_some_and(|point| in_range(point, range))
}
