//! What a trusted `identify` says of a person. Addresses go to the vault and nowhere else.
//!
//! | trait (case, `_` and spaces do not count) | becomes |
//! |---|---|
//! | `email` | the e-mail address |
//! | `phone`, `phone_number`, `mobile`, `tel` | the phone number |
//! | `line_id`, `line_user_id` | the LINE id, and a claim |
//! | `name`; else `last_name` `first_name` | the name that messages greet by |
//! | `birthday`, `date_of_birth` | the birthday (a time is read in the shop's zone) |
//! | `gender`, `sex` | `female`, `male`, `other` |
//! | `prefecture`, `state`, `address.prefecture`, `address.state` | the prefecture |
//! | `created_at`, `registered_at` | the day of registration |
//! | `consents.<channel>`: true or false; `consents.<channel>.<purpose>`: true or false | a consent (purpose `marketing` where none is given) |
//! | `<channel>_opt_in`: true or false; `<channel>_opt_out`: true | a consent to marketing |
//! | `consent_wording` | the text that was agreed to |
//! | other parts of names and of `address` | nothing: they are personal, and no message needs them |
//! | any other | an attribute, with personal data masked |
//!
//! Channels are `email`, `line`, `sms`, `web_push`, `app_push`. Only JSON's `true` and `false` are consents: anything else is no answer. What
//! cannot be read is dropped, and its name is kept in the event's `_unread`.

use model::{
    Channel, Consent, Contact, ContactKind, CustomerId, Email, LineUserId, Phone, Profile, Purpose, customer::ConsentState,
    time::parse_date,
};
use serde_json::{Map, Value};

use super::{
    Request,
    clock::{self, Clock},
    segment::plain_text,
};
use crate::personal::{Found, mask_counted, mask_members};

#[derive(Default)]
pub(super) struct Person {
    /// Who it is: as given, else the guest of the address.
    pub customer_id: Option<CustomerId>,
    pub contacts: Vec<Contact>,
    pub profile: Option<Profile>,
    pub consents: Vec<Consent>,
    /// Who somebody known by this LINE id alone would be.
    pub line_guest: Option<CustomerId>,
    pub unread: Vec<String>,
}

pub(super) fn is_line_id(name: &str) -> bool {
    matches!(plain(name).as_str(), "lineid" | "lineuserid" | "lineuid")
}

