//! How often a shop's buyers will buy again and what that is worth, as far as it can be said: a model of repeat buying and one of values
//! (F21-F23), and what the same model, fitted without the last weeks, made of them. Histories in days become weeks, the unit in which the
//! literature states parameters.

pub use stats::{BuyingModel, Fit, GammaGamma, NotComputable, RepeatBuying};
use stats::{History, Spending, frequency_value_correlation};

/// A model is as good from so many buyers as from more, and its fit takes as long as there are different histories.
pub const FITTED_MAX: usize = 10_000;
const WEEK: f64 = 7.0;

/// What a buyer did up to a day, and on how many days after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buyer {
    /// Purchase days after the first.
    pub repeats: u32,
    /// From the first to the last of them.
    pub recency_days: u32,
    /// From the first to the day.
    pub age_days: u32,
    /// Mean amount of the repeat days.
    pub repeat_value: Option<f64>,
    pub later: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub buying: Result<Fit<RepeatBuying>, NotComputable>,
    pub value: Result<Fit<GammaGamma>, NotComputable>,
    /// Of repeats and their value, over who bought again.
    pub correlation: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Holdout {
    pub buying: Result<RepeatBuying, NotComputable>,
    /// Purchase days of everybody in the days held out.
    pub expected: Result<f64, NotComputable>,
    pub actual: u64,
}

/// The model of a name in settings.
pub fn model_named(name: &str) -> Option<BuyingModel> {
    match name {
        "mbg_nbd" => Some(BuyingModel::Mbg),
        "bg_nbd" => Some(BuyingModel::Bg),
        _ => None,
    }
}

pub fn fit(buyers: &[Buyer], model: BuyingModel) -> Fitted {
    let used = sample(buyers);
    let histories: Vec<History> = used.iter().map(history).collect();
    let spending: Vec<Spending> = used.iter().filter_map(spending).collect();
    Fitted {
        buying: RepeatBuying::fit(&histories, model).map_err(in_days),
        value: GammaGamma::fit(&spending),
        correlation: frequency_value_correlation(&spending).ok(),
    }
}

/// Fits to the histories alone, and foretells the `days` after them.
pub fn hold_out(buyers: &[Buyer], model: BuyingModel, days: u32) -> Holdout {
    let used = sample(buyers);
    let buying = RepeatBuying::fit(&used.iter().map(history).collect::<Vec<_>>(), model).map_err(in_days).map(|fit| fit.params);
    let expected = buying.clone().and_then(|buying| {
        buyers.iter().try_fold(0.0, |sum, buyer| Ok(sum + buying.expected(history(buyer), f64::from(days) / WEEK)?))
    });
    Holdout { buying, expected, actual: buyers.iter().map(|buyer| u64::from(buyer.later)).sum() }
}

/// Everybody, or every n-th where there are too many: given in the order of their ids, that picks nobody for what they did.
fn sample(buyers: &[Buyer]) -> Vec<Buyer> {
    buyers.iter().copied().step_by(buyers.len().div_ceil(FITTED_MAX).max(1)).collect()
}

fn history(buyer: &Buyer) -> History {
    History { x: buyer.repeats, t_x: f64::from(buyer.recency_days) / WEEK, t: f64::from(buyer.age_days) / WEEK }
}

/// People are told days.
fn in_days(reason: NotComputable) -> NotComputable {
    match reason {
        NotComputable::NoEvent { horizon } => NotComputable::NoEvent { horizon: horizon * WEEK as u32 },
        reason => reason,
    }
}

fn spending(buyer: &Buyer) -> Option<Spending> {
    let mean = buyer.repeat_value.filter(|mean| *mean > 0.0)?;
    (buyer.repeats > 0).then_some(Spending { x: buyer.repeats, mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyer(repeats: u32, recency_days: u32, age_days: u32, later: u32) -> Buyer {
        Buyer { repeats, recency_days, age_days, repeat_value: (repeats > 0).then_some(1_000.0 + f64::from(recency_days)), later }
    }

    /// Buyers of many kinds, so that a fit has something to hold on to.
    fn base(count: u32) -> Vec<Buyer> {
        (0..count)
            .map(|who| {
                let (age, repeats) = (200 + who % 160, [0, 0, 0, 1, 0, 2, 5][who as usize % 7]);
                let recency = if repeats == 0 { 0 } else { 20 + (who * 37) % (age - 30) };
                buyer(repeats, recency, age, u32::from(repeats > 1 && who % 3 == 0))
            })
            .collect()
    }

    #[test]
    fn too_little_is_said() {
        let check = |buyers: &[Buyer], buying: &str, value: &str| {
            let fitted = fit(buyers, BuyingModel::Mbg);
            assert_eq!(fitted.buying.unwrap_err().to_string(), buying);
            assert_eq!(fitted.value.unwrap_err().to_string(), value);
            assert_eq!(hold_out(buyers, BuyingModel::Mbg, 30).expected.unwrap_err().to_string(), buying);
        };
        check(&[], "it needs at least 10, and there are only 0", "it needs at least 10, and there are only 0");
        let once = [buyer(0, 0, 70, 0); 20];
        check(&once, "nothing happened by day 70, so the estimate has no interval", "it needs at least 10, and there are only 0");
    }

    #[test]
    fn what_was_held_out_is_foretold_for_everybody() {
        let buyers = base(700);
        let held_out = hold_out(&buyers, BuyingModel::Mbg, 70);
        let model = held_out.buying.unwrap();
        let one_by_one: f64 = buyers.iter().map(|buyer| model.expected(history(buyer), 10.0).unwrap()).sum();
        assert_eq!(held_out.expected, Ok(one_by_one));
        assert_eq!(held_out.actual, buyers.iter().map(|buyer| u64::from(buyer.later)).sum::<u64>());
        assert_eq!(fit(&buyers, BuyingModel::Mbg).buying.unwrap().params, model, "the same histories, the same model");
    }

    #[test]
    fn a_large_base_is_thinned_evenly() {
        let check = |count: usize, expect: usize| assert_eq!(sample(&vec![buyer(0, 0, 1, 0); count]).len(), expect, "{count}");
        check(0, 0);
        check(FITTED_MAX, FITTED_MAX);
        check(FITTED_MAX + 1, FITTED_MAX / 2 + 1);
        check(5 * FITTED_MAX, FITTED_MAX);
    }
}
