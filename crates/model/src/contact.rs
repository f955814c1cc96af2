//! Addresses: parsed, normalised, and never printed. `Debug` shows the kind alone; the text leaves only by `as_str`.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{Channel, CustomerId, text::narrow, time::Instant};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContactError {
    #[error("not an e-mail address")]
    Email,
    #[error("not a phone number")]
    Phone,
    #[error("not a LINE user id (U and 32 hex digits)")]
    Line,
    #[error("not a postal address with a place and a number")]
    Postal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    Email,
    Phone,
    Line,
    PushToken,
    /// Where parcels go: two who share one may be a family.
    Postal,
    /// The name a message greets a person by: as personal as an address.
    Name,
}

impl ContactKind {
    pub fn name(self) -> &'static str {
        match self {
            ContactKind::Email => "email",
            ContactKind::Phone => "phone",
            ContactKind::Line => "line",
            ContactKind::PushToken => "push_token",
            ContactKind::Postal => "postal",
            ContactKind::Name => "name",
        }
    }
}

/// One address of one customer, on its way to the vault. It has no `Serialize`: it must not reach a journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    pub customer_id: CustomerId,
    pub kind: ContactKind,
    /// Normalised.
    pub address: String,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contact({}, {}, …)", self.customer_id, self.kind.name())
    }
}

/// The reason of a suppressed address whose owner said stop: it forbids everything but what is transactional. Any other one (a bounce, a
/// complaint, a block) forbids that too.
pub const OPTED_OUT: &str = "opted_out";

/// An address that must not be written to on a channel, whoever has it now or later: an opt-out or bounce of a former tool, a LINE
/// block. Like [`Contact`] it has no `Serialize`, and `Debug` keeps the address back.
#[derive(Clone, PartialEq, Eq)]
pub struct SuppressedAddress {
    pub kind: ContactKind,
    /// Normalised.
    pub address: String,
    pub channel: Channel,
    /// [`OPTED_OUT`], `bounced`, `complained`, `blocked`, `manual`.
    pub reason: String,
    pub at: Instant,
    pub source: String,
}

impl std::fmt::Debug for SuppressedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SuppressedAddress({}, {}, {}, {}, …)", self.kind.name(), self.channel, self.reason, self.at)
    }
}

/// Domains of addresses that a mall hands out in a buyer's place: mail to them may only be about the order, and one of them
/// says nothing about who the buyer is elsewhere. A subdomain counts too. A shop adds its own as `relay_domains`.
const RELAY_DOMAINS: [&str; 14] = [
    "fw.rakuten.ne.jp",
    "marketplace.amazon.co.jp",
    "marketplace.amazon.com",
    "marketplace.amazon.ca",
    "marketplace.amazon.co.uk",
    "marketplace.amazon.com.au",
    "marketplace.amazon.com.mx",
    "marketplace.amazon.de",
    "marketplace.amazon.es",
    "marketplace.amazon.fr",
    "marketplace.amazon.in",
    "marketplace.amazon.it",
    "marketplace.amazon.sg",
    "members.ebay.com",
];

macro_rules! address {
    ($name:ident) => {
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The normalised text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

address!(Email);
address!(Phone);
address!(LineUserId);

impl Email {
    /// NFKC, domain in lower case. Legacy carrier addresses (`abc..def@docomo.ne.jp`) are kept: people have them.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let text = narrow(raw);
        let (local, domain) = text.trim().rsplit_once('@').ok_or(ContactError::Email)?;
        let domain = domain.to_lowercase();
        let labels_ok = domain.split('.').count() >= 2
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"()<>,;:\\\"[]@|".contains(c));
        if labels_ok && local_ok && domain.len() <= 253 {
            Ok(Email(format!("{local}@{domain}")))
        } else {
            Err(ContactError::Email)
        }
    }

    /// Whether a mall hands this address out in place of the buyer's own. `extra` are the shop's further domains.
    pub fn is_relay(&self, extra: &[String]) -> bool {
        let (_, domain) = self.0.rsplit_once('@').expect("an address has an @");
        let is_under = |relay: &str| {
            let head = domain.len().checked_sub(relay.len()).filter(|_| !relay.is_empty());
            head.is_some_and(|head| {
                domain.is_char_boundary(head)
                    && domain[head..].eq_ignore_ascii_case(relay)
                    && (head == 0 || domain[..head].ends_with('.'))
            })
        };
        RELAY_DOMAINS.iter().any(|relay| is_under(relay))
            || extra.iter().any(|relay| is_under(relay.trim().trim_start_matches(['@', '.'])))
    }
}

impl Phone {
    /// E.164. A Japanese number may come with or without its leading 0 (spreadsheets eat it), or with +81.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let text = narrow(raw);
        let text = text.trim();
        if !text.chars().all(|c| c.is_ascii_digit() || " +-()‐−–ー.".contains(c)) {
            return Err(ContactError::Phone);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.chars().all(|c| c == '0') {
            return Err(ContactError::Phone);
        }
        if text.starts_with('+') {
            let digits = digits.strip_prefix("810").map(|rest| format!("81{rest}")).unwrap_or(digits);
            return if (8..=15).contains(&digits.len()) { Ok(Phone(format!("+{digits}"))) } else { Err(ContactError::Phone) };
        }
        let national = match digits.strip_prefix('0') {
            Some(rest) => rest,
            None if digits.len() == 10 && digits.starts_with(['7', '8', '9']) => &digits,
            None => return Err(ContactError::Phone),
        };
        if (9..=10).contains(&national.len()) { Ok(Phone(format!("+81{national}"))) } else { Err(ContactError::Phone) }
    }

