//! A broadcast as a form: what a marketer fills in, and the two files that it is. A file that says more than the form can show is left to its
//! editor.

use std::collections::BTreeMap;

use connect::template::Template;
use model::{
    Channel, Purpose, Scenario,
    scenario::{OnCap, OnQuiet},
};

use crate::toml_text::{Scalar, written};

/// More are not tried one after the other.
pub const CHANNELS: [Channel; 3] = [Channel::Line, Channel::Email, Channel::Sms];
pub const ON_CAP: [&str; 3] = ["skip", "next_channel", "defer"];
pub const ON_QUIET: [&str; 3] = ["defer", "next_channel", "drop"];
const STEP: &str = "send";

/// As it was typed, right or wrong: the reader of the files says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The scenario's id.
    pub name: String,
    pub title_ja: String,
    pub title_en: String,
    pub segment: String,
    pub exclude: Vec<String>,
    /// Who was sent an advertisement within so many days stays out.
    pub sent_within_days: String,
    /// In the order in which they are tried; an empty one is none.
    pub channels: [String; 3],
    /// A message that there is; empty for one of the broadcast's own.
    pub template: String,
    pub words: BTreeMap<Channel, (String, String)>,
    /// `2026-12-01` and `10:00`, shop time.
    pub day: String,
    pub time: String,
    pub valid_for_hours: String,
    pub priority: String,
    pub ignore_caps: bool,
    pub on_cap: String,
    pub on_quiet: String,
    /// Ids of customers, separated by commas.
    pub test_list: String,
    /// An order within so many days counts for it.
    pub goal_days: String,
    /// What else the scenario's file says, kept as it is: its comments at the top, and whether it is reserved.
    pub head: String,
    pub enabled: bool,
}

impl Default for Form {
    fn default() -> Form {
        let text = String::new;
        Form {
            name: text(),
            title_ja: text(),
            title_en: text(),
            segment: text(),
            exclude: Vec::new(),
            sent_within_days: text(),
            channels: ["line".into(), "email".into(), text()],
            template: text(),
            words: CHANNELS.into_iter().map(|channel| (channel, (text(), starting_body(channel).into()))).collect(),
            day: text(),
            time: "10:00".into(),
            valid_for_hours: "12".into(),
            priority: "0".into(),
            ignore_caps: false,
            on_cap: ON_CAP[0].into(),
            on_quiet: ON_QUIET[0].into(),
            test_list: text(),
            goal_days: "5".into(),
            head: text(),
            enabled: false,
        }
    }
}

/// With what the law asks of an advertisement already in it.
fn starting_body(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => {
            "{{ name }}\n\n\n\n{{ link }}\n\n――――――――――\n{{ shop.sender_name }}\n{{ shop.postal_address }}\n{{ shop.contact }}\n配信停止: {{ unsubscribe_url }}\n"
        }
        Channel::Sms => "{{ link }} {{ shop.sender_name }} 停止: {{ unsubscribe_url }}",
        _ => "{{ name }}\n\n{{ link }}\n\n{{ shop.name }} 配信停止: {{ unsubscribe_url }}",
    }
}

