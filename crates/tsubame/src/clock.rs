//! The one place that asks the time. The demo and replays set it; nothing below this crate knows the difference.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use model::Instant;

#[derive(Debug, Clone)]
pub enum Clock {
    Real,
    /// Microseconds since 1970.
    Logical(Arc<AtomicI64>),
}

impl Clock {
    pub fn logical(at: Instant) -> Clock {
        Clock::Logical(Arc::new(AtomicI64::new(at.timestamp_micros())))
    }

    pub fn now(&self) -> Instant {
        match self {
            Clock::Real => model::time::micros(Utc::now()),
            Clock::Logical(at) => DateTime::from_timestamp_micros(at.load(Ordering::SeqCst)).unwrap_or_default(),
        }
    }

    /// Moves a logical clock; the real one moves itself.
    pub fn set(&self, at: Instant) {
        if let Clock::Logical(clock) = self {
            clock.store(at.timestamp_micros(), Ordering::SeqCst);
        }
    }
}
