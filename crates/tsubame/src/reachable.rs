//! Who can be reached, as the planner asks it of everybody at every tick. It is read once and kept: of the few whose consents or suppressions
//! change between two ticks alone it is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use decide::gates::Reach;
use model::{Channel, ConsentState, ContactKind, CustomerId, Instant};
use state::{Standing, State};

use crate::fault::Fault;

/// Past so many changes all is read again.
const CHANGED_MAX: usize = 2_000;

/// Who can be reached on which channels, and how the people who share an address are bucketed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reachable {
    pub reach: BTreeMap<CustomerId, BTreeMap<Channel, Reach>>,
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
    let standings = state.standings().await?;
    let clusters = clusters(&state.vault().flags().await?);
    Ok(Reachable {
        unit: state.identities().units(&clusters, now).await?,
        merged: standings.merged,
        reach: standings.of.into_iter().map(|(customer, of)| (customer, reach(of))).collect(),
    })
}

/// The same with those read again who changed, and whoever has an address of theirs.
async fn again(state: &State, mut known: Arc<Reachable>, changed: BTreeSet<CustomerId>) -> Result<Arc<Reachable>, Fault> {
    let standings = state.standings_of(&changed).await?;
    let changed: Vec<CustomerId> = changed.into_iter().map(|customer| known.survivor(customer)).collect();
    let whole = Arc::make_mut(&mut known);
    for customer in &changed {
        whole.reach.remove(customer);
    }
    whole.reach.extend(standings.of.into_iter().map(|(customer, of)| (customer, reach(of))));
    Ok(known)
}

fn reach(of: BTreeMap<Channel, Standing>) -> BTreeMap<Channel, Reach> {
    let reach = |standing: Standing| Reach {
        has_address: standing.has_address || standing.is_relay,
        is_relay: standing.is_relay,
        consents: standing.consents.into_iter().map(|(purpose, state)| (purpose, state == ConsentState::Granted)).collect(),
        suppressed: standing.suppressed,
    };
    of.into_iter().map(|(channel, standing)| (channel, reach(standing))).collect()
}

/// For everybody who has an address: the smallest id among those who share one with them, directly or through others.
fn clusters(flags: &[state::ContactFlags]) -> BTreeMap<CustomerId, CustomerId> {
    fn root(parent: &[usize], mut member: usize) -> usize {
        while parent[member] != member {
            member = parent[member];
        }
        member
    }
    // Flags come by customer, so the smallest index is the smallest id.
    let mut parent: Vec<usize> = (0..flags.len()).collect();
    let mut first_of: BTreeMap<(ContactKind, &str), usize> = BTreeMap::new();
    for (member, flags) in flags.iter().enumerate() {
        for (kind, hash) in flags.kinds.iter().filter(|(kind, _)| !matches!(kind, ContactKind::Name | ContactKind::Postal)) {
            let first = *first_of.entry((*kind, hash)).or_insert(member);
            let (one, other) = (root(&parent, first), root(&parent, member));
            parent[one.max(other)] = one.min(other);
        }
    }
    let of = |member: usize| (flags[member].customer_id.clone(), flags[root(&parent, member)].customer_id.clone());
    (0..flags.len()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use model::{Consent, Contact, Purpose, Suppression};
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
}
