//! Who is who. Which customers are one person follows from *ties*: a rule's (same LINE link, guest and member of one e-mail address) or a
//! person's word, which stands above any rule's. Ties are kept as they were said and the answer is computed from all of them, so it does not
//! matter in which order they came, and an undone merge leaves everything as it was. Every change of the answer is a fact in the same
//! transaction.
//!
//! Of those who are one person survives: a member before a guest, then whom the shop has known longer, then the smaller id.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Claim, CustomerId, Fact, Identity, Instant};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, Tx, get, get_instant, json_rows},
    journal::append_once_made,
};

/// Claims per transaction: the journal gets its turn in between.
const BATCH: usize = 1_000;
/// Rules that merge two customers by themselves; any other one proposes.
const AUTOMATIC: [&str; 3] = ["same_id", "line_link", "guest_member"];
/// An address that more people share is a placeholder, or the shop's own.
const SHARED_BY_MAX: i64 = 10;
/// A visitor who identifies again and again is written down once an hour.
const AGAIN_AFTER: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Guests and the members they may have become, by the e-mail addresses of the customers in the list $1.
pub(crate) const GUESTS: &str = "SELECT DISTINCT guest.customer_id AS guest, member.customer_id AS member,
         coalesce(merged.survivor_id, member.customer_id) AS person, max(guest.changed_at, member.changed_at) AS at
     FROM json_each($1)
     CROSS JOIN contacts AS asked ON asked.customer_id = json_each.value AND asked.kind = 'email' AND asked.active
     JOIN contacts AS guest ON guest.kind = 'email' AND guest.address_hash = asked.address_hash
         AND guest.customer_id = 'h-' || asked.address_hash
     JOIN contacts AS member ON member.kind = 'email' AND member.address_hash = asked.address_hash
         AND member.active AND member.contactable AND member.customer_id NOT LIKE 'h-%'
     LEFT JOIN merged ON merged.customer_id = member.customer_id AND merged.linked
     WHERE NOT EXISTS (SELECT 1 FROM ties WHERE ties.a = min(guest.customer_id, member.customer_id)
                         AND ties.b = max(guest.customer_id, member.customer_id))
     ORDER BY guest, member";

#[derive(Clone)]
pub struct Identities {
    pub(crate) db: Db,
}

/// A customer who is somebody else's earlier self.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    pub customer_id: CustomerId,
    pub survivor_id: CustomerId,
    pub rule: String,
    pub source: String,
    pub evidence: Option<String>,
    pub changed_at: Instant,
}

/// Two people who may be one; both are survivors of whatever was merged into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub a: CustomerId,
    pub b: CustomerId,
    /// `same_phone`, `same_postal`, `same_email`, or the rule of a claim that does not merge by itself.
    pub reasons: BTreeSet<String>,
}

/// What became of claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClaimsJudged {
    pub visitors: usize,
    /// Customers whose survivor changed.
    pub merged: usize,
    pub proposed: usize,
    /// Claims about two customers that an untrusted source made.
    pub refused: usize,
}

/// That two customers are one person. `a` is the smaller id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Tie {
    a: CustomerId,
    b: CustomerId,
    by_person: bool,
    linked: bool,
    rule: String,
    source: String,
    evidence: Option<String>,
    changed_at: i64,
}

impl Identities {
    /// Judges claims: visitors get their customer, customers are merged if the rule is one that may, else proposed to a person. Nothing an
    /// untrusted source says ties two customers, nor takes a visitor from whom a trusted one tied it to.
    pub async fn record(&self, claims: &[Claim], now: Instant) -> Result<ClaimsJudged, StateError> {
        let mut claimed = ClaimsJudged::default();
        for batch in claims.chunks(BATCH) {
            let mut tx = self.db.begin(format!("record {} claims of identity", batch.len())).await?;
            let mut facts = Vec::new();
            let visitors: Vec<&Claim> = batch.iter().filter(|claim| claim.kind == "visitor").collect();
            claimed.visitors += tie_visitors(&mut tx, &visitors, now, &mut facts).await?;
            let mut ties = Vec::new();
            let mut proposals = Vec::new();
            for claim in batch.iter().filter(|claim| claim.kind == "customer" && claim.from_id != claim.customer_id.as_str()) {
                let tie = Tie::of(claim, now);
                match () {
                    () if !claim.trusted => claimed.refused += 1,
                    () if claim.rule == "guest_member" && !is_guest_of(&mut tx, claim).await? => proposals.push(tie),
                    () if AUTOMATIC.contains(&claim.rule) => ties.push(tie),
                    () => proposals.push(tie),
                }
            }
            claimed.proposed += propose(&mut tx, &proposals).await?;
            let changed = say(&mut tx, &ties).await?;
            let merges = follow(&mut tx, &changed, now).await?;
            claimed.merged += merges.len();
            facts.extend(merges);
            append_once_made(&mut tx, facts, now).await?;
            tx.commit().await?;
        }
        Ok(claimed)
    }

