//! What a law may have against the words of a message (SEMANTICS §14): warnings for whoever writes it, with the law's name and why.
//!
//! The words themselves are data, in `wording.toml`. Nothing here refuses: whether a claim is true only the shop knows.

use std::sync::LazyLock;

use model::{Channel, Problem, Purpose, Text};
use serde::Deserialize;

use crate::template::{Template, Words};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    words: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    data: Vec<String>,
    law: Text,
    why: Text,
    remedy: Text,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules: Rules = toml::from_str(include_str!("wording.toml")).expect("the rules that a test reads");
    rules.rule
});

/// What may be wrong with the words of a message on these channels, in `ja` or `en`. `text` is its file, for the lines.
pub fn warnings(template: &Template, text: &str, purpose: Purpose, channels: &[Channel], language: &str) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for channel in channels {
        let Some(words) = template.words.get(channel) else { continue };
        let mut warn = |needle: &str, message: String, remedy: &str| {
            let line = line_of(text, template.line(*channel), needle);
            warnings.push(Problem::new(&template.file, line, format!("[{channel}] {message}")).with_remedy(remedy));
        };
        for rule in RULES.iter() {
            if let Some(word) = rule.found_in(words) {
                let (law, why) = (rule.law.get(language), rule.why.get(language));
                let message = match language {
                    "en" => format!("“{word}”: {law}: {why}"),
                    _ => format!("「{word}」{law}: {why}"),
                };
                warn(&word, message, rule.remedy.get(language));
            }
        }
        if let Some(honorific) = honorific_after_name(words) {
            let text = Text::new(
                &format!("{{{{ name }}}} には「様」が付いています。「{honorific}」が重なります"),
                &format!("{{{{ name }}}} has its 様 already, and “{honorific}” follows it"),
            );
            let remedy = Text::new(
                "「さん」「殿」を消す（名前がないときは「お客様」になります）",
                "remove it; without a name it reads お客様",
            );
            warn("{{ name }}", text.get(language).into(), remedy.get(language));
        }
        // What does not fit into a short message stands behind its link: the sender's address and contact, and the way out.
        let is_short = matches!(channel, Channel::Line | Channel::Sms);
        if purpose == Purpose::Marketing && is_short && !["unsubscribe_url", "link"].iter().any(|name| uses(words, name)) {
            let text = Text::new(
                "リンクがありません。事業者の住所・連絡先と配信停止へたどれるようにしてください（特定電子メール法・特定商取引法）",
                "no link leads to the shop's address and contact, or to the way out (特定電子メール法, 特定商取引法)",
            );
            let remedy = Text::new("{{ link }} か {{ unsubscribe_url }} を入れる", "add {{ link }} or {{ unsubscribe_url }}");
            warn("", text.get(language).into(), remedy.get(language));
        }
    }
    warnings
}

impl Rule {
    /// The first word of the rule that the message says, unless something in it makes it right.
    fn found_in(&self, words: &Words) -> Option<String> {
        let whole = plain(words);
        if self.data.iter().any(|name| uses(words, name)) || self.unless.iter().any(|word| says(&whole, word).is_some()) {
            return None;
        }
        let sentences = whole.split(['。', '\n', '!', '?', '…']).flat_map(|part| part.split(". "));
        let mut of_this =
            sentences.filter(|sentence| self.with.is_empty() || self.with.iter().any(|word| says(sentence, word).is_some()));
        of_this.find_map(|sentence| self.words.iter().find_map(|word| says(sentence, word)))
    }
}

/// Subject and body without their holes, in narrow lower-case letters: what every reader sees.
fn plain(words: &Words) -> String {
    let text = format!("{}\n{}", words.subject.as_deref().unwrap_or(""), words.body);
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        shown.push_str(before);
        let end = if after.starts_with('%') { "%}" } else { "}}" };
        rest = after.split_once(end).map_or("", |(_, rest)| rest);
        // A value stands there, so that the words around it do not run together.
        shown.push('＿');
    }
    shown.push_str(rest);
    model::text::narrow(&shown).to_lowercase()
}

/// Whether a hole of the message is filled with this variable.
fn uses(words: &Words, name: &str) -> bool {
    let text = format!("{}\n{}", words.subject.as_deref().unwrap_or(""), words.body);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut holes = text.split("{{").skip(1).map(|hole| hole.split("}}").next().unwrap_or(""));
    holes.any(|hole| hole.split(|c| !is_of_name(c)).any(|word| word == name))
}

/// The word as the text says it, `#` being a number.
fn says(text: &str, word: &str) -> Option<String> {
    let word = model::text::narrow(word).to_lowercase();
    let Some((before, after)) = word.split_once('#') else {
        let is_said = text.match_indices(&word).any(|(at, _)| stands_apart(text, at, &word));
        return is_said.then_some(word);
    };
    let mut starts = text.match_indices(before).map(|(at, _)| at + before.len());
    // With nothing before the number, it may begin anywhere.
    let found = |at: usize| {
        let rest = text[at..].trim_start();
        let number = &rest[..rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',').len()];
        (!number.is_empty() && rest[number.len()..].trim_start().starts_with(after)).then(|| word.replace('#', number))
    };
    match before.is_empty() {
        true => text.char_indices().map(|(at, _)| at).find_map(found),
        false => starts.find_map(found),
    }
}

