//! p-values of a family of tests, adjusted so that a level means the same for the family as for one. F16. Bonferroni; Holm (1979): of
//! ascending p, max over j <= i of (m-j+1)·p_(j); Benjamini and Hochberg (1995): min over j >= i of m·p_(j)/j; Benjamini and Yekutieli
//! (2001): the same times Σ 1/j, for any dependence. The family is declared before the test starts: primary metrics × arms.

use crate::NotComputable;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    Bonferroni,
    /// Keeps the chance of any false claim at the level.
    Holm,
    /// Keeps the share of false claims among claims at the level.
    BenjaminiHochberg,
    BenjaminiYekutieli,
}

/// The adjusted p-values, in the order given; at most 1, and equal for equal p.
///
/// # Errors
/// `OutOfRange` if a p-value is not within 0 and 1.
pub fn adjusted(p_values: &[f64], correction: Correction) -> Result<Vec<f64>, NotComputable> {
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(NotComputable::OutOfRange { what: "p-value", value, range: "within 0 and 1" });
    }
    let m = p_values.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&left, &right| p_values[left].total_cmp(&p_values[right]));
    let harmonic: f64 = (1..=m).map(|j| 1.0 / j as f64).sum();
    let mut answers = vec![0.0; m];
    match correction {
        Correction::Bonferroni => answers.copy_from_slice(&p_values.iter().map(|p| (p * m as f64).min(1.0)).collect::<Vec<_>>()),
        Correction::Holm => {
            let mut greatest: f64 = 0.0;
            for (rank, &index) in order.iter().enumerate() {
                greatest = greatest.max(((m - rank) as f64 * p_values[index]).min(1.0));
                answers[index] = greatest;
            }
        }
        Correction::BenjaminiHochberg | Correction::BenjaminiYekutieli => {
            let factor = if correction == Correction::BenjaminiYekutieli { harmonic } else { 1.0 };
            let mut least: f64 = 1.0;
            for (rank, &index) in order.iter().enumerate().rev() {
                least = least.min(factor * m as f64 * p_values[index] / (rank + 1) as f64);
                answers[index] = least;
            }
        }
    }
    Ok(answers)
}

/// F17, Eppo's preferential Bonferroni: the level of the primary metric and of each of the others, whose intervals stay honest. A share
/// `preference` of the level belongs to the primary metric; `arms` are those compared with the control.
///
/// # Errors
/// `OutOfRange` unless 0 < preference <= 1 and there is an arm.
pub fn preferential_levels(alpha: f64, preference: f64, metrics: u32, arms: u32) -> Result<(f64, f64), NotComputable> {
    if !(preference > 0.0 && preference <= 1.0) {
        return Err(NotComputable::OutOfRange { what: "preference", value: preference, range: "above 0 and at most 1" });
    }
    if arms == 0 || metrics == 0 {
        return Err(NotComputable::Empty);
    }
    let arms = f64::from(arms);
    if metrics == 1 {
        return Ok((alpha / arms, 0.0));
    }
    Ok((preference * alpha / arms, (1.0 - preference) * alpha / (arms * f64::from(metrics - 1))))
}