impl Form {
    /// The form of a broadcast's files; `None` where they say more than it can show.
    pub fn of(scenario: &Scenario, text: &str, template: Option<&Template>) -> Option<Form> {
        let send = scenario.steps.first()?.send.as_ref()?;
        let once = scenario.entry.once?;
        let whole = |span: model::time::Span, unit: i64| {
            let seconds = span.0.num_seconds();
            (seconds > 0 && seconds % unit == 0).then(|| (seconds / unit).to_string())
        };
        let channel = |place: usize| send.channels.get(place).map(|channel| channel.name().to_string()).unwrap_or_default();
        let mut form = Form {
            name: scenario.scenario.clone(),
            title_ja: scenario.title.ja.clone(),
            title_en: scenario.title.en.clone(),
            segment: scenario.entry.segment.clone()?,
            exclude: scenario.entry.exclude.clone(),
            sent_within_days: scenario.entry.exclude_sent_within.map_or(Some(String::new()), |span| whole(span, 86_400))?,
            channels: [channel(0), channel(1), channel(2)],
            template: send.template.clone(),
            day: once.0.format("%Y-%m-%d").to_string(),
            time: once.0.format("%H:%M").to_string(),
            valid_for_hours: send.valid_for.map_or(Some(String::new()), |span| whole(span, 3_600))?,
            priority: scenario.priority.to_string(),
            ignore_caps: send.ignore_caps,
            on_cap: on_cap(send.on_cap).into(),
            on_quiet: on_quiet(send.on_quiet).into(),
            test_list: scenario.test_list.join(", "),
            goal_days: whole(scenario.goal.within, 86_400)?,
            head: text
                .lines()
                .take_while(|line| line.trim().is_empty() || line.starts_with('#'))
                .fold(String::new(), |head, line| head + line + "\n"),
            enabled: scenario.enabled,
            ..Form::default()
        };
        if let Some(template) = template.filter(|template| template.name == form.own_message()) {
            form.template = String::new();
            for (channel, words) in &template.words {
                form.words.insert(*channel, (words.subject.clone().unwrap_or_default(), words.body.clone()));
            }
            let holes = Template::parse(&template.name, &template.file, &form.message()).ok()?;
            if holes.words != template.words || holes.variables != template.variables {
                return None;
            }
        }
        // What comes back as something else would be lost by saving.
        let back = Scenario::parse("", &form.scenario()).ok()?;
        (back == *scenario).then_some(form)
    }

    /// The message of its own has its name.
    pub fn own_message(&self) -> String {
        self.name.clone()
    }

    /// The file of its scenario.
    pub fn scenario(&self) -> String {
        let text = |text: &str| written(&Scalar::Text(text.into()));
        let list = |members: &mut dyn Iterator<Item = &str>| format!("[{}]", members.map(text).collect::<Vec<_>>().join(", "));
        let number = |raw: &str| Scalar::Int(0).typed(raw);
        let unit = |raw: &str, unit: &str| text(&format!("{}{unit}", raw.trim()));
        let title_en = if self.title_en.is_empty() { &self.title_ja } else { &self.title_en };
        let mut lines = vec![
            format!("scenario = {}", text(&self.name)),
            format!("title = {{ ja = {}, en = {} }}", text(&self.title_ja), text(title_en)),
        ];
        if self.priority.trim() != "0" && !self.priority.trim().is_empty() {
            lines.push(format!("priority = {}", written(&number(&self.priority))));
        }
        lines.push(format!("enabled = {}", self.enabled));
        let testers: Vec<&str> = self.test_list.split([',', '、', '\n']).map(str::trim).filter(|id| !id.is_empty()).collect();
        if !testers.is_empty() {
            lines.push(format!("test_list = {}", list(&mut testers.into_iter())));
        }
        lines.push(format!("\n[entry]\nsegment = {}", text(&self.segment)));
        lines.push(format!("once = {}", text(&format!("{}T{}", self.day.trim(), self.time.trim()))));
        if !self.exclude.is_empty() {
            lines.push(format!("exclude = {}", list(&mut self.exclude.iter().map(String::as_str))));
        }
        if !self.sent_within_days.trim().is_empty() {
            lines.push(format!("exclude_sent_within = {}", unit(&self.sent_within_days, "d")));
        }
        lines.push(format!("\n[goal]\non = \"order_placed\"\nwithin = {}", unit(&self.goal_days, "d")));
        let template = if self.template.is_empty() { self.own_message() } else { self.template.clone() };
        lines.push(format!("\n[[step]]\nid = {}\n\n[step.send]", text(STEP)));
        lines.push(format!("purpose = {}", text(purpose())));
        lines.push(format!("try = {}", list(&mut self.tried())));
        lines.push(format!("template = {}", text(&template)));
        if !self.valid_for_hours.trim().is_empty() {
            lines.push(format!("valid_for = {}", unit(&self.valid_for_hours, "h")));
        }
        lines.push(format!("on_cap = {}\non_quiet = {}", text(&self.on_cap), text(&self.on_quiet)));
        if self.ignore_caps {
            lines.push("ignore_caps = true".into());
        }
        format!("{}{}\n", self.head, lines.join("\n"))
    }

