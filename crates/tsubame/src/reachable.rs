//! Who can be reached, as the planner asks it of everybody at every tick. It is read once and kept, in some tens of bytes each: of the few whose
//! consents or suppressions change between two ticks alone it is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use decide::gates::Reach;
use model::{Channel, ConsentState, CustomerId, Instant, Purpose};
use state::{Standing, State};

use crate::fault::Fault;

/// Past so many changes all is read again.
const CHANGED_MAX: usize = 2_000;

/// Who can be reached on which channels, and how the people who share an address are bucketed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reachable {
    pub reach: BTreeMap<CustomerId, Ways>,
    /// Whose bucket it is, for those who are not bucketed under their own id.
    pub unit: BTreeMap<CustomerId, CustomerId>,
    /// Customers who are somebody else's earlier self, and who that is.
    pub merged: BTreeMap<CustomerId, CustomerId>,
}

impl Reachable {
    /// Whom a customer's history and messages belong to.
    pub fn survivor(&self, customer: CustomerId) -> CustomerId {
        self.merged.get(&customer).cloned().unwrap_or(customer)
    }
}

/// How one customer can be reached, channel by channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// In the order of [`Channel::ALL`]: what is known of each, a bit per answer.
    channels: [u16; Channel::ALL.len()],
    /// Why which channels must not be used: of few there is any.
    suppressed: Option<Box<[(Channel, String)]>>,
}

/// Anything is known of the channel at all.
const KNOWN: u16 = 1;
const HAS_ADDRESS: u16 = 1 << 1;
const IS_RELAY: u16 = 1 << 2;
const PURPOSES: [Purpose; 3] = [Purpose::Marketing, Purpose::Transactional, Purpose::Ads];

/// The customer has spoken of the purpose.
fn spoke_of(purpose: Purpose) -> u16 {
    1 << (3 + 2 * purpose as u16)
}

fn granted(purpose: Purpose) -> u16 {
    spoke_of(purpose) << 1
}

impl Ways {
    fn of(standings: BTreeMap<Channel, Standing>) -> Ways {
        let mut ways = Ways::default();
        let mut suppressed = Vec::new();
        for (channel, standing) in standings {
            let known = &mut ways.channels[channel as usize];
            *known = KNOWN;
            if standing.has_address || standing.is_relay {
                *known |= HAS_ADDRESS;
            }
            if standing.is_relay {
                *known |= IS_RELAY;
            }
            for (purpose, state) in standing.consents {
                *known |= spoke_of(purpose);
                if state == ConsentState::Granted {
                    *known |= granted(purpose);
                }
            }
            suppressed.extend(standing.suppressed.map(|why| (channel, why)));
        }
        ways.suppressed = (!suppressed.is_empty()).then(|| suppressed.into());
        ways
    }

    /// On one channel, if anything is known of that.
    pub fn on(&self, channel: Channel) -> Option<Reach> {
        let known = self.channels[channel as usize];
        let suppressed = self.suppressed.as_deref().unwrap_or_default().iter().find(|(of, _)| *of == channel);
        let spoken = PURPOSES.into_iter().filter(|purpose| known & spoke_of(*purpose) != 0);
        (known & KNOWN != 0).then(|| Reach {
            has_address: known & HAS_ADDRESS != 0,
            is_relay: known & IS_RELAY != 0,
            consents: spoken.map(|purpose| (purpose, known & granted(purpose) != 0)).collect(),
            suppressed: suppressed.map(|(_, why)| why.clone()),
        })
    }

    /// On each channel of which anything is known.
    pub fn all(&self) -> BTreeMap<Channel, Reach> {
        Channel::ALL.into_iter().filter_map(|channel| Some((channel, self.on(channel)?))).collect()
    }

    /// Whether there is any address.
    pub fn has_address(&self) -> bool {
        self.channels.iter().any(|known| known & HAS_ADDRESS != 0)
    }
}

/// What was read, until it changes.
#[derive(Debug, Default)]
pub struct KnownReach(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    all: Option<Arc<Reachable>>,
    /// Whose consents or suppressions have changed since.
    changed: BTreeSet<CustomerId>,
    /// How often all was forgotten: what was read before that is not kept.
    forgotten: u64,
}

