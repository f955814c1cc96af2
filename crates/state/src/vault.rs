//! Addresses, sealed. Each person has a key of their own, sealed under the master key: deleting it erases the person, in every copy.
//!
//! XChaCha20-Poly1305 throughout, a random nonce before each ciphertext, and what the text belongs to as associated data, so that a
//! row moved to another person does not open.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use model::{Contact, ContactKind, CustomerId, Fact, IdKey, Instant, customer::ContactFlag};
use serde::Serialize;
use sha2::Sha256;
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    consent::address_moved,
    db::{Db, Statement, Tx, get, get_instant, get_name, json_rows},
    journal::append_once_made,
};

/// Contacts per transaction: the journal gets its turn in between.
const BATCH: usize = 5_000;
/// How long an unreadable line is kept.
pub const DEAD_LETTER_DAYS: i64 = 30;
const NONCE_BYTES: usize = 24;

/// Whom an erasure of $1 is of: everybody they were merged with, and the guest of each of their addresses told up to $2.
pub(crate) const PERSON: &str =
    "WITH survivor (id) AS (SELECT coalesce((SELECT survivor_id FROM merged WHERE customer_id = $1 AND linked), $1)),
     person (id) AS (
         SELECT id FROM survivor UNION SELECT customer_id FROM survivor JOIN merged ON survivor_id = id AND linked)
     SELECT id FROM person
     UNION SELECT 'h-' || address_hash FROM person CROSS JOIN contacts ON customer_id = id
         WHERE kind IN ('email', 'phone') AND changed_at <= $2";

/// The addresses of kind $2 of the customers in the list $1, and of those who are the same person; the best of each first.
pub(crate) const ADDRESSES: &str = "WITH asked (id, survivor) AS (
         SELECT value, coalesce((SELECT survivor_id FROM merged WHERE customer_id = value AND linked), value)
         FROM json_each($1)),
     owners (id, survivor, owner) AS (
         SELECT id, survivor, survivor FROM asked
         UNION ALL SELECT id, survivor, customer_id FROM asked JOIN merged ON survivor_id = survivor AND linked)
     SELECT id, owner, contacts.sealed, person_keys.sealed AS person_key
     FROM owners CROSS JOIN contacts ON contacts.customer_id = owner AND kind = $2 AND active AND contactable
     JOIN person_keys ON person_keys.customer_id = owner
     ORDER BY id, owner <> id, owner <> survivor, changed_at DESC, owner";

/// Something that must not be shown: it has no `Debug` or `Display` of its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    pub fn new(content: T) -> Self {
        Secret(content)
    }

    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Clone)]
pub struct Vault {
    db: Db,
    master: XChaCha20Poly1305,
    id_key: IdKey,
    relay_domains: Arc<[String]>,
}

/// An address that came, or (`active` false) is no longer good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactChange {
    pub contact: Contact,
    pub active: bool,
    pub changed_at: Instant,
    /// When it could have been known: `changed_at` and a stated lag for imported history.
    pub known_at: Instant,
}

/// Which kinds of address a customer has, each with its keyed hash: equal addresses meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactFlags {
    pub customer_id: CustomerId,
    pub kinds: BTreeMap<ContactKind, String>,
}

/// An address as the vault holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldContact {
    pub customer_id: CustomerId,
    pub kind: ContactKind,
    pub address: Secret,
    /// False where it is no longer good.
    pub active: bool,
    pub changed_at: Instant,
}

/// What an erasure takes away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erasure {
    /// The ids of the person, also those they would have as a guest of one of these addresses.
    pub customers: Vec<CustomerId>,
    /// Addresses, names among them.
    pub addresses: u64,
    /// Calls kept for a repeat that are to one of these addresses.
    pub calls: u64,
    /// As of when all of these ids had been erased before.
    pub before: Option<Instant>,
}

/// A line of a file or an event that could not be used, as it came. All but `raw` is shown: no address may stand in it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DeadLetter {
    /// The `source` its facts would have had.
    pub source: String,
    pub file: String,
    pub line: i64,
    pub column: i64,
    /// Stable, for counting and choosing: `not_a_time`, `too_large`, ….
    pub code: String,
    pub reason: String,
    pub remedy: String,
    pub raw: Vec<u8>,
}

/// A dead letter without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSummary {
    pub id: i64,
    pub source: String,
    pub file: String,
    pub line: i64,
    pub column: i64,
    pub code: String,
    pub reason: String,
    pub remedy: String,
    pub arrived_at: Instant,
    pub expires_at: Instant,
}

