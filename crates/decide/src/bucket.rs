//! Who is held out and which arm a unit meets: computed from a salt and the unit, never drawn and never stored as truth
//! (SEMANTICS §10).

use model::{Arm, Holdout};
use sha2::{Digest, Sha256};

pub const BUCKETS: u64 = 10_000;

/// `u64_be(sha256(salt ":" unit)[0..8])`: the only randomness there is.
pub fn hash(salt: &str, unit: &str) -> u64 {
    let digest = Sha256::digest(format!("{salt}:{unit}"));
    u64::from_be_bytes(digest[..8].try_into().expect("sha256 has 32 bytes"))
}

/// 0..10,000.
pub fn bucket(salt: &str, unit: &str) -> u64 {
    hash(salt, unit) % BUCKETS
}

/// Whether a unit is kept out: changing `percent` only moves the boundary.
pub fn held_out(holdout: &Holdout, unit: &str) -> bool {
    bucket(&holdout.salt, unit) < boundary(holdout.percent / 100.0)
}

/// The arm a unit meets, by cumulative weight in file order; the last arm takes what rounding leaves. `None` without arms.
pub fn arm<'a>(salt: &str, unit: &str, arms: &'a [Arm]) -> Option<&'a Arm> {
    weighted(salt, unit, arms, |arm| arm.weight)
}

/// The same for arms of any kind.
pub(crate) fn weighted<'a, T>(salt: &str, unit: &str, arms: &'a [T], weight: impl Fn(&T) -> f64) -> Option<&'a T> {
    let bucket = bucket(salt, unit);
    let mut until = 0.0;
    arms.iter()
        .find(|arm| {
            until += weight(arm);
            bucket < boundary(until)
        })
        .or(arms.last())
}

/// Rounded, because 2.3 % of 10,000 is 229.99… in floating point.
pub(crate) fn boundary(share: f64) -> u64 {
    (share * BUCKETS as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [&str; 6] = ["c-0001", "c-0002", "c-0003", "c-0004", "c-0005", "c-0042"];

    fn thousand() -> impl Iterator<Item = String> {
        (1..=1000).map(|n| format!("c-{n:04}"))
    }

    fn holdout(percent: f64) -> Holdout {
        Holdout { percent, salt: "global-2026q1".into() }
    }

    fn arms() -> Vec<Arm> {
        ["a", "b"].map(|id| Arm { id: id.into(), weight: 0.5, template: None }).to_vec()
    }

    #[test]
    fn t20_a_global_holdout() {
        assert_eq!(UNITS.map(|unit| bucket("global-2026q1", unit)), [5120, 980, 2272, 1652, 9987, 8572]);
        assert_eq!(thousand().filter(|unit| held_out(&holdout(5.0), unit)).count(), 54);
    }

    #[test]
    fn t21_an_experiment_beside_it() {
        assert_eq!(UNITS.map(|unit| bucket("exp-cart-01", unit)), [7895, 2443, 4014, 6734, 5941, 728]);
        let in_a = |unit: &String| arm("exp-cart-01", unit, &arms()).is_some_and(|arm| arm.id == "a");
        assert_eq!(thousand().filter(in_a).count(), 502);
        assert_eq!(thousand().filter(|unit| in_a(unit) && held_out(&holdout(5.0), unit)).count(), 21);
    }

    #[test]
    fn the_boundary_is_exact() {
        let check = |percent: f64, expect: u64| assert_eq!(boundary(percent / 100.0), expect, "{percent}");
        check(0.0, 0);
        check(2.3, 230);
        check(5.0, 500);
        check(50.0, 5000);
        let thirds: Vec<Arm> = ["a", "b", "c"].map(|id| Arm { id: id.into(), weight: 1.0 / 3.0, template: None }).to_vec();
        assert!(thousand().all(|unit| arm("s", &unit, &thirds).is_some()));
        assert!(arm("s", "u", &[]).is_none());
    }
}
