//! Ends the process at a named point, as a loss of power would, so that a proof can look at what is left.
//!
//! `TSUBAME_FAIL=point:N` aborts at the N-th pass of that point: nothing is flushed, closed or answered any more. The points are listed
//! below; `fixtures/acceptance/crash_sweep.py` goes through those of facts, `kill_sweep.py` through those of sends. Without the variable a pass
//! costs one atomic load.

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
    "ledger.before_sealed",
    "ledger.after_sealed",
    "ledger.after_claim",
    "ledger.before_handed",
    "ledger.after_handed",
    "send.before_call",
    "send.after_call",
    "ledger.before_outcome",
    "ledger.after_outcome",
    "ledger.before_repeated",
    "ledger.before_parked",
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
    #[cfg(test)]
    near::pass(point);
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

/// The same within a test: not the process ends but whoever passed, by unwinding, on this thread alone.
#[cfg(test)]
pub mod near {
    use std::cell::RefCell;

    /// What unwinds.
    pub struct Crash;

    thread_local! {
        static DOOM: RefCell<Option<(&'static str, u64)>> = const { RefCell::new(None) };
    }

    /// The N-th pass of the point on this thread, from now on, unwinds.
    pub fn arm(point: &'static str, nth: u64) {
        state::at_each_point(super::pass);
        DOOM.with_borrow_mut(|doom| *doom = Some((point, nth)));
    }

    /// Whether it was still to come.
    pub fn disarm() -> bool {
        DOOM.with_borrow_mut(Option::take).is_some()
    }

    pub(super) fn pass(point: &'static str) {
        let is_due = DOOM.with_borrow_mut(|doom| match doom {
            Some((doomed, passes_left)) if *doomed == point => {
                *passes_left -= 1;
                *passes_left == 0
            }
            _ => false,
        });
        if is_due {
            disarm();
            // Without the panic hook: nobody is to be told.
            std::panic::resume_unwind(Box::new(Crash));
        }
    }
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