/// Whether an English word is no part of another (its plural is not); Japanese has no gaps between words.
fn stands_apart(text: &str, at: usize, word: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let after = &text[at + word.len()..];
    let after = after.strip_prefix('s').unwrap_or(after);
    let begins_inside = is_letter(word.chars().next()) && is_letter(text[..at].chars().next_back());
    let ends_inside = is_letter(word.chars().next_back()) && is_letter(after.chars().next());
    !begins_inside && !ends_inside
}

fn honorific_after_name(words: &Words) -> Option<&'static str> {
    let text = format!("{}\n{}", words.subject.as_deref().unwrap_or(""), words.body);
    let after_names = text.split("{{").skip(1).filter_map(|hole| {
        let (inside, after) = hole.split_once("}}")?;
        (inside.trim() == "name").then(|| after.trim_start_matches([' ', '　']))
    });
    let mut found =
        after_names.filter_map(|after| ["さん", "殿", "様様", "ちゃん"].into_iter().find(|word| after.starts_with(word)));
    found.next()
}

/// The first line from where the channel begins that has the words, else where it begins.
fn line_of(text: &str, from: usize, needle: &str) -> usize {
    let is_in = |line: &str| !needle.is_empty() && model::text::narrow(line).to_lowercase().contains(needle);
    let found = text.lines().skip(from.saturating_sub(1)).position(is_in);
    found.map_or(from, |index| from.max(1) + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str, channel: Channel, language: &str) -> Vec<Problem> {
        let head = "variables = [\"left_in_stock\", \"expires_on\", \"former_price\"]\n";
        let text = format!("{head}[{channel}]\nsubject = \"件名\"\nbody = \"\"\"\n{body}\n\"\"\"\n");
        let template = Template::parse("t", "messages/t.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        warnings(&template, &text, Purpose::Marketing, &[channel], language)
    }

    #[test]
    fn words_that_a_law_may_have_something_against() {
        let check = |body: &str, expect: &[&str]| {
            let warnings = found(&format!("こんにちは\n{body}"), Channel::Email, "ja");
            let laws: Vec<&str> =
                warnings.iter().filter_map(|warning| warning.message.split_once('」')?.1.split(':').next()).collect();
            assert_eq!(laws, expect, "{body}: {warnings:#?}");
            assert!(warnings.iter().all(|warning| warning.line == 6 && warning.remedy.is_some()), "{warnings:#?}");
        };
        check("季節のお茶をご用意しました。", &[]);
        check("本日限定でお安くします", &["景品表示法（有利誤認）"]);
        check("本日限りのクーポンです（{{ expires_on }}まで）", &[]);
        check("残り３点です", &["景品表示法（有利誤認）"]);
        check("残り {{ left_in_stock }} 点です", &[]);
        check("在庫わずか", &["景品表示法（有利誤認）"]);
        check("通常価格より1,000円引き", &["景品表示法（二重価格）"]);
        check("{{ former_price }}から半額", &[]);
        check("業界Ｎｏ．１", &["景品表示法（優良誤認）"]);
        check("レビューを書いて500ポイントプレゼント", &["景品表示法（ステマ告示）"]);
        check("レビューを書くと10%OFF。特典を受けた旨をお書きください", &[]);
        check("レビューをお待ちしています。ポイントの期限も近づいています", &[]);
        check("ぜひ高評価をお願いします", &["景品表示法（ステマ告示）"]);
        check("飲めば風邪が治ります", &["薬機法（全般）"]);
        check("シミが消えるクリーム", &["薬機法（化粧品）"]);
        check("飲むだけで痩せるお茶", &["薬機法・健康増進法（食品）"]);
        check("定期初回980円でお届け", &["特定商取引法（定期購入）"]);
        check("定期初回980円、2回目以降3,980円。解約は次回お届けの7日前までにお知らせください", &[]);
        check("いつでも解約できます", &["特定商取引法（定期購入）"]);
        check("Ask us anything you wonder about.", &[]);
        check("You won!", &["景品表示法（景品）"]);
        check("Reviews earn a coupon", &["景品表示法（ステマ告示）"]);
        check("BOOSTS IMMUNITY, today only", &["景品表示法（有利誤認）", "薬機法・健康増進法（食品）"]);
    }

    #[test]
    fn names_and_links() {
        let check = |body: &str, channel: Channel, expect: &str| {
            let warnings = found(body, channel, "en");
            assert_eq!(warnings.iter().map(|warning| warning.message.as_str()).collect::<Vec<_>>().join("\n"), expect, "{body}");
        };
        check("{{ name }}様", Channel::Email, "");
        check("{{ name }}さん", Channel::Email, "[email] {{ name }} has its 様 already, and “さん” follows it");
        check("{{ link }}", Channel::Line, "");
        check("{{ unsubscribe_url }}", Channel::Sms, "");
        let none = "[line] no link leads to the shop's address and contact, or to the way out (特定電子メール法, 特定商取引法)";
        check("お茶", Channel::Line, none);
        check("お茶", Channel::Email, "");
    }

    #[test]
    fn every_rule_says_its_law_in_both_languages() {
        for rule in RULES.iter() {
            for text in [&rule.law, &rule.why, &rule.remedy] {
                assert!(!text.ja.is_empty() && !text.en.is_empty(), "{rule:?}");
            }
            assert!(!rule.words.is_empty());
        }
    }
}
