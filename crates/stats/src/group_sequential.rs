//! Bounds for a planned number of looks: more power than a confidence sequence where the last look can be planned, as it can for a shop
//! that works by the night. F13b: Lan and DeMets (1983) spend α/2 a side by information fraction t; bounds by the recursion of
//! Armitage, McPherson and Rowe (1969) on the score B(t): g_k(y) = ∫ g_{k-1}(x) φ((y-x)/√Δt)/√Δt dx over what went on, and the bound
//! of look k is where the chance to cross there is what may be spent there. Each side is solved by itself.

use crate::{Alpha, NotComputable, normal};

/// How α is spent over the information seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spending {
    /// Little early: 2 - 2Φ(z_{1-a/2}/√t).
    OBrienFleming,
    /// Evenly: a·ln(1 + (e-1)t).
    Pocock,
    /// a·t^φ.
    Power(f64),
}

/// The bound of one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    pub information: f64,
    /// Spent a side up to and with this look.
    pub alpha_spent: f64,
    /// |z| at which to stop.
    pub z: f64,
    /// The two-sided p of a fixed test that has this bound.
    pub nominal_p: f64,
}

/// Nodes per standard deviation of the score, and how far its density is followed.
const NODES: usize = 2_000;
const REACH: f64 = 9.0;

/// The bounds of looks at rising information fractions, the last of which is 1 when all was seen.
///
/// # Errors
/// `Empty` without a look; `OutOfRange` unless 0 < t_1 < t_2 < … <= 1 and the power is positive.
pub fn group_sequential(fractions: &[f64], alpha: Alpha, spending: Spending) -> Result<Vec<Bound>, NotComputable> {
    if fractions.is_empty() {
        return Err(NotComputable::Empty);
    }
    let mut before = 0.0;
    for &fraction in fractions {
        if !(fraction > before && fraction <= 1.0) {
            return Err(NotComputable::OutOfRange {
                what: "information fraction",
                value: fraction,
                range: "above the one before and at most 1",
            });
        }
        before = fraction;
    }
    let side = alpha.get() / 2.0;
    let (mut bounds, mut spent): (Vec<Bound>, f64) = (Vec::new(), 0.0);
    let mut density: Option<Density> = None;
    for (look, &information) in fractions.iter().enumerate() {
        let alpha_spent = spend(spending, side, information)?;
        let may_spend = (alpha_spent - spent).max(0.0);
        let step = information - if look == 0 { 0.0 } else { fractions[look - 1] };
        let bound = match &density {
            None => normal::upper_quantile(may_spend.max(f64::MIN_POSITIVE))? * information.sqrt(),
            Some(density) => density.bound(step, may_spend)?,
        };
        let z = bound / information.sqrt();
        bounds.push(Bound { information, alpha_spent, z, nominal_p: 2.0 * normal::sf(z)? });
        density = Some(match &density {
            None => Density::first(information, bound),
            Some(density) => density.next(step, information, bound),
        });
        spent = alpha_spent;
    }
    Ok(bounds)
}

fn spend(spending: Spending, side: f64, t: f64) -> Result<f64, NotComputable> {
    match spending {
        Spending::OBrienFleming => Ok(2.0 * normal::sf(normal::upper_quantile(side / 2.0)? / t.sqrt())?),
        Spending::Pocock => Ok(side * ((std::f64::consts::E - 1.0) * t).ln_1p()),
        Spending::Power(power) if power > 0.0 && power.is_finite() => Ok(side * t.powf(power)),
        Spending::Power(power) => {
            Err(NotComputable::OutOfRange { what: "power of the spending", value: power, range: "positive and finite" })
        }
    }
}

/// The density of the score of those who went on, at evenly spaced nodes with the weights of Simpson's rule.
struct Density {
    nodes: Vec<f64>,
    /// Density times weight.
    mass: Vec<f64>,
}

impl Density {
    fn first(information: f64, bound: f64) -> Density {
        let sd = information.sqrt();
        Density::on(-REACH * sd, bound, |x| density_of((x / sd).abs()) / sd)
    }

    fn next(&self, step: f64, information: f64, bound: f64) -> Density {
        let sd = step.sqrt();
        Density::on(-REACH * information.sqrt(), bound, |y| {
            self.nodes.iter().zip(&self.mass).map(|(x, mass)| mass * density_of((y - x) / sd)).sum::<f64>() / sd
        })
    }

    fn on(low: f64, high: f64, density: impl Fn(f64) -> f64) -> Density {
        let width = (high - low) / NODES as f64;
        let nodes: Vec<f64> = (0..=NODES).map(|node| low + width * node as f64).collect();
        let weight = |node: usize| match node {
            0 | NODES => width / 3.0,
            node if node % 2 == 1 => 4.0 * width / 3.0,
            _ => 2.0 * width / 3.0,
        };
        let mass = nodes.iter().enumerate().map(|(node, &x)| weight(node) * density(x)).collect();
        Density { nodes, mass }
    }

    /// The chance to be above `bound` at the next look.
    fn above(&self, step: f64, bound: f64) -> Result<f64, NotComputable> {
        let sd = step.sqrt();
        let mut chance = 0.0;
        for (x, mass) in self.nodes.iter().zip(&self.mass) {
            chance += mass * normal::sf((bound - x) / sd)?;
        }
        Ok(chance)
    }

    fn bound(&self, step: f64, may_spend: f64) -> Result<f64, NotComputable> {
        let (mut low, mut high) = (-REACH, REACH);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.above(step, middle)? > may_spend {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(0.5 * (low + high))
    }
}

fn density_of(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}