    /// Merges those of `customers` who are the guest and the one member of an e-mail address. Their addresses must have come from a
    /// trusted source: whoever may store an address may hereby claim its guest.
    pub async fn settle(&self, customers: &[CustomerId], now: Instant) -> Result<ClaimsJudged, StateError> {
        let mut claimed = ClaimsJudged::default();
        for batch in customers.chunks(BATCH) {
            let rows = self.db.rows("find guests who became members", sqlx::query(GUESTS).bind(json_rows(batch))).await?;
            let mut people: BTreeMap<String, BTreeMap<String, Vec<Claim>>> = BTreeMap::new();
            for row in &rows {
                let guest: String = get(row, "guest")?;
                let claim = Claim {
                    kind: "customer",
                    from_id: guest.clone(),
                    customer_id: CustomerId::stored(get::<String>(row, "member")?),
                    rule: "guest_member",
                    trusted: true,
                    at: get_instant(row, "at")?,
                    source: "vault".into(),
                    evidence: None,
                };
                people.entry(guest).or_default().entry(get(row, "person")?).or_default().push(claim);
            }
            // Two members share the address: whose the guest is, a person says (`proposals` shows them all).
            let clear = people.into_values().filter(|people| people.len() == 1).flat_map(|people| people.into_values().flatten());
            let part = self.record(&clear.collect::<Vec<_>>(), now).await?;
            claimed.merged += part.merged;
            claimed.proposed += part.proposed;
        }
        Ok(claimed)
    }

    /// Since when the shop has known these; what was said first stays.
    pub async fn seen(&self, since: &[(CustomerId, Instant)]) -> Result<(), StateError> {
        let mut tx = self.db.begin("record since when customers are known").await?;
        let rows: Vec<(&CustomerId, i64)> = since.iter().map(|(customer, at)| (customer, at.timestamp_micros())).collect();
        let statement = sqlx::query("INSERT OR IGNORE INTO first_seen SELECT value->>0, value->>1 FROM json_each($1)");
        tx.execute(statement.bind(json_rows(&rows))).await?;
        tx.commit().await
    }

    /// A person says that the two are one. Returns who survives.
    pub async fn merge(
        &self,
        a: &CustomerId,
        b: &CustomerId,
        by: &str,
        evidence: Option<String>,
        now: Instant,
    ) -> Result<CustomerId, StateError> {
        self.word(a, b, true, by, evidence, now).await
    }

    /// A person says that the two are not one: they are not proposed again, and no rule merges them.
    pub async fn decline(&self, a: &CustomerId, b: &CustomerId, by: &str, now: Instant) -> Result<(), StateError> {
        self.word(a, b, false, by, None, now).await.map(|_| ())
    }

    /// Takes a customer out of the person they were merged into, with whomever had been merged into them before. What ties them is
    /// remembered as refused. Returns whom they were merged into.
    pub async fn undo(&self, customer: &CustomerId, by: &str, now: Instant) -> Result<CustomerId, StateError> {
        let mut tx = self.db.begin(format!("undo the merge of {customer}")).await?;
        let mut survivor = None;
        loop {
            let near = Near::read(&mut tx, std::slice::from_ref(customer)).await?;
            let people = people(&near.ties, &near.seen);
            let cut = match people.get(customer) {
                Some((whom, tie)) if survivor.as_ref().is_none_or(|survivor| survivor == *whom) => {
                    (CustomerId::clone(whom), *tie)
                }
                _ => break,
            };
            let changed_at = cut.1.changed_at.max(now.timestamp_micros());
            let word = Tie { by_person: true, linked: false, source: by.into(), changed_at, ..cut.1.clone() };
            survivor = Some(cut.0);
            say(&mut tx, &[word]).await?;
        }
        let survivor = survivor.ok_or_else(|| StateError::NotMerged(customer.to_string()))?;
        let facts = follow(&mut tx, &[customer.clone(), survivor.clone()], now).await?;
        append_once_made(&mut tx, facts, now).await?;
        tx.commit().await?;
        Ok(survivor)
    }

