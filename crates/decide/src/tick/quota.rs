//! When the monthly quota of a channel runs out in a window, over everybody.
//!
//! A quota goes to whoever is due first, so that many short windows spend it as one long window does. Customers are planned one by one, so
//! it is found in two passes: planned without it, the sends of everybody are put in the order of their time, and where they are more than is
//! left, the channel is closed from there on. What is planned before that moment does not depend on what comes after it, so the second pass
//! plans the same sends up to there.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use model::{Channel, CustomerId, Instant, Scenario, SendState, ShopZone};

use super::{Customer, Window, plan_with_decisions};
use crate::{Rules, automatic::Taken, gates::Closed};

/// What is left of a quota at the beginning of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    pub channel: Channel,
    /// Of a month.
    pub month_max: u64,
    /// Sent already, by the first day of the month; a month that is missing has sent nothing.
    pub used: BTreeMap<NaiveDate, u64>,
}

/// The first day of the instant's month, shop time.
pub fn month_of(zone: ShopZone, at: Instant) -> NaiveDate {
    first_of(zone.day(at))
}

/// The first day of the month after.
pub fn month_after(month: NaiveDate) -> NaiveDate {
    first_of(month).checked_add_months(chrono::Months::new(1)).unwrap_or(NaiveDate::MAX)
}

fn first_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The months of a window in which a quota is used up, and from which send on: found in passes over everybody, some of them at a time.
#[derive(Debug)]
pub struct Closings {
    allowances: Vec<Allowance>,
    /// With what is closed so far.
    rules: Rules,
    /// In this pass, when a message is to leave and for whom.
    planned: BTreeMap<(NaiveDate, Channel), Vec<(Instant, CustomerId)>>,
}

impl Closings {
    pub fn new(rules: &Rules, allowances: Vec<Allowance>) -> Closings {
        Closings { allowances, rules: Rules { closed: Vec::new(), ..rules.clone() }, planned: BTreeMap::new() }
    }

    /// Everybody comes once in a pass.
    pub fn add(&mut self, customers: &[Customer], scenarios: &[Scenario], window: &Window, taken: &[Taken]) {
        if self.allowances.is_empty() {
            return;
        }
        for customer in customers {
            for send in plan_with_decisions(customer, scenarios, &self.rules, window, taken).sends {
                let channel = send.row.channel;
                let is_limited = self.allowances.iter().any(|allowance| allowance.channel == channel);
                if send.row.state != SendState::Ghost && is_limited {
                    // When it is to leave, which may be after it was decided on.
                    let due = send.row.due_at;
                    let month = month_of(self.rules.zone, due);
                    self.planned.entry((month, channel)).or_default().push((due, customer.id.clone()));
                }
            }
        }
    }

    /// Ends a pass, and says whether there must be another: each closes the first month that is not closed yet, since what is stopped there may
    /// change what is planned after it.
    pub fn pass_ends(&mut self) -> bool {
        let planned = std::mem::take(&mut self.planned);
        let found = planned.into_iter().filter_map(|((month, channel), sends)| self.closing(month, channel, sends));
        let first = found.min_by(|one, other| (one.from, &one.customer).cmp(&(other.from, &other.customer)));
        let is_found = first.is_some();
        self.rules.closed.extend(first);
        is_found
    }

    /// Empty where all that is planned is within the quotas.
    pub fn closed(self) -> Vec<Closed> {
        self.rules.closed
    }

