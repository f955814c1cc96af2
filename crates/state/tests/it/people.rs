//! Accounts, sessions and leases: who may come in, and who alone may act.

use std::time::Duration;

use state::{Fence, Role, Secret, StateError, Verifier};

use crate::{Shop, minute};

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

#[tokio::test]
async fn accounts_and_their_sessions() {
    let shop = Shop::new().await;
    let (accounts, sessions) = (shop.state.accounts(), shop.state.sessions());
    let (admin, password) = accounts.first_admin(minute(0)).await.unwrap().unwrap();
    assert_eq!((admin.name.as_str(), admin.role), ("admin", Role::Admin));
    assert_eq!(accounts.first_admin(minute(0)).await.unwrap(), None, "once");
    assert_eq!(accounts.verify("admin", &password).await.unwrap(), Some(admin.clone()));
    accounts.create("hanako", Role::Marketer, &secret("correct horse"), minute(0)).await.unwrap();
    let check = async |name: &str, password: &str, expect| {
        let got = accounts.verify(name, &secret(password)).await.unwrap().map(|account| account.role);
        assert_eq!(got, expect, "{name}");
        // Whoever signs each request: the first time, known again, and after that time.
        for at in [1, 2, 20] {
            let again = accounts.verify_again(name, &secret(password), minute(at)).await.unwrap().map(|account| account.role);
            assert_eq!(again, expect, "{name}, minute {at}");
        }
    };
    check("hanako", "correct horse", Some(Role::Marketer)).await;
    check("hanako", "wrong horse", None).await;
    check("nobody", "correct horse", None).await;
    check("nobody", "nobody has this password", None).await;
    check("hanako", &"x".repeat(10_000), None).await;

    let session = sessions.start("hanako", minute(0), Duration::from_secs(600)).await.unwrap();
    let found = sessions.find(session.id.expose(), minute(9)).await.unwrap().unwrap();
    assert_eq!((found.account.name.as_str(), &found.csrf, found.expires_at), ("hanako", &session.csrf, minute(10)));
    assert_ne!(&session.csrf, session.id.expose());
    assert!(!format!("{session:?}").contains(session.id.expose().as_str()));
    assert_eq!(sessions.find(session.id.expose(), minute(10)).await.unwrap(), None, "its time is over");
    assert_eq!(sessions.find("other", minute(1)).await.unwrap(), None);
    assert!(matches!(sessions.start("nobody", minute(0), Duration::ZERO).await, Err(StateError::UnknownAccount(_))));

    accounts.change_password("hanako", &secret("battery staple")).await.unwrap();
    assert_eq!(sessions.find(session.id.expose(), minute(1)).await.unwrap(), None, "a new password ends the sessions");
    check("hanako", "correct horse", None).await;
    check("hanako", "battery staple", Some(Role::Marketer)).await;
    let session = sessions.start("hanako", minute(0), Duration::from_secs(600)).await.unwrap();
    sessions.revoke(session.id.expose()).await.unwrap();
    assert_eq!(sessions.find(session.id.expose(), minute(1)).await.unwrap(), None);
    let session = sessions.start("hanako", minute(0), Duration::from_secs(600)).await.unwrap();
    accounts.remove("hanako").await.unwrap();
    assert_eq!(sessions.find(session.id.expose(), minute(1)).await.unwrap(), None);
    assert_eq!(accounts.list().await.unwrap(), [admin]);
}

#[tokio::test]
async fn accounts_that_cannot_be() {
    let shop = Shop::new().await;
    let create = async |name: &str, password: &str| {
        shop.state.accounts().create(name, Role::Analyst, &secret(password), minute(0)).await.err().map(|error| error.to_string())
    };
    assert_eq!(create("taro", "12345678").await, None);
    assert_eq!(create("taro", "12345678").await.unwrap(), "there is already an account taro");
    assert_eq!(create("jiro", "1234567").await.unwrap(), "a password has 8 to 512 characters");
    assert!(create("", "12345678").await.unwrap().contains("an account name has"));
    assert!(create("a@example.jp", "12345678").await.unwrap().contains("an account name has"));
}

#[tokio::test]
async fn one_holder_at_a_time_and_a_stale_fence_is_refused() {
    let shop = Shop::new().await;
    let leases = shop.state.leases();
    let ttl = Duration::from_secs(60);
    let first = leases.acquire("tick", "a", minute(0), ttl).await.unwrap().unwrap();
    assert_eq!(leases.acquire("tick", "b", minute(0), ttl).await.unwrap(), None);
    assert_eq!(leases.acquire("tick", "a", minute(0), ttl).await.unwrap(), None, "two runners of one name are two");
    assert_eq!(leases.acquire("deliver", "b", minute(0), ttl).await.unwrap(), Some(Fence(1)));
    leases.renew("tick", first, minute(1), ttl).await.unwrap();
    assert_eq!(leases.acquire("tick", "b", minute(1), ttl).await.unwrap(), None, "renewed");
    let second = leases.acquire("tick", "b", minute(2), ttl).await.unwrap().unwrap();
    assert!(second > first);
    let stale = leases.renew("tick", first, minute(2), ttl).await.unwrap_err();
    assert_eq!(stale.to_string(), "lease tick is no longer held under fence 1");
    assert!(leases.release("tick", first).await.is_err());
    leases.release("tick", second).await.unwrap();
    assert!(leases.renew("tick", second, minute(2), ttl).await.is_err(), "given back");
    assert!(leases.acquire("tick", "c", minute(2), ttl).await.unwrap().unwrap() > second);
}