    /// The customer themselves, if they were never merged.
    pub async fn survivor_of(&self, customer: &CustomerId) -> Result<CustomerId, StateError> {
        let statement = sqlx::query("SELECT survivor_id FROM merged WHERE linked AND customer_id = $1");
        let row = self.db.row("read who somebody is", statement.bind(customer.as_str())).await?;
        row.as_ref().map_or(Ok(customer.clone()), |row| get::<String>(row, "survivor_id").map(CustomerId::stored))
    }

    /// Everybody who is somebody else's earlier self, the last merged first.
    pub async fn merged_all(&self) -> Result<Vec<Merged>, StateError> {
        let statement = sqlx::query("SELECT * FROM merged WHERE linked ORDER BY changed_at DESC, customer_id");
        self.db.rows("list who was merged", statement).await?.iter().map(Merged::read).collect()
    }

    /// Those who were merged into a customer.
    pub async fn merged_into(&self, survivor: &CustomerId) -> Result<Vec<Merged>, StateError> {
        let statement = sqlx::query("SELECT * FROM merged WHERE linked AND survivor_id = $1 ORDER BY customer_id");
        let rows = self.db.rows("list who was merged into somebody", statement.bind(survivor.as_str())).await?;
        rows.iter().map(Merged::read).collect()
    }

    /// How many visitors (browsers) are tied to a customer.
    pub async fn visitors_of(&self, customer: &CustomerId) -> Result<i64, StateError> {
        let statement = sqlx::query("SELECT count(*) AS n FROM visitors WHERE customer_id = $1");
        let row = self.db.row("count somebody's visitors", statement.bind(customer.as_str())).await?;
        row.as_ref().map_or(Ok(0), |row| get(row, "n"))
    }

    /// Whom a visitor turned out to be.
    pub async fn customer_of_visitor(&self, visitor_id: &str) -> Result<Option<CustomerId>, StateError> {
        let statement = sqlx::query(
            "SELECT coalesce(survivor_id, visitors.customer_id) AS customer FROM visitors
             LEFT JOIN merged ON merged.customer_id = visitors.customer_id AND linked WHERE visitor_id = $1",
        );
        let row = self.db.row("read whom a visitor is", statement.bind(visitor_id)).await?;
        row.as_ref().map(|row| get::<String>(row, "customer").map(CustomerId::stored)).transpose()
    }

