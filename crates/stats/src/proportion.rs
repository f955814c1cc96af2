//! How many of how many: the moments of a yes-or-no metric. F1 for a proportion: s² = p(1-p), with n and not n-1, as
//! GrowthBook's statistics engine and every two-proportion formula here have it.

use crate::{NotComputable, Summary};

/// `x` of `n`, with `x <= n` and `n > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    x: u64,
    n: u64,
}

impl Proportion {
    /// # Errors
    /// `Empty` if `n` is 0, `PartAboveWhole` if `x` is more than `n`.
    pub fn new(x: u64, n: u64) -> Result<Self, NotComputable> {
        match n {
            0 => Err(NotComputable::Empty),
            n if x > n => Err(NotComputable::PartAboveWhole { x, n }),
            n => Ok(Self { x, n }),
        }
    }

    pub fn x(&self) -> u64 {
        self.x
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    pub fn rate(&self) -> f64 {
        self.x as f64 / self.n as f64
    }

    /// p(1-p), from the counts, so that a rate near 1 loses nothing.
    pub fn variance(&self) -> f64 {
        self.rate() * ((self.n - self.x) as f64 / self.n as f64)
    }

    /// For the tests of means (F2-F4), as GrowthBook reads a proportion.
    pub fn summary(&self) -> Summary {
        Summary::new(self.n, self.rate(), self.variance()).expect("a proportion has a finite mean and variance")
    }
}
