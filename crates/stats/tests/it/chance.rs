//! Seeded chance for simulations: the same draws on every machine, so that a share of 2,000 made-up tests is a number to hold on to.

use stats::{Paired, Summary};

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Chance(pub u64);

impl Chance {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn is(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Box and Muller (1958), one of the pair.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub fn binomial(&mut self, n: u64, share: f64) -> u64 {
        (0..n).map(|_| u64::from(self.is(share))).sum()
    }
}

/// What customers spend: most nothing, the others a log-normal amount.
#[derive(Clone, Copy)]
pub struct Revenue {
    pub buyers: f64,
    pub typical: f64,
    pub sigma: f64,
}

impl Revenue {
    pub fn mean(&self) -> f64 {
        self.buyers * self.typical * (self.sigma * self.sigma / 2.0).exp()
    }

    pub fn draw(&self, chance: &mut Chance) -> f64 {
        if chance.is(self.buyers) { self.typical * (self.sigma * chance.normal()).exp() } else { 0.0 }
    }

    /// Three in ten buy, for 3,000 yen and the tail of sigma 1: a skewness of about 8.
    pub const SHOP: Revenue = Revenue { buyers: 0.3, typical: 3_000.0, sigma: 1.0 };
}

/// Running sums of one arm.
#[derive(Clone, Copy, Default)]
pub struct Sums {
    pub n: u64,
    y: (f64, f64),
    x: (f64, f64),
    xy: f64,
}

impl Sums {
    pub fn push(&mut self, y: f64, x: f64) {
        self.n += 1;
        self.y = (self.y.0 + y, self.y.1 + y * y);
        self.x = (self.x.0 + x, self.x.1 + x * x);
        self.xy += x * y;
    }

    pub fn paired(&self) -> Paired {
        Paired::from_sums(self.n, self.y, self.x, self.xy).expect("sums of an arm")
    }

    pub fn summary(&self) -> Summary {
        Summary::from_sums(self.n, self.y.0, self.y.1).expect("sums of an arm")
    }
}