    /// Pairs of people for a person to decide on, by id.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, StateError> {
        let survivors: BTreeMap<CustomerId, CustomerId> =
            self.merged_all().await?.into_iter().map(|merged| (merged.customer_id, merged.survivor_id)).collect();
        let person = |id: CustomerId| survivors.get(&id).cloned().unwrap_or(id);
        let mut proposals: BTreeMap<(CustomerId, CustomerId), BTreeSet<String>> = BTreeMap::new();
        let mut add = |one: CustomerId, other: CustomerId, rule: &str| {
            if let Some(pair) = pair(person(one), person(other)) {
                proposals.entry(pair).or_default().insert(rule.into());
            }
        };
        for row in self.db.rows("list proposed merges", sqlx::query("SELECT a, b, rule FROM proposals")).await? {
            let id = |column| get::<String>(&row, column).map(CustomerId::stored);
            add(id("a")?, id("b")?, get(&row, "rule")?);
        }
        let statement = sqlx::query(
            "SELECT kind, address_hash, customer_id FROM contacts
             WHERE active AND contactable AND (kind, address_hash) IN (
                 SELECT kind, address_hash FROM contacts
                 WHERE active AND contactable AND kind IN ('email', 'phone', 'postal')
                 GROUP BY kind, address_hash HAVING count(*) BETWEEN 2 AND $1)
             ORDER BY kind, address_hash, customer_id",
        );
        let mut sharing: BTreeMap<(String, String), Vec<CustomerId>> = BTreeMap::new();
        for row in self.db.rows("find shared addresses", statement.bind(SHARED_BY_MAX)).await? {
            let customer = CustomerId::stored(get::<String>(&row, "customer_id")?);
            sharing.entry((get(&row, "kind")?, get(&row, "address_hash")?)).or_default().push(customer);
        }
        for ((kind, _), customers) in sharing {
            for (index, one) in customers.iter().enumerate() {
                for other in &customers[index + 1..] {
                    add(one.clone(), other.clone(), &format!("same_{kind}"));
                }
            }
        }
        let declined = sqlx::query("SELECT a, b FROM ties WHERE by_person AND NOT linked");
        for row in self.db.rows("list declined merges", declined).await? {
            let id = |column| get::<String>(&row, column).map(CustomerId::stored);
            if let Some(pair) = pair(person(id("a")?), person(id("b")?)) {
                proposals.remove(&pair);
            }
        }
        Ok(proposals.into_iter().map(|((a, b), reasons)| Proposal { a, b, reasons }).collect())
    }

    /// For everybody who is not bucketed under their own id: under whose. People who share an address (`clusters`, by customer: the smallest
    /// id of their cluster) have one unit. It is kept from first use: whoever joins a cluster later takes its unit, whatever their id. Of
    /// those who were merged the unit that was used first holds, of two as old the survivor's.
    pub async fn units(
        &self,
        clusters: &BTreeMap<CustomerId, CustomerId>,
        now: Instant,
    ) -> Result<BTreeMap<CustomerId, CustomerId>, StateError> {
        let mut kept: BTreeMap<CustomerId, (i64, CustomerId)> = BTreeMap::new();
        let statement = sqlx::query("SELECT customer_id, unit, since FROM units");
        self.db
            .each("read the bucketing units", statement, |row| {
                let id = |column| get::<String>(row, column).map(CustomerId::stored);
                kept.insert(id("customer_id")?, (get(row, "since")?, id("unit")?));
                Ok(())
            })
            .await?;
        let mut of_cluster: BTreeMap<&CustomerId, &(i64, CustomerId)> = BTreeMap::new();
        for (customer, cluster) in clusters {
            if let Some(unit) = kept.get(customer) {
                let first = of_cluster.entry(cluster).or_insert(unit);
                *first = (*first).min(unit);
            }
        }
        let of_cluster: BTreeMap<CustomerId, CustomerId> =
            of_cluster.into_iter().map(|(cluster, (_, unit))| (cluster.clone(), unit.clone())).collect();
        let since = now.timestamp_micros();
        let mut new: Vec<(&CustomerId, &CustomerId, i64)> = Vec::new();
        for (customer, cluster) in clusters.iter().filter(|(customer, _)| !kept.contains_key(*customer)) {
            new.push((customer, of_cluster.get(cluster).unwrap_or(cluster), since));
        }
        for batch in new.chunks(BATCH * 5) {
            let mut tx = self.db.begin(format!("keep {} bucketing units", batch.len())).await?;
            let statement = sqlx::query("INSERT OR IGNORE INTO units SELECT value->>0, value->>1, value->>2 FROM json_each($1)");
            tx.execute(statement.bind(json_rows(batch))).await?;
            tx.commit().await?;
        }
        let new: Vec<(CustomerId, (i64, CustomerId))> =
            new.into_iter().map(|(customer, unit, since)| (customer.clone(), (since, unit.clone()))).collect();
        kept.extend(new);
        let mut first: BTreeMap<CustomerId, (i64, bool, CustomerId)> = BTreeMap::new();
        for merged in self.merged_all().await? {
            let rank = |customer: &CustomerId, is_other: bool| {
                let (since, unit) = kept.get(customer).cloned().unwrap_or((i64::MAX, customer.clone()));
                (since, is_other, unit)
            };
            let best = first.entry(merged.survivor_id.clone()).or_insert_with(|| rank(&merged.survivor_id, false));
            *best = rank(&merged.customer_id, true).min(best.clone());
        }
        let others = kept.into_iter().filter(|(customer, (_, unit))| customer != unit);
        let mut units: BTreeMap<CustomerId, CustomerId> = others.map(|(customer, (_, unit))| (customer, unit)).collect();
        units.extend(first.into_iter().map(|(customer, (.., unit))| (customer, unit)));
        units.retain(|customer, unit| customer != unit);
        Ok(units)
    }

    /// Merged people who had met experiments under another unit before: what they met is not one arm, so read-outs leave them out.
    pub async fn contaminated(&self) -> Result<Vec<(CustomerId, CustomerId)>, StateError> {
        let statement = sqlx::query(
            "SELECT merged.customer_id, merged.survivor_id FROM merged
             JOIN units AS one ON one.customer_id = merged.customer_id
             JOIN units AS other ON other.customer_id = merged.survivor_id
             WHERE linked AND one.unit <> other.unit ORDER BY merged.customer_id",
        );
        let rows = self.db.rows("list who was merged across units", statement).await?;
        let id = |row: &SqliteRow, column| get::<String>(row, column).map(CustomerId::stored);
        rows.iter().map(|row| Ok((id(row, "customer_id")?, id(row, "survivor_id")?))).collect()
    }

    async fn word(
        &self,
        a: &CustomerId,
        b: &CustomerId,
        linked: bool,
        by: &str,
        evidence: Option<String>,
        now: Instant,
    ) -> Result<CustomerId, StateError> {
        let Some((a, b)) = pair(a.clone(), b.clone()) else { return Err(StateError::OneCustomer(a.to_string())) };
        let mut tx = self.db.begin(format!("record whether {a} and {b} are one")).await?;
        let changed_at = now.timestamp_micros();
        let tie = Tie { a, b, by_person: true, linked, rule: "manual".into(), source: by.into(), evidence, changed_at };
        let changed = say(&mut tx, std::slice::from_ref(&tie)).await?;
        let facts = follow(&mut tx, &changed, now).await?;
        append_once_made(&mut tx, facts, now).await?;
        tx.commit().await?;
        self.survivor_of(&tie.a).await
    }
}

