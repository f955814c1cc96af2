//! What became of one customer in the scenarios, and why not more: in plain words, Japanese and English, for whoever answers a complaint or
//! a marketer's question. Facts of a moment in, paragraphs out; what is said here is read from the same rows and rules as the decisions were.

use std::collections::BTreeMap;

use model::{Channel, CustomerId, EntryStatus, Instant, Purpose, Scenario, SendState, Text};

use crate::{Rules, gates::PastSend};

mod outside;
mod passes;
mod standing;
mod words;

pub use outside::{Around, Clause, Noticed};
use words::Words;

#[cfg(test)]
mod tests;

/// Everything that is known of one customer at the moment asked about. Addresses are no part of it.
#[derive(Debug, Clone)]
pub struct Facts {
    pub customer: CustomerId,
    /// Who they are now, if they were merged into somebody: the facts are that one's.
    pub survivor: Option<CustomerId>,
    /// What is bucketed for holdouts.
    pub unit: String,
    pub erased_at: Option<Instant>,
    /// Of the channels that the shop sends on, in its order.
    pub channels: Vec<ChannelFacts>,
    /// The last row of each entry, in the order they entered.
    pub passes: Vec<Pass>,
    /// Ghosts among them; the order does not matter.
    pub sends: Vec<Sent>,
    pub stops: Vec<Stopped>,
    pub receipts: Vec<Received>,
}

#[derive(Debug, Clone)]
pub struct ChannelFacts {
    pub channel: Channel,
    pub has_address: bool,
    /// The only address is one of a mall.
    pub is_relay: bool,
    /// To marketing; `None` where nothing was ever said.
    pub consent: Option<Said>,
    /// In force.
    pub suppressions: Vec<Said>,
}

/// A word of the customer's, or of a provider about them, with what proves it. Free text is masked by whoever gathers it.
#[derive(Debug, Clone)]
pub struct Said {
    /// `granted`, `revoked`, or why a channel is suppressed.
    pub what: String,
    pub since: Instant,
    pub source: String,
    /// Which text was agreed to.
    pub wording: Option<String>,
    pub evidence: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Pass {
    pub entry_id: String,
    pub scenario: String,
    pub version: String,
    pub entry_key: String,
    pub entered_at: Instant,
    pub status: EntryStatus,
    pub step: String,
    pub due_at: Instant,
    pub held_out: bool,
    pub reason: Option<String>,
    pub moved_at: Instant,
}

#[derive(Debug, Clone)]
pub struct Sent {
    pub send_id: String,
    pub entry_id: String,
    pub scenario: String,
    pub step: String,
    pub channel: Channel,
    pub purpose: Purpose,
    pub template: String,
    pub arm: Option<String>,
    pub state: SendState,
    pub due_at: Instant,
    pub detail: Option<String>,
    pub handed_at: Option<Instant>,
    pub accepted_at: Option<Instant>,
    /// Of the present state.
    pub changed_at: Instant,
}

#[derive(Debug, Clone)]
pub struct Stopped {
    pub entry_id: String,
    pub step: String,
    /// Empty where the whole step was stopped.
    pub channel: Option<Channel>,
    pub reason: String,
    pub detail: Option<String>,
    pub at: Instant,
}

#[derive(Debug, Clone)]
pub struct Received {
    pub send_id: String,
    /// `delivered`, `clicked`, ….
    pub kind: String,
    pub human: bool,
    pub at: Instant,
}

/// What is asked, of whom and as of when.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub facts: &'a Facts,
    /// Every version that an entry is pinned to, then those of the files: the last of a name lets people in.
    pub scenarios: &'a [Scenario],
    /// With its pauses.
    pub rules: &'a Rules,
    pub grace: chrono::Duration,
    pub now: Instant,
    /// The one scenario asked about, and what was found of those who come into it.
    pub only: Option<(&'a Scenario, &'a Around)>,
}

