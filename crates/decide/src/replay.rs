//! What a scenario would have done in the past: when a replay looks, and what the rows of its ledger come to (SEMANTICS §11).
//!
//! It counts what would have been sent and what happened without it. How much the messages would have changed is nothing that the past can
//! tell, so no number here is a lift.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Duration, NaiveDate, NaiveTime, TimeDelta};
use model::{
    Channel, CustomerId, EntryStatus, EntryStep, Instant, Money, Scenario, Send, SendState, Shop, ShopZone, StopRow,
    money::MoneyError,
};

use crate::{
    cost,
    tick::{Window, schedule},
};

/// Between two looks at most.
const APART_MAX: Duration = Duration::hours(1);
/// And at least, however short the validity of a message is.
const APART_MIN: Duration = Duration::minutes(5);

/// How far apart a replay's looks may be: a message must not run out between the moment it falls due and the next look.
pub fn apart(scenario: &Scenario) -> Duration {
    let shortest = scenario.sends().filter_map(|send| Some(send.valid_for?.0)).min();
    shortest.map_or(APART_MAX, |shortest| shortest.clamp(APART_MIN, APART_MAX))
}

/// The ends of the windows over `[from, to)`: every so long, and the last moment before quiet hours begin, so that what falls due in the hour
/// before is not found waiting by the night. Between those it does not matter how the windows fall.
pub fn ends(shop: &Shop, from: Instant, to: Instant, apart: Duration) -> Vec<Instant> {
    let moment = TimeDelta::microseconds(1);
    let mut ends = BTreeSet::from([to - moment]);
    let mut at = from + apart;
    while at < to {
        ends.insert(at);
        at += apart;
    }
    let quiet = &shop.quiet;
    let of_channels = quiet.channels.values().filter_map(|channel| Some(channel.from?.0));
    let begins: BTreeSet<NaiveTime> = of_channels.chain([quiet.from.0]).collect();
    for time in begins {
        let mut at = shop.timezone.next(from, time);
        while at < to {
            ends.insert(at - moment);
            at = shop.timezone.next(at, time);
        }
    }
    ends.into_iter().filter(|end| *end >= from).collect()
}

/// What is known of a window before it is planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// When the first of those under way goes on, where anybody is.
    pub goes_on_at: Option<Instant>,
    /// When the first message that waits is executed.
    pub leaves_at: Option<Instant>,
    /// An event is seen in the window that may let somebody in.
    pub lets_in: bool,
    /// Something is seen in the window, or known by its execution, that may concern somebody who is under way: an event that the scenario
    /// looks at, a permission, an address that is gone, who is one person with whom.
    pub concerns: bool,
}

/// Whether nothing can come of a window: its plan would be empty, and no message leaves. Then the next one may begin at its end, as if it had
/// been planned. Conditions need not be asked about: they are looked at when somebody goes on, and not before.
pub fn is_idle(scenario: &Scenario, zone: ShopZone, window: &Window, ahead: &Ahead) -> bool {
    let entry = &scenario.entry;
    let is_evaluated = entry.on.is_none() && !schedule::evaluations(entry, zone, window.from, window.to).is_empty();
    let goes_on = ahead.goes_on_at.is_some_and(|at| at <= window.to);
    let leaves = ahead.leaves_at.is_some_and(|at| at <= window.executed_at(window.to));
    let counts_to_a_date = scenario.steps.iter().any(|step| step.wait.as_ref().is_some_and(|wait| wait.date.is_some()));
    let may_move = counts_to_a_date && ahead.goes_on_at.is_some();
    !(is_evaluated || goes_on || leaves || may_move || ahead.lets_in || ahead.concerns)
}

