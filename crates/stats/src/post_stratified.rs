//! An effect put together from strata that were there before the test, so that a chance imbalance between the arms does not move it.
//! F20: Xie and Aurisset (2016), "Improving the Sensitivity of Online Controlled Experiments": δ = Σ ν_k δ_k,
//! V = Σ ν_k² V_k·(stratum sizes as they are) with the scatter of the strata's shares added: Cov(ν̂) = (diag ν - ν νᵀ)/n.

use crate::{Alpha, Lift, NotComputable, Summary, Welch, welch::tested, welch_lift};

/// One stratum: the arms' moments in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    pub a: Summary,
    pub b: Summary,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PostStratified {
    pub absolute: Welch,
    /// `ZeroBaseline` if the control's stratified mean is 0.
    pub relative: Result<Welch, NotComputable>,
    /// Units in strata where an arm had fewer than two: they are left out.
    pub left_out: u64,
}

/// # Errors
/// `Empty` if no stratum has two units in each arm; `NoVariance` if nothing scatters.
pub fn post_stratified(strata: &[Stratum], alpha: Alpha) -> Result<PostStratified, NotComputable> {
    let (used, left): (Vec<&Stratum>, Vec<&Stratum>) =
        strata.iter().partition(|stratum| stratum.a.n() >= 2 && stratum.b.n() >= 2);
    let units = |stratum: &&Stratum| (stratum.a.n() + stratum.b.n()) as f64;
    let n: f64 = used.iter().map(units).sum();
    if used.is_empty() {
        return Err(NotComputable::Empty);
    }
    if let [only] = used[..] {
        // Nothing to weigh: the plain test.
        let absolute = crate::welch(&only.a, &only.b, alpha)?;
        let relative = welch_lift(&only.a, &only.b, alpha).map(|Lift { welch, .. }| welch);
        return Ok(PostStratified { absolute, relative, left_out: total(&left) });
    }
    // Mean and (co)variance of the stratified effect and of the stratified control mean.
    let (mut effect, mut control) = (0.0, 0.0);
    let (mut var_effect, mut var_control, mut covariance) = (0.0, 0.0, 0.0);
    let (mut effect_sq, mut control_sq, mut cross) = (0.0, 0.0, 0.0);
    let mut df = 0.0;
    for stratum in &used {
        let share = units(stratum) / n;
        let (delta, mean) = (stratum.b.mean() - stratum.a.mean(), stratum.a.mean());
        let (of_a, of_b) = (stratum.a.variance_of_mean(), stratum.b.variance_of_mean());
        effect += share * delta;
        control += share * mean;
        var_effect += share * share * (of_a + of_b);
        var_control += share * share * of_a;
        covariance -= share * share * of_a;
        effect_sq += share * delta * delta;
        control_sq += share * mean * mean;
        cross += share * delta * mean;
        df += (stratum.a.n() + stratum.b.n() - 2) as f64;
    }
    // αᵀ Cov(ν̂) α.
    var_effect += (effect_sq - effect * effect) / n;
    var_control += (control_sq - control * control) / n;
    covariance += (cross - effect * control) / n;
    let absolute = tested(effect, var_effect, df, alpha)?;
    let relative = if control == 0.0 {
        Err(NotComputable::ZeroBaseline)
    } else {
        let lift = effect / control.abs();
        // d(δ/c) = dδ/c - δ/c² dc.
        let slope = effect / control;
        let variance = (var_effect - 2.0 * slope * covariance + slope * slope * var_control) / control / control;
        tested(lift, variance.max(0.0), df, alpha)
    };
    Ok(PostStratified { absolute, relative, left_out: total(&left) })
}

fn total(strata: &[&Stratum]) -> u64 {
    strata.iter().map(|stratum| stratum.a.n() + stratum.b.n()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(a: (u64, f64, f64), b: (u64, f64, f64)) -> Stratum {
        let summary = |(n, mean, variance)| Summary::new(n, mean, variance).unwrap();
        Stratum { a: summary(a), b: summary(b) }
    }

    #[test]
    fn an_imbalance_between_the_arms_does_not_move_it() {
        // No effect in either stratum; B happens to have more of the heavy buyers.
        let strata = [stratum((600, 100.0, 50.0), (400, 100.0, 50.0)), stratum((400, 900.0, 50.0), (600, 900.0, 50.0))];
        let got = post_stratified(&strata, Alpha::FIVE_PERCENT).unwrap();
        assert!(got.absolute.effect.abs() < 1e-9 && got.absolute.p_two_sided > 0.99, "{got:?}");
        assert!(got.relative.unwrap().p_two_sided > 0.99);
    }

    #[test]
    fn equal_strata_add_up_as_computed_by_hand() {
        // ν = ½ each; δ = (10 + 30)/2; V = ¼(1+1+1+1) + Var(δ_k)/n = 1 + 100/400.
        let strata = [stratum((100, 100.0, 100.0), (100, 110.0, 100.0)), stratum((100, 200.0, 100.0), (100, 230.0, 100.0))];
        let got = post_stratified(&strata, Alpha::FIVE_PERCENT).unwrap();
        assert!((got.absolute.effect - 20.0).abs() < 1e-12);
        assert!((got.absolute.se - 1.25f64.sqrt()).abs() < 1e-12, "{}", got.absolute.se);
        // c = 150, Var(c) = ½ + 2500/400, Cov = -½ + (½(10·100+30·200) - 20·150)/400 = -½ + 500/400.
        let slope: f64 = 20.0 / 150.0;
        let expect = ((1.25 - 2.0 * slope * 0.75 + slope * slope * 6.75) / (150.0 * 150.0)).sqrt();
        assert!((got.relative.unwrap().se - expect).abs() < 1e-12);
    }

    #[test]
    fn strata_too_small_are_counted() {
        let strata = [stratum((100, 1.0, 1.0), (100, 1.0, 1.0)), stratum((1, 1.0, 0.0), (50, 1.0, 1.0))];
        assert_eq!(post_stratified(&strata, Alpha::FIVE_PERCENT).map(|got| got.left_out), Ok(51));
        assert_eq!(post_stratified(&[], Alpha::FIVE_PERCENT), Err(NotComputable::Empty));
    }
}
