//! One attempt to deliver a message, what became of it, and why a send was not made.

use serde::{Deserialize, Serialize};

use crate::{Channel, CustomerId, Money, Purpose, Record, time::Instant};

/// The states of a send (RELIABILITY §3). Terminal states never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    Planned,
    Claimed,
    /// Durable before the first byte leaves.
    Handed,
    Accepted,
    Failed,
    /// Not sent now; due again later.
    Deferred,
    /// Handed, and the answer is unknown.
    Ambiguous,
    /// Ambiguous with no way to find out: waits for a person.
    Parked,
    /// A gate at the send instant stopped it.
    Stopped,
    /// Held out: the row where the message would have been sent.
    Ghost,
}

impl SendState {
    pub const ALL: [SendState; 10] = [
        SendState::Planned,
        SendState::Claimed,
        SendState::Handed,
        SendState::Accepted,
        SendState::Failed,
        SendState::Deferred,
        SendState::Ambiguous,
        SendState::Parked,
        SendState::Stopped,
        SendState::Ghost,
    ];

    pub fn name(self) -> &'static str {
        match self {
            SendState::Planned => "planned",
            SendState::Claimed => "claimed",
            SendState::Handed => "handed",
            SendState::Accepted => "accepted",
            SendState::Failed => "failed",
            SendState::Deferred => "deferred",
            SendState::Ambiguous => "ambiguous",
            SendState::Parked => "parked",
            SendState::Stopped => "stopped",
            SendState::Ghost => "ghost",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        SendState::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, SendState::Accepted | SendState::Failed | SendState::Parked | SendState::Stopped | SendState::Ghost)
    }

    /// Whether the ledger may move a send from `self` to `next`.
    pub fn may_become(self, next: SendState) -> bool {
        use SendState::*;
        match self {
            Planned => matches!(next, Claimed | Stopped | Deferred),
            Claimed => matches!(next, Planned | Handed | Stopped | Deferred),
            Handed => matches!(next, Accepted | Failed | Deferred | Ambiguous),
            Deferred => matches!(next, Claimed | Stopped),
            Ambiguous => matches!(next, Handed | Accepted | Deferred | Parked),
            // A person says so: send it again, let it be, it arrived, or it surely did not.
            Parked => matches!(next, Handed | Stopped | Accepted | Deferred),
            Accepted | Failed | Stopped | Ghost => false,
        }
    }

    /// Whether the send uses up a frequency cap (SEMANTICS §7).
    pub fn counts_for_cap(self) -> bool {
        use SendState::*;
        matches!(self, Planned | Claimed | Handed | Accepted | Ambiguous | Parked | Deferred)
    }
}

/// One row of the ledger: a transition of one send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// H(entry_id, step, channel).
    pub send_id: String,
    pub run_id: String,
    pub entry_id: String,
    pub scenario: String,
    pub scenario_version: String,
    pub step: String,
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub purpose: Purpose,
    pub template: String,
    /// The arm of the step's experiment.
    pub arm: Option<String>,
    pub state: SendState,
    /// When the plan wanted it sent: the time a ghost and its twin share.
    #[serde(with = "crate::time::instant")]
    pub due_at: Instant,
    pub cost: Money,
    pub provider_id: Option<String>,
    pub detail: Option<String>,
}

impl Record for Send {
    const TABLE: &'static str = "sends";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.send_id, self.state.name(), self.detail.as_deref().unwrap_or(""))
    }
}

/// Why a send was not made. The first reason in the order of SEMANTICS §5 is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Stop {
    NoAddress,
    /// The only address is one that a mall hands out in the buyer's place.
    RelayAddress,
    NoConsent,
    Suppressed {
        why: String,
    },
    LineBlocked,
    /// The provider's monthly quota of the channel is used up.
    Quota {
        month_max: u64,
    },
    Cap {
        sent: u32,
        max: u32,
    },
    Quiet {
        until: Instant,
    },
    Expired,
    Exited {
        why: String,
    },
}

impl Stop {
    /// Stable: tables and pages use it.
    pub fn name(&self) -> &'static str {
        match self {
            Stop::NoAddress => "no_address",
            Stop::RelayAddress => "relay_address",
            Stop::NoConsent => "no_consent",
            Stop::Suppressed { .. } => "suppressed",
            Stop::LineBlocked => "line_blocked",
            Stop::Quota { .. } => "quota",
            Stop::Cap { .. } => "cap",
            Stop::Quiet { .. } => "quiet",
            Stop::Expired => "expired",
            Stop::Exited { .. } => "exited",
        }
    }

    /// The particulars, for people: `3 of 3 sent`.
    pub fn detail(&self) -> Option<String> {
        match self {
            Stop::Suppressed { why } | Stop::Exited { why } => Some(why.clone()),
            Stop::Quota { month_max } => Some(format!("{month_max} a month")),
            Stop::Cap { sent, max } => Some(format!("{sent} of {max} sent")),
            Stop::Quiet { until } => Some(crate::time::rfc3339(*until)),
            Stop::NoAddress | Stop::RelayAddress | Stop::NoConsent | Stop::LineBlocked | Stop::Expired => None,
        }
    }
}

/// A stop as it is remembered: one per channel tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRow {
    pub run_id: String,
    pub entry_id: String,
    pub scenario: String,
    pub step: String,
    pub customer_id: CustomerId,
    /// Empty when the whole step was stopped, whatever the channel.
    pub channel: Option<Channel>,
    /// [`Stop::name`].
    pub reason: String,
    pub detail: Option<String>,
}

impl Record for StopRow {
    const TABLE: &'static str = "stops";
    fn key(&self) -> String {
        let channel = self.channel.map(Channel::name).unwrap_or("");
        format!("{}|{}|{}|{}|{}", self.run_id, self.entry_id, self.step, channel, self.reason)
    }
}

/// What the provider answered at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        provider_id: Option<String>,
    },
    Rejected {
        reason: String,
        /// The provider says so of the address, not of the message: there is nobody there, or no longer.
        bounced: bool,
    },
    Deferred {
        until: Option<Instant>,
        reason: String,
    },
    /// It may have been delivered: never retried by itself.
    Ambiguous {
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    Delivered,
    Opened,
    Clicked,
    Bounced,
    Complained,
    Unsubscribed,
    Blocked,
}

impl ReceiptKind {
    pub fn name(self) -> &'static str {
        match self {
            ReceiptKind::Delivered => "delivered",
            ReceiptKind::Opened => "opened",
            ReceiptKind::Clicked => "clicked",
            ReceiptKind::Bounced => "bounced",
            ReceiptKind::Complained => "complained",
            ReceiptKind::Unsubscribed => "unsubscribed",
            ReceiptKind::Blocked => "blocked",
        }
    }
}

/// What the provider, or our own redirect, said later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's event id.
    pub receipt_id: String,
    pub send_id: String,
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub kind: ReceiptKind,
    /// False for link scanners and image proxies.
    pub human: bool,
    pub link: Option<String>,
    pub source: String,
}

impl Record for Receipt {
    const TABLE: &'static str = "receipts";
    fn key(&self) -> String {
        format!("{}|{}", self.source, self.receipt_id)
    }
}
