//! What of a scenario's files the marketer's form shows, and what a filled-in form makes of them: values inside the texts alone, so that comments
//! and all that the form does not show stay as somebody wrote them.

use std::collections::{BTreeMap, BTreeSet};

use model::{Channel, Scenario};

use super::Fields;
use crate::{
    pages::{
        Lang,
        scenarios::{
            channel,
            edit::{Field, Group, Kind},
        },
        words::{self, Word},
    },
    shop_file::ShopFile,
    toml_text::{Leaf, NotChanged, leaves, replace},
};

/// A field's value, and what it was when the form was made: a change is what differs.
const VALUE: &str = "v";
const WAS: &str = "w";

/// The files of a scenario: its own first, then its messages by name.
pub fn files(scenario: &Scenario) -> Vec<ShopFile> {
    let messages: BTreeSet<&String> = scenario.sends().flat_map(|send| send.templates()).collect();
    let messages = messages.into_iter().filter_map(|name| ShopFile::of_message(name).ok());
    ShopFile::of_scenario(&scenario.scenario).into_iter().chain(messages).collect()
}

/// The form over these texts; nothing for one that is not TOML.
pub fn groups(lang: Lang, texts: &[(ShopFile, String)]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (file, text) in texts {
        let Ok(leaves) = leaves(text) else { continue };
        for leaf in &leaves {
            let Some((group, label, kind)) = shown(lang, file, &leaves, leaf) else { continue };
            let value = leaf.value.plain();
            let field = Field {
                name: name(VALUE, file, &leaf.path),
                was: name(WAS, file, &leaf.path),
                label,
                kind,
                value: value.clone(),
            };
            match groups.iter_mut().find(|known| known.title == group) {
                Some(known) => known.fields.push(field),
                None => groups.push(Group { title: group, fields: vec![field] }),
            }
        }
    }
    groups
}

/// The texts with what was changed in the form. Those without a change are left out.
pub fn changed(texts: &[(ShopFile, String)], fields: &Fields) -> Result<Vec<(ShopFile, String)>, NotChanged> {
    let mut changed = Vec::new();
    for (file, text) in texts {
        let mut changes = BTreeMap::new();
        for leaf in leaves(text)? {
            let (value, was) = (name(VALUE, file, &leaf.path), name(WAS, file, &leaf.path));
            if let (Some(value), Some(was)) = (fields.given(&value), fields.given(&was)) {
                let (value, was) = (lines(value), lines(was));
                if value != was {
                    changes.insert(leaf.path.clone(), leaf.value.typed(&value));
                }
            }
        }
        if !changes.is_empty() {
            changed.push((file.clone(), replace(text, &changes)?));
        }
    }
    Ok(changed)
}

/// A browser sends CRLF.
pub fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn name(kind: &str, file: &ShopFile, path: &str) -> String {
    format!("{kind}:{}:{path}", file.as_str())
}