/// Everything a replay left, and what is known of the time after.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// Every move of every entry, as they were made.
    pub entries: Vec<EntryStep>,
    /// Every change of every send, as they were made, with the logical time at which it was.
    pub sends: Vec<(Instant, Send)>,
    pub stops: Vec<StopRow>,
    /// When each customer did what the scenario's goal asks for, whoever knew of it when.
    pub reached: BTreeMap<CustomerId, Vec<Instant>>,
    /// Messages of other scenarios that really left, by month's first day: a provider's plan counts them too.
    pub others: BTreeMap<(NaiveDate, Channel), u64>,
    /// Until when it is known who did that.
    pub known_until: Instant,
}

/// What it comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    pub entries: u64,
    pub held_out: u64,
    /// By shop day and channel.
    pub days: Vec<Day>,
    pub channels: Vec<OfChannel>,
    pub exits: Vec<Count>,
    pub finished: u64,
    /// Still waiting when the time was over; messages that were to leave later are among what they wait for.
    pub under_way: u64,
    /// Why messages would not have left.
    pub stops: Vec<Count>,
    /// Why they would have left later than they were due.
    pub deferrals: Vec<Count>,
    /// By month, where the provider sells messages by a plan.
    pub months: Vec<Month>,
    pub cost: Money,
    /// Passes with a message: who did what the goal asks for, in its time after the first one.
    pub bought_if_sent: Bought,
    /// Passes that were left early: the same, in its time after entering.
    pub bought_if_exited: Bought,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Day {
    pub day: NaiveDate,
    pub channel: Channel,
    pub sends: u64,
    pub ghosts: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OfChannel {
    pub channel: Channel,
    pub sends: u64,
    pub ghosts: u64,
    pub cost: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    pub reason: String,
    /// Of what was tried on one channel.
    pub channel: Option<Channel>,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Month {
    pub month: NaiveDate,
    pub channel: Channel,
    pub sends: u64,
    /// What really left beside them.
    pub others: u64,
    pub included: u64,
    /// What these messages add to the month's bill.
    pub cost: Money,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Bought {
    pub passes: u64,
    pub bought: u64,
    /// Their time was not over yet, and they had not bought by then.
    pub unknown: u64,
}

/// One message that would have left, or its ghost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct WouldSend {
    #[serde(with = "model::time::instant")]
    pub at: Instant,
    pub customer: CustomerId,
    pub channel: Channel,
    pub step: String,
    pub send_id: String,
    pub entry_id: String,
    pub ghost: bool,
}

/// The messages that would have left and the ghosts, by time: when each was due, or what it was put off to last.
pub fn would_sends(sends: &[(Instant, Send)]) -> Vec<WouldSend> {
    let mut found: BTreeMap<&str, WouldSend> = BTreeMap::new();
    let mut put_off: BTreeSet<&str> = BTreeSet::new();
    for (at, send) in sends {
        match send.state {
            SendState::Deferred => _ = put_off.insert(&send.send_id),
            SendState::Handed | SendState::Accepted | SendState::Ghost => {
                let late = put_off.contains(send.send_id.as_str());
                found.entry(&send.send_id).or_insert_with(|| WouldSend {
                    at: if late { *at } else { send.due_at },
                    customer: send.customer_id.clone(),
                    channel: send.channel,
                    step: send.step.clone(),
                    send_id: send.send_id.clone(),
                    entry_id: send.entry_id.clone(),
                    ghost: send.state == SendState::Ghost,
                });
            }
            _ => {}
        }
    }
    let mut found: Vec<WouldSend> = found.into_values().collect();
    found.sort();
    found
}

pub fn summary(left: &Left, scenario: &Scenario, shop: &Shop) -> Result<Summary, MoneyError> {
    let zone = shop.timezone;
    let sent = would_sends(&left.sends);
    let mut last: BTreeMap<&str, &EntryStep> = BTreeMap::new();
    let mut deferrals = Counts::default();
    for entry in &left.entries {
        if let (EntryStatus::Waiting, Some(reason)) = (entry.status, &entry.reason) {
            deferrals.add(first_word(reason), None);
        }
        last.insert(&entry.entry_id, entry);
    }
    for (_, send) in left.sends.iter().filter(|(_, send)| send.state == SendState::Deferred) {
        deferrals.add(first_word(send.detail.as_deref().unwrap_or_default()), Some(send.channel));
    }
    let mut stops = Counts::default();
    for stop in &left.stops {
        stops.add(&stop.reason, stop.channel);
    }
    let mut summary =
        Summary { entries: last.len() as u64, stops: stops.list(), deferrals: deferrals.list(), ..Summary::default() };
    let mut exits = Counts::default();
    for entry in last.values() {
        summary.held_out += u64::from(entry.held_out);
        match entry.status {
            EntryStatus::Waiting => summary.under_way += 1,
            EntryStatus::Finished => summary.finished += 1,
            EntryStatus::Exited => exits.add(entry.reason.as_deref().unwrap_or_default(), None),
        }
    }
    summary.exits = exits.list();

    let mut days: BTreeMap<(NaiveDate, Channel), (u64, u64)> = BTreeMap::new();
    for send in &sent {
        let (sends, ghosts) = days.entry((zone.day(send.at), send.channel)).or_default();
        *(if send.ghost { ghosts } else { sends }) += 1;
    }
    summary.days = days
        .iter()
        .map(|((day, channel), (sends, ghosts))| Day { day: *day, channel: *channel, sends: *sends, ghosts: *ghosts })
        .collect();
    price(&mut summary, left, shop)?;

    let within = scenario.goal.within.0;
    let mut first_sent: BTreeMap<&str, &WouldSend> = BTreeMap::new();
    for send in sent.iter().filter(|send| !send.ghost) {
        first_sent.entry(&send.entry_id).or_insert(send);
    }
    summary.bought_if_sent = bought(left, within, first_sent.values().map(|send| (&send.customer, send.at)));
    let exited =
        last.values().filter(|entry| entry.status == EntryStatus::Exited && !first_sent.contains_key(entry.entry_id.as_str()));
    summary.bought_if_exited = bought(left, within, exited.map(|entry| (&entry.customer_id, entry.entered_at)));
    Ok(summary)
}

/// By channel and month: by the provider's plan where there is one, else so much for each.
fn price(summary: &mut Summary, left: &Left, shop: &Shop) -> Result<(), MoneyError> {
    let mut channels: BTreeMap<Channel, (u64, u64)> = BTreeMap::new();
    let mut months: BTreeMap<(NaiveDate, Channel), u64> = BTreeMap::new();
    for day in &summary.days {
        let (sends, ghosts) = channels.entry(day.channel).or_default();
        (*sends, *ghosts) = (*sends + day.sends, *ghosts + day.ghosts);
        *months.entry((month_of(day.day), day.channel)).or_default() += day.sends;
    }
    for (channel, (sends, ghosts)) in channels {
        let mut cost = Money::ZERO;
        match shop.plans.get(channel.name()) {
            None => cost = shop.cost_of(channel).times(i64::try_from(sends).unwrap_or(i64::MAX))?,
            Some(plan) => {
                for ((month, _), sends) in months.iter().filter(|((_, of), sends)| *of == channel && **sends > 0) {
                    let others = left.others.get(&(*month, channel)).copied().unwrap_or(0);
                    let of_month = cost::of_more(plan, others, *sends)?;
                    cost = cost.plus(of_month)?;
                    summary.months.push(Month {
                        month: *month,
                        channel,
                        sends: *sends,
                        others,
                        included: plan.included,
                        cost: of_month,
                    });
                }
            }
        }
        summary.cost = summary.cost.plus(cost)?;
        summary.channels.push(OfChannel { channel, sends, ghosts, cost });
    }
    Ok(())
}

/// The first day of a day's month.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn bought<'a>(left: &Left, within: Duration, passes: impl Iterator<Item = (&'a CustomerId, Instant)>) -> Bought {
    let mut bought = Bought::default();
    for (customer, since) in passes {
        bought.passes += 1;
        let mut reached = left.reached.get(customer).into_iter().flatten();
        if reached.any(|at| *at > since && *at < since + within) {
            bought.bought += 1;
        } else if since + within > left.known_until {
            bought.unknown += 1;
        }
    }
    bought
}

/// `quiet` of `quiet: 2026-03-02T…`.
fn first_word(reason: &str) -> &str {
    reason.split([':', ';', ' ']).next().unwrap_or_default()
}

#[derive(Default)]
struct Counts(BTreeMap<(String, Option<Channel>), u64>);

impl Counts {
    fn add(&mut self, reason: &str, channel: Option<Channel>) {
        *self.0.entry((reason.into(), channel)).or_default() += 1;
    }

    /// The most frequent first.
    fn list(self) -> Vec<Count> {
        let mut list: Vec<Count> =
            self.0.into_iter().map(|((reason, channel), count)| Count { reason, channel, count }).collect();
        list.sort_by_key(|counted| std::cmp::Reverse(counted.count));
        list
    }
}

/// Days on which real messages of the scenario left, as spans of days with none more than a day apart.
pub fn spans(zone: ShopZone, moments: impl IntoIterator<Item = Instant>) -> Vec<(NaiveDate, NaiveDate)> {
    let days: BTreeSet<NaiveDate> = moments.into_iter().map(|at| zone.day(at)).collect();
    let mut spans: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for day in days {
        match spans.last_mut().filter(|(_, last)| last.succ_opt() == Some(day)) {
            Some((_, last)) => *last = day,
            None => spans.push((day, day)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{
        Customer,
        examples::{at, customer, scenario, shown_at, window},
        plan,
    };

    fn shop(text: &str) -> Shop {
        Shop::parse("t", text).expect("settings")
    }

    #[test]
    fn a_replay_looks_every_hour_and_before_the_night() {
        let check = |settings: &str, from: &str, to: &str, apart: i64, expect: &[&str]| {
            let ends = ends(&shop(settings), at(from), at(to), Duration::minutes(apart));
            let shown: Vec<String> = ends.iter().map(|end| shown_at(*end)).collect();
            assert_eq!(shown, expect, "{settings} {from} {to}");
        };
        let night = "quiet = { from = \"21:00\", until = \"08:00\" }\n";
        check(night, "01T19:00", "01T22:00", 60, &["01T20:00", "01T20:59", "01T21:00", "01T21:59"]);
        check("quiet = { enabled = false }\n", "01T00:00", "01T01:00", 30, &["01T00:30", "01T00:59"]);
        let two = "quiet = { from = \"21:00\", until = \"08:00\", channels = { sms = { from = \"19:30\" } } }\n";
        check(two, "01T19:00", "01T20:30", 60, &["01T19:29", "01T20:00", "01T20:29"]);
    }

    #[test]
    fn a_message_does_not_run_out_between_two_looks() {
        let check = |valid_for: &str, minutes: i64| {
            let steps = format!(
                "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"s\"\nsend = {{ try = [\"email\"], template = \"t\"{valid_for} }}\n"
            );
            assert_eq!(apart(&scenario("s", "on = \"x\"\n", &steps)).num_minutes(), minutes, "{valid_for}");
        };
        check("", 60);
        check(", valid_for = \"12h\"", 60);
        check(", valid_for = \"20m\"", 20);
        check(", valid_for = \"1m\"", 5);
    }

    #[test]
    fn a_window_is_idle_when_nothing_can_come_of_it() {
        let check = |entry: &str, wait: &str, ahead: Ahead, expect: bool| {
            let steps = format!("[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"w\"\nwait = {{ {wait} }}\n");
            let scenario = scenario("s", entry, &steps);
            let found = is_idle(&scenario, ShopZone::tokyo(), &window("02T08:00", "02T09:00"), &ahead);
            assert_eq!(found, expect, "{entry} {wait} {ahead:?}");
        };
        let (event, wait) = ("on = \"x\"", "for = \"3h\"");
        let idle = Ahead::default();
        let goes_on = |time: &str| Ahead { goes_on_at: Some(at(time)), ..idle };
        let leaves = |time: &str| Ahead { leaves_at: Some(at(time)), ..idle };
        check(event, wait, idle, true);
        check(event, wait, Ahead { lets_in: true, ..idle }, false);
        check(event, wait, Ahead { concerns: true, ..idle }, false);
        // The end of a window is in it, and what is due then is executed ten minutes later.
        check(event, wait, goes_on("02T09:01"), true);
        check(event, wait, goes_on("02T09:00"), false);
        check(event, wait, leaves("02T09:11"), true);
        check(event, wait, leaves("02T09:10"), false);
        // A segment, or the day of a date, at its time.
        check("segment = \"x\"", wait, idle, false);
        check("segment = \"x\"\nat = \"08:00\"", wait, idle, true);
        check("segment = \"x\"\nat = \"10:00\"", wait, goes_on("03T10:00"), true);
        check("segment = \"x\"\nonce = \"2026-03-02T08:30\"", wait, idle, false);
        check("date = { of = \"birthday\" }", wait, idle, false);
        check("date = { of = \"birthday\" }\nat = \"10:00\"", wait, idle, true);
        // A date may move while it is waited for.
        let to_date = "date = \"next_shipment\", days = -3";
        check(event, to_date, idle, true);
        check(event, to_date, goes_on("09T09:00"), false);
    }

    #[test]
    fn days_in_a_row_are_one_span() {
        let check = |moments: &[&str], expect: &[(&str, &str)]| {
            let found = spans(ShopZone::tokyo(), moments.iter().map(|moment| at(moment)));
            let shown: Vec<(String, String)> =
                found.iter().map(|(from, to)| (from.format("%d").to_string(), to.format("%d").to_string())).collect();
            let expect: Vec<(String, String)> = expect.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
            assert_eq!(shown, expect, "{moments:?}");
        };
        check(&[], &[]);
        check(&["01T10:00", "02T23:00", "02T09:00", "05T10:00"], &[("01", "02"), ("05", "05")]);
    }

    /// T37 as the planner sees it: the four customers over two days, by the same windows as a replay's, counted.
    #[test]
    fn t37_what_would_have_been_sent_and_who_bought_anyway() {
        let settings = shop("quiet = { from = \"21:00\", until = \"08:00\" }\nplans = { line = { included = 1 } }\n");
        let steps = "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"wait\"\nwait = { for = \"3h\" }\n\
             [[step]]\nid = \"remind\"\nsend = { try = [\"line\", \"email\"], template = \"t\" }\n";
        let mut cart = scenario("cart", "on = \"cart_updated\"\nkey = \"cart_id\"\n", steps);
        cart.goal.within = model::time::Span(Duration::hours(24));
        let (line, email) = ([Channel::Line], [Channel::Email]);
        let customers = [
            customer("c1", &line).does("cart", "cart_updated", "k1", "01T10:00").happens(
                "order_placed",
                "",
                "01T12:00",
                "01T12:00",
            ),
            customer("c2", &line).does("cart", "cart_updated", "k2", "01T10:00").happens(
                "order_placed",
                "",
                "02T09:00",
                "02T09:00",
            ),
            customer("c3", &line).does("cart", "cart_updated", "k3", "01T20:00").happens(
                "order_placed",
                "",
                "02T07:30",
                "02T07:30",
            ),
            customer("c4", &email).does("cart", "cart_updated", "k4", "01T11:00"),
        ];
        let left = lived(&customers, &cart, &settings, ("01T00:00", "03T00:00"));
        let found = summary(&left, &cart, &settings).expect("amounts that fit");
        let sent: Vec<String> = would_sends(&left.sends)
            .iter()
            .map(|send| format!("{} {} {}", send.customer, send.channel, shown_at(send.at)))
            .collect();
        assert_eq!(sent, ["c2 line 01T13:00", "c4 email 01T14:00"]);
        assert_eq!((found.entries, found.held_out, found.finished, found.under_way), (4, 0, 2, 0));
        assert_eq!(found.exits.iter().map(|exit| exit.count).sum::<u64>(), 2, "{:?}", found.exits);
        assert_eq!(found.bought_if_sent, Bought { passes: 2, bought: 1, unknown: 0 });
        assert_eq!(found.bought_if_exited, Bought { passes: 2, bought: 2, unknown: 0 });
        let quiet = Count { reason: "quiet".into(), channel: None, count: 1 };
        assert_eq!(found.deferrals, [quiet]);
        // One LINE message is within the plan, the e-mail costs what one costs.
        assert_eq!(found.cost.to_string(), "0.3");
        assert_eq!(found.months.len(), 1);
    }

    #[test]
    fn what_is_not_known_yet_is_not_counted_as_no() {
        let settings = shop("");
        let steps = "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"s\"\nsend = { try = [\"line\"], template = \"t\" }\n";
        let mut cart = scenario("cart", "on = \"cart_updated\"\nkey = \"cart_id\"\n", steps);
        cart.goal.within = model::time::Span(Duration::hours(24));
        let customers = [customer("c1", &[Channel::Line]).does("cart", "cart_updated", "k1", "01T10:00")];
        let mut left = lived(&customers, &cart, &settings, ("01T00:00", "03T00:00"));
        let check = |left: &Left, expect: Bought| {
            assert_eq!(summary(left, &cart, &settings).expect("amounts").bought_if_sent, expect);
        };
        check(&left, Bought { passes: 1, bought: 0, unknown: 0 });
        left.known_until = at("02T09:59");
        check(&left, Bought { passes: 1, bought: 0, unknown: 1 });
        // The time after is half open.
        left.reached.insert(CustomerId::stored("c1"), vec![at("02T10:00")]);
        check(&left, Bought { passes: 1, bought: 0, unknown: 1 });
        left.reached.insert(CustomerId::stored("c1"), vec![at("02T09:58")]);
        check(&left, Bought { passes: 1, bought: 1, unknown: 0 });
    }

    /// The customers through every window, as ticks do it; each send leaves at once.
    fn lived(customers: &[Customer], scenario: &Scenario, shop: &Shop, (from, to): (&str, &str)) -> Left {
        let rules = crate::Rules::of(shop);
        let mut left = Left { known_until: at("28T00:00"), ..Left::default() };
        let scenarios = [scenario.clone()];
        for customer in customers {
            let mut customer = customer.clone();
            let reached = customer.happenings.iter().filter(|happening| happening.name == scenario.goal.on);
            left.reached.insert(customer.id.clone(), reached.map(|happening| happening.at).collect());
            let mut since = at(from) - TimeDelta::microseconds(1);
            for until in ends(shop, at(from), at(to), apart(scenario)) {
                let window = Window { run_id: "run".into(), from: since, to: until, grace: Duration::minutes(10) };
                let planned = plan(&customer, &scenarios, &rules, &window);
                customer = customer.after(&planned, &scenarios);
                left.entries.extend(planned.entries.iter().map(|dated| dated.row.clone()));
                left.stops.extend(planned.stops.iter().map(|dated| dated.row.clone()));
                for dated in planned.sends {
                    let accepted = Send { state: SendState::Accepted, ..dated.row.clone() };
                    let is_ghost = dated.row.state == SendState::Ghost;
                    left.sends.push((dated.at, if is_ghost { dated.row } else { accepted }));
                }
                since = until;
            }
        }
        left
    }
}
