//! Whether anything becomes of a customer in a window, told before all that planning asks for is gathered: of those who only wait on nothing
//! more need be known.

use model::Scenario;

use super::{Customer, Window, dates, walk::Walk};
use crate::Rules;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stir {
    /// The plan is empty.
    Nothing,
    /// Somebody leaves, and nobody comes in or goes on: neither conditions nor earlier entries are looked at.
    Leaves,
    GoesOn,
}

/// By everything about the customer but conditions, clicks, past sends and past entries, which may be left out.
pub fn stir(customer: &Customer, scenarios: &[Scenario], rules: &Rules, window: &Window) -> Stir {
    let dated = dates::triggers(&customer.dates, scenarios, rules.zone, window);
    Walk::new(customer, &dated, scenarios, &rules.of_subject(customer.zone), window, &[]).stir()
}