/// Which letters: those that every given part fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Letters<'a> {
    pub id: Option<i64>,
    pub source: Option<&'a str>,
    pub code: Option<&'a str>,
    /// Only those after this id, for going on where one stopped.
    pub after: i64,
}

/// Whether the newest letter comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    First,
    Last,
}

/// How many letters wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterCount {
    pub source: String,
    pub code: String,
    pub letters: u64,
    pub last_arrived_at: Instant,
}

impl Vault {
    /// Refuses a master key that is not the one the vault was made with.
    pub(crate) async fn open(db: Db, master_key: [u8; 32]) -> Result<Vault, StateError> {
        let master = XChaCha20Poly1305::new(&derived(&master_key, b"tsubame vault 1").into());
        let id_key = IdKey::new(&derived(&master_key, b"tsubame pseudonyms 1"));
        let mut tx = db.begin("open the vault").await?;
        match tx.row(sqlx::query("SELECT sealed FROM vault_check")).await? {
            Some(row) => {
                unseal(&master, get(&row, "sealed")?, "vault check").ok_or(StateError::WrongMasterKey)?;
            }
            None => {
                let sealed = seal(&master, b"tsubame", "vault check", random("open the vault")?);
                tx.execute(sqlx::query("INSERT INTO vault_check VALUES (1, $1)").bind(sealed)).await?;
            }
        }
        tx.commit().await?;
        Ok(Vault { db, master, id_key, relay_domains: Arc::default() })
    }

    pub(crate) fn with_relay_domains(self, domains: &[String]) -> Vault {
        Vault { relay_domains: domains.into(), ..self }
    }

    /// Documents are sealed as dead letters are.
    pub(crate) fn documents(&self) -> crate::Documents {
        crate::Documents { db: self.db.clone(), master: self.master.clone() }
    }

    /// So are calls that may have to be repeated.
    pub(crate) fn ledger(&self) -> crate::Ledger {
        crate::Ledger::new(self.db.clone(), self.master.clone())
    }

    /// The secret behind pseudonyms and address hashes; it follows from the master key.
    pub fn id_key(&self) -> &IdKey {
        &self.id_key
    }

    /// Keeps addresses that are good from `now` on.
    pub async fn put(&self, contacts: &[Contact], source: &str, now: Instant) -> Result<usize, StateError> {
        let change = |contact: &Contact| ContactChange { contact: contact.clone(), active: true, changed_at: now, known_at: now };
        self.put_changes(&contacts.iter().map(change).collect::<Vec<_>>(), source, now).await
    }

    /// Keeps changes; the number that changed anything. An address older than the one we have is passed over.
    pub async fn put_changes(&self, changes: &[ContactChange], source: &str, now: Instant) -> Result<usize, StateError> {
        let mut changed = 0;
        for batch in changes.chunks(BATCH) {
            changed += self.put_batch(batch, source, now).await?;
        }
        Ok(changed)
    }