/// A heading and its sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    pub heading: Text,
    pub lines: Vec<Text>,
}

/// The whole answer: how they can be reached, each scenario they are or were in, and of the one asked about why they are not in it.
pub fn tell(question: &Question) -> Vec<Paragraph> {
    let words = Words { zone: question.rules.zone };
    let mut paragraphs = vec![standing::tell(question, &words)];
    let mut passes: BTreeMap<&str, Vec<&Pass>> = BTreeMap::new();
    let is_asked = |name: &str| question.only.is_none_or(|(scenario, _)| scenario.scenario == name);
    for pass in question.facts.passes.iter().filter(|pass| is_asked(&pass.scenario)) {
        passes.entry(&pass.scenario).or_default().push(pass);
    }
    for (name, of_scenario) in &passes {
        paragraphs.push(Paragraph {
            heading: question.heading(name),
            lines: of_scenario.iter().flat_map(|pass| passes::tell(question, &words, pass)).collect(),
        });
    }
    match question.only {
        Some((scenario, around)) => {
            let ever = passes.contains_key(scenario.scenario.as_str());
            let open = question
                .facts
                .passes
                .iter()
                .any(|pass| pass.scenario == scenario.scenario && pass.status == EntryStatus::Waiting);
            // Whoever is under way needs no reason for not being in it.
            if !open {
                let name = scenario.title.clone();
                let heading = if ever { words.why_not_again(&name) } else { words.why_never(&name) };
                paragraphs.push(Paragraph { heading, lines: outside::tell(question, &words, scenario, around) });
            }
        }
        None => paragraphs.extend(question.never_in(&words, &passes)),
    }
    paragraphs
}

impl<'a> Question<'a> {
    /// The version an entry is pinned to, else the present one.
    fn scenario(&self, name: &str, version: &str) -> Option<&'a Scenario> {
        let of_name = |scenario: &&Scenario| scenario.scenario == name;
        let pinned = self.scenarios.iter().filter(of_name).find(|scenario| scenario.version == version);
        pinned.or_else(|| self.scenarios.iter().rev().find(of_name))
    }

    fn heading(&self, name: &str) -> Text {
        let title = self.scenario(name, "").map(|scenario| scenario.title.clone()).unwrap_or_default();
        let with = |title: &str| if title.is_empty() || title == name { name.to_string() } else { format!("{title} ({name})") };
        Text { ja: with(title.get("ja")), en: with(title.get("en")) }
    }

    /// The sends as caps count them.
    fn past_sends(&self) -> Vec<PastSend> {
        let counts = |sent: &&Sent| sent.state.counts_for_cap() || sent.state == SendState::Ghost;
        let past = |sent: &Sent| {
            let step = self.scenario(&sent.scenario, "").and_then(|scenario| scenario.step(&sent.step)?.send.as_ref());
            PastSend {
                entry_id: sent.entry_id.clone(),
                channel: sent.channel,
                at: sent.due_at,
                counts: step.map_or(sent.purpose != Purpose::Transactional, |step| step.counts_for_caps()),
                tags: step.map(|step| step.tags.clone()).unwrap_or_default(),
                ghost: sent.state == SendState::Ghost,
            }
        };
        self.facts.sends.iter().filter(counts).map(past).collect()
    }

    /// The scenarios they never were in, by name: to say why asks more of each.
    fn never_in(&self, words: &Words, passes: &BTreeMap<&str, Vec<&Pass>>) -> Option<Paragraph> {
        let mut names: Vec<&Scenario> = Vec::new();
        for scenario in self.scenarios {
            let is_listed = names.iter().any(|known| known.scenario == scenario.scenario);
            if !is_listed && !passes.contains_key(scenario.scenario.as_str()) {
                names.push(scenario);
            }
        }
        let lines: Vec<Text> = names.iter().map(|scenario| self.heading(&scenario.scenario)).collect();
        (!lines.is_empty()).then(|| Paragraph { heading: words.never_in(), lines })
    }
}
