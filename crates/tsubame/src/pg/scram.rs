//! The words of SCRAM-SHA-256 (RFC 5802, RFC 7677): what a client and we say to each other so that it proves that it knows a token, and
//! neither says it. Without channel binding: that belongs to TLS, and the wire is spoken on this machine alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use state::Verifier;

/// Between our answer to the first message of a client and its last.
pub struct Exchange {
    pub user: String,
    pub verifier: Verifier,
    /// What the client said of channel binding: it says it again, so that nobody in between changes it.
    header: String,
    client_first: String,
    server_first: String,
    nonce: String,
}

/// How an exchange fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The message is not one of this mechanism; says what about it.
    Message(&'static str),
    /// It is, and proves nothing.
    Proof,
}

impl Exchange {
    /// Answers the first message; `ours` is our half of the nonce, in printable characters without a comma.
    pub fn begin(user: &str, verifier: Verifier, client_first: &str, ours: &str) -> Result<(String, Exchange), Wrong> {
        let mut parts = client_first.splitn(3, ',');
        let (Some(flag), Some(identity), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Wrong::Message("it has no header"));
        };
        match flag {
            "n" | "y" => {}
            _ => return Err(Wrong::Message("it asks for channel binding, which was not offered")),
        }
        if !identity.is_empty() {
            return Err(Wrong::Message("it asks to act as somebody else"));
        }
        // The name in it is ignored, as PostgreSQL ignores it: who it is was said before.
        let mut attributes = bare.split(',');
        match attributes.next() {
            Some(name) if name.starts_with("n=") => {}
            _ => return Err(Wrong::Message("it has no name, or extensions that must be understood")),
        }
        let theirs = attributes.next().and_then(|nonce| nonce.strip_prefix("r=")).unwrap_or_default();
        if theirs.is_empty() || !theirs.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Wrong::Message("it has no nonce"));
        }
        let nonce = format!("{theirs}{ours}");
        let server_first = format!("r={nonce},s={},i={}", STANDARD.encode(&verifier.salt), verifier.iterations);
        let exchange = Exchange {
            user: user.into(),
            verifier,
            header: format!("{flag},,"),
            client_first: bare.into(),
            server_first: server_first.clone(),
            nonce,
        };
        Ok((server_first, exchange))
    }

    /// Checks the last message; our own proof for the client where it is right.
    pub fn end(&self, client_final: &str) -> Result<String, Wrong> {
        let Some((without_proof, proof)) = client_final.rsplit_once(",p=") else { return Err(Wrong::Message("it has no proof")) };
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|binding| binding.strip_prefix("c="));
        if binding != Some(STANDARD.encode(&self.header).as_str()) {
            return Err(Wrong::Message("its header is not that of the first"));
        }
        if attributes.next().and_then(|nonce| nonce.strip_prefix("r=")) != Some(&self.nonce) {
            return Err(Wrong::Message("its nonce is not ours"));
        }
        let proof = STANDARD.decode(proof).map_err(|_| Wrong::Message("its proof is not in base64"))?;
        let exchange = format!("{},{},{without_proof}", self.client_first, self.server_first);
        match self.verifier.is_proven(exchange.as_bytes(), &proof) {
            true => Ok(format!("v={}", STANDARD.encode(self.verifier.signature(exchange.as_bytes())))),
            false => Err(Wrong::Proof),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const OURS: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const FINAL: &str =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn begin(password: &str, first: &str) -> Result<(String, Exchange), Wrong> {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Exchange::begin("user", Verifier::derive(password.as_bytes(), &salt, 4096), first, OURS)
    }

    /// The exchange of RFC 7677 section 3.
    #[test]
    fn the_exchange_of_the_rfc() {
        let (server_first, exchange) = begin("pencil", FIRST).ok().unwrap();
        assert_eq!(server_first, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assert_eq!(exchange.end(FINAL), Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".into()));
    }

    #[test]
    fn nothing_else_gets_in() {
        let check_first = |first: &str, says: &str| match begin("pencil", first) {
            Err(Wrong::Message(message)) => assert!(message.contains(says), "{first}: {message}"),
            other => panic!("{first}: {:?}", other.err()),
        };
        check_first("", "no header");
        check_first("n=user,r=abc", "no header");
        check_first("p=tls-unique,,n=user,r=abc", "channel binding");
        check_first("n,a=admin,n=user,r=abc", "somebody else");
        check_first("n,,m=ext,n=user,r=abc", "extensions");
        check_first("n,,n=user", "no nonce");
        check_first("n,,n=user,r=", "no nonce");
        check_first("n,,n=user,r=燕", "no nonce");

        let exchange = |password: &str| begin(password, FIRST).ok().unwrap().1;
        let check =
            |client_final: &str, expect: Wrong| assert_eq!(exchange("pencil").end(client_final), Err(expect), "{client_final}");
        assert_eq!(exchange("pencils").end(FINAL), Err(Wrong::Proof));
        check("", Wrong::Message("it has no proof"));
        check(&FINAL.replace("biws", "eSws"), Wrong::Message("its header is not that of the first"));
        check(&FINAL.replace("hNlF", "hNlG"), Wrong::Message("its nonce is not ours"));
        check(&FINAL.replace("p=dH", "p=dI"), Wrong::Proof);
        check(&FINAL.replace("AndVQ=", "And!"), Wrong::Message("its proof is not in base64"));
        check("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=", Wrong::Proof);
    }
}