    /// The addresses of those who have one that may be written to; those erased or without are missing. Who has none of their own is reached
    /// at that of a customer who is the same person: the survivor's first, then the one that came last.
    pub async fn addresses(
        &self,
        customers: &[CustomerId],
        kind: ContactKind,
    ) -> Result<BTreeMap<CustomerId, Secret>, StateError> {
        let statement = sqlx::query(ADDRESSES).bind(json_rows(customers)).bind(kind.name());
        let rows = self.db.rows("read addresses", statement).await?;
        let mut addresses = BTreeMap::new();
        for row in &rows {
            let (customer, owner): (String, String) = (get(row, "id")?, get(row, "owner")?);
            let customer = CustomerId::stored(customer);
            if addresses.contains_key(&customer) {
                continue;
            }
            let person = self.person(&owner, get(row, "person_key")?)?;
            let address = unseal(&person, get(row, "sealed")?, &belongs(&owner, kind))
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| StateError::Sealed { what: kind.name(), of: owner })?;
            addresses.insert(customer, Secret(address));
        }
        Ok(addresses)
    }

    /// All that is held of these customers, also what may not be written to; by customer and kind.
    pub async fn contacts_of(&self, customers: &[CustomerId]) -> Result<Vec<HeldContact>, StateError> {
        let statement = sqlx::query(
            "SELECT contacts.customer_id, kind, active, changed_at, contacts.sealed, person_keys.sealed AS person_key
             FROM json_each($1) CROSS JOIN contacts ON contacts.customer_id = json_each.value
             JOIN person_keys ON person_keys.customer_id = contacts.customer_id
             ORDER BY contacts.customer_id, kind",
        );
        let rows = self.db.rows("read all addresses of somebody", statement.bind(json_rows(customers))).await?;
        let held = |row: &SqliteRow| {
            let (customer, kind): (String, ContactKind) = (get(row, "customer_id")?, get_name(row, "kind")?);
            let person = self.person(&customer, get(row, "person_key")?)?;
            let address = unseal(&person, get(row, "sealed")?, &belongs(&customer, kind))
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| StateError::Sealed { what: kind.name(), of: customer.clone() })?;
            Ok(HeldContact {
                customer_id: CustomerId::stored(customer),
                kind,
                address: Secret(address),
                active: get(row, "active")?,
                changed_at: get_instant(row, "changed_at")?,
            })
        };
        rows.iter().map(held).collect()
    }

    /// Every customer who has an address of any kind, with those; by customer.
    pub async fn flags(&self) -> Result<Vec<ContactFlags>, StateError> {
        let statement =
            sqlx::query("SELECT customer_id, kind, address_hash FROM contacts WHERE active ORDER BY customer_id, kind");
        self.read_flags(statement).await
    }

    /// The same of some customers.
    pub async fn flags_of(&self, customers: &BTreeSet<CustomerId>) -> Result<Vec<ContactFlags>, StateError> {
        let statement = sqlx::query(
            "SELECT customer_id, kind, address_hash FROM json_each($1) CROSS JOIN contacts ON customer_id = json_each.value
             WHERE active ORDER BY customer_id, kind",
        );
        self.read_flags(statement.bind(json_rows(customers))).await
    }

    /// Every customer who has an address of any kind; by customer.
    pub async fn customers(&self) -> Result<Vec<CustomerId>, StateError> {
        let statement = sqlx::query("SELECT DISTINCT customer_id FROM contacts WHERE active ORDER BY customer_id");
        let mut customers = Vec::new();
        self.db
            .each("read who has an address", statement, |row| {
                customers.push(CustomerId::stored(get::<String>(row, "customer_id")?));
                Ok(())
            })
            .await?;
        Ok(customers)
    }

    /// Those who can be written to at one and the same address, for each such address: two and more, by customer.
    pub async fn sharing(&self) -> Result<Vec<Vec<CustomerId>>, StateError> {
        // Counted on the index alone: few addresses are anybody else's, and only of those it is asked whether they still are.
        let statement = sqlx::query(
            "SELECT shared.kind AS kind, shared.address_hash AS address_hash, contacts.customer_id AS customer_id
             FROM (SELECT kind, address_hash FROM contacts WHERE kind NOT IN ('name', 'postal')
                   GROUP BY kind, address_hash HAVING count(*) > 1) AS shared
             CROSS JOIN contacts ON contacts.kind = shared.kind AND contacts.address_hash = shared.address_hash
             WHERE contacts.active ORDER BY 1, 2, 3",
        );
        let mut sharing: Vec<Vec<CustomerId>> = Vec::new();
        let mut last = (String::new(), String::new());
        self.db
            .each("read who shares an address", statement, |row| {
                let address: (String, String) = (get(row, "kind")?, get(row, "address_hash")?);
                if sharing.is_empty() || address != last {
                    sharing.push(Vec::new());
                    last = address;
                }
                let of_address = sharing.last_mut().expect("one was pushed if there was none");
                of_address.push(CustomerId::stored(get::<String>(row, "customer_id")?));
                Ok(())
            })
            .await?;
        sharing.retain(|customers| customers.len() > 1);
        Ok(sharing)
    }

    async fn read_flags(&self, statement: Statement<'_>) -> Result<Vec<ContactFlags>, StateError> {
        let mut flags: Vec<ContactFlags> = Vec::new();
        self.db
            .each("read which addresses customers have", statement, |row| {
                let customer: &str = get(row, "customer_id")?;
                if flags.last().is_none_or(|last| last.customer_id.as_str() != customer) {
                    flags.push(ContactFlags { customer_id: CustomerId::stored(customer), kinds: BTreeMap::new() });
                }
                let last = flags.last_mut().expect("one was pushed if there was none");
                last.kinds.insert(get_name(row, "kind")?, get(row, "address_hash")?);
                Ok(())
            })
            .await?;
        Ok(flags)
    }

    /// The hashes of the addresses that a mall hands out in a buyer's place: facts do not say which those are.
    pub async fn relay_hashes(&self) -> Result<BTreeSet<String>, StateError> {
        let statement = sqlx::query("SELECT DISTINCT address_hash FROM contacts WHERE NOT contactable");
        let rows = self.db.rows("read which addresses are a mall's", statement).await?;
        rows.iter().map(|row| get(row, "address_hash")).collect()
    }

    /// Erases a person as of now, by the word of somebody here: every address there is goes. See [`Vault::erase_as_of`].
    pub async fn erase(&self, customer: &CustomerId, now: Instant) -> Result<(), StateError> {
        self.erase_told_until(customer, now, i64::MAX, now).await.map(|_| ())
    }

    /// What [`Vault::erase`] would take away.
    pub async fn erasable(&self, customer: &CustomerId) -> Result<Erasure, StateError> {
        let doing = format!("look up what there is to erase of {customer}");
        let statement = sqlx::query(PERSON).bind(customer.as_str()).bind(i64::MAX);
        let customers = person_of(&self.db.rows(&doing, statement).await?)?;
        let statement = sqlx::query(
            "WITH person (id) AS (SELECT value FROM json_each($1)),
             gone (ids, erased_at) AS (
                 SELECT count(*), min(erased_at) FROM erased WHERE customer_id IN (SELECT id FROM person))
             SELECT
                 (SELECT count(*) FROM contacts WHERE customer_id IN (SELECT id FROM person)) AS addresses,
                 (SELECT count(*) FROM calls WHERE call_id IN (
                     SELECT call_id FROM call_members JOIN sends USING (send_id)
                     WHERE customer_id IN (SELECT id FROM person))) AS calls,
                 CASE WHEN ids = (SELECT count(*) FROM person) THEN erased_at END AS erased_at
             FROM gone",
        );
        let Some(row) = self.db.row(&doing, statement.bind(json_rows(&customers))).await? else {
            return Ok(Erasure { customers, ..Erasure::default() });
        };
        let before: Option<i64> = get(&row, "erased_at")?;
        Ok(Erasure {
            customers,
            addresses: get::<i64>(&row, "addresses")? as u64,
            calls: get::<i64>(&row, "calls")? as u64,
            before: before.and_then(Instant::from_timestamp_micros),
        })
    }

    /// Erases a person as of a moment: their keys and their addresses told up to then, in the write-ahead log too, and those of everybody they
    /// were merged with, and of the guest who is known by one of these addresses alone. Consents stay: they are the proof that we were
    /// allowed. Returns whether this was news.
    ///
    /// **Who is erased stays erased.** The moment is kept for each of these customers, and an address told as of that moment or before is
    /// not taken, however late and however often it is told: what a delivery tells of an account is as of the account's last change, and of a
    /// guest as of the order. One told as of later is somebody who came back: it is taken, under a key that no older copy has, and the
    /// erasure told again leaves it alone. So order and repetition do not matter, but for one case: an address told before the erasure and,
    /// the same, after it, where the erasure comes last. It goes, and comes back when it is told next.
    pub async fn erase_as_of(&self, customer: &CustomerId, at: Instant, now: Instant) -> Result<bool, StateError> {
        self.erase_told_until(customer, at, at.timestamp_micros(), now).await
    }

    async fn erase_told_until(&self, customer: &CustomerId, at: Instant, until: i64, now: Instant) -> Result<bool, StateError> {
        let mut tx = self.db.begin(format!("erase the addresses of {customer}")).await?;
        let rows = tx.rows(sqlx::query(PERSON).bind(customer.as_str()).bind(until)).await?;
        let person = json_rows(&person_of(&rows)?);
        let noted = sqlx::query(
            "INSERT INTO erased SELECT value, $2 FROM json_each($1) WHERE true
             ON CONFLICT DO UPDATE SET erased_at = excluded.erased_at WHERE excluded.erased_at > erased_at",
        );
        let is_news = tx.execute(noted.bind(&person).bind(at.timestamp_micros())).await? > 0;
        let statement = sqlx::query(
            "DELETE FROM contacts WHERE customer_id IN (SELECT value FROM json_each($1)) AND changed_at <= $2
             RETURNING customer_id, kind",
        );
        let mut facts = Vec::new();
        for row in tx.rows(statement.bind(&person).bind(until)).await? {
            let flag = ContactFlag {
                customer_id: CustomerId::stored(get::<String>(&row, "customer_id")?),
                kind: get(&row, "kind")?,
                address_hash: String::new(),
                active: false,
                source: "erasure".into(),
                changed_at: at,
            };
            facts.push(Fact::new(&flag, at, now.max(at)));
        }
        if !is_news && facts.is_empty() {
            drop(tx);
            // Whoever erased may have been stopped before this.
            return self.db.checkpoint().await.map(|()| false);
        }
        self.renew_keys(&mut tx, &person).await?;
        // A call that holds an address of theirs is not repeated.
        let calls = sqlx::query(
            "DELETE FROM calls WHERE call_id IN (
                 SELECT call_id FROM call_members JOIN sends USING (send_id)
                 WHERE customer_id IN (SELECT value FROM json_each($1)))",
        );
        tx.execute(calls.bind(&person)).await?;
        append_once_made(&mut tx, facts, now).await?;
        tx.commit().await?;
        self.db.checkpoint().await?;
        Ok(is_news)
    }

    /// Destroys the keys of some customers. The addresses they have left are sealed under new ones.
    async fn renew_keys(&self, tx: &mut Tx, customers: &str) -> Result<(), StateError> {
        let statement = sqlx::query(
            "SELECT contacts.customer_id, kind, contacts.sealed, person_keys.sealed AS person_key
             FROM json_each($1) CROSS JOIN contacts ON contacts.customer_id = json_each.value
             JOIN person_keys ON person_keys.customer_id = contacts.customer_id",
        );
        let left = tx.rows(statement.bind(customers)).await?;
        let keys = sqlx::query("DELETE FROM person_keys WHERE customer_id IN (SELECT value FROM json_each($1))");
        tx.execute(keys.bind(customers)).await?;
        let mut persons = Persons { keys: BTreeMap::new(), new: Vec::new() };
        for row in &left {
            let (customer, kind): (String, ContactKind) = (get(row, "customer_id")?, get_name(row, "kind")?);
            let belongs = belongs(&customer, kind);
            let former = self.person(&customer, get(row, "person_key")?)?;
            let Some(address) = unseal(&former, get(row, "sealed")?, &belongs) else {
                return Err(StateError::Sealed { what: kind.name(), of: customer });
            };
            let person = persons.of(&customer, &self.master)?;
            let sealed = seal(person, &address, &belongs, random("seal an address")?);
            let statement = sqlx::query("UPDATE contacts SET sealed = $3 WHERE customer_id = $1 AND kind = $2");
            tx.execute(statement.bind(customer).bind(kind.name()).bind(sealed)).await?;
        }
        persons.store(tx).await
    }

    /// Keeps what could not be used for 30 days, and drops letters whose time is over.
    /// The same line of the same file is kept once, however often the file is read: name the file by its content.
    pub async fn dead_letter(&self, letters: &[DeadLetter], now: Instant) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("keep {} dead letters", letters.len())).await?;
        let expired = sqlx::query("DELETE FROM dead_letters WHERE expires_at <= $1");
        tx.execute(expired.bind(now.timestamp_micros())).await?;
        let expires_at = now + chrono::TimeDelta::days(DEAD_LETTER_DAYS);
        for letter in letters {
            let sealed = seal(&self.master, &letter.raw, &dead(&letter.file, letter.line), random("seal a dead letter")?);
            let statement = sqlx::query(
                "INSERT OR IGNORE INTO dead_letters
                     (file, line, column_no, reason, arrived_at, expires_at, sealed, source, code, remedy)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            );
            let statement = statement.bind(&letter.file).bind(letter.line).bind(letter.column).bind(&letter.reason);
            let statement = statement.bind(now.timestamp_micros()).bind(expires_at.timestamp_micros()).bind(sealed);
            tx.execute(statement.bind(&letter.source).bind(&letter.code).bind(&letter.remedy)).await?;
        }
        tx.commit().await
    }

    /// The letters that wait, newest first.
    pub async fn dead_letters(&self, now: Instant, limit: usize) -> Result<Vec<DeadLetterSummary>, StateError> {
        self.letters(Letters::default(), Newest::First, now, limit).await
    }

    /// The letters that wait and that `which` names.
    pub async fn letters(
        &self,
        which: Letters<'_>,
        order: Newest,
        now: Instant,
        limit: usize,
    ) -> Result<Vec<DeadLetterSummary>, StateError> {
        let statement = sqlx::query(
            "SELECT id, source, file, line, column_no, code, reason, remedy, arrived_at, expires_at FROM dead_letters
             WHERE expires_at > $1 AND replayed_at IS NULL AND id > $2
               AND ($3 IS NULL OR id = $3) AND ($4 IS NULL OR source = $4) AND ($5 IS NULL OR code = $5)
             ORDER BY $6 * id LIMIT $7",
        );
        let sign = if order == Newest::First { -1 } else { 1 };
        let statement = statement.bind(now.timestamp_micros()).bind(which.after).bind(which.id);
        let statement = statement.bind(which.source).bind(which.code).bind(sign).bind(limit as i64);
        let rows = self.db.rows("list the dead letters", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(DeadLetterSummary {
                    id: get(row, "id")?,
                    source: get(row, "source")?,
                    file: get(row, "file")?,
                    line: get(row, "line")?,
                    column: get(row, "column_no")?,
                    code: get(row, "code")?,
                    reason: get(row, "reason")?,
                    remedy: get(row, "remedy")?,
                    arrived_at: get_instant(row, "arrived_at")?,
                    expires_at: get_instant(row, "expires_at")?,
                })
            })
            .collect()
    }

    /// How many letters wait, by source and code; the most frequent first.
    pub async fn letter_counts(&self, now: Instant) -> Result<Vec<LetterCount>, StateError> {
        let statement = sqlx::query(
            "SELECT source, code, count(*) AS letters, max(arrived_at) AS last_arrived_at FROM dead_letters
             WHERE expires_at > $1 AND replayed_at IS NULL GROUP BY source, code ORDER BY letters DESC, source, code",
        );
        let rows = self.db.rows("count the dead letters", statement.bind(now.timestamp_micros())).await?;
        rows.iter()
            .map(|row| {
                Ok(LetterCount {
                    source: get(row, "source")?,
                    code: get(row, "code")?,
                    letters: get::<i64>(row, "letters")? as u64,
                    last_arrived_at: get_instant(row, "last_arrived_at")?,
                })
            })
            .collect()
    }

    /// What it said is a fact now: the letter no longer waits.
    pub async fn letter_replayed(&self, id: i64, now: Instant) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("note that dead letter {id} was replayed")).await?;
        let statement = sqlx::query("UPDATE dead_letters SET replayed_at = $2 WHERE id = $1");
        tx.execute(statement.bind(id).bind(now.timestamp_micros())).await?;
        tx.commit().await
    }

    /// It was refused once more, maybe for another reason. `OR IGNORE`: the same line may wait under that reason already.
    pub async fn letter_refused(&self, id: i64, code: &str, reason: &str, remedy: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("note why dead letter {id} was refused again")).await?;
        let statement = sqlx::query("UPDATE OR IGNORE dead_letters SET code = $2, reason = $3, remedy = $4 WHERE id = $1");
        tx.execute(statement.bind(id).bind(code).bind(reason).bind(remedy)).await?;
        tx.commit().await
    }

    /// Throws letters away that wait; how many.
    pub async fn drop_letters(&self, which: Letters<'_>) -> Result<u64, StateError> {
        let mut tx = self.db.begin("drop dead letters").await?;
        let statement = sqlx::query(
            "DELETE FROM dead_letters WHERE replayed_at IS NULL AND id > $1
               AND ($2 IS NULL OR id = $2) AND ($3 IS NULL OR source = $3) AND ($4 IS NULL OR code = $4)",
        );
        let dropped = tx.execute(statement.bind(which.after).bind(which.id).bind(which.source).bind(which.code)).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// The bytes as they came. `None` when there is no such letter, or its time is over.
    pub async fn reveal(&self, id: i64, now: Instant) -> Result<Option<Secret<Vec<u8>>>, StateError> {
        let statement = sqlx::query("SELECT file, line, sealed FROM dead_letters WHERE id = $1 AND expires_at > $2");
        let row = self.db.row(&format!("reveal dead letter {id}"), statement.bind(id).bind(now.timestamp_micros())).await?;
        let Some(row) = row else { return Ok(None) };
        let belongs = dead(get(&row, "file")?, get(&row, "line")?);
        let raw = unseal(&self.master, get(&row, "sealed")?, &belongs);
        raw.map(|raw| Some(Secret(raw))).ok_or(StateError::Sealed { what: "line", of: format!("dead letter {id}") })
    }

    async fn put_batch(&self, batch: &[ContactChange], source: &str, now: Instant) -> Result<usize, StateError> {
        let mut tx = self.db.begin(format!("keep {} contacts", batch.len())).await?;
        let customers: BTreeSet<&CustomerId> = batch.iter().map(|change| &change.contact.customer_id).collect();
        let mut known = known_contacts(&mut tx, &customers).await?;
        let erased = erased(&mut tx, &customers).await?;
        let mut rows: BTreeMap<(&str, &str), Row> = BTreeMap::new();
        let mut facts = Vec::new();
        // Who got or gave up which address.
        let mut moved: Vec<(CustomerId, ContactKind, String, bool)> = Vec::new();
        let mut persons = self.persons(&mut tx, &customers).await?;
        for change in batch {
            let Contact { customer_id, kind, address } = &change.contact;
            let hash = self.id_key.pseudonym(address);
            let at = change.changed_at.timestamp_micros();
            let place = (customer_id.as_str(), kind.name());
            if erased.get(place.0).is_some_and(|erased_at| at <= *erased_at) {
                continue;
            }
            let before = known.get(&(place.0.to_string(), place.1.to_string()));
            if before.is_some_and(|known| known.changed_at > at || (known.hash == hash && known.active == change.active)) {
                continue;
            }
            // An address nobody has told us about cannot become bad.
            if before.is_none_or(|known| known.hash != hash) && !change.active {
                continue;
            }
            let is_relay = *kind == ContactKind::Email
                && model::Email::parse(address).is_ok_and(|email| email.is_relay(&self.relay_domains));
            if let Some(known) = before.filter(|known| known.hash != hash) {
                moved.push((customer_id.clone(), *kind, known.hash.clone(), false));
            }
            if before.is_none_or(|known| known.hash != hash) {
                moved.push((customer_id.clone(), *kind, hash.clone(), true));
            }
            let person = persons.of(customer_id.as_str(), &self.master)?;
            let sealed = seal(person, address.as_bytes(), &belongs(place.0, *kind), random("seal an address")?);
            let row = Row {
                customer: place.0,
                kind: place.1,
                hash: hash.clone(),
                active: change.active,
                contactable: !is_relay,
                at,
                sealed: model::id::hex(&sealed),
            };
            rows.insert(place, row);
            let flag = ContactFlag {
                customer_id: customer_id.clone(),
                kind: place.1.into(),
                address_hash: hash.clone(),
                active: change.active,
                source: source.into(),
                changed_at: change.changed_at,
            };
            facts.push(Fact::new(&flag, change.changed_at, change.known_at));
            known.insert((place.0.into(), place.1.into()), Known { hash, active: change.active, changed_at: at });
        }
        if facts.is_empty() {
            return Ok(0);
        }
        persons.store(&mut tx).await?;
        let statement = sqlx::query(
            "INSERT INTO contacts (customer_id, kind, address_hash, active, contactable, changed_at, sealed)
             SELECT value->>'customer', value->>'kind', value->>'hash', value->>'active', value->>'contactable', value->>'at',
                 unhex(value->>'sealed')
             FROM json_each($1) WHERE true
             ON CONFLICT DO UPDATE SET address_hash = excluded.address_hash, active = excluded.active,
                 contactable = excluded.contactable, changed_at = excluded.changed_at, sealed = excluded.sealed",
        );
        tx.execute(statement.bind(json_rows(&rows.into_values().collect::<Vec<_>>()))).await?;
        let changed = facts.len();
        facts.extend(address_moved(&mut tx, &moved, now).await?);
        append_once_made(&mut tx, facts, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    async fn persons(&self, tx: &mut Tx, customers: &BTreeSet<&CustomerId>) -> Result<Persons, StateError> {
        let statement = sqlx::query(
            "SELECT customer_id, sealed FROM json_each($1) CROSS JOIN person_keys ON person_keys.customer_id = json_each.value",
        );
        let mut keys = BTreeMap::new();
        for row in tx.rows(statement.bind(json_rows(customers))).await? {
            let customer: String = get(&row, "customer_id")?;
            let key = self.person(&customer, get(&row, "sealed")?)?;
            keys.insert(customer, key);
        }
        Ok(Persons { keys, new: Vec::new() })
    }

    fn person(&self, customer: &str, sealed: &[u8]) -> Result<XChaCha20Poly1305, StateError> {
        unseal(&self.master, sealed, &format!("person|{customer}"))
            .and_then(|key| XChaCha20Poly1305::new_from_slice(&key).ok())
            .ok_or_else(|| StateError::Sealed { what: "key", of: customer.into() })
    }
}

fn person_of(rows: &[SqliteRow]) -> Result<Vec<CustomerId>, StateError> {
    rows.iter().map(|row| get::<String>(row, "id").map(CustomerId::stored)).collect()
}

#[derive(Serialize)]
struct Row<'a> {
    customer: &'a str,
    kind: &'a str,
    hash: String,
    active: bool,
    contactable: bool,
    at: i64,
    sealed: String,
}

struct Known {
    hash: String,
    active: bool,
    changed_at: i64,
}

async fn known_contacts(tx: &mut Tx, customers: &BTreeSet<&CustomerId>) -> Result<BTreeMap<(String, String), Known>, StateError> {
    let statement = sqlx::query(
        "SELECT customer_id, kind, address_hash, active, changed_at
         FROM json_each($1) CROSS JOIN contacts ON contacts.customer_id = json_each.value",
    );
    let rows = tx.rows(statement.bind(json_rows(customers))).await?;
    rows.iter()
        .map(|row| {
            let known =
                Known { hash: get(row, "address_hash")?, active: get(row, "active")?, changed_at: get(row, "changed_at")? };
            Ok(((get(row, "customer_id")?, get(row, "kind")?), known))
        })
        .collect()
}

/// Those who were erased, and as of when.
async fn erased(tx: &mut Tx, customers: &BTreeSet<&CustomerId>) -> Result<BTreeMap<String, i64>, StateError> {
    let statement =
        sqlx::query("SELECT customer_id, erased_at FROM json_each($1) CROSS JOIN erased ON erased.customer_id = json_each.value");
    let rows = tx.rows(statement.bind(json_rows(customers))).await?;
    rows.iter().map(|row| Ok((get(row, "customer_id")?, get(row, "erased_at")?))).collect()
}

/// The keys of the persons in a batch; the new ones wait for [`Persons::store`].
struct Persons {
    keys: BTreeMap<String, XChaCha20Poly1305>,
    new: Vec<(String, String)>,
}

impl Persons {
    fn of(&mut self, customer: &str, master: &XChaCha20Poly1305) -> Result<&XChaCha20Poly1305, StateError> {
        if !self.keys.contains_key(customer) {
            let key: [u8; 32] = random("make a person's key")?;
            let sealed = seal(master, &key, &format!("person|{customer}"), random("seal a person's key")?);
            self.new.push((customer.into(), model::id::hex(&sealed)));
            self.keys.insert(customer.into(), XChaCha20Poly1305::new(&key.into()));
        }
        Ok(&self.keys[customer])
    }

    async fn store(self, tx: &mut Tx) -> Result<(), StateError> {
        let statement = sqlx::query("INSERT INTO person_keys SELECT value->>0, unhex(value->>1) FROM json_each($1)");
        tx.execute(statement.bind(json_rows(&self.new))).await.map(|_| ())
    }
}

/// HKDF-SHA256 of one block: extract with a fixed salt, expand with `purpose`.
pub(crate) fn derived(master_key: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let hmac = |key: &[u8], text: &[&[u8]]| -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("an HMAC takes a key of any length");
        text.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    };
    hmac(&hmac(b"tsubame", &[master_key]), &[purpose, &[1]])
}

