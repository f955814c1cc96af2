//! One pass of a customer through a scenario: why it began, what was sent, what was not and why, and what comes next.

use model::{EntryStatus, Instant, Scenario, SendState, Step, Text, scenario::SendStep};

use super::{Pass, Question, Sent, Stopped, Words, standing::listed, words, words::both};
use crate::gates::{Member, cap};

pub fn tell(question: &Question, words: &Words, pass: &Pass) -> Vec<Text> {
    let scenario = question.scenario(&pass.scenario, &pass.version);
    let mut lines = vec![entered(words, scenario, pass)];
    if pass.held_out {
        lines.push(Text::new(
            "このシナリオのホールドアウトに入っているため、何も送らず、送るはずだったものだけを記録する",
            "They are in the scenario's holdout: nothing is sent, and what would have been is recorded",
        ));
    }
    // In the order of time; what was decided before what came of it.
    let mut dated: Vec<(Instant, Text)> = Vec::new();
    let of_pass = |sent: &&Sent| sent.entry_id == pass.entry_id;
    for sent in question.facts.sends.iter().filter(of_pass) {
        dated.push((sent.accepted_at.or(sent.handed_at).unwrap_or(sent.due_at), of_send(question, words, sent)));
    }
    for stop in question.facts.stops.iter().filter(|stop| stop.entry_id == pass.entry_id && !is_told(question, stop)) {
        dated.push((stop.at, of_stop(question, words, scenario, pass, stop)));
    }
    dated.sort_by(|a, b| (a.0, &a.1.en).cmp(&(b.0, &b.1.en)));
    lines.extend(dated.into_iter().map(|(_, line)| line));
    lines.push(stands(question, words, scenario, pass));
    lines
}

fn entered(words: &Words, scenario: Option<&Scenario>, pass: &Pass) -> Text {
    let entry = scenario.map(|scenario| &scenario.entry);
    let by = match entry {
        Some(entry) if entry.on.is_some() => {
            both!("イベント「{}」による", "by the event `{}`", entry.on.as_deref().unwrap_or_default())
        }
        Some(entry) if entry.segment.is_some() => {
            both!("セグメント「{}」に該当", "the segment `{}` had them", entry.segment.as_deref().unwrap_or_default())
        }
        Some(entry) if entry.date.is_some() => {
            let of = entry.date.as_ref().map_or("", |date| date.of.as_str());
            both!("日付「{}」による", "by the date `{}`", of)
        }
        _ => Text::new("定義のファイルは今はない", "its file is gone"),
    };
    both!("{}に開始（{}、キー {}）", "Entered on {} ({}, key {})", words.at(pass.entered_at), by, pass.entry_key)
}

/// A stop at the send instant is said with its send.
fn is_told(question: &Question, stop: &Stopped) -> bool {
    let is_its = |sent: &&Sent| sent.entry_id == stop.entry_id && sent.step == stop.step && Some(sent.channel) == stop.channel;
    question.facts.sends.iter().filter(is_its).any(|sent| sent.state == SendState::Stopped)
}

fn of_send(question: &Question, words: &Words, sent: &Sent) -> Text {
    let at = match sent.state {
        SendState::Planned | SendState::Claimed => sent.due_at + question.grace,
        SendState::Ghost => sent.due_at,
        _ => sent.accepted_at.or(sent.handed_at).unwrap_or(sent.changed_at),
    };
    let what = match &sent.arm {
        Some(arm) => both!("{}・{}", "{}, arm {}", sent.template, arm),
        None => both!("{}", "{}", sent.template),
    };
    let mut parts = vec![words::state(sent.state)];
    parts.extend(in_place_of(question, sent).map(|failed| both!("{}の代わり", "in place of {}", words::channel(failed.channel))));
    parts.extend(sent.detail.as_deref().filter(|_| sent.state != SendState::Accepted).map(|detail| told(words, detail)));
    let mut receipts: Vec<_> = question.facts.receipts.iter().filter(|receipt| receipt.send_id == sent.send_id).collect();
    receipts.sort_by_key(|receipt| receipt.at);
    for receipt in receipts {
        let kind = words::receipt(&receipt.kind, receipt.human);
        parts.push(both!("{1}に{0}", "{0} on {1}", kind, words.at(receipt.at)));
    }
    both!(
        "{} {}（ステップ {}、{}）：{}",
        "{} {} (step {}, {}): {}",
        words.at(at),
        words::channel(sent.channel),
        sent.step,
        what,
        listed(&parts)
    )
}

