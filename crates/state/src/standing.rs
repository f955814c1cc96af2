//! Who may be sent to on which channel, by what holds now. The plan and the transaction that hands a send over ask here, so they agree.
//!
//! Where several customers are one person, any suppression of one is the person's, and a permission is theirs if each of them gave it;
//! what was said after the merge stands above that. A guest who said nothing of a channel and has no address of their own on it is not
//! asked: their address is the member's, whose word covers it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Channel, ConsentState, ContactKind, CustomerId, Purpose};
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, Statement, Tx, get, get_name, json_rows},
};

/// Rows of each table that are read at a time.
pub(crate) const PAGE_ROWS: i64 = 20_000;
/// The last customer of the page after `$1` that has about `$2` rows of some table: of the fullest, or the last there is.
const PAGE_END: &str = "WITH full (customer_id) AS (
         SELECT (SELECT customer_id FROM contacts WHERE customer_id > $1 ORDER BY customer_id LIMIT 1 OFFSET $2)
         UNION ALL SELECT (SELECT customer_id FROM consents WHERE customer_id > $1 ORDER BY customer_id LIMIT 1 OFFSET $2)
         UNION ALL SELECT (SELECT customer_id FROM suppressions WHERE customer_id > $1 ORDER BY customer_id LIMIT 1 OFFSET $2)),
     ends (customer_id) AS (
         SELECT max(customer_id) FROM contacts UNION ALL SELECT max(customer_id) FROM consents
         UNION ALL SELECT max(customer_id) FROM suppressions)
     SELECT coalesce((SELECT min(customer_id) FROM full), (SELECT max(customer_id) FROM ends)) AS page_end";

/// How a person stands on one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub has_address: bool,
    /// The only address is a mall's relay.
    pub is_relay: bool,
    /// A purpose that is missing was never spoken of.
    pub consents: BTreeMap<Purpose, ConsentState>,
    /// Why the channel must not be used; of several reasons the first by name.
    pub suppressed: Option<String>,
}

/// Everybody's, by the customer who survives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    pub of: BTreeMap<CustomerId, BTreeMap<Channel, Standing>>,
    /// Customers who are somebody else's earlier self, and who that is.
    pub merged: BTreeMap<CustomerId, CustomerId>,
}

impl Standings {
    pub fn survivor<'a>(&'a self, customer: &'a CustomerId) -> &'a CustomerId {
        self.merged.get(customer).unwrap_or(customer)
    }

    pub(crate) async fn all(db: &Db) -> Result<Standings, StateError> {
        let mut all = Standings::default();
        Standings::each(db, PAGE_ROWS, |some| {
            all.of.extend(some.of);
            all.merged.extend(some.merged);
        })
        .await?;
        Ok(all)
    }

    /// The same, some people at a time, of each table about so many rows: what lies between the rows and the answer takes many times
    /// what either does. Those who are merged come last, whole.
    pub(crate) async fn each(db: &Db, page_rows: i64, mut take: impl FnMut(Standings)) -> Result<(), StateError> {
        let doing = "read who can be reached";
        let statement = sqlx::query("SELECT customer_id, survivor_id, changed_at FROM merged WHERE linked");
        let mut several = Rows { merged: db.rows(doing, statement).await?, ..Rows::default() };
        let mut of_several: BTreeSet<String> = BTreeSet::new();
        for row in &several.merged {
            of_several.extend([get::<String>(row, "customer_id")?, get(row, "survivor_id")?]);
        }
        let mut after = String::new();
        loop {
            let end = db.row(doing, sqlx::query(PAGE_END).bind(after.clone()).bind(page_rows)).await?;
            let end = end.as_ref().map_or(Ok(None), |row| get::<Option<String>>(row, "page_end"))?;
            let Some(end) = end.filter(|end| *end > after) else { break };
            let read = async |sql| db.rows(doing, sqlx::query(sql).bind(after.clone()).bind(end.clone())).await;
            let mut page = Rows {
                merged: Vec::new(),
                contacts: read(
                    "SELECT customer_id, kind, address_hash, contactable FROM contacts
                     WHERE customer_id > $1 AND customer_id <= $2 AND active",
                )
                .await?,
                // By contact: whatever is planned, addresses are not gone through once per page.
                blocked: read(
                    "SELECT customer_id, channel, reason
                     FROM contacts CROSS JOIN suppressed_addresses USING (kind, address_hash)
                     WHERE customer_id > $1 AND customer_id <= $2 AND suppressed_addresses.active AND contacts.active",
                )
                .await?,
                consents: read(
                    "SELECT customer_id, channel, purpose, state, changed_at FROM consents
                     WHERE customer_id > $1 AND customer_id <= $2",
                )
                .await?,
                suppressions: read(
                    "SELECT customer_id, channel, reason FROM suppressions
                     WHERE customer_id > $1 AND customer_id <= $2 AND active",
                )
                .await?,
            };
            page.set_aside(&of_several, &mut several)?;
            take(page.fold()?);
            after = end;
        }
        take(several.fold()?);
        Ok(())
    }

