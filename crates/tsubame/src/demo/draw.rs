//! Chance without state: a draw is a function of the seed, of what is drawn, for whom, and of how many were drawn before it. So one
//! customer's behaviour does not move when another's changes, and asking twice gives the same answer.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The draws for one purpose and one subject, in order.
#[derive(Debug, Clone)]
pub struct Draws {
    key: u64,
    count: u64,
}

impl Draws {
    pub fn new(seed: u64, what: &str, who: u64) -> Self {
        let key = mix(seed.wrapping_add(GOLDEN)) ^ text_key(what);
        Draws { key: mix(mix(key) ^ mix(who.wrapping_add(GOLDEN))), count: 0 }
    }

    /// For a subject known by a text, such as a send id.
    pub fn about(seed: u64, what: &str, subject: &str) -> Self {
        Draws::new(seed, what, text_key(subject))
    }

    pub fn bits(&mut self) -> u64 {
        self.count += 1;
        mix(self.key.wrapping_add(self.count.wrapping_mul(GOLDEN)))
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// In `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.unit() * bound as f64) as u64
    }

    /// In `from..=to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from + 1) as u64) as i64
    }

    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// An index, by cumulative weights.
    pub fn weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0.0);
        let at = self.unit() * total;
        cumulative.partition_point(|bound| *bound <= at).min(cumulative.len().saturating_sub(1))
    }

    pub fn hex(&mut self) -> String {
        format!("{:016x}", self.bits())
    }
}

/// Running sums, for [`Draws::weighted`].
pub fn cumulative(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut total = 0.0;
    weights
        .into_iter()
        .map(|weight| {
            total += weight;
            total
        })
        .collect()
}

/// The finalizer of splitmix64.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// FNV-1a, mixed.
fn text_key(text: &str) -> u64 {
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_independent_of_each_other() {
        // Means over 40,000 subjects: of one draw, and of the product of two that must not know each other.
        let check = |what: &str, other: &str| {
            let (mut sum, mut product) = (0.0, 0.0);
            for who in 0..40_000 {
                let (a, b) = (Draws::new(7, what, who).unit(), Draws::new(7, other, who).unit());
                sum += a;
                product += (a - 0.5) * (b - 0.5);
            }
            assert!((sum / 40_000.0 - 0.5).abs() < 0.006, "{what}: mean {}", sum / 40_000.0);
            assert!((product / 40_000.0).abs() < 0.002, "{what} and {other} correlate: {product}");
        };
        check("cart", "f2");
        check("f2", "discount");
        check("discount", "cart");
        assert_eq!(Draws::new(1, "a", 2).bits(), Draws::new(1, "a", 2).bits());
        assert_ne!(Draws::new(1, "a", 2).bits(), Draws::new(2, "a", 2).bits());
        assert_ne!(Draws::new(1, "a", 2).bits(), Draws::new(1, "a", 3).bits());
    }
}