impl KnownReach {
    pub async fn now(&self, state: &State, now: Instant) -> Result<Arc<Reachable>, Fault> {
        let (known, changed, forgotten) = {
            let mut kept = self.kept();
            if let Some(known) = kept.all.as_ref().filter(|_| kept.changed.is_empty()) {
                return Ok(known.clone());
            }
            (kept.all.take(), std::mem::take(&mut kept.changed), kept.forgotten)
        };
        let reachable = match known {
            Some(known) if changed.len() <= CHANGED_MAX => again(state, known, changed).await?,
            _ => Arc::new(read(state, now).await?),
        };
        let mut kept = self.kept();
        if kept.forgotten == forgotten {
            kept.all = Some(reachable.clone());
        }
        Ok(reachable)
    }

    pub fn forget(&self) {
        let mut kept = self.kept();
        (kept.all, kept.changed) = (None, BTreeSet::new());
        kept.forgotten += 1;
    }

    pub fn forget_of(&self, customers: impl IntoIterator<Item = CustomerId>) {
        self.kept().changed.extend(customers);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

async fn read(state: &State, now: Instant) -> Result<Reachable, Fault> {
    let (mut reach, mut merged) = (Vec::new(), BTreeMap::new());
    state
        .each_standings(|some| {
            reach.extend(some.of.into_iter().map(|(customer, of)| (customer, Ways::of(of))));
            merged.extend(some.merged);
        })
        .await?;
    let clusters = clusters(state.vault().customers().await?, &state.vault().sharing().await?);
    Ok(Reachable { reach: reach.into_iter().collect(), unit: state.identities().units(&clusters, now).await?, merged })
}

/// The same with those read again who changed, and whoever has an address of theirs.
async fn again(state: &State, mut known: Arc<Reachable>, changed: BTreeSet<CustomerId>) -> Result<Arc<Reachable>, Fault> {
    let standings = state.standings_of(&changed).await?;
    let changed: Vec<CustomerId> = changed.into_iter().map(|customer| known.survivor(customer)).collect();
    let whole = Arc::make_mut(&mut known);
    for customer in &changed {
        whole.reach.remove(customer);
    }
    whole.reach.extend(standings.of.into_iter().map(|(customer, of)| (customer, Ways::of(of))));
    Ok(known)
}

/// For everybody who has an address: the smallest id among those who share one with them, directly or through others.
fn clusters(customers: Vec<CustomerId>, sharing: &[Vec<CustomerId>]) -> BTreeMap<CustomerId, CustomerId> {
    fn root<'a>(parents: &BTreeMap<&'a CustomerId, &'a CustomerId>, mut member: &'a CustomerId) -> &'a CustomerId {
        while let Some(parent) = parents.get(&member) {
            member = *parent;
        }
        member
    }
    // The parent of each who is not the smallest among theirs: somebody smaller.
    let mut parents: BTreeMap<&CustomerId, &CustomerId> = BTreeMap::new();
    for of_address in sharing {
        for pair in of_address.windows(2) {
            let (one, other) = (root(&parents, &pair[0]), root(&parents, &pair[1]));
            if one != other {
                parents.insert(one.max(other), one.min(other));
            }
        }
    }
    let of = |customer: CustomerId| {
        let cluster = root(&parents, &customer).clone();
        (customer, cluster)
    };
    customers.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use model::{Consent, Contact, ContactKind, Suppression};
    use state::ContactChange;

    use super::*;