impl Merged {
    fn read(row: &SqliteRow) -> Result<Merged, StateError> {
        let id = |column| get::<String>(row, column).map(CustomerId::stored);
        Ok(Merged {
            customer_id: id("customer_id")?,
            survivor_id: id("survivor_id")?,
            rule: get(row, "rule")?,
            source: get(row, "source")?,
            evidence: get(row, "evidence")?,
            changed_at: get_instant(row, "changed_at")?,
        })
    }
}

impl Tie {
    /// What a rule says. A clock that runs ahead does not date it into the future.
    fn of(claim: &Claim, now: Instant) -> Tie {
        let (a, b) = pair(CustomerId::stored(claim.from_id.as_str()), claim.customer_id.clone()).expect("two ids");
        Tie {
            a,
            b,
            by_person: false,
            linked: true,
            rule: claim.rule.into(),
            source: claim.source.clone(),
            evidence: claim.evidence.clone(),
            changed_at: claim.at.min(now).timestamp_micros(),
        }
    }

    fn read(row: &SqliteRow) -> Result<Tie, StateError> {
        let id = |column| get::<String>(row, column).map(CustomerId::stored);
        Ok(Tie {
            a: id("a")?,
            b: id("b")?,
            by_person: get(row, "by_person")?,
            linked: get(row, "linked")?,
            rule: get(row, "rule")?,
            source: get(row, "source")?,
            evidence: get(row, "evidence")?,
            changed_at: get(row, "changed_at")?,
        })
    }
}

/// In order of id; none for one and the same.
fn pair(one: CustomerId, other: CustomerId) -> Option<(CustomerId, CustomerId)> {
    match one.cmp(&other) {
        std::cmp::Ordering::Less => Some((one, other)),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some((other, one)),
    }
}

fn is_guest(customer: &CustomerId) -> bool {
    customer.as_str().starts_with("h-")
}

