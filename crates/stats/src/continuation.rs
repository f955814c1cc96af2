//! How many contracts go on from shipment n to n+1 (継続率) and how many are left (残存率). Unit = contract; those that wait for the next
//! shipment, or are paused, are censored, not failures: continued / (continued + cancelled), and its running product.

use std::collections::BTreeMap;

/// A contract: shipments so far, and whether it was cancelled after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    pub shipments: u32,
    pub is_cancelled: bool,
}

/// From shipment `from` to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Continuation {
    pub from: u32,
    pub continued: u64,
    pub cancelled: u64,
    pub censored: u64,
    /// None while nobody has either continued or cancelled.
    pub rate: Option<f64>,
    /// Of everybody who reached `from`: biased down while contracts are young.
    pub naive: f64,
    /// The share of contracts expected to reach the next shipment; a shipment after which nobody has decided yet leaves it as it was.
    pub survival: f64,
}

/// One row per shipment that anybody reached, from the first; the last row is the last from which somebody could go on.
pub fn continuation(contracts: &[Contract]) -> Vec<Continuation> {
    let mut ended: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for contract in contracts.iter().filter(|contract| contract.shipments > 0) {
        let at = ended.entry(contract.shipments).or_default();
        if contract.is_cancelled { at.0 += 1 } else { at.1 += 1 }
    }
    let mut reached: u64 = ended.values().map(|(cancelled, open)| cancelled + open).sum();
    let last = ended.last_key_value().map_or(0, |(last, _)| *last);
    let mut survival = 1.0;
    (1..=last)
        .map(|from| {
            let (cancelled, censored) = ended.get(&from).copied().unwrap_or_default();
            let continued = reached - cancelled - censored;
            let decided = continued + cancelled;
            let rate = (decided > 0).then(|| continued as f64 / decided as f64);
            survival *= rate.unwrap_or(1.0);
            let row =
                Continuation { from, continued, cancelled, censored, rate, naive: continued as f64 / reached as f64, survival };
            reached = continued;
            row
        })
        .collect()
}
