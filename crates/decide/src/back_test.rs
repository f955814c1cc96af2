//! What a segment would have been worth: its size and churn night after night, what was known late, and what its members bought in the time
//! after, against everybody else. That is no lift: members differ from others in more than the segment's condition.

use chrono::TimeDelta;
use model::{Instant, Money, money::MoneyError};

/// The people of a back-test by their places in one list, and what they bought.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// Since when the shop knew each.
    pub known_since: Vec<Option<Instant>>,
    /// Whose history each belongs to now: their own place, or their survivor's.
    pub survivor: Vec<u32>,
    /// In order of time.
    pub purchases: Vec<Purchase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    pub customer: u32,
    pub at: Instant,
    pub net: Money,
}

/// A night as it was answered: places, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    pub as_of: Instant,
    pub known: Vec<u32>,
    /// With all that arrived later, where that was asked.
    pub happened: Option<Vec<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub as_of: Instant,
    pub members: u64,
    /// Since the night before; the first night has none.
    pub change: Option<Change>,
    pub late: Option<Late>,
    /// `None` until the whole window has passed.
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub entered: u64,
    pub left: u64,
    /// Who was in it the night before.
    pub before: u64,
}

/// What was known that night against what had happened by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    pub members: u64,
    /// In it only by what was known.
    pub only_known: u64,
    /// In it only by what arrived later.
    pub only_happened: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub members: Bought,
    /// Everybody else the shop knew that night.
    pub others: Bought,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bought {
    pub people: u64,
    pub buyers: u64,
    pub orders: u64,
    pub revenue: Money,
}

impl Bought {
    /// Net revenue per head; `None` where there is nobody.
    pub fn per_head(&self) -> Option<f64> {
        (self.people > 0).then(|| self.revenue.as_f64() / self.people as f64)
    }

    pub fn buyer_rate(&self) -> Option<f64> {
        (self.people > 0).then(|| self.buyers as f64 / self.people as f64)
    }

    fn plus(self, other: Bought) -> Result<Bought, MoneyError> {
        Ok(Bought {
            people: self.people + other.people,
            buyers: self.buyers + other.buyers,
            orders: self.orders + other.orders,
            revenue: self.revenue.plus(other.revenue)?,
        })
    }
}

impl Change {
    /// The share of last night's members who left; `None` where there were none.
    pub fn churn(&self) -> Option<f64> {
        (self.before > 0).then(|| self.left as f64 / self.before as f64)
    }
}

/// Judges each night; purchases are known up to `known_until`.
pub fn judge(nights: &[Night], people: &People, window: TimeDelta, known_until: Instant) -> Result<Vec<Judged>, MoneyError> {
    let mut since: Vec<Instant> = people.known_since.iter().copied().flatten().collect();
    since.sort_unstable();
    let mut marks = Marks { member: vec![0; people.survivor.len()], bought: vec![0; people.survivor.len()] };
    let mut judged = Vec::with_capacity(nights.len());
    let mut before: Option<&Night> = None;
    for (night, mark) in nights.iter().zip(1..) {
        let late = night.happened.as_ref().map(|happened| {
            let both = common(&survivors(&night.known, people), &survivors(happened, people));
            Late {
                members: happened.len() as u64,
                only_known: survivors(&night.known, people).len() as u64 - both,
                only_happened: survivors(happened, people).len() as u64 - both,
            }
        });
        let change = before.map(|before| {
            let stayed = common(&before.known, &night.known);
            Change {
                entered: night.known.len() as u64 - stayed,
                left: before.known.len() as u64 - stayed,
                before: before.known.len() as u64,
            }
        });
        let end = night.as_of + window;
        let outcome = match end <= known_until {
            true => Some(outcome(night, people, &since, &mut marks, mark, end)?),
            false => None,
        };
        judged.push(Judged { as_of: night.as_of, members: night.known.len() as u64, change, late, outcome });
        before = Some(night);
    }
    Ok(judged)
}

/// All nights' outcomes together: a person counts once per night.
pub fn pooled(judged: &[Judged]) -> Result<Option<Outcome>, MoneyError> {
    let mut sum: Option<Outcome> = None;
    for outcome in judged.iter().filter_map(|night| night.outcome) {
        let so_far = sum.unwrap_or_default();
        sum = Some(Outcome { members: so_far.members.plus(outcome.members)?, others: so_far.others.plus(outcome.others)? });
    }
    Ok(sum)
}