    /// Whether it can receive an SMS in Japan: 070, 080, 090.
    pub fn is_mobile(&self) -> bool {
        match self.0.strip_prefix("+81") {
            Some(national) => national.len() == 10 && national.starts_with(['7', '8', '9']) && national[1..].starts_with('0'),
            None => true,
        }
    }
}

impl LineUserId {
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let text = raw.trim();
        let ok = text.len() == 33 && text.starts_with('U') && text[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
        if ok { Ok(LineUserId(text.into())) } else { Err(ContactError::Line) }
    }
}

/// A postal address, told from others by its letters and digits alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostalAddress(String);

impl PostalAddress {
    /// NFKC, lower case; blanks and the many hyphens are left out, and so are 丁目, 番地 and 号, which one hand writes and the next does not. Less than
    /// a postal code or than a street is no address: half a town would share it.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let text: String = raw.nfkc().flat_map(char::to_lowercase).collect();
        let text = text.replace("丁目", " ").replace("番地", " ").replace(['番', '号', '〒'], " ");
        let mut kept = String::new();
        let mut parted = false;
        for c in text.chars() {
            if c.is_alphanumeric() && !"ー―".contains(c) {
                // Between two numbers a part matters: 1-23 is not 12-3.
                if parted && c.is_ascii_digit() && kept.ends_with(|last: char| last.is_ascii_digit()) {
                    kept.push('-');
                }
                kept.push(c);
                parted = false;
            } else {
                parted = true;
            }
        }
        let has_number = kept.chars().any(|c| c.is_ascii_digit());
        let has_place = kept.chars().filter(|c| c.is_alphabetic()).count() >= 3;
        if has_number && has_place { Ok(PostalAddress(kept)) } else { Err(ContactError::Postal) }
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostalAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_shops_have_them() {
        let email = |raw: &str, expect: &str| {
            assert_eq!(Email::parse(raw).map(|email| email.0).unwrap_or_else(|_| "no".into()), expect, "{raw}");
        };
        email(" Taro@Example.CO.JP ", "Taro@example.co.jp");
        email("abc..def@docomo.ne.jp", "abc..def@docomo.ne.jp");
        email("a.@ezweb.ne.jp", "a.@ezweb.ne.jp");
        email("Ａ@example.jp", "A@example.jp");
        email("a@b", "no");
        email("a b@example.jp", "no");
        email("@example.jp", "no");
        let phone = |raw: &str, expect: &str| {
            assert_eq!(Phone::parse(raw).map(|phone| phone.0).unwrap_or_else(|_| "no".into()), expect, "{raw}");
        };
        phone("０９０－１２３４－５６７８", "+819012345678");
        phone("9012345678", "+819012345678");
        phone("+81 90-1234-5678", "+819012345678");
        phone("03-1234-5678", "+81312345678");
        phone("000-0000-0000", "no");
        phone("c-0001", "no");
        assert!(Phone::parse("090-1234-5678").unwrap().is_mobile() && !Phone::parse("03-1234-5678").unwrap().is_mobile());
    }

    #[test]
    fn one_place_is_written_in_many_ways() {
        let check = |raw: &str, expect: &str| {
            assert_eq!(PostalAddress::parse(raw).map(|place| place.0).unwrap_or_else(|_| "no".into()), expect, "{raw}");
        };
        check("〒100-0001 東京都千代田区千代田１丁目２番３号", "100-0001東京都千代田区千代田1-2-3");
        check("１００－０００１東京都千代田区　千代田1ー2ー3", "100-0001東京都千代田区千代田1-2-3");
        check("東京都千代田区千代田12-3", "東京都千代田区千代田12-3");
        check("東京都", "no");
        check("100-0001", "no");
    }

    #[test]
    fn an_address_does_not_print_itself() {
        let email = Email::parse("taro@example.jp").unwrap();
        assert_eq!(format!("{email:?}"), "Email(…)");
        let suppressed = SuppressedAddress {
            kind: ContactKind::Email,
            address: email.as_str().into(),
            channel: Channel::Email,
            reason: "bounced".into(),
            at: Instant::default(),
            source: "former_tool".into(),
        };
        assert!(!format!("{suppressed:?}").contains("taro"), "{suppressed:?}");
    }

    #[test]
    fn addresses_of_malls_are_known_by_their_domain() {
        let extra = ["@mail.mall.example.jp".to_string(), String::new()];
        let check = |address: &str, expect| assert_eq!(Email::parse(address).unwrap().is_relay(&extra), expect, "{address}");
        check("a1b2@fw.rakuten.ne.jp", true);
        check("a1b2@Marketplace.Amazon.CO.JP", true);
        check("a1b2@x.marketplace.amazon.com", true);
        check("a1b2@mail.mall.example.jp", true);
        check("taro@rakuten.ne.jp", false);
        check("taro@notmarketplace.amazon.co.jp", false);
        check("taro@mall.example.jp", false);
        check("taro@例.jp", false);
    }
}