pub(crate) fn seal(key: &XChaCha20Poly1305, text: &[u8], belongs: &str, nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
    let payload = Payload { msg: text, aad: belongs.as_bytes() };
    let ciphertext = key.encrypt(XNonce::from_slice(&nonce), payload).expect("texts are far below the cipher's limit");
    [&nonce[..], &ciphertext].concat()
}

/// `None` for a wrong key, another owner or damage; the cipher does not say which.
pub(crate) fn unseal(key: &XChaCha20Poly1305, sealed: &[u8], belongs: &str) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
    key.decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: belongs.as_bytes() }).ok()
}

fn belongs(customer: &str, kind: ContactKind) -> String {
    format!("contact|{customer}|{}", kind.name())
}

fn dead(file: &str, line: i64) -> String {
    format!("dead letter|{file}|{line}")
}

pub(crate) fn random<const N: usize>(doing: &'static str) -> Result<[u8; N], StateError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| StateError::Random { doing, source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_for_its_owner_alone() {
        let key = XChaCha20Poly1305::new(&[1; 32].into());
        let sealed = seal(&key, b"text", "a", [7; NONCE_BYTES]);
        let check = |key: [u8; 32], sealed: &[u8], belongs, expect: Option<&[u8]>| {
            assert_eq!(unseal(&XChaCha20Poly1305::new(&key.into()), sealed, belongs).as_deref(), expect);
        };
        check([1; 32], &sealed, "a", Some(b"text"));
        check([1; 32], &sealed, "b", None);
        check([2; 32], &sealed, "a", None);
        check([1; 32], &sealed[..30], "a", None);
        check([1; 32], &[], "a", None);
    }

    /// RFC 5869 has no case for our salt; this one was computed with Python's `hmac`.
    #[test]
    fn purposes_have_keys_of_their_own() {
        assert_ne!(derived(&[0; 32], b"a"), derived(&[0; 32], b"b"));
        let expect = "210e2d6742914c2dc6231b0f17d2f03b71f54a424148302bad551d3130a5ec61";
        assert_eq!(model::id::hex(&derived(&[7; 32], b"tsubame vault 1")), expect);
    }
}
