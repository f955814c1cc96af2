//! The minimum of a smooth function of a few parameters: Nelder and Mead (1965) from several starts, again from where each ended until
//! that no longer helps. Whether to believe the end is judged by its slope, not by the method's word.

use crate::NotComputable;

pub(crate) struct Minimum {
    pub at: Vec<f64>,
    /// The largest slope there, by central differences; at an edge of the range, of its inner side.
    pub slope_max: f64,
}

/// A descent is over when its corners are within these: of the value, by its size, and of each parameter.
const ROUGH: (f64, f64) = (1e-9, 1e-4);
const FINE: (f64, f64) = (1e-15, 1e-9);
const ROUNDS_MAX: usize = 40;
const STEPS_MAX: usize = 2_000;

pub(crate) fn minimum<const N: usize>(cost: &impl Fn(&[f64]) -> f64, starts: &[[f64; N]]) -> Result<Minimum, NotComputable> {
    // Each start as far as tells which is best; that one to the end.
    let mut best: Option<(f64, Vec<f64>)> = None;
    for start in starts {
        let (at, value) = descend(cost, start, 0.5, ROUGH);
        if value.is_finite() && best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, at));
        }
    }
    let (mut value, mut at) = best.ok_or(NotComputable::Overflow { what: "likelihood" })?;
    for _ in 0..ROUNDS_MAX {
        let (next, lower) = descend(cost, &at, 0.05, FINE);
        let gained = value - lower;
        (at, value) = (next, lower);
        if gained.abs() <= 1e-14 * (1.0 + value.abs()) {
            break;
        }
    }
    let slope = |index: usize| {
        let moved = |by: f64| {
            let mut at = at.clone();
            at[index] += by;
            cost(&at)
        };
        let (up, down) = (moved(1e-4), moved(-1e-4));
        let slope = match (up.is_finite(), down.is_finite()) {
            (true, true) => (up - down) / 2e-4,
            (true, false) => (up - cost(&at)) / 1e-4,
            (false, true) => (cost(&at) - down) / 1e-4,
            (false, false) => 0.0,
        };
        slope.abs()
    };
    let slope_max = (0..at.len()).map(slope).fold(0.0, f64::max);
    Ok(Minimum { at, slope_max })
}

fn descend(cost: &impl Fn(&[f64]) -> f64, start: &[f64], size: f64, within: (f64, f64)) -> (Vec<f64>, f64) {
    let count = start.len();
    let mut corners: Vec<(f64, Vec<f64>)> = vec![(cost(start), start.to_vec())];
    for index in 0..count {
        let mut corner = start.to_vec();
        corner[index] += size;
        corners.push((cost(&corner), corner));
    }
    for _ in 0..STEPS_MAX {
        corners.sort_by(|left, right| left.0.total_cmp(&right.0));
        let spread = (corners[count].0 - corners[0].0).abs();
        let width = (0..count).map(|index| (corners[count].1[index] - corners[0].1[index]).abs()).fold(0.0, f64::max);
        if spread <= within.0 * (1.0 + corners[0].0.abs()) && width <= within.1 {
            break;
        }
        let centre: Vec<f64> =
            (0..count).map(|index| corners[..count].iter().map(|corner| corner.1[index]).sum::<f64>() / count as f64).collect();
        let towards = |share: f64| -> (f64, Vec<f64>) {
            let at: Vec<f64> =
                (0..count).map(|index| centre[index] + share * (corners[count].1[index] - centre[index])).collect();
            (cost(&at), at)
        };
        let reflected = towards(-1.0);
        let replacement = if reflected.0 < corners[0].0 {
            let expanded = towards(-2.0);
            Some(if expanded.0 < reflected.0 { expanded } else { reflected })
        } else if reflected.0 < corners[count - 1].0 {
            Some(reflected)
        } else {
            let contracted = towards(if reflected.0 < corners[count].0 { -0.5 } else { 0.5 });
            (contracted.0 < corners[count].0.min(reflected.0)).then_some(contracted)
        };
        match replacement {
            Some(corner) => corners[count] = corner,
            None => {
                let best = corners[0].1.clone();
                for corner in &mut corners[1..] {
                    let at: Vec<f64> = corner.1.iter().zip(&best).map(|(own, best)| best + 0.5 * (own - best)).collect();
                    *corner = (cost(&at), at);
                }
            }
        }
    }
    corners.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (value, at) = corners.swap_remove(0);
    (at, value)
}