pub(super) fn read(
    traits: &mut Map<String, Value>,
    customer_id: Option<&CustomerId>,
    request: &Request<'_>,
    clock: &Clock,
    event_id: &str,
    found: &mut Found,
) -> Person {
    let mut person = Person::default();
    let mut contacts: Vec<(ContactKind, String)> = Vec::new();
    let mut guest = None;
    let mut read = Traits { members: traits, unread: Vec::new() };
    if let Some(email) = read.take(&["email", "emailaddress", "mail"], |text| Email::parse(text).ok()) {
        guest = Some(CustomerId::guest(email.as_str(), request.key));
        contacts.push((ContactKind::Email, email.as_str().into()));
    }
    if let Some(phone) =
        read.take(&["phone", "phonenumber", "mobile", "mobilephone", "tel", "telephone"], |text| Phone::parse(text).ok())
    {
        guest = guest.or_else(|| Some(CustomerId::guest(phone.as_str(), request.key)));
        contacts.push((ContactKind::Phone, phone.as_str().into()));
    }
    if let Some(line) = read.take(&["lineid", "lineuserid", "lineuid"], |text| LineUserId::parse(text).ok()) {
        person.line_guest = Some(CustomerId::guest(line.as_str(), request.key));
        guest = guest.or_else(|| person.line_guest.clone());
        contacts.push((ContactKind::Line, line.as_str().into()));
    }
    let short = |text: &str| (text.chars().count() <= 200 && !text.chars().any(char::is_control)).then(|| text.to_string());
    let name = read.take(&["name", "fullname"], short);
    let last = read.take(&["lastname", "familyname"], short);
    let first = read.take(&["firstname", "givenname"], short);
    let name = name.or_else(|| match (last, first) {
        (None, None) => None,
        (last, first) => Some([last, first].into_iter().flatten().collect::<Vec<_>>().join(" ")),
    });
    contacts.extend(name.map(|name| (ContactKind::Name, name)));
    let zone = request.zone;
    let day = |text: &str| {
        let dates = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "jp_era"].map(String::from);
        clock::read(text, zone).map(|at| zone.day(at)).or_else(|| parse_date(text, &dates).ok())
    };
    let birthday = read
        .take(&["birthday", "birthdate", "dateofbirth"], |text| day(text).filter(|day| *day <= zone.day(request.received_at)));
    let registered_on = read.take(&["createdat", "registeredat", "registeredon"], day);
    let gender = read.take(&["gender", "sex"], |text| match text.to_lowercase().as_str() {
        "female" | "f" | "女" | "女性" | "2" => Some(Some("female")),
        "male" | "m" | "男" | "男性" | "1" => Some(Some("male")),
        "other" | "その他" | "9" => Some(Some("other")),
        "unknown" | "不明" | "未回答" | "回答しない" | "0" | "-" => Some(None),
        _ => None,
    });
    let mut prefecture = read.take(&["prefecture", "state"], short);
    if let Some(Value::Object(mut address)) = read.members.shift_remove("address") {
        let mut parts = Traits { members: &mut address, unread: Vec::new() };
        let own = parts.take(&["prefecture", "state"], short);
        prefecture = prefecture.or(own);
    }
    let wording = read.take(&["consentwording"], |text| Some(text.chars().take(1_000).collect::<String>()));
    let [prefecture, wording] = [prefecture, wording].map(|text| text.map(|text| mask_counted(&text, found).into_owned()));
    let consents = consents(&mut read);
    person.unread = read.unread;
    person.customer_id = customer_id.cloned().or(guest);
    drop_personal(traits);
    mask_members(traits, found);
    let Some(customer_id) = person.customer_id.clone() else {
        // Nobody to tell it of.
        person.unread.extend(consents.iter().map(|_| "consents".to_string()).take(1));
        return person;
    };
    person.contacts =
        contacts.into_iter().map(|(kind, address)| Contact { customer_id: customer_id.clone(), kind, address }).collect();
    person.consents = consents
        .into_iter()
        .map(|(channel, purpose, granted)| Consent {
            customer_id: customer_id.clone(),
            channel,
            purpose,
            state: if granted { ConsentState::Granted } else { ConsentState::Revoked },
            source: request.source.name.clone(),
            wording: wording.clone(),
            evidence: Some(format!("identify {event_id}")),
            changed_at: clock.occurred,
        })
        .collect();
    let profile = Profile {
        customer_id,
        // One revision per message: somebody who moves back to Tokyo has moved.
        revision_id: event_id.into(),
        source: request.source.name.clone(),
        birthday,
        gender: gender.flatten().map(str::to_string),
        prefecture,
        registered_on,
        acquisition: None,
        attributes: if traits.is_empty() { Value::Null } else { Value::Object(std::mem::take(traits)) },
    };
    let says_something = profile.birthday.is_some()
        || profile.gender.is_some()
        || profile.prefecture.is_some()
        || profile.registered_on.is_some()
        || !profile.attributes.is_null();
    person.profile = says_something.then_some(profile);
    person
}

struct Traits<'a> {
    members: &'a mut Map<String, Value>,
    unread: Vec<String>,
}

impl Traits<'_> {
    /// Removes every trait of these (plain) names; the first that is given and can be read counts.
    fn take<T>(&mut self, names: &[&str], read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut taken = None;
        for plain_name in names {
            let Some(name) = self.members.keys().find(|name| plain(name) == *plain_name).cloned() else { continue };
            let Some(value) = self.members.shift_remove(&name) else { continue };
            match plain_text(&value) {
                Some(text) if taken.is_none() => match read(&text) {
                    Some(value) => taken = Some(value),
                    None => self.unread.push(plain_name.to_string()),
                },
                Some(_) => {}
                None if matches!(&value, Value::String(_)) => {}
                None => self.unread.push(plain_name.to_string()),
            }
        }
        taken
    }
}

