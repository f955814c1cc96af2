//! Whether a customer may be written to, channel by channel, and since when and by what that is so.

use model::Text;

use super::{ChannelFacts, Paragraph, Question, Said, Words, words, words::both};

pub fn tell(question: &Question, words: &Words) -> Paragraph {
    let facts = question.facts;
    let mut lines = Vec::new();
    if let Some(survivor) = &facts.survivor {
        lines.push(both!(
            "{}は{}に統合済み。以下は統合先の会員の記録です",
            "{} was merged into {}: what follows is of the latter",
            facts.customer.as_str(),
            survivor.as_str()
        ));
    }
    if let Some(at) = facts.erased_at {
        lines.push(both!(
            "{}に個人情報が消去された。何も配信されない",
            "The person was erased on {}: nothing is sent to them",
            words.at(at)
        ));
    }
    lines.extend(facts.channels.iter().map(|channel| of_channel(words, channel)));
    let subject = facts.survivor.as_ref().unwrap_or(&facts.customer);
    let heading = both!("会員 {} に届くチャネル", "How customer {} can be reached", subject.as_str());
    Paragraph { heading, lines }
}

/// The first reason against, in the order in which the gates ask; the rest after it, as each must be gone before a message leaves.
fn of_channel(words: &Words, facts: &ChannelFacts) -> Text {
    let mut against: Vec<Text> = Vec::new();
    if facts.is_relay {
        against.push(Text::new(
            "連絡先がモールの転送用アドレスだけ（販促には使えない）",
            "the only address is one that a mall hands out, which is not to be written to",
        ));
    } else if !facts.has_address {
        against.push(Text::new("連絡先がない", "there is no address"));
    }
    match &facts.consent {
        None => against
            .push(Text::new("販促の同意がない（一度も得ていない）", "there is no consent to marketing: none was ever given")),
        Some(said) if said.what != "granted" => against.push(both!(
            "販促の同意が{}から撤回されている（{}）",
            "consent to marketing was withdrawn on {} ({})",
            words.at(said.since),
            proof(said)
        )),
        Some(_) => {}
    }
    against.extend(facts.suppressions.iter().map(|said| {
        both!(
            "{1}から配信停止：{0}（{2}）",
            "suppressed since {1}: {0} ({2})",
            words::suppression(&said.what),
            words.at(said.since),
            proof(said)
        )
    }));
    let name = words::channel(facts.channel);
    match (against.as_slice(), &facts.consent) {
        ([], Some(said)) => both!(
            "{}：販促を送れる。同意は{}（{}）",
            "{}: may be written to; consent of {} ({})",
            name,
            words.at(said.since),
            proof(said)
        ),
        ([], None) => both!("{}：送れる", "{}: may be written to", name),
        (against, _) => both!("{}：販促は送れない。{}", "{}: no marketing, as {}", name, listed(against)),
    }
}

/// Where a word came from and what proves it.
fn proof(said: &Said) -> Text {
    let mut parts = vec![both!("取得元 {}", "source {}", said.source)];
    parts.extend(said.wording.iter().map(|wording| both!("文言 {}", "wording {}", wording)));
    parts.extend(said.evidence.iter().map(|evidence| both!("証跡 {}", "evidence {}", evidence)));
    listed(&parts)
}

pub fn listed(parts: &[Text]) -> Text {
    let of = |lang: &str, between: &str| parts.iter().map(|part| part.get(lang)).collect::<Vec<_>>().join(between);
    Text { ja: of("ja", "、"), en: of("en", ", ") }
}