/// By the ties that hold, whom each customer was merged into and the tie by which; those who survive are missing.
fn people<'a>(ties: &'a [Tie], seen: &BTreeMap<CustomerId, i64>) -> BTreeMap<&'a CustomerId, (&'a CustomerId, &'a Tie)> {
    let mut next: BTreeMap<&CustomerId, BTreeMap<&CustomerId, &Tie>> = BTreeMap::new();
    for tie in ties {
        next.entry(&tie.a).or_default().insert(&tie.b, tie);
        next.entry(&tie.b).or_default().insert(&tie.a, tie);
    }
    let age = |customer: &CustomerId| (is_guest(customer), seen.get(customer).copied().unwrap_or(i64::MAX));
    let mut ranked: Vec<&CustomerId> = next.keys().copied().collect();
    // By id already; the sort keeps that order among equals.
    ranked.sort_by_key(|customer| age(customer));
    let mut met: BTreeSet<&CustomerId> = BTreeSet::new();
    let mut into = BTreeMap::new();
    for survivor in ranked {
        if !met.insert(survivor) {
            continue;
        }
        let mut waiting = VecDeque::from([survivor]);
        while let Some(customer) = waiting.pop_front() {
            for (other, tie) in &next[customer] {
                if met.insert(other) {
                    into.insert(*other, (survivor, *tie));
                    waiting.push_back(other);
                }
            }
        }
    }
    into
}

/// What is known around some customers: everybody they are tied to, directly or through others.
struct Near {
    ids: Vec<CustomerId>,
    /// Those that hold.
    ties: Vec<Tie>,
    seen: BTreeMap<CustomerId, i64>,
}

impl Near {
    async fn read(tx: &mut Tx, around: &[CustomerId]) -> Result<Near, StateError> {
        let statement = sqlx::query(
            "WITH RECURSIVE near (id) AS (
                 SELECT value FROM json_each($1)
                 UNION SELECT b FROM near JOIN ties ON ties.a = near.id
                 UNION SELECT a FROM near JOIN ties ON ties.b = near.id)
             SELECT id, first_seen.at FROM near LEFT JOIN first_seen ON first_seen.customer_id = id",
        );
        let mut ids = Vec::new();
        let mut seen = BTreeMap::new();
        for row in tx.rows(statement.bind(json_rows(around))).await? {
            let id = CustomerId::stored(get::<String>(&row, "id")?);
            if let Some(at) = get::<Option<i64>>(&row, "at")? {
                seen.insert(id.clone(), at);
            }
            ids.push(id);
        }
        // A person's word comes last, so it replaces a rule's.
        let statement =
            sqlx::query("SELECT ties.* FROM json_each($1) CROSS JOIN ties ON ties.a = json_each.value ORDER BY by_person");
        let mut words: BTreeMap<(CustomerId, CustomerId), Tie> = BTreeMap::new();
        for row in tx.rows(statement.bind(json_rows(&ids))).await? {
            let tie = Tie::read(&row)?;
            words.insert((tie.a.clone(), tie.b.clone()), tie);
        }
        Ok(Near { ids, ties: words.into_values().filter(|tie| tie.linked).collect(), seen })
    }
}

/// Keeps what was said: of a rule's words on a pair the first, of a person's the last, and apart wins a tie. Returns whom it concerns.
async fn say(tx: &mut Tx, ties: &[Tie]) -> Result<Vec<CustomerId>, StateError> {
    let mut concerned = BTreeSet::new();
    for tie in ties {
        let statement = sqlx::query(
            "INSERT INTO ties SELECT value->>'a', value->>'b', value->>'by_person', value->>'linked', value->>'rule',
                 value->>'source', value->>'evidence', value->>'changed_at'
             FROM json_each($1) WHERE true
             ON CONFLICT DO UPDATE SET linked = excluded.linked, rule = excluded.rule, source = excluded.source,
                 evidence = excluded.evidence, changed_at = excluded.changed_at
             WHERE CASE WHEN by_person THEN (excluded.changed_at, NOT excluded.linked) > (changed_at, NOT linked)
                   ELSE (excluded.changed_at, excluded.rule) < (changed_at, rule) END",
        );
        if tx.execute(statement.bind(json_rows(&[tie]))).await? > 0 {
            concerned.extend([tie.a.clone(), tie.b.clone()]);
        }
    }
    Ok(concerned.into_iter().collect())
}