/// In one answer a no counts more than a yes.
fn consents(traits: &mut Traits<'_>) -> Vec<(Channel, Purpose, bool)> {
    let mut said: std::collections::BTreeMap<(Channel, Purpose), bool> = std::collections::BTreeMap::new();
    let mut say = |channel, purpose, yes: bool| {
        said.entry((channel, purpose)).and_modify(|before| *before &= yes).or_insert(yes);
    };
    let channels = [Channel::Email, Channel::Line, Channel::Sms, Channel::WebPush, Channel::AppPush];
    let channel_of = |name: &str| channels.into_iter().find(|channel| plain(channel.name()) == plain(name));
    let purposes = [Purpose::Marketing, Purpose::Transactional, Purpose::Ads];
    let names: Vec<String> = traits.members.keys().cloned().collect();
    for name in names {
        let plain_name = plain(&name);
        if plain_name == "consents" {
            match traits.members.shift_remove(&name) {
                Some(Value::Object(consents)) => {
                    for (channel, answer) in consents {
                        match (channel_of(&channel), answer) {
                            (Some(channel), Value::Bool(yes)) => say(channel, Purpose::Marketing, yes),
                            (Some(channel), Value::Object(answers)) => {
                                for (purpose, yes) in answers {
                                    match (purposes.into_iter().find(|known| known.name() == plain(&purpose)), yes) {
                                        (Some(purpose), Value::Bool(yes)) => say(channel, purpose, yes),
                                        (_, Value::Null) => {}
                                        _ => traits.unread.push(format!("consents.{}", channel.name())),
                                    }
                                }
                            }
                            (_, Value::Null) => {}
                            (Some(channel), _) => traits.unread.push(format!("consents.{}", channel.name())),
                            (None, _) => traits.unread.push("consents".into()),
                        }
                    }
                }
                _ => traits.unread.push("consents".into()),
            }
        } else if let Some((channel, is_in)) = plain_name
            .strip_suffix("optin")
            .map(|channel| (channel, true))
            .or_else(|| plain_name.strip_suffix("optout").map(|channel| (channel, false)))
            && let Some(channel) = channel_of(channel)
        {
            match traits.members.shift_remove(&name) {
                Some(Value::Bool(yes)) if is_in => say(channel, Purpose::Marketing, yes),
                Some(Value::Bool(true)) => say(channel, Purpose::Marketing, false),
                Some(Value::Bool(false)) => {} // Not having objected is no consent.
                _ => traits.unread.push(format!("{}_opt_{}", channel.name(), if is_in { "in" } else { "out" })),
            }
        }
    }
    said.into_iter().map(|((channel, purpose), yes)| (channel, purpose, yes)).collect()
}

/// Names and addresses are dropped wherever they lie.
fn drop_personal(traits: &mut Map<String, Value>) {
    traits.retain(|name, _| !is_personal(name));
    for value in traits.values_mut() {
        drop_personal_within(value);
    }
}

fn drop_personal_within(value: &mut Value) {
    match value {
        Value::Object(members) => drop_personal(members),
        Value::Array(items) => items.iter_mut().for_each(drop_personal_within),
        _ => {}
    }
}

fn is_personal(name: &str) -> bool {
    let name = plain(name);
    let whole = [
        "name",
        "fullname",
        "username",
        "nickname",
        "firstname",
        "lastname",
        "middlename",
        "familyname",
        "givenname",
        "displayname",
        "kana",
        "email",
        "mail",
        "phone",
        "mobile",
        "tel",
        "fax",
        "street",
        "city",
        "town",
        "building",
        "zip",
        "zipcode",
        "postalcode",
        "postcode",
        "avatar",
        "ip",
        "password",
        "birthday",
        "birthdate",
        "dateofbirth",
        "姓",
        "名",
        "住所",
        "郵便番号",
        "電話番号",
    ];
    whole.contains(&name.as_str())
        || ["address", "phone", "email", "lineid", "lineuserid", "pushtoken"].iter().any(|word| name.contains(word))
        || ["kana", "カナ", "かな", "氏名", "名前", "住所"].iter().any(|word| name.ends_with(word))
}

/// `First Name`, `first_name` and `firstName` are one trait.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
