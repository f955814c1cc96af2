//! Whether a delivery comes from whom it says: checked over the bytes as they came, before anything reads them. Comparisons take as long
//! for a near miss as for a far one. Several secrets may hold while one is being replaced.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use model::{Instant, SourceKind};
use sha2::Sha256;

/// How far a signed time may lie from ours, so that a delivery that was listened to cannot be played again later.
const CLOCK_SECONDS_MAX: i64 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("the delivery has no signature, or several")]
    Missing,
    #[error("the signature fits none of the source's secrets")]
    Wrong,
    #[error("the signed time lies more than {CLOCK_SECONDS_MAX} s from ours")]
    Stale,
    #[error("the delivery is another shop's")]
    WrongShop,
    #[error("the source's deliveries are not signed ones")]
    NotSigned,
}

/// The headers of a delivery: names in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub &'a [(String, String)]);

impl<'a> Headers<'a> {
    /// A header that stands there once.
    pub fn one(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.next().filter(|_| found.next().is_none())
    }
}

pub fn verify(
    kind: SourceKind,
    shop_domain: &str,
    secrets: &[String],
    headers: Headers<'_>,
    body: &[u8],
    now: Instant,
) -> Result<(), Unsigned> {
    match kind {
        SourceKind::Shopify => {
            let signature = headers.one("x-shopify-hmac-sha256").or_else(|| headers.one("shopify-hmac-sha256"));
            base64_of(signature, secrets, body)?;
            // One app has one secret in all shops that installed it.
            let domain = headers.one("x-shopify-shop-domain").or_else(|| headers.one("shopify-shop-domain"));
            let is_ours = shop_domain.is_empty() || domain.is_some_and(|domain| domain.eq_ignore_ascii_case(shop_domain));
            is_ours.then_some(()).ok_or(Unsigned::WrongShop)
        }
        SourceKind::Woocommerce => base64_of(headers.one("x-wc-webhook-signature"), secrets, body),
        SourceKind::SignedJson => timed(headers.one("x-tsubame-signature"), secrets, body, now),
        SourceKind::Line => base64_of(headers.one("x-line-signature"), secrets, body),
        SourceKind::Browser | SourceKind::Server | SourceKind::Ga4 => Err(Unsigned::NotSigned),
    }
}

fn base64_of(signature: Option<&str>, secrets: &[String], body: &[u8]) -> Result<(), Unsigned> {
    let signature = signature.filter(|text| !text.is_empty()).ok_or(Unsigned::Missing)?;
    let signature = STANDARD.decode(signature).map_err(|_| Unsigned::Wrong)?;
    fits(&[signature], secrets, &[body])
}

/// `t=<seconds since 1970>,v1=<hex>`: the HMAC of the time, a point and the body. `v1` may come several times, as secrets are replaced on
/// the other side.
fn timed(signature: Option<&str>, secrets: &[String], body: &[u8], now: Instant) -> Result<(), Unsigned> {
    let signature = signature.filter(|text| !text.is_empty()).ok_or(Unsigned::Missing)?;
    let (mut time, mut given) = (None, Vec::new());
    for part in signature.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if time.is_none() => time = Some(text),
            Some(("v1", text)) => given.extend(from_hex(text)),
            _ => return Err(Unsigned::Wrong),
        }
    }
    let time = time.ok_or(Unsigned::Wrong)?;
    let seconds: i64 = time.parse().map_err(|_| Unsigned::Wrong)?;
    fits(&given, secrets, &[time.as_bytes(), b".", body])?;
    match now.timestamp().abs_diff(seconds) <= CLOCK_SECONDS_MAX as u64 {
        true => Ok(()),
        false => Err(Unsigned::Stale),
    }
}

/// An empty secret would be anybody's.
fn fits(given: &[Vec<u8>], secrets: &[String], message: &[&[u8]]) -> Result<(), Unsigned> {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("an HMAC takes a key of any length");
        message.iter().for_each(|part| mac.update(part));
        if given.iter().any(|given| mac.clone().verify_slice(given).is_ok()) {
            return Ok(());
        }
    }
    Err(Unsigned::Wrong)
}

