//! Which of several is the greatest, from their densities: P(i best) = ∫ f_i Π_{j≠i} F_j, P(i second), and E[max] = hi - ∫ Π F_j, by one
//! rule on one grid. Deterministic: no draws, so the same facts give the same bytes. Cumulated densities stand for distribution functions,
//! because that of a library's beta is wrong at the sizes shops reach.

/// Gauss-Legendre with two nodes on each of so many pieces: enough for densities whose widths differ a hundredfold.
const PIECES: usize = 20_000;

pub(crate) struct Best {
    pub first: Vec<f64>,
    pub second: Vec<f64>,
    pub expected_max: f64,
}

/// `log_density` of each on `[low, high]`, outside of which none has any mass to speak of.
pub(crate) fn best_of(arms: &[&dyn Fn(f64) -> f64], low: f64, high: f64) -> Best {
    let width = (high - low) / PIECES as f64;
    let offset = 0.5 / 3f64.sqrt();
    let nodes: Vec<f64> = (0..PIECES)
        .flat_map(|piece| {
            let middle = low + width * (piece as f64 + 0.5);
            [middle - offset * width, middle + offset * width]
        })
        .collect();
    let densities: Vec<Vec<f64>> = arms.iter().map(|log_density| nodes.iter().map(|x| log_density(*x).exp()).collect()).collect();
    // The two nodes of a piece carry half of it each; what lies below a node within its piece is taken from the line through both.
    let below: Vec<Vec<f64>> = densities
        .iter()
        .map(|density| {
            let mut sum = 0.0;
            let mut cumulated = Vec::with_capacity(density.len());
            for pair in density.chunks_exact(2) {
                let (one, other) = (pair[0], pair[1]);
                let slope = (other - one) / (2.0 * offset);
                let part = |t: f64| width * (t * (one + other) / 2.0 + slope * (t * t / 2.0 - t / 2.0));
                cumulated.push(sum + part(0.5 - offset));
                cumulated.push(sum + part(0.5 + offset));
                sum += width * (one + other) / 2.0;
            }
            // A density need not be normalised.
            cumulated.iter().map(|value| value / sum).collect()
        })
        .collect();
    let totals: Vec<f64> = densities.iter().map(|density| density.iter().sum::<f64>() * width / 2.0).collect();
    let weight = |arm: usize, node: usize| densities[arm][node] / totals[arm] * width / 2.0;
    let count = arms.len();
    let mut best = Best { first: vec![0.0; count], second: vec![0.0; count], expected_max: high };
    for node in 0..nodes.len() {
        let under: Vec<f64> = below.iter().map(|cumulated| cumulated[node]).collect();
        best.expected_max -= under.iter().product::<f64>() * width / 2.0;
        for arm in 0..count {
            let others: Vec<f64> = (0..count).filter(|other| *other != arm).map(|other| under[other]).collect();
            best.first[arm] += weight(arm, node) * others.iter().product::<f64>();
            // One other is above, the rest below.
            let rest = |above: usize| {
                others.iter().enumerate().filter(|(other, _)| *other != above).map(|(_, share)| share).product::<f64>()
            };
            let one_above: f64 = others.iter().enumerate().map(|(above, share)| (1.0 - share) * rest(above)).sum();
            best.second[arm] += weight(arm, node) * one_above;
        }
    }
    best
}