/// In which part of the form a value is shown, under which words, and how it is filled in; nothing for what the form leaves to the text.
fn shown(lang: Lang, file: &ShopFile, leaves: &[Leaf], leaf: &Leaf) -> Option<(String, String, Kind)> {
    if let Some(message) = file.as_str().strip_prefix("messages/") {
        let message = message.trim_end_matches(".toml");
        let (channel_name, part) = leaf.path.split_once('.')?;
        let group = format!(
            "{} {message} · {}",
            words::DESK_MESSAGE.get(lang),
            channel(lang, Channel::parse(channel_name).filter(|_| !part.contains('.'))?)
        );
        return Some(match part {
            "body" => (group, words::DESK_BODY.get(lang).into(), Kind::Lines),
            "subject" => (group, words::DESK_SUBJECT.get(lang).into(), Kind::Line),
            other => (group, other.into(), Kind::Line),
        });
    }
    let parts: Vec<&str> = leaf.path.split('.').collect();
    let general = |word: Word, kind: Kind| Some((words::DESK_GENERAL.get(lang).to_string(), word.get(lang).to_string(), kind));
    let of_step = |index: &str, word: Word, kind: Kind| {
        let id = leaves.iter().find(|known| known.path == format!("step.{index}.id"));
        let id = id.map_or(index.to_string(), |id| id.value.plain());
        Some((words::DESK_STEP.fill(lang, &[&id]), word.get(lang).to_string(), kind))
    };
    match parts.as_slice() {
        ["title", "ja"] => general(words::DESK_TITLE_JA, Kind::Line),
        ["title", "en"] => general(words::DESK_TITLE_EN, Kind::Line),
        ["description", "ja"] => general(words::DESK_DESCRIPTION_JA, Kind::Line),
        ["description", "en"] => general(words::DESK_DESCRIPTION_EN, Kind::Line),
        ["priority"] => general(words::DESK_PRIORITY, Kind::Line),
        ["entry", "at"] => general(words::DESK_ENTRY_AT, Kind::Line),
        ["entry", "once"] => general(words::DESK_ONCE, Kind::Line),
        ["entry", "date", "days"] => general(words::DESK_DATE_DAYS, Kind::Line),
        ["entry", "reentry", "calendar_days"] => general(words::DESK_COOLDOWN_DAYS, Kind::Line),
        ["entry", "reentry", "elapsed"] => general(words::DESK_COOLDOWN, Kind::Line),
        ["entry", "params", param] => {
            Some((words::DESK_GENERAL.get(lang).into(), words::DESK_PARAM.fill(lang, &[param]), Kind::Line))
        }
        ["goal", "within"] => general(words::DESK_GOAL_WITHIN, Kind::Line),
        ["holdout", "percent"] => general(words::DESK_HOLDOUT, Kind::Line),
        ["step", index, "wait", "for"] => of_step(index, words::DESK_WAIT_FOR, Kind::Line),
        ["step", index, "wait", "until"] => of_step(index, words::DESK_WAIT_UNTIL, Kind::Line),
        ["step", index, "wait", "at"] => of_step(index, words::DESK_WAIT_AT, Kind::Line),
        ["step", index, "wait", "days"] => of_step(index, words::DESK_WAIT_DAYS, Kind::Line),
        ["step", index, "wait", "timeout"] => of_step(index, words::DESK_WAIT_TIMEOUT, Kind::Line),
        ["step", index, "send", "valid_for"] => of_step(index, words::DESK_VALID_FOR, Kind::Line),
        ["step", index, "send", "best_time", "otherwise"] => of_step(index, words::DESK_BEST_OTHERWISE, Kind::Line),
        ["step", index, "send", "on_cap"] => of_step(
            index,
            words::DESK_ON_CAP,
            Kind::Choice(vec![
                ("skip", words::DESK_SKIP),
                ("next_channel", words::DESK_NEXT_CHANNEL),
                ("defer", words::DESK_DEFER),
            ]),
        ),
        ["step", index, "send", "on_quiet"] => of_step(
            index,
            words::DESK_ON_QUIET,
            Kind::Choice(vec![
                ("defer", words::DESK_DEFER),
                ("next_channel", words::DESK_NEXT_CHANNEL),
                ("drop", words::DESK_SKIP),
            ]),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::FILES;

    fn texts() -> Vec<(ShopFile, String)> {
        let text = |path: &str| FILES.iter().find(|file| file.0 == path).expect(path).1.to_string();
        let path = "scenarios/cart-recovery.toml";
        let scenario = Scenario::parse(path, &text(path)).expect("a scenario");
        files(&scenario).into_iter().map(|file| (file.clone(), text(file.as_str()))).collect()
    }

    #[test]
    fn the_form_shows_what_is_worded_and_timed() {
        let check = |lang, expect: &[(&str, usize)]| {
            let groups = groups(lang, &texts());
            let found: Vec<(&str, usize)> = groups.iter().map(|group| (group.title.as_str(), group.fields.len())).collect();
            assert_eq!(found, expect);
        };
        check(
            Lang::Ja,
            &[
                ("全体", 8),
                ("ステップ wait3h", 1),
                ("ステップ remind", 3),
                ("ステップ wait1d", 1),
                ("ステップ again", 3),
                ("メッセージ cart_1 · メール", 2),
                ("メッセージ cart_1 · LINE", 1),
                ("メッセージ cart_1 · SMS", 1),
                ("メッセージ cart_2 · メール", 2),
                ("メッセージ cart_2 · LINE", 1),
                ("メッセージ cart_2 · SMS", 1),
            ],
        );
        assert_eq!(groups(Lang::En, &texts())[2].title, "Step remind");
    }

    #[test]
    fn what_was_changed_is_changed_and_nothing_else() {
        let texts = texts();
        let check = |fields: &[(&str, &str, &str)], expect: &[(&str, &str, &str)]| {
            let fields = fields.iter().flat_map(|(field, was, value)| {
                [(format!("v:{field}"), value.to_string()), (format!("w:{field}"), was.to_string())]
            });
            let found = changed(&texts, &Fields(fields.collect())).expect("changes");
            let text = |path: &str| texts.iter().find(|(file, _)| file.as_str() == path).expect(path).1.clone();
            let expect: Vec<(String, String)> =
                expect.iter().map(|(path, from, to)| (path.to_string(), text(path).replacen(from, to, 1))).collect();
            let found: Vec<(String, String)> = found.into_iter().map(|(file, text)| (file.as_str().into(), text)).collect();
            assert_eq!(found, expect);
        };
        let scenario = "scenarios/cart-recovery.toml";
        check(&[("scenarios/cart-recovery.toml:step.0.wait.for", "3h", "4h")], &[(scenario, "\"3h\"", "\"4h\"")]);
        check(&[("scenarios/cart-recovery.toml:holdout.percent", "30", "5")], &[(scenario, "percent = 30", "percent = 5")]);
        // What was not touched stays, whatever the file says now.
        check(&[("scenarios/cart-recovery.toml:step.0.wait.for", "9h", "9h")], &[]);
        check(&[("messages/cart_1.toml:sms.body", "a\nb", "a\r\nb")], &[]);
        // Files that are not the scenario's are nobody's business here.
        check(&[("tsubame.toml:name", "a", "b"), ("messages/f2_a.toml:line.body", "a", "b")], &[]);
        check(
            &[("messages/cart_1.toml:email.subject", "was", "新しい件名")],
            &[("messages/cart_1.toml", "カートにお品物が残っています", "新しい件名")],
        );
    }
}