/// Lower case alone: one signature has one spelling.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"id\": 1}";
    const NOW: i64 = 1_790_000_000;

    fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }

    fn check(kind: SourceKind, headers: &[(&str, &str)], body: &[u8], expect: Result<(), Unsigned>) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let secrets = ["old", "", "new"].map(String::from);
        let now = Instant::from_timestamp(NOW, 0).unwrap();
        let got = verify(kind, "ours.myshopify.com", &secrets, Headers(&headers), body, now);
        assert_eq!(got, expect, "{kind:?} {headers:?}");
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_hmac_is_the_known_one() {
        let expect = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(fits(&[from_hex(expect).unwrap()], &["Jefe".into()], &[b"what do ya want for nothing?"]), Ok(()));
    }

    #[test]
    fn who_signed_the_very_bytes_is_believed() {
        let of = |secret: &str| STANDARD.encode(mac(secret, &[BODY]));
        let (old, new, empty, other) = (of("old"), of("new"), of(""), of("other"));
        let ours = ("x-shopify-shop-domain", "Ours.myshopify.com");
        let shopify = |signature: &str, body: &[u8], expect| {
            check(SourceKind::Shopify, &[("x-shopify-hmac-sha256", signature), ours], body, expect);
            check(SourceKind::Shopify, &[("shopify-hmac-sha256", signature), ours], body, expect);
            check(SourceKind::Woocommerce, &[("x-wc-webhook-signature", signature)], body, expect);
            check(SourceKind::Line, &[("x-line-signature", signature)], body, expect);
        };
        shopify(&old, BODY, Ok(()));
        shopify(&new, BODY, Ok(()));
        shopify(&new, b"{\"id\":1}", Err(Unsigned::Wrong));
        shopify(&empty, BODY, Err(Unsigned::Wrong));
        shopify(&other, BODY, Err(Unsigned::Wrong));
        shopify(&new[..new.len() - 4], BODY, Err(Unsigned::Wrong));
        shopify(&new.to_lowercase(), BODY, Err(Unsigned::Wrong));
        shopify(&new.to_uppercase(), BODY, Err(Unsigned::Wrong));
        shopify("", BODY, Err(Unsigned::Missing));
        let signed = ("x-shopify-hmac-sha256", new.as_str());
        check(SourceKind::Shopify, &[ours], BODY, Err(Unsigned::Missing));
        check(SourceKind::Shopify, &[signed, signed, ours], BODY, Err(Unsigned::Missing));
        check(SourceKind::Shopify, &[signed], BODY, Err(Unsigned::WrongShop));
        check(SourceKind::Shopify, &[signed, ("x-shopify-shop-domain", "theirs.myshopify.com")], BODY, Err(Unsigned::WrongShop));
        check(SourceKind::Shopify, &[("x-wc-webhook-signature", &new), ours], BODY, Err(Unsigned::Missing));
        check(SourceKind::Browser, &[signed, ours], BODY, Err(Unsigned::NotSigned));
    }

    #[test]
    fn a_signed_time_must_be_near() {
        let of = |secret: &str, time: i64| model::id::hex(&mac(secret, &[time.to_string().as_bytes(), b".", BODY]));
        let signed = |text: &str, expect| check(SourceKind::SignedJson, &[("x-tsubame-signature", text)], BODY, expect);
        signed(&format!("t={NOW},v1={}", of("new", NOW)), Ok(()));
        signed(&format!("t={NOW}, v1={}, v1={}", of("other", NOW), of("old", NOW)), Ok(()));
        signed(&format!("t={},v1={}", NOW - 300, of("new", NOW - 300)), Ok(()));
        signed(&format!("t={},v1={}", NOW - 301, of("new", NOW - 301)), Err(Unsigned::Stale));
        signed(&format!("t={},v1={}", NOW + 301, of("new", NOW + 301)), Err(Unsigned::Stale));
        signed(&format!("t={NOW},v1={}", of("new", NOW - 1)), Err(Unsigned::Wrong));
        signed(&format!("t={NOW},v1={}", of("new", NOW).to_uppercase()), Err(Unsigned::Wrong));
        signed(&format!("t={NOW},v1={}", &of("new", NOW)[..62]), Err(Unsigned::Wrong));
        signed(&format!("v1={}", of("new", NOW)), Err(Unsigned::Wrong));
        signed(&format!("t={NOW}"), Err(Unsigned::Wrong));
        signed(&format!("t={NOW},t={NOW},v1={}", of("new", NOW)), Err(Unsigned::Wrong));
        signed(&format!("t={}0,v1={}", i64::MAX, of("new", NOW)), Err(Unsigned::Wrong));
        signed("", Err(Unsigned::Missing));
    }
}
