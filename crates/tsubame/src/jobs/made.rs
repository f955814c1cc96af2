//! A small shop with people in it, for tests of what is sent to whom.

use std::path::Path;

use chrono::{DateTime, TimeDelta};
use model::{Channel, Consent, ConsentState, Contact, ContactKind, CustomerId, Event, Fact, Instant, Purpose};
use tempfile::TempDir;

use crate::{
    clock::Clock,
    demo::FILES,
    workspace::{Access, Workspace},
};

pub const MESSAGE: &str = "[email]\nsubject = \"燕\"\nbody = \"{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}\"\n";
/// Everybody who signed up.
pub const MEMBERS: &str = "-- Members\n--\n-- Everybody who signed up.\n--\n-- column customer_id text ja:\"会員ID\" en:\"Customer\"\n\
    SELECT DISTINCT customer_id FROM events WHERE name = 'signed_up'\n";

/// The demo's settings as a test wants them, these files and the two messages `a` and `b`.
pub async fn shop(settings: impl FnOnce(&str) -> String, files: &[(&str, &str)], now: Instant) -> (TempDir, Workspace) {
    let settings = settings(demo_settings());
    let common = [("tsubame.toml", settings.as_str()), ("messages/a.toml", MESSAGE), ("messages/b.toml", MESSAGE)];
    let files: Vec<(&str, &str)> = common.iter().chain(files).copied().collect();
    shop_of(&files, now).await
}

/// A shop of these files alone.
pub async fn shop_of(files: &[(&str, &str)], now: Instant) -> (TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    let workspace = open(folder.path(), now).await;
    (folder, workspace)
}

pub async fn open(folder: &Path, now: Instant) -> Workspace {
    Workspace::open(folder, Clock::logical(now), Access::Write).await.unwrap()
}

pub fn demo_settings() -> &'static str {
    FILES.iter().find(|file| file.0 == "tsubame.toml").unwrap().1
}

pub fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A time of day of the first of July 2026, in Tokyo.
pub fn at(time: &str) -> Instant {
    DateTime::parse_from_rfc3339(&format!("2026-07-01T{time}:00+09:00")).unwrap().to_utc()
}

/// When most of these tests begin.
pub fn now() -> Instant {
    at("09:00")
}

pub fn customer(index: usize) -> CustomerId {
    CustomerId::stored(format!("c{index:04}"))
}

/// So many sign up, an hour before; of them so many may be written to.
pub async fn sign_up(workspace: &Workspace, people: usize, reachable: usize) {
    let before = workspace.now() - TimeDelta::hours(1);
    let facts = (0..people).map(|index| signed_up(index, before)).collect();
    workspace.state.journal().append(facts, workspace.now()).await.unwrap();
    opt_in(workspace, reachable, before).await;
}

pub fn signed_up(index: usize, at: Instant) -> Fact {
    let event = Event {
        event_id: format!("e{index}"),
        name: "signed_up".into(),
        source: "made".into(),
        customer_id: Some(customer(index)),
        ..Event::default()
    };
    Fact::new(&event, at, at)
}

/// So many have an e-mail address and consent to being written to.
pub async fn opt_in(workspace: &Workspace, people: usize, at: Instant) {
    let contact =
        |index| Contact { customer_id: customer(index), kind: ContactKind::Email, address: format!("c{index:04}@example.jp") };
    let contacts: Vec<Contact> = (0..people).map(contact).collect();
    workspace.state.vault().put(&contacts, "made", at).await.unwrap();
    let consent = |index| {
        let consent = Consent {
            customer_id: customer(index),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            state: ConsentState::Granted,
            source: "made".into(),
            wording: None,
            evidence: None,
            changed_at: at,
        };
        (consent, at)
    };
    let consents: Vec<(Consent, Instant)> = (0..people).map(consent).collect();
    workspace.state.consents().record_consents(&consents, at).await.unwrap();
    workspace.forget_reachable();
}
