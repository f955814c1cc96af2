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
    let folder = tempfile::tempdir().unwrap();
    let own = FILES.iter().find(|file| file.0 == "tsubame.toml").unwrap().1;
    let settings = settings(own);
    let common = [("tsubame.toml", settings.as_str()), ("messages/a.toml", MESSAGE), ("messages/b.toml", MESSAGE)];
    for (path, text) in common.iter().chain(files) {
        write(folder.path(), path, text);
    }
    let workspace = Workspace::open(folder.path(), Clock::logical(now), Access::Write).await.unwrap();
    (folder, workspace)
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

pub fn customer(index: usize) -> CustomerId {
    CustomerId::stored(format!("c{index:04}"))
}

/// So many sign up, an hour before; of them so many may be written to.
pub async fn sign_up(workspace: &Workspace, people: usize, reachable: usize) {
    let before = workspace.now() - TimeDelta::hours(1);
    let signed_up = |index: usize| {
        let event = Event {
            event_id: format!("e{index}"),
            name: "signed_up".into(),
            source: "made".into(),
            customer_id: Some(customer(index)),
            ..Event::default()
        };
        Fact::new(&event, before, before)
    };
    workspace.state.journal().append((0..people).map(signed_up).collect(), workspace.now()).await.unwrap();
    let contact =
        |index| Contact { customer_id: customer(index), kind: ContactKind::Email, address: format!("c{index:04}@example.jp") };
    let contacts: Vec<Contact> = (0..reachable).map(contact).collect();
    workspace.state.vault().put(&contacts, "made", before).await.unwrap();
    let consent = |index| {
        let consent = Consent {
            customer_id: customer(index),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            state: ConsentState::Granted,
            source: "made".into(),
            wording: None,
            evidence: None,
            changed_at: before,
        };
        (consent, before)
    };
    let consents: Vec<(Consent, Instant)> = (0..reachable).map(consent).collect();
    workspace.state.consents().record_consents(&consents, before).await.unwrap();
    workspace.forget_reachable();
}
