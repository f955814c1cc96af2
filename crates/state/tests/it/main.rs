//! The parts of one `state.db` together: what is acknowledged is found again, and nobody acts twice.

mod consent;
mod document;
mod identity;
mod journal;
mod ledger;
mod people;
mod vault;

use model::{Channel, CustomerId, Event, Fact, Instant, Money, Purpose, Run, Send, SendState};
use state::State;
use tempfile::TempDir;

pub const MASTER_KEY: [u8; 32] = [42; 32];

/// A database in a folder of its own.
pub struct Shop {
    pub folder: TempDir,
    pub state: State,
}

impl Shop {
    pub async fn new() -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.db"), MASTER_KEY).await.unwrap();
        Shop { folder, state }
    }

    /// As after a restart.
    pub async fn reopen(self) -> Shop {
        let Shop { folder, state } = self;
        drop(state);
        let state = State::open(&folder.path().join("state.db"), MASTER_KEY).await.unwrap();
        Shop { folder, state }
    }

    /// The rows of a table in the journal, as JSON.
    pub async fn journaled(&self, table: &str) -> Vec<serde_json::Value> {
        let mut rows = Vec::new();
        for segment in self.state.journal().tail_part(0, Some(table), usize::MAX).await.unwrap() {
            let text = String::from_utf8(segment.payload).unwrap();
            rows.extend(text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()));
        }
        rows
    }
}

/// Noon of some day, plus minutes.
pub fn minute(minutes: i64) -> Instant {
    Instant::from_timestamp(1_790_000_000 + minutes * 60, 0).unwrap()
}

pub fn customer(name: &str) -> CustomerId {
    CustomerId::stored(name)
}

pub fn event(id: impl ToString) -> Fact {
    let event = Event { event_id: id.to_string(), name: "product_viewed".into(), source: "web".into(), ..Event::default() };
    Fact::new(&event, minute(0), minute(0))
}

pub fn run(id: &str) -> Run {
    Run {
        run_id: id.into(),
        kind: "tick".into(),
        name: "all".into(),
        logical_at: minute(0),
        definition: "d".into(),
        members: 1,
        counts: serde_json::Value::Null,
    }
}

pub fn send(id: &str, customer_id: &str, state: SendState) -> Send {
    Send {
        send_id: id.into(),
        run_id: "r1".into(),
        entry_id: format!("entry-{id}"),
        scenario: "cart-recovery".into(),
        scenario_version: "v1".into(),
        step: "remind".into(),
        customer_id: customer(customer_id),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        template: "cart_1".into(),
        arm: None,
        state,
        due_at: minute(0),
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    }
}
