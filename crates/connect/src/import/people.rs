//! Who a row is about. A customer id, else a pseudonym of the e-mail address, of the phone number, of the LINE user id; addresses go apart.
//!
//! An address that a mall hands out in the buyer's place (`Email::is_relay`) makes a pseudonymous customer, so that orders count in analysis,
//! and no contact: neither it nor the phone number and name beside it may be used for anything but that order.

use model::{Contact, ContactKind, CustomerId, Email, Instant, LineUserId, Phone};

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, short},
    },
    mapping::Kind,
};

/// Who a row is about, and the addresses it gives.
#[derive(Default)]
pub(super) struct Person {
    pub customer_id: Option<CustomerId>,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub line: Option<LineUserId>,
    pub name: Option<String>,
    /// The e-mail address is a mall's.
    pub is_relayed: bool,
    /// Columns whose address could not be read.
    pub dropped: Vec<String>,
}

impl Person {
    /// What the vault is told.
    fn contacts(&self) -> Vec<(ContactKind, &str)> {
        if self.is_relayed {
            return Vec::new();
        }
        let email = self.email.as_ref().map(|email| (ContactKind::Email, email.as_str()));
        let phone = self.phone.as_ref().map(|phone| (ContactKind::Phone, phone.as_str()));
        let line = self.line.as_ref().map(|line| (ContactKind::Line, line.as_str()));
        let name = self.name.as_ref().map(|name| (ContactKind::Name, name.as_str()));
        [email, phone, line, name].into_iter().flatten().collect()
    }
}

impl Importer {
    pub(super) fn person_of(&self, row: &Row) -> Result<Person, Bad> {
        self.person(|target| self.read(row, target, Self::text))
    }

    pub(super) fn person(&self, cell: impl Fn(&str) -> Result<Option<String>, Bad>) -> Result<Person, Bad> {
        let mut person = Person::default();
        let mut dropped = Vec::new();
        let id = cell("customer_id")?;
        person.email = self.address(cell("email")?, "email", &mut dropped, Email::parse);
        person.phone = self.address(cell("phone")?, "phone", &mut dropped, Phone::parse);
        person.line = self.address(cell("line_id")?, "line_id", &mut dropped, LineUserId::parse);
        person.dropped = dropped;
        // The `name` of an event or a product is not a person's.
        if matches!(self.mapping.kind, Kind::Orders | Kind::Customers | Kind::Sends) {
            person.name = cell("name")?;
        }
        person.is_relayed = person.email.as_ref().is_some_and(|email| email.is_relay(&self.relay_domains));
        let guest = person.email.as_ref().map(Email::as_str);
        let guest = guest.or(person.phone.as_ref().map(Phone::as_str)).or(person.line.as_ref().map(LineUserId::as_str));
        person.customer_id = match (id, guest) {
            (Some(raw), _) => Some(CustomerId::parse(&raw, &self.key).map_err(|error| self.bad_id("customer_id", &error))?),
            (None, Some(address)) => Some(CustomerId::guest(address, &self.key)),
            (None, None) => None,
        };
        Ok(person)
    }

    /// An address that cannot be read does not cost the shop its row: the column is noted.
    fn address<A, E>(
        &self,
        cell: Option<String>,
        target: &str,
        dropped: &mut Vec<String>,
        parse: fn(&str) -> Result<A, E>,
    ) -> Option<A> {
        match parse(&cell?) {
            Ok(address) => Some(address),
            Err(_) => {
                dropped.extend(self.name_of(target));
                None
            }
        }
    }

    /// The row is used: its addresses are told, each once and again when it changes, and what could not be read is counted.
    pub(super) fn tell(&mut self, person: &Person, known_at: Instant) {
        for column in &person.dropped {
            *self.out.counts.addresses_dropped.entry(column.clone()).or_default() += 1;
        }
        self.out.counts.relayed += u64::from(person.is_relayed);
        let Some(customer_id) = &person.customer_id else { return };
        for (kind, address) in person.contacts() {
            let key = short(&format!("{}|{}", customer_id, kind.name()));
            let address_now = short(address);
            if self.told.put(key, address_now, 0).is_none_or(|(before, _)| before != address_now) {
                self.out.counts.contacts += 1;
                let contact = Contact { customer_id: customer_id.clone(), kind, address: address.into() };
                self.out.contacts.push((contact, known_at));
            }
        }
    }
}

pub(super) fn nobody() -> Bad {
    Bad {
        column: None,
        code: "nobody",
        reason: "the row has no customer id, and no e-mail address, phone number or LINE user id that can be read".into(),
        remedy: "give one of them, or leave the row out with keep_rows".into(),
    }
}