/// How many are in both of two rising lists.
pub fn common(one: &[u32], other: &[u32]) -> u64 {
    let (mut a, mut b, mut both) = (0, 0, 0);
    while a < one.len() && b < other.len() {
        match one[a].cmp(&other[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => (a, b, both) = (a + 1, b + 1, both + 1),
        }
    }
    both
}

fn survivors(members: &[u32], people: &People) -> Vec<u32> {
    let mut survivors: Vec<u32> = members.iter().map(|member| people.survivor[*member as usize]).collect();
    survivors.sort_unstable();
    survivors.dedup();
    survivors
}

/// The last night on which each was a member, and on which each was counted as a buyer.
struct Marks {
    member: Vec<u32>,
    bought: Vec<u32>,
}

fn outcome(
    night: &Night,
    people: &People,
    since: &[Instant],
    marks: &mut Marks,
    mark: u32,
    end: Instant,
) -> Result<Outcome, MoneyError> {
    let mut outcome = Outcome::default();
    let mut members_known = 0;
    for member in survivors(&night.known, people) {
        marks.member[member as usize] = mark;
        outcome.members.people += 1;
        members_known += u64::from(people.known_since[member as usize].is_some_and(|since| since <= night.as_of));
    }
    outcome.others.people = since.partition_point(|since| *since <= night.as_of) as u64 - members_known;
    let from = people.purchases.partition_point(|purchase| purchase.at <= night.as_of);
    let until = people.purchases.partition_point(|purchase| purchase.at <= end);
    for purchase in &people.purchases[from..until.max(from)] {
        let who = people.survivor[purchase.customer as usize] as usize;
        let bought = if marks.member[who] == mark {
            &mut outcome.members
        } else if people.known_since[who].is_some_and(|since| since <= night.as_of) {
            &mut outcome.others
        } else {
            // Nobody that night: a first purchase.
            continue;
        };
        bought.orders += 1;
        bought.revenue = bought.revenue.plus(purchase.net)?;
        if marks.bought[who] != mark {
            marks.bought[who] = mark;
            bought.buyers += 1;
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Instant {
        chrono::DateTime::from_timestamp(day * 86_400, 0).expect("a day")
    }

    fn yen(yen: i64) -> Money {
        Money::whole(yen).expect("an amount")
    }

    /// Four people known on days 0, 0, 0 and 5; the third is the second's earlier self.
    fn people(purchases: &[(u32, i64, i64)]) -> People {
        People {
            known_since: vec![Some(day(0)), Some(day(0)), None, Some(day(5))],
            survivor: vec![0, 1, 1, 3],
            purchases: purchases
                .iter()
                .map(|(customer, at, net)| Purchase { customer: *customer, at: day(*at), net: yen(*net) })
                .collect(),
        }
    }

    fn night(at: i64, known: &[u32], happened: &[u32]) -> Night {
        Night { as_of: day(at), known: known.to_vec(), happened: Some(happened.to_vec()) }
    }

    #[test]
    fn who_entered_and_left() {
        let check = |rosters: &[&[u32]], expect: &[Option<(u64, u64, u64)>]| {
            let nights: Vec<Night> = rosters.iter().zip(1..).map(|(members, at)| night(at, members, members)).collect();
            let judged = judge(&nights, &people(&[]), TimeDelta::days(1), day(99)).expect("sums fit");
            let found: Vec<_> =
                judged.iter().map(|night| night.change.map(|change| (change.entered, change.left, change.before))).collect();
            assert_eq!(found, expect, "{rosters:?}");
        };
        check(&[&[0, 1], &[1, 3], &[], &[0]], &[None, Some((1, 1, 2)), Some((0, 2, 2)), Some((1, 0, 0))]);
        check(&[], &[]);
        assert_eq!(Change { entered: 1, left: 1, before: 0 }.churn(), None, "nobody can leave an empty one");
    }

    #[test]
    fn what_was_known_late() {
        let check = |known: &[u32], happened: &[u32], expect: (u64, u64, u64)| {
            let judged = judge(&[night(9, known, happened)], &people(&[]), TimeDelta::days(1), day(99)).expect("sums fit");
            let late = judged[0].late.expect("asked");
            assert_eq!((late.members, late.only_known, late.only_happened), expect, "{known:?} {happened:?}");
        };
        check(&[0, 1], &[0, 1], (2, 0, 0));
        check(&[0, 1], &[1, 3], (2, 1, 1));
        check(&[2], &[1], (1, 0, 0));
    }

    #[test]
    fn what_members_and_others_bought_after() {
        let purchases = [(0, 3, 100), (2, 4, 200), (1, 6, 300), (3, 6, 400), (0, 9, 500)];
        let check = |at: i64, members: &[u32], days: i64, expect: [(u64, u64, u64, i64); 2]| {
            let judged =
                judge(&[night(at, members, members)], &people(&purchases), TimeDelta::days(days), day(99)).expect("sums fit");
            let found = judged[0].outcome.expect("the window has passed");
            let shown = |bought: Bought| (bought.people, bought.buyers, bought.orders, bought.revenue.scaled() / 10_000);
            assert_eq!([shown(found.members), shown(found.others)], expect, "{at} {members:?}");
        };
        // What is bought at the moment itself is known in it; the end of the window belongs to it.
        check(3, &[0], 6, [(1, 1, 1, 500), (1, 1, 2, 500)]);
        // The customer of day 5 is not known on day 3, and is on day 5.
        check(5, &[0], 6, [(1, 1, 1, 500), (2, 2, 2, 700)]);
        // An earlier self is the person.
        check(3, &[2], 2, [(1, 1, 1, 200), (1, 0, 0, 0)]);
        check(3, &[1, 2], 3, [(1, 1, 2, 500), (1, 0, 0, 0)]);
        check(3, &[], 1, [(0, 0, 0, 0), (2, 1, 1, 200)]);
    }

    #[test]
    fn a_window_that_is_not_over_says_nothing() {
        let check = |known_until: i64, expect: bool| {
            let judged = judge(&[night(3, &[0], &[0])], &people(&[]), TimeDelta::days(7), day(known_until)).expect("sums fit");
            assert_eq!(judged[0].outcome.is_some(), expect, "{known_until}");
            assert_eq!(pooled(&judged).expect("sums fit").is_some(), expect);
        };
        check(9, false);
        check(10, true);
    }

    #[test]
    fn nights_are_pooled() {
        let nights = [night(3, &[0], &[0]), night(5, &[0, 1], &[0, 1])];
        let judged = judge(&nights, &people(&[(0, 4, 100), (1, 6, 300)]), TimeDelta::days(2), day(99)).expect("sums fit");
        let pooled = pooled(&judged).expect("sums fit").expect("two nights");
        assert_eq!((pooled.members.people, pooled.members.orders, pooled.members.revenue), (3, 2, yen(400)));
        assert_eq!((pooled.others.people, pooled.others.orders), (2, 0));
        assert!((pooled.members.per_head().expect("people") - 400.0 / 3.0).abs() < 1e-9);
    }
}
