//! Ends the process at a named point, as a loss of power would, so that a proof can look at what is left.
//!
//! `TSUBAME_FAIL=point:N` aborts at the N-th pass of that point: nothing is flushed, closed or answered any more. The points are listed
//! below; `fixtures/acceptance/crash_sweep.py` goes through all of them. Without the variable a pass costs one atomic load.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::fault::{Exit, Fault};

/// Between what a crash may fall, in the order a fact meets them.
pub const POINTS: &[&str] = &[
    "journal.before_commit",
    "journal.after_commit",
    "flush.before_land",
    "flush.before_trim",
    "flush.after_trim",
    "compact.before",
    "compact.after",
];

struct Doom {
    point: String,
    passes_left: AtomicU64,
}

static DOOM: OnceLock<Doom> = OnceLock::new();

/// Reads the variable. To be called once, before anything is written.
pub fn arm() -> Result<(), Fault> {
    let Ok(text) = std::env::var("TSUBAME_FAIL") else { return Ok(()) };
    let doom = parse(&text).ok_or_else(|| {
        Fault::new(Exit::Config, format!("TSUBAME_FAIL is `{text}`"))
            .remedy(format!("write `point:N` with N from 1, and one of the points {}", POINTS.join(", ")))
    })?;
    if DOOM.set(doom).is_ok() {
        state::at_each_point(pass);
    }
    Ok(())
}

pub fn pass(point: &'static str) {
    let Some(doom) = DOOM.get().filter(|doom| doom.point == point) else { return };
    if doom.passes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
}

fn parse(text: &str) -> Option<Doom> {
    let (point, pass) = text.split_once(':')?;
    let passes_left = pass.parse().ok().filter(|pass| *pass > 0)?;
    POINTS.contains(&point).then(|| Doom { point: point.into(), passes_left: AtomicU64::new(passes_left) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_point_and_a_pass_are_taken() {
        let check = |text, expect: Option<(&str, u64)>| {
            let doom = parse(text).map(|doom| (doom.point, doom.passes_left.into_inner()));
            assert_eq!(doom, expect.map(|(point, pass)| (point.into(), pass)), "{text}");
        };
        check("flush.before_trim:3", Some(("flush.before_trim", 3)));
        check("flush.before_trim:0", None);
        check("flush.before_trim", None);
        check("nowhere:1", None);
    }
}