#[tokio::test]
async fn cursors_outlive_a_restart() {
    let mut shop = Shop::new().await;
    assert_eq!(shop.state.cursors().get("last tick").await.unwrap(), None);
    shop.state.cursors().set("last tick", "1").await.unwrap();
    shop.state.cursors().set("last tick", "2").await.unwrap();
    shop = shop.reopen().await;
    assert_eq!(shop.state.cursors().get("last tick").await.unwrap().as_deref(), Some("2"));
}

/// The exchange of RFC 7677 section 3.
#[test]
fn a_proof_is_checked_as_the_rfc_says() {
    let salt = b"[m\x99h\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
    let exchange = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,\
                    i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let bytes =
        |hex: &str| (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<_>>();
    // p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= and v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
    let proof = bytes("747cdb65aa56224e2352137e52d7bdcad6a0f738df30782caa69a2cfb0277554");
    let signature = bytes("eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e");
    let verifier = Verifier::derive(b"pencil", salt, 4096);
    assert!(verifier.is_proven(exchange.as_bytes(), &proof));
    assert_eq!(verifier.signature(exchange.as_bytes()).to_vec(), signature);
    let check = |token: &str, exchange: &str, proof: &[u8]| {
        let verifier = Verifier::derive(token.as_bytes(), salt, 4096);
        assert!(!verifier.is_proven(exchange.as_bytes(), proof), "{token} {exchange}");
    };
    check("pencils", exchange, &proof);
    check("pencil", "n=user", &proof);
    check("pencil", exchange, &proof[..31]);
    check("pencil", exchange, &[]);
    check("pencil", exchange, &[0; 32]);
}

#[tokio::test]
async fn sql_tokens_belong_to_those_who_may_ask() {
    let shop = Shop::new().await;
    let (accounts, tokens) = (shop.state.accounts(), shop.state.sql_tokens());
    for (name, role) in [("hanako", Role::Marketer), ("taro", Role::Analyst), ("jiro", Role::Admin)] {
        accounts.create(name, role, &secret("correct horse"), minute(0)).await.unwrap();
    }
    let error = async |name: &str| tokens.create(name, minute(0)).await.unwrap_err().to_string();
    assert_eq!(error("hanako").await, "hanako may not ask questions in SQL: only analysts and admins may");
    assert_eq!(error("nobody").await, "there is no account nobody");
    // Whose proof it is: that of a client that computes with this token and the salt it was told.
    let proven = async |name: &str, token: &Secret| {
        let (verifier, account) = tokens.verifier(name).await.unwrap();
        let client = Verifier::derive(token.expose().as_bytes(), &verifier.salt, verifier.iterations);
        (client == verifier).then(|| account.unwrap().name)
    };
    let first = tokens.create("taro", minute(0)).await.unwrap();
    assert_eq!(first.expose().len(), 48);
    assert_eq!(proven("taro", &first).await, Some("taro".into()));
    assert_eq!(proven("jiro", &first).await, None);
    let came_in = tokens.verifier("taro").await.unwrap().0;
    assert!(tokens.stands("taro", &came_in).await.unwrap());
    let second = tokens.create("taro", minute(1)).await.unwrap();
    assert_eq!((proven("taro", &first).await, proven("taro", &second).await), (None, Some("taro".into())));
    assert!(!tokens.stands("taro", &came_in).await.unwrap(), "a new token ends what the old one began");

    let nobody = tokens.verifier("nobody").await.unwrap();
    assert!(nobody == tokens.verifier("nobody").await.unwrap() && nobody.1.is_none(), "as steady as a name that has a token");
    assert!(nobody.0.salt != tokens.verifier("hanako").await.unwrap().0.salt);
    assert_eq!(nobody.0.salt.len(), came_in.salt.len());

    accounts.change_password("taro", &secret("battery staple")).await.unwrap();
    assert_eq!(proven("taro", &second).await, None, "a new password takes the token away");
    let third = tokens.create("taro", minute(2)).await.unwrap();
    assert!(tokens.remove("taro").await.unwrap() && !tokens.remove("taro").await.unwrap());
    assert_eq!(proven("taro", &third).await, None);
    let fourth = tokens.create("taro", minute(3)).await.unwrap();
    accounts.remove("taro").await.unwrap();
    assert_eq!(proven("taro", &fourth).await, None);
}
