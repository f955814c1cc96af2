//! A far end on this machine that stands in for a mail server, for LINE and for Twilio: what is sent arrives in an inbox that one can look at,
//! and dials make it as unkind as a provider can be.
//!
//! Each door takes a request and says what is answered; `http` and `smtp` carry that over sockets, and proofs ask the doors directly. It is for
//! developing and for proofs: it listens on loopback alone and keeps everything in memory.

pub mod dial;
pub mod http;
pub mod inbox;
pub mod line;
mod mime;
pub mod smtp;
pub mod twilio;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::Instant;

use dial::{Behaviour, Dials};

/// Messages that can be looked at; counts go on for all.
const MESSAGES_MAX: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Smtp,
    Line,
    Twilio,
}

impl Door {
    pub const ALL: [Door; 3] = [Door::Smtp, Door::Line, Door::Twilio];

    /// That of the sender's kind.
    pub fn name(self) -> &'static str {
        match self {
            Door::Smtp => "smtp",
            Door::Line => "line",
            Door::Twilio => "twilio",
        }
    }
}

pub struct Sink {
    /// How long a throttled sender is to wait.
    pub retry_after: Duration,
    /// How late a late answer is.
    pub late: Duration,
    seed: u64,
    held: Mutex<Held>,
}

#[derive(Default)]
pub struct Held {
    pub dials: Dials,
    pub messages: VecDeque<Taken>,
    pub counts: BTreeMap<Door, Counts>,
    /// What came back at our own address for receipts, by send id and status.
    pub receipts: BTreeMap<(String, String), u64>,
    /// Calls that LINE has taken, by retry key.
    line: BTreeMap<String, line::TakenCall>,
    last_id: u64,
}

/// What came to one door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub asked: u64,
    pub accepted: u64,
    /// Told that it had been accepted before.
    pub repeated: u64,
    pub refused: u64,
    pub throttled: u64,
    /// Accepted, and nobody was told.
    pub hidden: u64,
    /// How often each key was accepted: more than once is twice the same message.
    pub keys: BTreeMap<String, u64>,
    /// The bodies that came with each key.
    pub bodies: BTreeMap<String, BTreeSet<String>>,
}

/// A message that was accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    pub id: u64,
    pub door: Option<Door>,
    /// `mail`, `push`, `multicast`, `sms`.
    pub kind: &'static str,
    /// By which repetitions are found: the send id, where it can be seen.
    pub key: String,
    pub at: Instant,
    pub from: String,
    pub to: Vec<String>,
    pub subject: Option<String>,
    pub text: String,
    /// Headers as they came, a line each.
    pub head: String,
    /// What the sender was told.
    pub told: Told,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Told {
    #[default]
    Accepted,
    Failed,
    Nothing,
}

/// How a door ends an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Answer,
    AnswerLate,
    HangUp,
}

/// What the dials say about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    throttle: bool,
    fail_after: bool,
    drop_answer: bool,
    late: bool,
}

impl Fate {
    fn ending(self) -> Ending {
        match self {
            Fate { drop_answer: true, .. } => Ending::HangUp,
            Fate { late: true, .. } => Ending::AnswerLate,
            _ => Ending::Answer,
        }
    }

    fn told(self) -> Told {
        match self {
            Fate { drop_answer: true, .. } => Told::Nothing,
            Fate { fail_after: true, .. } => Told::Failed,
            _ => Told::Accepted,
        }
    }
}

impl Sink {
    pub fn new(seed: u64, retry_after: Duration, late: Duration) -> Sink {
        Sink { retry_after, late, seed, held: Mutex::new(Held { dials: Dials::new(seed), ..Held::default() }) }
    }

    /// Nothing in here waits while it is held, and nothing of it is half-done when a handler dies.
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_down(&self, door: Door) -> bool {
        self.held().dials.strikes(door, Behaviour::Down)
    }

    pub fn set(&self, (door, behaviour, dial): (Door, Behaviour, dial::Dial)) {
        self.held().dials.set(door, behaviour, dial);
    }

    /// The id of a message that has none of its sender's: derived, so that two runs of one seed can be compared.
    fn named(&self, prefix: &str, number: u64) -> String {
        format!("{prefix}{}", model::id::hex(&model::id_bytes(&format!("{prefix}|{}|{number}", self.seed))))
    }
}

impl Held {
    /// Draws a request's fate and counts it.
    fn fate(&mut self, door: Door) -> Fate {
        self.counts.entry(door).or_default().asked += 1;
        let mut strikes = |behaviour| self.dials.strikes(door, behaviour);
        Fate {
            throttle: strikes(Behaviour::Throttle),
            fail_after: strikes(Behaviour::FailAfter),
            drop_answer: strikes(Behaviour::DropAnswer),
            late: strikes(Behaviour::Late),
        }
    }

    /// Whether somebody's address is no good.
    fn refuses(&mut self, door: Door, to: &str) -> bool {
        let refuses = self.dials.strikes_at(door, Behaviour::Refuse, to);
        self.counts(door).refused += u64::from(refuses);
        refuses
    }

    fn counts(&mut self, door: Door) -> &mut Counts {
        self.counts.entry(door).or_default()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn keep(&mut self, door: Door, taken: Taken) {
        let counts = self.counts(door);
        counts.accepted += 1;
        counts.hidden += u64::from(taken.told != Told::Accepted);
        *counts.keys.entry(taken.key.clone()).or_default() += 1;
        if self.messages.len() == MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.messages.push_back(Taken { door: Some(door), ..taken });
    }
}
