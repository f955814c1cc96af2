//! Scenarios as marketers work on them. One page per file; here are the words that several of them need, and the way from one to the next.

pub mod edit;
pub mod list;
pub mod new;
pub mod preview;
pub mod stops;
pub mod switch;

use maud::{Markup, html};
use model::Channel;

use super::{
    Lang, percent_encode,
    words::{self, Word},
};

/// What is recent.
pub const DAYS: i64 = 30;

/// How a scenario stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never switched on.
    Draft,
    /// Somebody asked for approval.
    Waiting,
    /// Approved, and not switched on.
    Approved,
    On,
    /// Switched on, and held back for want of approval.
    Held,
    Paused,
    /// Switched off after it ran.
    Stopped,
}

impl Standing {
    /// A sign and a word: neither needs its colour.
    pub fn badge(self, lang: Lang) -> Markup {
        let (sign, word, class) = match self {
            Standing::Draft => ("✎", words::DESK_DRAFT, "badge"),
            Standing::Waiting => ("⧗", words::DESK_WAITING, "badge"),
            Standing::Approved => ("✓", words::DESK_APPROVED, "badge good"),
            Standing::On => ("▶", words::DESK_ON, "badge good"),
            Standing::Held => ("⚠", words::DESK_HELD, "badge bad"),
            Standing::Paused => ("⏸", words::DESK_PAUSED, "badge bad"),
            Standing::Stopped => ("■", words::DESK_STOPPED, "badge"),
        };
        html! { span class=(class) { span aria-hidden="true" { (sign) " " } (word.get(lang)) } }
    }
}

/// The pages of one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Edit,
    Preview,
    Switch,
    Stops,
}

impl Place {
    pub fn href(self, name: &str) -> String {
        let page = match self {
            Place::Edit => "edit",
            Place::Preview => "preview",
            Place::Switch => "switch",
            Place::Stops => "stops",
        };
        format!("/scenarios/{page}?name={}", percent_encode(name))
    }
}

/// What a scenario would have done: a page of its own.
pub fn replay_href(name: &str) -> String {
    format!("/scenarios/replay?scenario={}", percent_encode(name))
}

/// What it added, measured.
pub fn measured_href(name: &str) -> String {
    format!("/d/scenario?scenario={}", percent_encode(name))
}

/// From one page of a scenario to the next.
pub fn ways(lang: Lang, name: &str, here: Place) -> Markup {
    let link = |href: String, word: Word, is_here: bool| {
        html! { a href=(href) aria-current=[is_here.then_some("page")] { (word.get(lang)) } }
    };
    html! {
        nav class="actions" aria-label=(words::DESK_WAYS.get(lang)) {
            (link(Place::Edit.href(name), words::DESK_EDIT, here == Place::Edit))
            (link(Place::Preview.href(name), words::DESK_PREVIEW, here == Place::Preview))
            (link(replay_href(name), words::DESK_REPLAY, false))
            (link(Place::Switch.href(name), words::DESK_SWITCH, here == Place::Switch))
            (link(Place::Stops.href(name), words::DESK_STOPS, here == Place::Stops))
            (link(measured_href(name), words::DESK_MEASURED, false))
            a href="/scenarios" { (words::DESK_BACK.get(lang)) }
        }
    }
}

pub fn channel(lang: Lang, channel: Channel) -> &'static str {
    let word = match channel {
        Channel::Email => words::CHANNEL_EMAIL,
        Channel::Line => words::CHANNEL_LINE,
        Channel::Sms => words::CHANNEL_SMS,
        Channel::WebPush => words::CHANNEL_WEB_PUSH,
        Channel::AppPush => words::CHANNEL_APP_PUSH,
        Channel::Webhook => words::CHANNEL_WEBHOOK,
    };
    word.get(lang)
}

/// What is wrong, each with its place and what to do.
pub fn problems(lang: Lang, problems: &[model::Problem]) -> Markup {
    html! {
        @if !problems.is_empty() {
            section class="card card-wide failed" role="alert" {
                p class="failed-title" { span aria-hidden="true" { "⚠ " } (words::DESK_NOT_SAVED.get(lang)) }
                ul {
                    @for problem in problems {
                        li {
                            @if !problem.file.is_empty() {
                                code { (problem.file) @if problem.line > 0 { ":" (problem.line) } } " "
                            }
                            (problem.message)
                            @if let Some(remedy) = &problem.remedy { " — " strong { (words::REMEDY.get(lang)) ": " } (remedy) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_stands_is_said_in_words() {
        use Standing::{Approved, Draft, Held, On, Paused, Stopped, Waiting};
        let check = |standing: Standing, ja: &str, en: &str| {
            for (lang, word) in [(Lang::Ja, ja), (Lang::En, en)] {
                let badge = standing.badge(lang).into_string();
                assert!(badge.contains(word) && badge.contains("aria-hidden"), "{badge}");
            }
        };
        check(Draft, "下書き", "Draft");
        check(Waiting, "承認待ち", "Waiting for approval");
        check(Approved, "承認済み", "Approved");
        check(On, "配信中", "On");
        check(Held, "承認がないため", "Held back");
        check(Paused, "一時停止", "Paused");
        check(Stopped, "停止", "Stopped");
    }

    #[test]
    fn problems_have_their_place_and_remedy() {
        let found = [model::Problem::new("scenarios/<a>.toml", 7, "<script>").with_remedy("write it")];
        let page = problems(Lang::Ja, &found).into_string();
        assert!(page.contains("scenarios/&lt;a&gt;.toml:7") && page.contains("対処") && !page.contains("<script>"), "{page}");
        assert_eq!(problems(Lang::En, &[]).into_string(), "");
    }
}
