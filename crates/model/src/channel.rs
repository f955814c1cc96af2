//! The kinds of contact, and what a message is for.

use serde::{Deserialize, Serialize};

use crate::ContactKind;

/// A kind of contact. Stable: tables store its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Line,
    Sms,
    WebPush,
    AppPush,
    Webhook,
}

impl Channel {
    pub const ALL: [Channel; 6] =
        [Channel::Email, Channel::Line, Channel::Sms, Channel::WebPush, Channel::AppPush, Channel::Webhook];

    pub fn name(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Line => "line",
            Channel::Sms => "sms",
            Channel::WebPush => "web_push",
            Channel::AppPush => "app_push",
            Channel::Webhook => "webhook",
        }
    }

    pub fn parse(name: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// The kind of contact a message on this channel is addressed to.
    pub fn contact_kind(self) -> Option<ContactKind> {
        match self {
            Channel::Email => Some(ContactKind::Email),
            Channel::Line => Some(ContactKind::Line),
            Channel::Sms => Some(ContactKind::Phone),
            Channel::WebPush | Channel::AppPush => Some(ContactKind::PushToken),
            Channel::Webhook => None,
        }
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a message is for: each purpose has its own consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    #[default]
    Marketing,
    Transactional,
    Ads,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Marketing => "marketing",
            Purpose::Transactional => "transactional",
            Purpose::Ads => "ads",
        }
    }
}