    /// These customers and whoever has an address of theirs: what stands for the address is everybody's who has it.
    pub(crate) async fn sharing(tx: &mut Tx, customers: &BTreeSet<CustomerId>) -> Result<BTreeSet<CustomerId>, StateError> {
        let sharing = sqlx::query(
            "SELECT DISTINCT sharing.customer_id
             FROM json_each($1) CROSS JOIN contacts AS mine ON mine.customer_id = json_each.value
             JOIN contacts AS sharing ON sharing.kind = mine.kind AND sharing.address_hash = mine.address_hash
             WHERE mine.active AND sharing.active",
        );
        let rows = tx.rows(sharing.bind(json_rows(customers))).await?;
        let mut all = customers.clone();
        for row in &rows {
            all.insert(customer(row)?);
        }
        Ok(all)
    }

    /// Of some customers and whoever is one person with them.
    pub(crate) async fn of_some(tx: &mut Tx, customers: &BTreeSet<CustomerId>) -> Result<Standings, StateError> {
        let asked = json_rows(customers);
        let merged: Statement = sqlx::query(
            "SELECT customer_id, survivor_id, changed_at FROM merged
             WHERE linked AND survivor_id IN (
                 SELECT coalesce((SELECT survivor_id FROM merged WHERE customer_id = value AND linked), value) FROM json_each($1))",
        );
        let merged = tx.rows(merged.bind(asked)).await?;
        let mut ids = customers.clone();
        for row in &merged {
            ids.insert(CustomerId::stored(get::<String>(row, "customer_id")?));
            ids.insert(CustomerId::stored(get::<String>(row, "survivor_id")?));
        }
        let ids = json_rows(&ids);
        let mut read = async |sql| tx.rows(sqlx::query(sql).bind(ids.clone())).await;
        let rows = Rows {
            merged,
            contacts: read(
                "SELECT customer_id, kind, address_hash, contactable
                 FROM json_each($1) CROSS JOIN contacts ON customer_id = json_each.value WHERE active",
            )
            .await?,
            blocked: read(
                "SELECT customer_id, channel, reason
                 FROM json_each($1) CROSS JOIN contacts ON customer_id = json_each.value
                 JOIN suppressed_addresses USING (kind, address_hash)
                 WHERE suppressed_addresses.active AND contacts.active",
            )
            .await?,
            consents: read(
                "SELECT customer_id, channel, purpose, state, changed_at
                 FROM json_each($1) CROSS JOIN consents ON customer_id = json_each.value",
            )
            .await?,
            suppressions: read(
                "SELECT customer_id, channel, reason
                 FROM json_each($1) CROSS JOIN suppressions ON customer_id = json_each.value WHERE active",
            )
            .await?,
        };
        rows.fold()
    }
}