/// The last send of the step that did not arrive, for one on the next channel.
fn in_place_of<'a>(question: &Question<'a>, sent: &Sent) -> Option<&'a Sent> {
    let is_its = |other: &&Sent| {
        (&other.entry_id, &other.step) == (&sent.entry_id, &sent.step)
            && matches!(other.state, SendState::Failed | SendState::Parked)
            && other.channel != sent.channel
            && other.changed_at < sent.due_at
    };
    question.facts.sends.iter().filter(is_its).max_by_key(|other| other.changed_at)
}

/// What the ledger noted, in words where it has a form of ours: `exited: order_placed`, `quiet: …; until …`.
fn told(words: &Words, detail: &str) -> Text {
    let until = |text: &str| text.parse::<Instant>().ok().map(|at| words.at(at));
    let (why, put_off) = match detail.split_once("; until ") {
        Some((why, time)) => (why, until(time.split(' ').next().unwrap_or_default())),
        None => (detail, None),
    };
    let name = why.split_once(": ").map_or(why, |(name, _)| name);
    let rest = why.split_once(": ").map(|(_, rest)| rest);
    let reason = match (name, rest) {
        ("exited", Some(event)) => both!("離脱条件「{}」に該当", "they had left by `{}`", event),
        ("suppressed", Some(why)) => both!("配信停止中：{}", "suppressed: {}", words::suppression(why)),
        ("quiet", _) => words::stop("quiet"),
        (name, None) => words::stop(name),
        _ => both!("{}", "{}", why),
    };
    match put_off {
        Some(at) => both!("{}、{}に再開", "{}, again on {}", reason, at),
        None => reason,
    }
}

fn of_stop(question: &Question, words: &Words, scenario: Option<&Scenario>, pass: &Pass, stop: &Stopped) -> Text {
    let on = stop.channel.map_or(Text::new("ステップ全体", "the whole step"), words::channel);
    both!(
        "{} 送らなかった：{}（ステップ {}）。理由：{}",
        "{} Not sent on {} (step {}): {}",
        words.at(stop.at),
        on,
        stop.step,
        because(question, words, scenario, pass, stop)
    )
}

/// The reason with what it rests on: of a cap the sends that used it up and when there is room again, of consent what was last said.
fn because(question: &Question, words: &Words, scenario: Option<&Scenario>, pass: &Pass, stop: &Stopped) -> Text {
    let facts = question.facts;
    let of_channel = stop.channel.and_then(|channel| facts.channels.iter().find(|known| known.channel == channel));
    let name = words::stop(&stop.reason);
    match stop.reason.as_str() {
        "cap" => {
            let step = scenario.and_then(|scenario| scenario.step(&stop.step)?.send.as_ref());
            let (reach, sends) = (Default::default(), question.past_sends());
            let tags = step.map(|step| step.tags.clone()).unwrap_or_default();
            let member =
                Member { customer: "", reach: &reach, sends: &sends, held_out: pass.held_out, tags: &tags, ignores_caps: false };
            let channel = stop.channel.or_else(|| step.and_then(|step| step.channels.first().copied()));
            let purpose = step.map(|step| step.purpose).unwrap_or_default();
            // It was decided as of then, before the grace had passed.
            let at = stop.at - question.grace;
            let reached = channel.and_then(|channel| cap::reached(&member, channel, purpose, at, question.rules));
            match reached {
                Some(reached) => {
                    let times: Vec<String> = reached.sent_at.iter().map(|at| words.at(*at)).collect();
                    let again = reached.free_at.map_or(Text::new("空かない", "never"), |at| both!("{}", "{}", words.at(at)));
                    both!(
                        "{}（{}。数えた配信 {}通：{}。次に空く：{}）",
                        "{} ({}; {} counted: {}; room again: {})",
                        name,
                        words::cap(reached.cap),
                        times.len().to_string(),
                        times.join(", "),
                        again
                    )
                }
                None => with(name, stop.detail.as_deref()),
            }
        }
        "no_consent" => match of_channel.and_then(|of| of.consent.as_ref()) {
            Some(said) if said.since <= stop.at && said.what != "granted" => {
                both!("{}（{}に撤回、取得元 {}）", "{} (withdrawn on {}, source {})", name, words.at(said.since), said.source)
            }
            None => both!("{}（一度も得ていない）", "{} (none was ever given)", name),
            Some(_) => name,
        },
        "line_blocked" => {
            let blocked = of_channel.and_then(|of| of.suppressions.iter().find(|said| said.what == "blocked"));
            match blocked.filter(|said| said.since <= stop.at) {
                Some(said) => both!("{}（{}から）", "{} (since {})", name, words.at(said.since)),
                None => name,
            }
        }
        "suppressed" => match stop.detail.as_deref() {
            Some(why) => both!("{}：{}", "{}: {}", name, words::suppression(why)),
            None => name,
        },
        "quiet" => match stop.detail.as_deref().and_then(|detail| detail.parse::<Instant>().ok()) {
            Some(until) => both!("{}（{}まで）", "{} (until {})", name, words.at(until)),
            None => name,
        },
        "exited" => match stop.detail.as_deref() {
            Some(event) => both!("{}（{}）", "{} ({})", name, event),
            None => name,
        },
        _ => with(name, stop.detail.as_deref()),
    }
}