    /// The file of the message of its own.
    pub fn message(&self) -> String {
        let text = |text: &str| written(&Scalar::Text(text.into()));
        let mut parts = Vec::new();
        for channel in self.tried().filter_map(Channel::parse) {
            let Some((subject, body)) = self.words.get(&channel) else { continue };
            let subject = match channel {
                Channel::Email => format!("subject = {}\n", text(subject)),
                _ => String::new(),
            };
            parts.push(format!("[{channel}]\n{subject}body = {}\n", text(body)));
        }
        parts.join("\n")
    }

    fn tried(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(String::as_str).filter(|channel| !channel.is_empty())
    }
}

fn purpose() -> &'static str {
    Purpose::Marketing.name()
}

fn on_cap(on_cap: OnCap) -> &'static str {
    match on_cap {
        OnCap::Skip => ON_CAP[0],
        OnCap::NextChannel => ON_CAP[1],
        OnCap::Defer => ON_CAP[2],
    }
}

fn on_quiet(on_quiet: OnQuiet) -> &'static str {
    match on_quiet {
        OnQuiet::Defer => ON_QUIET[0],
        OnQuiet::NextChannel => ON_QUIET[1],
        OnQuiet::Drop => ON_QUIET[2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Form {
        let mut form = Form {
            name: "summer-sale".into(),
            title_ja: "夏の\"セール\"".into(),
            title_en: "Summer sale".into(),
            segment: "lapsed_without_subscription".into(),
            exclude: vec!["vip".into(), "win_back".into()],
            sent_within_days: "7".into(),
            day: "2026-07-10".into(),
            time: "10:30".into(),
            priority: "5".into(),
            ignore_caps: true,
            on_cap: "next_channel".into(),
            on_quiet: "drop".into(),
            test_list: "c0001, c0002".into(),
            head: "# For the summer.\n\n".into(),
            ..Form::default()
        };
        form.words.insert(Channel::Email, ("件名 {{ name }}".into(), "本文\n\"\"\"\n\\ {{ shop.contact }}\n".into()));
        form.words.insert(Channel::Line, (String::new(), "一行".into()));
        form
    }

    fn template(form: &Form) -> Template {
        Template::parse(&form.own_message(), "messages/summer-sale.toml", &form.message()).expect("a message")
    }

    #[test]
    fn what_was_filled_in_comes_back() {
        let check = |form: Form| {
            let text = form.scenario();
            let scenario = Scenario::parse("s.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
            assert!(scenario.is_broadcast(), "{text}");
            let template = form.template.is_empty().then(|| template(&form));
            assert_eq!(Form::of(&scenario, &text, template.as_ref()), Some(form), "{text}");
        };
        check(filled());
        check(Form { enabled: true, sent_within_days: String::new(), valid_for_hours: String::new(), ..filled() });
        let channels = ["email".into(), String::new(), String::new()];
        let words = Form { channels: channels.clone(), ..Form::default() }.words;
        check(Form { channels, words, template: "cart_1".into(), head: String::new(), ..filled() });
    }

    #[test]
    fn a_file_that_says_more_is_left_alone() {
        let form = filled();
        let check = |from: &str, to: &str, expect: bool| {
            let text = form.scenario().replace(from, to);
            let scenario = Scenario::parse("s.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
            assert_eq!(Form::of(&scenario, &text, Some(&template(&form))).is_some(), expect, "{to}");
        };
        check("priority = 5", "priority = 5", true);
        check("[goal]", "[holdout]\npercent = 5\nsalt = \"x\"\n[goal]", false);
        check("\"7d\"", "\"36h\"", false);
        check("on = \"order_placed\"", "on = \"signed_up\"", false);
        check("purpose = \"marketing\"", "purpose = \"transactional\"", false);
        check("on_quiet", "tags = [\"sale\"]\non_quiet", false);
        check("[goal]", "[[exit]]\non = \"order_placed\"\n[goal]", false);
        // A message with words that the form does not show.
        let text = form.scenario();
        let scenario = Scenario::parse("s.toml", &text).expect("a scenario");
        let more = format!("{}\n[web_push]\nbody = \"x\"\n", form.message());
        let more = Template::parse(&form.own_message(), "m.toml", &more).expect("a message");
        assert_eq!(Form::of(&scenario, &text, Some(&more)), None);
    }
}