    fn at(second: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_780_000_000 + second, 0).expect("an instant")
    }

    #[tokio::test]
    async fn what_was_read_again_is_what_is_read_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(&folder.path().join("state.db"), [7; 32]).await.expect("a state");
        let customer = |name: &str| CustomerId::stored(name);
        let change = |name: &str, mail: &str| ContactChange {
            contact: Contact { customer_id: customer(name), kind: ContactKind::Email, address: mail.into() },
            active: true,
            changed_at: at(0),
            known_at: at(0),
        };
        // Two who share an address, and one who does not.
        let changes = [change("a", "one@example.jp"), change("b", "one@example.jp"), change("c", "two@example.jp")];
        state.vault().put_changes(&changes, "test", at(0)).await.expect("addresses");
        let known = KnownReach::default();
        let check = async |why: &str| {
            let anew = read(&state, at(9)).await.expect("read");
            assert_eq!(*known.now(&state, at(9)).await.expect("known"), anew, "{why}");
        };
        check("at first").await;
        let kept = known.now(&state, at(9)).await.expect("known");
        assert_eq!(kept.unit, BTreeMap::from([(customer("b"), customer("a"))]));
        assert!(kept.reach[&customer("a")].has_address());
        drop(kept);
        let consent = |name: &str, state, second| {
            let consent = Consent {
                customer_id: customer(name),
                channel: Channel::Email,
                purpose: Purpose::Marketing,
                state,
                source: "test".into(),
                wording: None,
                evidence: None,
                changed_at: at(second),
            };
            (consent, at(second))
        };
        let given = ["a", "b", "c"].map(|name| consent(name, ConsentState::Granted, 1));
        state.consents().record_consents(&given, at(1)).await.expect("consents");
        known.forget_of(["a", "b", "c"].map(customer));
        check("after consents").await;
        let bounced = Suppression {
            customer_id: customer("a"),
            channel: Channel::Email,
            reason: "bounced".into(),
            active: true,
            source: "test".into(),
            changed_at: at(2),
        };
        state.consents().record_suppressions(&[(bounced, at(2))], at(2)).await.expect("a bounce");
        known.forget_of([customer("a")]);
        check("after a bounce of an address that two have").await;
        state.consents().record_consents(&[consent("c", ConsentState::Revoked, 3)], at(3)).await.expect("an opt-out");
        known.forget_of([customer("c")]);
        check("after an opt-out").await;
    }

    #[test]
    fn the_smallest_of_those_who_share_stands_for_all() {
        let check = |sharing: &[&str], expect: &str| {
            let id = |name: char| CustomerId::stored(name);
            let sharing: Vec<Vec<CustomerId>> = sharing.iter().map(|names| names.chars().map(id).collect()).collect();
            let clusters = clusters("abcdef".chars().map(id).collect(), &sharing);
            assert_eq!(clusters.into_values().map(|id| id.to_string()).collect::<String>(), expect, "{sharing:?}");
        };
        check(&[], "abcdef");
        check(&["bde"], "abcbbf");
        // Through others, in whatever order it is found.
        check(&["bd", "ef", "ab"], "aacaee");
        check(&["ef", "de", "cd", "bc"], "abbbbb");
        check(&["cf", "af", "ce"], "abadaa");
    }

    #[test]
    fn ways_are_what_stands() {
        let check = |standing: Standing, channel: Channel| {
            let reach = Reach {
                has_address: standing.has_address || standing.is_relay,
                is_relay: standing.is_relay,
                consents: standing.consents.iter().map(|(of, state)| (*of, *state == ConsentState::Granted)).collect(),
                suppressed: standing.suppressed.clone(),
            };
            let ways = Ways::of([(channel, standing), (Channel::Sms, Standing::default())].into());
            assert_eq!(ways.on(channel).as_ref(), Some(&reach));
            assert_eq!(ways.all(), BTreeMap::from([(channel, reach.clone()), (Channel::Sms, Reach::default())]));
            assert_eq!(ways.has_address(), reach.has_address);
        };
        let states = [None, Some(ConsentState::Granted), Some(ConsentState::Revoked)];
        for channel in Channel::ALL.into_iter().filter(|channel| *channel != Channel::Sms) {
            for (has_address, is_relay, why) in [(false, false, None), (true, false, Some("bounced")), (false, true, None)] {
                for (purpose, other) in [(0, 1), (1, 2), (2, 0)] {
                    for state in states {
                        let consents = [(PURPOSES[purpose], state), (PURPOSES[other], Some(ConsentState::Granted))];
                        let consents = consents.into_iter().filter_map(|(of, state)| Some((of, state?))).collect();
                        check(Standing { has_address, is_relay, consents, suppressed: why.map(String::from) }, channel);
                    }
                }
            }
        }
        assert_eq!(Ways::default().all(), BTreeMap::new());
    }
}