#[derive(Default)]
struct Rows {
    merged: Vec<SqliteRow>,
    contacts: Vec<SqliteRow>,
    blocked: Vec<SqliteRow>,
    consents: Vec<SqliteRow>,
    suppressions: Vec<SqliteRow>,
}

/// What the customers of one person have and said.
#[derive(Default)]
struct Person {
    customers: BTreeSet<CustomerId>,
    merged_at: Option<i64>,
    contacts: BTreeMap<(ContactKind, CustomerId), (String, bool)>,
    words: BTreeMap<(Channel, Purpose), BTreeMap<CustomerId, (i64, ConsentState)>>,
    suppressed: BTreeMap<Channel, String>,
    /// By an address: for everything but what is transactional.
    opted_out: BTreeSet<Channel>,
}

impl Rows {
    /// Moves the rows of these customers to others.
    fn set_aside(&mut self, customers: &BTreeSet<String>, others: &mut Rows) -> Result<(), StateError> {
        if customers.is_empty() {
            return Ok(());
        }
        let tables = [
            (&mut self.contacts, &mut others.contacts),
            (&mut self.blocked, &mut others.blocked),
            (&mut self.consents, &mut others.consents),
            (&mut self.suppressions, &mut others.suppressions),
        ];
        for (own, others) in tables {
            for row in std::mem::take(own) {
                let is_theirs = customers.contains(get::<&str>(&row, "customer_id")?);
                if is_theirs { others.push(row) } else { own.push(row) }
            }
        }
        Ok(())
    }

    fn fold(self) -> Result<Standings, StateError> {
        let mut merged = BTreeMap::new();
        let mut people: BTreeMap<CustomerId, Person> = BTreeMap::new();
        for row in &self.merged {
            let (customer, survivor) = (customer(row)?, CustomerId::stored(get::<String>(row, "survivor_id")?));
            let person = people.entry(survivor.clone()).or_default();
            person.merged_at = person.merged_at.max(Some(get(row, "changed_at")?));
            person.customers.extend([customer.clone(), survivor.clone()]);
            merged.insert(customer, survivor);
        }
        let person_of = |id: &CustomerId| merged.get(id).unwrap_or(id).clone();
        for row in &self.contacts {
            let customer = customer(row)?;
            let person = people.entry(person_of(&customer)).or_default();
            person.contacts.insert((get_name(row, "kind")?, customer), (get(row, "address_hash")?, get(row, "contactable")?));
        }
        for row in self.blocked.iter().chain(&self.suppressions) {
            let person = people.entry(person_of(&customer(row)?)).or_default();
            let (channel, reason): (Channel, String) = (get_name(row, "channel")?, get(row, "reason")?);
            if reason == model::contact::OPTED_OUT {
                person.opted_out.insert(channel);
                continue;
            }
            let first = person.suppressed.entry(channel).or_insert_with(|| reason.clone());
            if reason < *first {
                *first = reason;
            }
        }
        for row in &self.consents {
            let customer = customer(row)?;
            let person = people.entry(person_of(&customer)).or_default();
            let word = (get(row, "changed_at")?, get_name(row, "state")?);
            let place = (get_name(row, "channel")?, get_name(row, "purpose")?);
            person.words.entry(place).or_default().insert(customer, word);
        }
        let of = people.into_iter().map(|(survivor, person)| (survivor, person.standings())).collect();
        Ok(Standings { of, merged })
    }
}