    fn closing(&self, month: NaiveDate, channel: Channel, mut sends: Vec<(Instant, CustomerId)>) -> Option<Closed> {
        let allowance = self.allowances.iter().find(|allowance| allowance.channel == channel)?;
        let until = self.rules.zone.start_of(month_after(month));
        let left = allowance.month_max.saturating_sub(allowance.used.get(&month).copied().unwrap_or(0));
        let is_closed = self.rules.closed.iter().any(|closed| closed.channel == channel && closed.until == until);
        let place = usize::try_from(left).ok().filter(|left| *left < sends.len() && !is_closed)?;
        sends.sort();
        let last = &sends[place];
        let room = sends[..place].iter().filter(|send| *send == last).count();
        let (from, customer) = (last.0, last.1.to_string());
        Some(Closed { channel, month_max: allowance.month_max, from, customer, room, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{
        examples::{at, customer, rules, scenario, shown_at, window},
        plan,
    };

    /// A reminder at once on LINE, else by e-mail, for each cart; more than one cart may be open.
    fn carts(channels: &str) -> Scenario {
        let entry = "on = \"cart_updated\"\nkey = \"cart_id\"\nconcurrency = \"unlimited\"\n";
        let steps = format!(
            "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"s\"\nsend = {{ try = [{channels}], template = \"t\", on_cap = \"next_channel\" }}\n"
        );
        scenario("cart", entry, &steps)
    }

    fn allowance(channel: Channel, month_max: u64, used: &[(&str, u64)]) -> Allowance {
        let used = used.iter().map(|(month, used)| (month.parse().expect("a day"), *used)).collect();
        Allowance { channel, month_max, used }
    }

    /// Found of one customer at a time.
    fn closings(
        customers: &[Customer],
        scenarios: &[Scenario],
        rules: &Rules,
        window: &Window,
        taken: &[Taken],
        allowances: &[Allowance],
    ) -> Vec<Closed> {
        let mut closings = Closings::new(rules, allowances.to_vec());
        loop {
            for customer in customers.chunks(1) {
                closings.add(customer, scenarios, window, taken);
            }
            if !closings.pass_ends() {
                return closings.closed();
            }
        }
    }

    /// `c1 02T10:00 line`, for every send; stops of a whole step are left out.
    fn sends(customers: &[Customer], scenarios: &[Scenario], windows: &[(&str, &str)], allowances: &[Allowance]) -> Vec<String> {
        let mut customers = customers.to_vec();
        let (mut allowances, mut shown) = (allowances.to_vec(), Vec::new());
        for (from, to) in windows {
            let window = window(from, to);
            let uncapped = Rules { caps: Vec::new(), ..rules() };
            let closed = closings(&customers, scenarios, &uncapped, &window, &[], &allowances);
            let rules = Rules { closed, ..uncapped };
            for customer in &mut customers {
                let plan = plan(customer, scenarios, &rules, &window);
                for send in &plan.sends {
                    shown.push((send.at, format!("{} {} {}", customer.id, shown_at(send.at), send.row.channel)));
                    for allowance in allowances.iter_mut().filter(|allowance| allowance.channel == send.row.channel) {
                        *allowance.used.entry(month_of(rules.zone, send.at)).or_default() += 1;
                    }
                }
                *customer = customer.clone().after(&plan, scenarios);
            }
        }
        shown.sort();
        shown.into_iter().map(|(_, shown)| shown).collect()
    }

    #[test]
    fn who_is_due_first_has_it_however_the_windows_fall() {
        let both = [Channel::Line, Channel::Email];
        let does = |id: &str, whens: &[&str]| {
            whens.iter().fold(customer(id, &both), |customer, when| customer.does("cart", "cart_updated", when, when))
        };
        // By id the first customer comes last.
        let customers = [does("c1", &["05T12:00"]), does("c2", &["03T12:00", "04T12:00"]), does("c3", &["03T12:00"])];
        let one: &[(&str, &str)] = &[("01T00:00", "06T00:00")];
        let nights: &[(&str, &str)] =
            &[("01T00:00", "03T00:00"), ("03T00:00", "04T00:00"), ("04T00:00", "05T00:00"), ("05T00:00", "06T00:00")];
        let check = |allowances: &[Allowance], expect: &[&str]| {
            for windows in [one, nights] {
                assert_eq!(sends(&customers, &[carts("\"line\", \"email\"")], windows, allowances), expect, "{windows:?}");
            }
        };
        let (early, later) = (["c2 03T12:00 line", "c3 03T12:00 line"], ["c2 04T12:00 line", "c1 05T12:00 line"]);
        check(&[], &[early, later].concat());
        let line = |max, used: &[(&str, u64)]| allowance(Channel::Line, max, used);
        check(&[line(4, &[])], &[early, later].concat());
        check(&[line(3, &[])], &[early[0], early[1], later[0], "c1 05T12:00 email"]);
        check(
            &[line(9, &[("2026-03-01", 7), ("2026-02-01", 9)])],
            &[early[0], early[1], "c2 04T12:00 email", "c1 05T12:00 email"],
        );
        // At one instant it goes by the ids.
        check(&[line(1, &[])], &[early[0], "c3 03T12:00 email", "c2 04T12:00 email", "c1 05T12:00 email"]);
        let nobody = ["c2 03T12:00 email", "c3 03T12:00 email", "c2 04T12:00 email", "c1 05T12:00 email"];
        check(&[line(0, &[])], &nobody);
        check(&[line(2, &[("2026-03-01", 5)])], &nobody);
        // What another channel gets instead may use up its own.
        check(&[line(1, &[]), allowance(Channel::Email, 1, &[])], &[early[0], "c3 03T12:00 email"]);
    }

    #[test]
    fn a_month_begins_with_all_of_it() {
        let scenario = [carts("\"line\"")];
        let april = at("31T23:59") + chrono::TimeDelta::days(1);
        let mut customer = customer("c1", &[Channel::Line]).does("cart", "cart_updated", "a", "30T12:00").does(
            "cart",
            "cart_updated",
            "b",
            "31T12:00",
        );
        let mut third = customer.triggers[0].clone();
        (third.entry_key, third.at, third.known_at) =
            ("c".into(), april - chrono::TimeDelta::hours(12), april - chrono::TimeDelta::hours(12));
        customer.triggers.push(third);
        let window = Window { to: april, ..window("30T00:00", "31T00:00") };
        let closed = closings(&[customer], &scenario, &rules(), &window, &[], &[allowance(Channel::Line, 1, &[])]);
        let closed: Vec<(String, usize, Instant)> =
            closed.into_iter().map(|closed| (shown_at(closed.from), closed.room, closed.until)).collect();
        assert_eq!(closed, [("31T12:00".to_string(), 0, at("31T00:00") + chrono::TimeDelta::days(1))]);
    }
}