fn with(name: Text, detail: Option<&str>) -> Text {
    match detail {
        Some(detail) => both!("{}（{}）", "{} ({})", name, detail),
        None => name,
    }
}

/// Where the pass stands, and what comes next.
fn stands(question: &Question, words: &Words, scenario: Option<&Scenario>, pass: &Pass) -> Text {
    match pass.status {
        EntryStatus::Finished => both!("{}に最後まで進んだ", "Walked to the end on {}", words.at(pass.moved_at)),
        EntryStatus::Exited => {
            let why = pass.reason.as_deref().map(words::left).unwrap_or_default();
            both!("{}に離脱：{}", "Left on {}: {}", words.at(pass.moved_at), why)
        }
        EntryStatus::Waiting => next(question, words, scenario, pass),
    }
}

fn next(question: &Question, words: &Words, scenario: Option<&Scenario>, pass: &Pass) -> Text {
    let Some(scenario) = scenario else {
        return Text::new(
            "シナリオのファイルがないため、ここで止まっている",
            "The scenario's file is gone, so they stay where they are",
        );
    };
    let awake = question.rules.awake(&scenario.scenario, pass.due_at);
    if !scenario.enabled || awake == Instant::MAX_UTC {
        return Text::new("シナリオが停止中のため、再開まで進まない", "The scenario is paused: they go on when it is resumed");
    }
    let at = words.at(awake + question.grace);
    let step = scenario.step(&pass.step);
    // A send that was put off is decided again at that time, with every check.
    if let (Some(send), Some(reason)) = (step.and_then(|step| step.send.as_ref()), &pass.reason) {
        let why = reason.split_once(" since ").map_or(reason.as_str(), |(why, _)| why);
        return both!(
            "次：{}に「{}」（{}）を改めて判定する（{}延期）",
            "Next: on {} step {} ({}) is decided again (put off {})",
            at,
            pass.step,
            channels(send),
            words::put_off(why)
        );
    }
    let followers: Vec<Text> = match step {
        Some(_) => scenario.followers(&pass.step).into_iter().map(|id| step_words(scenario, id)).collect(),
        None => Vec::new(),
    };
    let event = step.and_then(|step| step.wait.as_ref()?.event.as_deref());
    let then = if followers.is_empty() { Text::new("終了", "the end") } else { either(&followers) };
    match event {
        Some(event) => both!(
            "次：イベント「{}」、または遅くとも{}に：{}",
            "Next: with the event `{}`, or on {} at the latest: {}",
            event,
            at,
            then
        ),
        None => both!("次：{}に：{}", "Next: on {}: {}", at, then),
    }
}

fn either(parts: &[Text]) -> Text {
    let of = |lang: &str, between: &str| parts.iter().map(|part| part.get(lang)).collect::<Vec<_>>().join(between);
    Text { ja: of("ja", "、または"), en: of("en", ", or ") }
}

fn step_words(scenario: &Scenario, id: &str) -> Text {
    match scenario.step(id) {
        Some(Step { send: Some(send), .. }) => {
            both!("「{}」を配信（{}、{}）", "`{}` is sent ({}, message {})", id, channels(send), send.template)
        }
        Some(Step { wait: Some(_), .. }) => both!("待機「{}」", "the wait `{}`", id),
        Some(Step { branch: Some(_), .. }) => both!("分岐「{}」", "the branch `{}`", id),
        Some(_) => both!("「{}」", "`{}`", id),
        None => Text::new("終了", "the end"),
    }
}

fn channels(send: &SendStep) -> Text {
    let names: Vec<Text> = send.channels.iter().map(|channel| words::channel(*channel)).collect();
    let of = |lang: &str, between: &str| names.iter().map(|name| name.get(lang)).collect::<Vec<_>>().join(between);
    Text { ja: of("ja", "→"), en: of("en", ", then ") }
}