impl Person {
    fn standings(&self) -> BTreeMap<Channel, Standing> {
        let mut standings: BTreeMap<Channel, Standing> = BTreeMap::new();
        for channel in Channel::ALL {
            let Some(kind) = channel.contact_kind() else { continue };
            let mut of_kind = self.contacts.iter().filter(|((of, _), _)| *of == kind).map(|(_, (_, contactable))| *contactable);
            if let Some(first) = of_kind.next() {
                let standing = standings.entry(channel).or_default();
                standing.has_address = first || of_kind.any(|contactable| contactable);
                standing.is_relay = !standing.has_address;
            }
        }
        for ((channel, purpose), words) in &self.words {
            if let Some(state) = self.consent(*channel, words) {
                standings.entry(*channel).or_default().consents.insert(*purpose, state);
            }
        }
        for channel in &self.opted_out {
            let consents = &mut standings.entry(*channel).or_default().consents;
            consents.extend([(Purpose::Marketing, ConsentState::Revoked), (Purpose::Ads, ConsentState::Revoked)]);
        }
        for (channel, reason) in &self.suppressed {
            standings.entry(*channel).or_default().suppressed = Some(reason.clone());
        }
        standings
    }

    fn consent(&self, channel: Channel, words: &BTreeMap<CustomerId, (i64, ConsentState)>) -> Option<ConsentState> {
        // A revocation wins a tie.
        let last = words.values().max_by_key(|(at, state)| (*at, *state == ConsentState::Revoked))?;
        let Some(merged_at) = self.merged_at else { return Some(last.1) };
        if last.0 > merged_at {
            return Some(last.1);
        }
        if words.values().any(|(_, state)| *state == ConsentState::Revoked) {
            return Some(ConsentState::Revoked);
        }
        let address = |customer: &CustomerId| {
            self.contacts.get(&(channel.contact_kind()?, customer.clone())).map(|(hash, _)| hash.as_str())
        };
        let spoken_for: BTreeSet<Option<&str>> = words.keys().map(address).chain([None]).collect();
        let is_covered = |customer: &CustomerId| {
            words.contains_key(customer) || customer.as_str().starts_with("h-") && spoken_for.contains(&address(customer))
        };
        self.customers.iter().all(is_covered).then_some(ConsentState::Granted)
    }
}

fn customer(row: &SqliteRow) -> Result<CustomerId, StateError> {
    get::<String>(row, "customer_id").map(CustomerId::stored)
}

#[cfg(test)]
mod tests {
    use model::{Consent, Contact};

    use super::*;
    use crate::State;

    /// However few are read at a time, of whom some are one person.
    #[tokio::test]
    async fn pages_are_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.db"), [7; 32]).await.unwrap();
        let at = model::Instant::UNIX_EPOCH;
        let customer = |index: usize| CustomerId::stored(format!("c{index}"));
        let contact = |index, kind, end| Contact { customer_id: customer(index), kind, address: format!("u{index}{end}") };
        let two = |index| [contact(index, ContactKind::Email, "@example.jp"), contact(index, ContactKind::Line, "")];
        let contacts: Vec<Contact> = (0..7).flat_map(two).collect();
        state.vault().put(&contacts, "test", at).await.unwrap();
        let consent = |index| {
            let consent = Consent {
                customer_id: customer(index),
                channel: Channel::Email,
                purpose: Purpose::Marketing,
                state: if index % 3 == 0 { ConsentState::Revoked } else { ConsentState::Granted },
                source: "test".into(),
                wording: None,
                evidence: None,
                changed_at: at,
            };
            (consent, at)
        };
        // Some have said something and have no address.
        state.consents().record_consents(&(3..10).map(consent).collect::<Vec<_>>(), at).await.unwrap();
        state.identities().merge(&customer(8), &customer(1), "test", None, at).await.unwrap();
        let all = state.standings().await.unwrap();
        assert_eq!((all.of.len(), all.merged.len()), (9, 1));
        for page_rows in [0, 1, 3, 100] {
            let (mut pages, mut read) = (0, Standings::default());
            let taken = Standings::each(&state.db, page_rows, |some| {
                pages += 1;
                read.of.extend(some.of);
                read.merged.extend(some.merged);
            });
            taken.await.unwrap();
            assert_eq!(read, all, "{page_rows} rows");
            assert_eq!(pages > 2, page_rows < 14, "{page_rows} rows are read in {pages} parts");
        }
    }
}
