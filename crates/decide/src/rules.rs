//! What a shop allows: the part of its settings that decisions look at, and when it had what stopped.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{Duration, NaiveDate};
use model::{Cap, Channel, Holdout, Instant, Money, Season, Shop, ShopZone, shop::Quiet};
use serde::{Deserialize, Serialize};

use crate::gates::Closed;

#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Of caps, seasons, schedules and dates.
    pub zone: ShopZone,
    /// Of quiet hours, best hours and waits until a time of day: the subject's own where it is known ([`Rules::of_subject`]).
    pub subject_zone: ShopZone,
    pub quiet: Quiet,
    pub caps: Vec<Cap>,
    /// Sends deferred to the end of the quiet hours are spread over this long, by a hash of the subject; zero sends all at once.
    pub spread: Duration,
    /// Of one message; a channel that is missing costs nothing.
    pub cost: BTreeMap<Channel, Money>,
    /// Who is in it does not come into a scenario that only advertises.
    pub holdout: Option<Holdout>,
    pub seasons: Vec<Season>,
    pub pauses: Vec<Pause>,
    /// When the quota of a channel is used up: found anew for each window ([`crate::tick::Closings`]).
    pub closed: Vec<Closed>,
}

/// While nothing of a scenario, or of any (全停止), is decided: `[from, until)`, or until further notice. Nobody enters; what falls due
/// is taken up at the end, and its validity counts from when it was due. Who must leave leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub scenario: Option<String>,
    #[serde(with = "model::time::instant")]
    pub from: Instant,
    #[serde(with = "model::time::instant_or_none")]
    pub until: Option<Instant>,
}

impl Pause {
    pub fn covers(&self, scenario: &str, at: Instant) -> bool {
        self.scenario.as_deref().is_none_or(|paused| paused == scenario)
            && self.from <= at
            && self.until.is_none_or(|until| at < until)
    }
}

impl Rules {
    /// Without pauses and used up quotas, which are no settings.
    pub fn of(shop: &Shop) -> Rules {
        Rules {
            zone: shop.timezone,
            subject_zone: shop.timezone,
            quiet: shop.quiet.clone(),
            caps: shop.caps.clone(),
            spread: shop.quiet.spread.0,
            cost: Channel::ALL.map(|channel| (channel, shop.cost_of(channel))).into(),
            holdout: shop.holdout.clone(),
            seasons: shop.seasons.clone(),
            pauses: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// The same for somebody who lives in this zone; without one, in the shop's.
    pub fn of_subject(&self, zone: Option<ShopZone>) -> Cow<'_, Rules> {
        match zone {
            Some(zone) if zone != self.subject_zone => Cow::Owned(Rules { subject_zone: zone, ..self.clone() }),
            _ => Cow::Borrowed(self),
        }
    }

    pub fn cost_of(&self, channel: Channel) -> Money {
        self.cost.get(&channel).copied().unwrap_or(Money::ZERO)
    }

    /// The first instant from `at` on at which the scenario is not paused.
    pub fn awake(&self, scenario: &str, at: Instant) -> Instant {
        let mut at = at;
        while let Some(pause) = self.pauses.iter().find(|pause| pause.covers(scenario, at)) {
            match pause.until {
                Some(until) => at = until,
                None => return Instant::MAX_UTC,
            }
        }
        at
    }

    /// Since when things may have waited for `at`: the beginning of the pauses, of whichever scenario, that lead up to it.
    pub fn may_wait_since(&self, at: Instant) -> Instant {
        let mut since = at;
        let leads_up = |pause: &Pause, since: Instant| pause.from < since && pause.until.is_none_or(|until| until >= since);
        while let Some(pause) = self.pauses.iter().find(|pause| leads_up(pause, since)) {
            since = pause.from;
        }
        since
    }

    /// Whether the day is in one of the named seasons; without names every day is.
    pub fn is_in_season(&self, names: &[String], day: NaiveDate) -> bool {
        names.is_empty() || self.seasons.iter().any(|season| names.contains(&season.name) && season.contains(day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_or_does_not() {
        let at = |hour: i64| Instant::default() + Duration::hours(hour);
        let pause = |scenario: Option<&str>, from: i64, until: Option<i64>| Pause {
            scenario: scenario.map(String::from),
            from: at(from),
            until: until.map(at),
        };
        let pauses = vec![pause(Some("a"), 1, Some(3)), pause(None, 3, Some(5)), pause(Some("a"), 9, None)];
        let rules = Rules { pauses, ..Rules::of(&Shop::default()) };
        let check =
            |scenario: &str, hour: i64, expect: Instant| assert_eq!(rules.awake(scenario, at(hour)), expect, "{scenario} {hour}");
        check("a", 0, at(0));
        check("a", 1, at(5));
        check("a", 5, at(5));
        check("a", 9, Instant::MAX_UTC);
        check("b", 1, at(1));
        check("b", 4, at(5));
        let check = |hour: i64, expect: i64| assert_eq!(rules.may_wait_since(at(hour)), at(expect), "{hour}");
        check(0, 0);
        check(1, 1);
        check(4, 1);
        check(5, 1);
        check(6, 6);
        check(20, 9);
    }
}
