//! Accounts, sessions and leases: who may come in, and who alone may act.

use std::time::Duration;

use state::{Fence, Role, Secret, StateError};

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