/// Writes down what follows from the ties around some customers, and returns the facts of whoever's survivor changed.
async fn follow(tx: &mut Tx, around: &[CustomerId], now: Instant) -> Result<Vec<Fact>, StateError> {
    #[derive(Serialize)]
    struct Row<'a> {
        customer: &'a CustomerId,
        survivor: &'a CustomerId,
        linked: bool,
        rule: &'a str,
        source: &'a str,
        evidence: Option<&'a str>,
        at: i64,
    }
    if around.is_empty() {
        return Ok(Vec::new());
    }
    let near = Near::read(tx, around).await?;
    let after = people(&near.ties, &near.seen);
    let statement = sqlx::query("SELECT merged.*, linked FROM json_each($1) CROSS JOIN merged ON customer_id = json_each.value");
    let mut before: BTreeMap<CustomerId, (bool, Merged)> = BTreeMap::new();
    for row in tx.rows(statement.bind(json_rows(&near.ids))).await? {
        let merged = Merged::read(&row)?;
        before.insert(merged.customer_id.clone(), (get(&row, "linked")?, merged));
    }
    let now_micros = now.timestamp_micros();
    let mut rows = Vec::new();
    for customer in &near.ids {
        let known = before.get(customer);
        let last = known.map_or(i64::MIN, |(_, merged)| merged.changed_at.timestamp_micros());
        match (after.get(customer), known) {
            (Some((survivor, _)), Some((true, merged))) if merged.survivor_id == **survivor => {}
            (Some((survivor, tie)), _) => rows.push(Row {
                customer,
                survivor,
                linked: true,
                rule: &tie.rule,
                source: &tie.source,
                evidence: tie.evidence.as_deref(),
                // Never before what was said last of the same customer, so that the last fact is the one that holds.
                at: tie.changed_at.min(now_micros).max(last),
            }),
            (None, Some((true, merged))) => rows.push(Row {
                customer,
                survivor: &merged.survivor_id,
                linked: false,
                rule: &merged.rule,
                source: &merged.source,
                evidence: merged.evidence.as_deref(),
                at: now_micros.max(last),
            }),
            (None, _) => {}
        }
    }
    let statement = sqlx::query(
        "INSERT OR REPLACE INTO merged SELECT value->>'customer', value->>'survivor', value->>'linked', value->>'rule',
             value->>'source', value->>'evidence', value->>'at' FROM json_each($1)",
    );
    tx.execute(statement.bind(json_rows(&rows))).await?;
    let fact = |row: &Row| {
        let at = Instant::from_timestamp_micros(row.at).unwrap_or(now);
        // That a guest and a member have one address could be known as soon as both addresses were.
        let known_at = if row.rule == "guest_member" { at } else { at.max(now) };
        let identity = Identity {
            kind: "customer".into(),
            from_id: row.customer.to_string(),
            survivor_id: row.survivor.clone(),
            rule: row.rule.into(),
            linked: row.linked,
            source: row.source.into(),
            evidence: row.evidence.map(String::from),
            changed_at: at,
        };
        Fact::new(&identity, at, known_at)
    };
    Ok(rows.iter().map(fact).collect())
}

/// Whether the vault has it that the one is the guest of the other's e-mail address, and nobody else's.
async fn is_guest_of(tx: &mut Tx, claim: &Claim) -> Result<bool, StateError> {
    let statement = sqlx::query(
        "SELECT 1 FROM contacts WHERE customer_id = $2 AND kind = 'email' AND active AND contactable AND 'h-' || address_hash = $1
           AND $2 NOT LIKE 'h-%'
           AND NOT EXISTS (
             SELECT 1 FROM merged WHERE linked AND customer_id = $1
               AND survivor_id <> coalesce((SELECT survivor_id FROM merged WHERE linked AND customer_id = $2), $2))",
    );
    let row = tx.row(statement.bind(claim.from_id.as_str()).bind(claim.customer_id.as_str())).await?;
    Ok(row.is_some())
}

async fn propose(tx: &mut Tx, proposals: &[Tie]) -> Result<usize, StateError> {
    let statement = sqlx::query(
        "INSERT OR IGNORE INTO proposals SELECT value->>'a', value->>'b', value->>'rule', value->>'changed_at' FROM json_each($1)",
    );
    tx.execute(statement.bind(json_rows(proposals))).await.map(|new| new as usize)
}

