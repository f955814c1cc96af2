//! Ids are derived, not drawn: the same fact gets the same id on every machine and in every replay.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Email, Phone};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    #[error("an id part may not contain `|`: `{0}`")]
    Separator(String),
    #[error("a customer id is empty or longer than 200 characters")]
    CustomerId,
    #[error("`{0}` is a number in scientific notation; a spreadsheet has cut the id short")]
    Scientific(String),
}

/// The first 16 bytes of sha256 over the `|`-joined parts, in hex (SEMANTICS §6).
pub fn derive_id(parts: &[&str]) -> Result<String, IdError> {
    if let Some(part) = parts.iter().find(|part| part.contains('|')) {
        return Err(IdError::Separator(part.to_string()));
    }
    Ok(hex(&id_bytes(&parts.join("|"))))
}

/// The first 16 bytes of sha256 over `text`: the key of a fact that has no id of its own.
pub fn id_bytes(text: &str) -> [u8; 16] {
    let digest = Sha256::digest(text.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The secret under which personal text becomes a stable pseudonym. It never prints itself.
#[derive(Clone)]
pub struct IdKey(Vec<u8>);

impl IdKey {
    pub fn new(secret: &[u8]) -> Self {
        IdKey(secret.to_vec())
    }

    /// HMAC-SHA256 of a normalised address, 32 hex digits: equal addresses meet, nobody reads them back.
    pub fn pseudonym(&self, normalised: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("an HMAC takes a key of any length");
        mac.update(normalised.as_bytes());
        hex(&mac.finalize().into_bytes()[..16])
    }
}

impl std::fmt::Debug for IdKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdKey(…)")
    }
}

/// The shop's stable key of a person. One that parses as an e-mail address or a phone number is replaced by its pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomerId(String);

impl CustomerId {
    pub fn parse(raw: &str, key: &IdKey) -> Result<Self, IdError> {
        let raw = raw.trim();
        if raw.is_empty() || raw.chars().count() > 200 {
            return Err(IdError::CustomerId);
        }
        if raw.contains('|') {
            return Err(IdError::Separator(raw.into()));
        }
        refuse_scientific(raw)?;
        if let Ok(email) = Email::parse(raw) {
            return Ok(CustomerId(format!("h-{}", key.pseudonym(email.as_str()))));
        }
        // Plain digits are a shop's own numbering far more often than a phone; only a spelled-out phone is one.
        if raw.starts_with(['0', '+', '０', '＋'])
            && let Ok(phone) = Phone::parse(raw)
        {
            return Ok(CustomerId(format!("h-{}", key.pseudonym(phone.as_str()))));
        }
        Ok(CustomerId(raw.into()))
    }

    /// A guest known by an address alone.
    pub fn guest(normalised_address: &str, key: &IdKey) -> Self {
        CustomerId(format!("h-{}", key.pseudonym(normalised_address)))
    }

    /// An id that already passed [`CustomerId::parse`], read back from our own tables.
    pub fn stored(id: impl Into<String>) -> Self {
        CustomerId(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Spreadsheets turn long ids into `1.23E+17` and lose digits; such an id would merge strangers.
pub fn refuse_scientific(raw: &str) -> Result<(), IdError> {
    let is_scientific = raw.split_once(['E', 'e']).is_some_and(|(mantissa, exponent)| {
        mantissa.contains('.')
            && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.')
            && exponent.starts_with('+')
            && exponent[1..].chars().all(|c| c.is_ascii_digit())
    });
    if is_scientific { Err(IdError::Scientific(raw.into())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t19_entry_and_send_keys() {
        let entry = derive_id(&["cart-recovery", "c-0001", "cart-77"]).unwrap();
        assert_eq!(entry, "a3bc0efc72e1984d8595db30ff285a86");
        assert_eq!(derive_id(&[&entry, "remind", "line"]).unwrap(), "f6a986968992ca7a7e39220fb9cd6397");
        assert_eq!(derive_id(&[&entry, "remind", "sms"]).unwrap(), "6d4845a9db0bcac7ff5599b28f1c48b8");
        assert_eq!(derive_id(&["a|b"]), Err(IdError::Separator("a|b".into())));
    }

    #[test]
    fn a_customer_id_is_never_an_address() {
        let key = IdKey::new(b"secret");
        let check = |raw: &str, expect: &str| {
            let got = CustomerId::parse(raw, &key).map(|id| id.as_str()[..2].to_string());
            assert_eq!(got.as_deref().unwrap_or("no"), expect, "{raw}");
        };
        check(" c-0001 ", "c-");
        check("12345678901", "12");
        check("a@example.com", "h-");
        check("090-1234-5678", "h-");
        check("", "no");
        check("1.23E+17", "no");
        check("a|b", "no");
        assert_eq!(CustomerId::parse("A@EXAMPLE.com", &key), CustomerId::parse("A@example.COM", &key));
    }
}
