//! Signs what is handed out and must be known again when it comes back. The key follows from the master key, so that whoever has a copy of the data
//! cannot sign.

use hmac::{Hmac, Mac};
use model::id::hex;
use sha2::Sha256;

#[derive(Clone)]
pub struct Signer {
    pub(crate) key: [u8; 32],
}

impl Signer {
    /// 32 hex digits over a text; those of another purpose say nothing.
    pub fn sign(&self, purpose: &str, text: &[u8]) -> String {
        hex(&self.mac(purpose, text).finalize().into_bytes()[..16])
    }

    /// Whether we signed it. Takes as long for any signature.
    pub fn is_ours(&self, purpose: &str, text: &[u8], signature: &str) -> bool {
        let digits = (0..signature.len())
            .step_by(2)
            .map(|at| signature.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()));
        let Some(bytes) = digits.collect::<Option<Vec<u8>>>() else { return false };
        bytes.len() == 16 && self.mac(purpose, text).verify_truncated_left(&bytes).is_ok()
    }

    fn mac(&self, purpose: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key).expect("an HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_signed_is_known_again() {
        let (ours, theirs) = (Signer { key: [1; 32] }, Signer { key: [2; 32] });
        let signature = ours.sign("link", b"text");
        let check = |signer: &Signer, purpose: &str, text: &[u8], signature: &str, expect: bool| {
            assert_eq!(signer.is_ours(purpose, text, signature), expect, "{purpose} {signature}");
        };
        check(&ours, "link", b"text", &signature, true);
        check(&theirs, "link", b"text", &signature, false);
        check(&ours, "other", b"text", &signature, false);
        check(&ours, "link", b"texts", &signature, false);
        check(&ours, "link", b"text", &signature[2..], false);
        check(&ours, "link", b"text", &format!("{signature}00"), false);
        check(&ours, "link", b"text", "", false);
        check(&ours, "link", b"text", "茶茶茶茶茶茶", false);
        check(&ours, "lin", b"k\0text", &ours.sign("lin", b"text"), false);
    }
}