/// The last trusted word on a visitor holds, else the last; at one instant the smaller customer id.
async fn tie_visitors(tx: &mut Tx, claims: &[&Claim], now: Instant, facts: &mut Vec<Fact>) -> Result<usize, StateError> {
    if claims.is_empty() {
        return Ok(0);
    }
    let ids: Vec<&str> = claims.iter().map(|claim| claim.from_id.as_str()).collect();
    let statement = sqlx::query(
        "SELECT visitor_id, customer_id, trusted, changed_at FROM json_each($1) CROSS JOIN visitors ON visitor_id = json_each.value",
    );
    let mut known: BTreeMap<String, (bool, i64, String)> = BTreeMap::new();
    for row in tx.rows(statement.bind(json_rows(&ids))).await? {
        known.insert(get(&row, "visitor_id")?, (get(&row, "trusted")?, get(&row, "changed_at")?, get(&row, "customer_id")?));
    }
    let customers: Vec<&str> = claims.iter().map(|claim| claim.customer_id.as_str()).collect();
    let statement = sqlx::query(
        "SELECT customer_id, survivor_id FROM json_each($1) CROSS JOIN merged ON customer_id = json_each.value AND linked",
    );
    let mut survivors: BTreeMap<String, String> = BTreeMap::new();
    for row in tx.rows(statement.bind(json_rows(&customers))).await? {
        survivors.insert(get(&row, "customer_id")?, get(&row, "survivor_id")?);
    }
    let mut changed: BTreeMap<&str, (&str, &str, bool, i64)> = BTreeMap::new();
    let mut tied = 0;
    for claim in claims {
        let (visitor, customer, at) = (claim.from_id.as_str(), claim.customer_id.as_str(), claim.at.min(now));
        let micros = at.timestamp_micros();
        if let Some((trusted, known_at, of)) = known.get(visitor) {
            let is_same = of == customer;
            let is_better = (claim.trusted, micros) > (*trusted, *known_at)
                || (claim.trusted, micros) == (*trusted, *known_at) && customer < of.as_str();
            let is_again =
                is_same && claim.trusted == *trusted && micros - known_at < AGAIN_AFTER.num_microseconds().unwrap_or(0);
            if !is_better || is_again {
                continue;
            }
        }
        if known.get(visitor).is_none_or(|(_, _, of)| of != customer) {
            tied += 1;
            let survivor = survivors.get(customer).map_or(customer, String::as_str);
            let identity = Identity {
                kind: "visitor".into(),
                from_id: visitor.into(),
                survivor_id: CustomerId::stored(survivor),
                rule: claim.rule.into(),
                linked: true,
                source: claim.source.clone(),
                evidence: claim.evidence.clone(),
                changed_at: at,
            };
            facts.push(Fact::new(&identity, at, at.max(now)));
        }
        known.insert(visitor.into(), (claim.trusted, micros, customer.into()));
        changed.insert(visitor, (visitor, customer, claim.trusted, micros));
    }
    let statement =
        sqlx::query("INSERT OR REPLACE INTO visitors SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each($1)");
    tx.execute(statement.bind(json_rows(&changed.into_values().collect::<Vec<_>>()))).await?;
    Ok(tied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> CustomerId {
        CustomerId::stored(name)
    }

    #[test]
    fn who_survives() {
        let check = |ties: &[(&str, &str)], expect: &[(&str, &str)]| {
            let tie = |(one, other): &(&str, &str)| {
                let (a, b) = pair(id(one), id(other)).unwrap();
                let (rule, source) = ("manual".into(), "test".into());
                Tie { a, b, by_person: true, linked: true, rule, source, evidence: None, changed_at: 0 }
            };
            let ties: Vec<Tie> = ties.iter().map(tie).collect();
            let seen = [(id("old"), 1), (id("new"), 2), (id("h-guest"), 0)].into();
            let people = people(&ties, &seen);
            let got: Vec<(&str, &str)> = people.iter().map(|(from, (to, _))| (from.as_str(), to.as_str())).collect();
            assert_eq!(got, expect, "{ties:?}");
        };
        check(&[("new", "old")], &[("new", "old")]);
        check(&[("h-guest", "new")], &[("h-guest", "new")]);
        check(&[("b", "a")], &[("b", "a")]);
        check(&[("a", "old")], &[("a", "old")]);
        // Chains are resolved.
        check(&[("a", "new"), ("a", "b"), ("h-guest", "b")], &[("a", "new"), ("b", "new"), ("h-guest", "new")]);
        check(&[("a", "b"), ("b", "c"), ("a", "c")], &[("b", "a"), ("c", "a")]);
    }
}
