//! What messages of a month cost where the provider sells them by a plan: a fee with so many included, then prices that fall by steps.
//! LINE sells so; what has no plan costs the same for each message.

use model::{Money, money::MoneyError, shop::Plan};

/// The whole of a month in which `sent` messages left: the fee and what goes beyond it.
pub fn of_month(plan: &Plan, sent: u64) -> Result<Money, MoneyError> {
    let mut cost = plan.fee;
    let mut beyond = sent.saturating_sub(plan.included);
    for step in &plan.steps {
        let here = step.messages.map_or(beyond, |messages| messages.min(beyond));
        cost = cost.plus(step.price.times(i64::try_from(here).unwrap_or(i64::MAX))?)?;
        beyond -= here;
    }
    Ok(cost)
}

/// What `more` messages add to a month in which `sent` leave anyway.
pub fn of_more(plan: &Plan, sent: u64, more: u64) -> Result<Money, MoneyError> {
    of_month(plan, sent.saturating_add(more))?.minus(of_month(plan, sent)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Plan {
        let text = "fee = \"15000\"\nincluded = 30000\nsteps = [{ messages = 50000, price = \"3.0\" }, { price = \"2.8\" }]\n";
        let shop = model::Shop::parse("t", &format!("[plans.line]\n{text}")).expect("settings");
        shop.plans["line"].clone()
    }

    #[test]
    fn t42_the_standard_plan() {
        let check = |sent, yen| assert_eq!(of_month(&standard(), sent), Money::whole(yen), "{sent}");
        check(0, 15_000);
        check(30_000, 15_000);
        check(30_001, 15_003);
        check(45_000, 60_000);
        check(80_000, 165_000);
        check(100_000, 221_000);
    }

    #[test]
    fn more_messages_are_dear_or_free_by_how_many_leave_anyway() {
        let check = |sent, more, yen| assert_eq!(of_more(&standard(), sent, more), Money::whole(yen), "{sent} + {more}");
        check(0, 30_000, 0);
        check(29_000, 2_000, 3_000);
        check(79_000, 2_000, 3_000 + 2_800);
        check(45_000, 0, 0);
    }

    #[test]
    fn what_no_step_has_a_price_for_is_free() {
        let plan = Plan { fee: Money::ZERO, included: 5, steps: Vec::new() };
        assert_eq!(of_month(&plan, 9), Ok(Money::ZERO));
    }
}
