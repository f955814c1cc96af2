//! The form a broadcast is made with: works without a script, and keeps what was typed when it is refused.

use maud::{Markup, html};
use model::Channel;

use super::{channel_word, href};
use crate::{
    broadcasts::form::{CHANNELS, Form, ON_CAP, ON_QUIET},
    pages::{Lang, Locale, csrf_field, words},
};

/// A segment to choose from, with its size where that was saved.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    pub name: String,
    pub title: String,
    pub members: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Editor {
    pub csrf: String,
    /// The broadcast that is edited; nothing for a new one.
    pub of: Option<String>,
    pub form: Form,
    /// Of the files as they were when the form was opened.
    pub started: String,
    pub started_message: String,
    pub segments: Vec<Choice>,
    pub templates: Vec<String>,
    /// What keeps it from being saved: what is wrong and what to do.
    pub problems: Vec<(String, Option<String>)>,
    /// Somebody else saved meanwhile: the file, and what it says now.
    pub conflict: Option<(String, String)>,
}

/// Posts to itself.
pub fn draw(locale: &Locale, editor: &Editor) -> Markup {
    let (lang, form) = (locale.lang, &editor.form);
    html! {
        p class="intro" { (words::BROADCAST_FORM_INTRO.get(lang)) }
        @if let Some((file, theirs)) = &editor.conflict {
            section class="card card-wide failed" role="alert" {
                p { (words::BROADCAST_CONFLICT.fill(lang, &[file])) }
                pre tabindex="0" { code { (theirs) } }
            }
        }
        @if !editor.problems.is_empty() {
            section class="card card-wide failed" role="alert" {
                p class="failed-title" { (words::BROADCAST_NOT_SAVED.get(lang)) }
                ul {
                    @for (problem, remedy) in &editor.problems {
                        li { (problem) @if let Some(remedy) = remedy { " — " strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                    }
                }
            }
        }
        form method="post" action=[editor.of.is_none().then_some("/broadcasts/new")] {
            (csrf_field(&editor.csrf))
            input type="hidden" name="started" value=(editor.started);
            input type="hidden" name="started_message" value=(editor.started_message);
            div class="cards" {
                (audience(locale, editor))
                (schedule(lang, form))
                (message(lang, editor))
                (sending(lang, form))
            }
            div class="filters" {
                button class="primary" type="submit" { (words::BROADCAST_SAVE.get(lang)) }
                @if let Some(name) = &editor.of { a class="button" href=(href(name)) { (words::BROADCAST_BACK.get(lang)) } }
            }
        }
    }
}

fn audience(locale: &Locale, editor: &Editor) -> Markup {
    let (lang, form) = (locale.lang, &editor.form);
    html! {
        section class="card" aria-labelledby="audience" {
            h2 id="audience" { (words::BROADCAST_AUDIENCE.get(lang)) }
            div class="filters" {
                label {
                    span { (words::BROADCAST_NAME.get(lang)) }
                    @match &editor.of {
                        Some(name) => { input type="text" name="name" value=(name) readonly; },
                        None => { input type="text" name="name" value=(form.name) required pattern="[a-z][a-z0-9-]*"; },
                    }
                }
                (field(words::BROADCAST_TITLE.get(lang), "text", "title_ja", &form.title_ja))
                (field(words::BROADCAST_TITLE_EN.get(lang), "text", "title_en", &form.title_en))
                label {
                    span { (words::SEGMENT.get(lang)) }
                    select name="segment" required {
                        option value="" { "—" }
                        @for segment in &editor.segments {
                            option value=(segment.name) selected[segment.name == form.segment] { (choice(locale, segment)) }
                        }
                    }
                }
                (field(words::BROADCAST_SENT_WITHIN.get(lang), "number", "sent_within_days", &form.sent_within_days))
            }
            label class="tall" {
                span { (words::BROADCAST_EXCLUDE.get(lang)) }
                select name="exclude" multiple size="6" {
                    @for segment in &editor.segments {
                        option value=(segment.name) selected[form.exclude.contains(&segment.name)] { (choice(locale, segment)) }
                    }
                }
            }
            p class="note" { a href="/segment-form" { (words::SEGMENT_FORM_NEW.get(lang)) } " · " a href="/import" { (words::IMPORT.get(lang)) } }
        }
    }
}

fn choice(locale: &Locale, segment: &Choice) -> String {
    let members = segment.members.map_or_else(
        || words::BROADCAST_NOT_COUNTED.get(locale.lang).to_string(),
        |members| words::BROADCAST_MEMBERS.fill(locale.lang, &[&locale.count(members)]),
    );
    format!("{} ({members})", segment.title)
}

fn schedule(lang: Lang, form: &Form) -> Markup {
    html! {
        section class="card" aria-labelledby="schedule" {
            h2 id="schedule" { (words::BROADCAST_SCHEDULE.get(lang)) }
            div class="filters" {
                label { span { (words::BROADCAST_DAY.get(lang)) } input type="date" name="day" value=(form.day) required; }
                label { span { (words::BROADCAST_TIME.get(lang)) } input type="time" name="time" value=(form.time) required; }
                (field(words::BROADCAST_VALID_FOR.get(lang), "number", "valid_for_hours", &form.valid_for_hours))
                (field(words::BROADCAST_GOAL_DAYS.get(lang), "number", "goal_days", &form.goal_days))
            }
            p class="note" { (words::BROADCAST_SCHEDULE_NOTE.get(lang)) }
        }
    }
}

fn message(lang: Lang, editor: &Editor) -> Markup {
    let form = &editor.form;
    html! {
        section class="card card-wide" aria-labelledby="message" {
            h2 id="message" { (words::BROADCAST_MESSAGE.get(lang)) }
            div class="filters" {
                @for (place, chosen) in form.channels.iter().enumerate() {
                    label {
                        span { (words::BROADCAST_CHANNEL.fill(lang, &[&(place + 1).to_string()])) }
                        select name={ "channel_" (place) } {
                            @if place > 0 { option value="" { "—" } }
                            @for channel in CHANNELS {
                                option value=(channel.name()) selected[chosen == channel.name()] { (channel_word(lang, channel)) }
                            }
                        }
                    }
                }
                label {
                    span { (words::BROADCAST_TEMPLATE.get(lang)) }
                    select name="template" {
                        option value="" { (words::BROADCAST_OWN_MESSAGE.get(lang)) }
                        @for template in &editor.templates {
                            option value=(template) selected[*template == form.template] { (template) }
                        }
                    }
                }
            }
            @for channel in CHANNELS { (words_of(lang, form, channel)) }
            p class="note" { (words::BROADCAST_MESSAGE_NOTE.get(lang)) }
        }
    }
}

fn words_of(lang: Lang, form: &Form, channel: Channel) -> Markup {
    let (subject, body) = form.words.get(&channel).cloned().unwrap_or_default();
    html! {
        fieldset {
            legend { (channel_word(lang, channel)) }
            @if channel == Channel::Email {
                label class="tall" {
                    span { (words::BROADCAST_SUBJECT.get(lang)) }
                    input type="text" name={ "subject_" (channel.name()) } value=(subject);
                }
            }
            label class="tall" {
                span { (words::BROADCAST_BODY.get(lang)) }
                // The first line break after the tag is not part of the text.
                textarea name={ "body_" (channel.name()) } rows=(if channel == Channel::Email { "10" } else { "4" }) { "\n" (body) }
            }
        }
    }
}

fn sending(lang: Lang, form: &Form) -> Markup {
    html! {
        section class="card card-wide" aria-labelledby="sending" {
            h2 id="sending" { (words::BROADCAST_SENDING.get(lang)) }
            div class="filters" {
                (field(words::BROADCAST_PRIORITY.get(lang), "number", "priority", &form.priority))
                label {
                    span { (words::BROADCAST_IGNORE_CAPS.get(lang)) }
                    input type="checkbox" name="ignore_caps" value="1" checked[form.ignore_caps];
                }
                (chosen(words::BROADCAST_ON_CAP.get(lang), "on_cap", &ON_CAP, &form.on_cap, lang))
                (chosen(words::BROADCAST_ON_QUIET.get(lang), "on_quiet", &ON_QUIET, &form.on_quiet, lang))
                (field(words::BROADCAST_TEST_LIST.get(lang), "text", "test_list", &form.test_list))
            }
            p class="note" { (words::BROADCAST_TEST_NOTE.get(lang)) }
        }
    }
}

fn chosen(label: &str, name: &str, ways: &[&str], value: &str, lang: Lang) -> Markup {
    let word = |way: &str| match way {
        "skip" | "drop" => words::WAY_DROP,
        "next_channel" => words::WAY_NEXT_CHANNEL,
        _ => words::WAY_DEFER,
    };
    html! {
        label {
            span { (label) }
            select name=(name) {
                @for way in ways { option value=(way) selected[*way == value] { (word(way).get(lang)) } }
            }
        }
    }
}

fn field(label: &str, kind: &str, name: &str, value: &str) -> Markup {
    html! { label { span { (label) } input type=(kind) name=(name) value=(value); } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;

    #[test]
    fn what_was_filled_in_is_kept() {
        let mut form = Form {
            name: "summer-sale".into(),
            title_ja: "\"><script>".into(),
            segment: "vip".into(),
            exclude: vec!["lapsed".into()],
            template: "cart_1".into(),
            day: "2026-07-10".into(),
            ignore_caps: true,
            on_cap: "defer".into(),
            ..Form::default()
        };
        form.words.insert(Channel::Email, ("<script>".into(), "</textarea><script>".into()));
        let choice = |name: &str, members| Choice { name: name.into(), title: "<script>".into(), members };
        let editor = Editor {
            csrf: "t0ken".into(),
            form,
            started: "h4sh".into(),
            segments: vec![choice("vip", Some(1200)), choice("lapsed", None)],
            templates: vec!["cart_1".into()],
            problems: vec![("<script>".into(), Some("<script>".into()))],
            conflict: Some(("scenarios/summer-sale.toml".into(), "<script>".into())),
            ..Editor::default()
        };
        let check = |lang, parts: &[&str]| {
            let page = draw(&locale(lang), &editor).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
            assert_eq!(page.matches(" selected>").count(), 7, "{page}");
        };
        check(Lang::Ja, &["1,200人", "value=\"t0ken\"", "value=\"h4sh\"", "value=\"2026-07-10\"", "action=\"/broadcasts/new\""]);
        check(Lang::En, &["<option value=\"defer\" selected>", "not counted yet", "name=\"ignore_caps\" value=\"1\" checked"]);
        let edited = draw(&locale(Lang::Ja), &Editor { of: Some("summer-sale".into()), ..editor.clone() }).into_string();
        assert!(edited.contains("value=\"summer-sale\" readonly") && !edited.contains("/broadcasts/new\""), "{edited}");
    }
}
