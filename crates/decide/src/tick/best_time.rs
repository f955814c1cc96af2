//! When a send that asks for the best time goes out (SEMANTICS §8): at the hour at which the customer clicks most, for a random half
//! of those who have such an hour; the other half, and everybody else, at the usual time. The two halves show what it is worth.

use chrono::{Duration, NaiveTime, TimeDelta, Timelike};
use model::{
    Channel, Instant, Purpose,
    scenario::{BestTime, SendStep},
};

use super::{Click, Customer, Window, sending::valid_until};
use crate::{
    Rules, bucket,
    gates::{Gate, Member, Quiet},
};

/// How long back clicks are looked at.
pub const CLICKS_FOR: Duration = Duration::days(90);
/// With fewer, nothing is said of a customer.
const CLICKS_MIN: usize = 3;

/// When the step's message goes out, and the arm met by those who have a best hour. All of it is as of `due`, when the step fell due.
pub fn of_step(
    step: &SendStep,
    customer: &Customer,
    due: Instant,
    window: &Window,
    rules: &Rules,
) -> (Instant, Option<&'static str>) {
    let Some(best) = &step.best_time else { return (due, None) };
    let hour = best_hour(&customer.clicks, &step.channels, due, window, rules);
    let arm = hour.map(|_| if is_best(best, &customer.unit) { "best" } else { "usual" });
    let at = match (arm, hour, best.otherwise) {
        (Some("best"), Some(hour), _) if rules.subject_zone.local(due).hour() == hour => due,
        (Some("best"), Some(hour), _) => next(due, NaiveTime::from_hms_opt(hour, 0, 0), rules),
        (_, _, Some(usual)) => next(due, Some(usual.0), rules),
        _ => due,
    };
    // Rather now than too late.
    (if valid_until(step, due).is_some_and(|end| at > end) { due } else { at }, arm)
}

fn is_best(best: &BestTime, unit: &str) -> bool {
    bucket::bucket(&best.salt, unit) < bucket::BUCKETS / 2
}

fn next(due: Instant, time: Option<NaiveTime>, rules: &Rules) -> Instant {
    time.map_or(due, |time| rules.subject_zone.next(due - TimeDelta::microseconds(1), time))
}

/// The hour of day with the most clicks, the first of several; hours that are quiet on the step's first channel do not count.
fn best_hour(clicks: &[Click], channels: &[Channel], due: Instant, window: &Window, rules: &Rules) -> Option<u32> {
    let member = Member { customer: "", reach: &Default::default(), sends: &[], held_out: false, tags: &[], ignores_caps: false };
    let is_allowed = |at: Instant| {
        let hour = at - TimeDelta::seconds(i64::from(rules.subject_zone.local(at).time().num_seconds_from_midnight() % 3600));
        channels.first().is_none_or(|channel| Quiet.check(&member, *channel, Purpose::Marketing, hour, rules).is_none())
    };
    let mut hours = [0_usize; 24];
    let is_recent = |click: &&Click| click.at > due - CLICKS_FOR && window.seen_at(click.at, click.known_at) <= due;
    for click in clicks.iter().filter(is_recent).filter(|click| is_allowed(click.at)) {
        hours[rules.subject_zone.local(click.at).hour() as usize] += 1;
    }
    let most = *hours.iter().max().expect("a day has hours");
    if hours.iter().sum::<usize>() < CLICKS_MIN {
        return None;
    }
    hours.iter().position(|clicks| *clicks == most).map(|hour| hour as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::examples::{at, customer, exit_on_order, scenario, shown_at};

    #[test]
    fn the_hour_of_most_clicks_for_one_half() {
        let check = |body: &str, clicks: &[&str], unit: &str, due: &str, expect: (&str, Option<&str>)| {
            let steps = format!(
                "{}[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\", best_time = {{ name = \"hour\", salt = \"h\"{body}",
                exit_on_order()
            );
            let step = scenario("s", "on = \"call\"", &steps).steps[0].send.clone().expect("a send");
            let mut customer = customer(unit, &[Channel::Line]);
            customer.clicks = clicks.iter().map(|click| Click { at: at(click), known_at: at(click) }).collect();
            let window = Window { run_id: "run".into(), from: at(due), to: at("31T00:00"), grace: Duration::zero() };
            let (sent, arm) = of_step(&step, &customer, at(due), &window, &Rules::of(&model::Shop::default()));
            assert_eq!((shown_at(sent).as_str(), arm), expect, "{body} {clicks:?} {unit} {due}");
        };
        // Of these two the first is in the best half, the second in the usual one.
        let (best, usual) = ("c2", "c1");
        assert!(is_best(&BestTime { name: "h".into(), salt: "h".into(), otherwise: None }, best));
        assert!(!is_best(&BestTime { name: "h".into(), salt: "h".into(), otherwise: None }, usual));
        let at_ten = ", otherwise = \"10:00\" }";
        let evening = ["01T19:10", "02T19:50", "03T12:00"];
        check(&format!("{at_ten} }}"), &evening, best, "10T09:00", ("10T19:00", Some("best")));
        check(&format!("{at_ten} }}"), &evening, best, "10T19:30", ("10T19:30", Some("best")));
        check(&format!("{at_ten} }}"), &evening, best, "10T20:00", ("11T19:00", Some("best")));
        check(&format!("{at_ten} }}"), &evening, usual, "10T09:00", ("10T10:00", Some("usual")));
        check(&format!("{at_ten} }}"), &evening, usual, "10T10:00", ("10T10:00", Some("usual")));
        check("} }", &evening, usual, "10T09:00", ("10T09:00", Some("usual")));
        // Two clicks say nothing, and neither do those that are not seen yet, or at hours that are quiet.
        check(&format!("{at_ten} }}"), &evening[..2], best, "10T09:00", ("10T10:00", None));
        check(&format!("{at_ten} }}"), &["01T19:10", "02T19:50", "10T12:00"], best, "10T09:00", ("10T10:00", None));
        check(&format!("{at_ten} }}"), &["01T22:10", "02T22:50", "03T22:00"], best, "10T09:00", ("10T10:00", None));
        // Of two hours the first; and never past the end of validity.
        check(
            &format!("{at_ten} }}"),
            &["01T19:10", "02T12:50", "03T19:00", "04T12:00"],
            best,
            "10T09:00",
            ("10T12:00", Some("best")),
        );
        check(&format!("{at_ten}, valid_for = \"3h\" }}"), &evening, best, "10T09:00", ("10T09:00", Some("best")));
    }

    #[test]
    fn about_half_are_of_each_arm() {
        let best = BestTime { name: "h".into(), salt: "h".into(), otherwise: None };
        let count = (1..=1000).filter(|n| is_best(&best, &format!("c-{n:04}"))).count();
        assert!((450..=550).contains(&count), "{count}");
    }
}
