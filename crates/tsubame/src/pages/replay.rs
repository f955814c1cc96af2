//! A scenario over past days: the form, how far a replay has come, and what it counted.

use maud::{Markup, html};
use model::Text;

use super::{
    Locale,
    panel::{self, PanelError},
    percent_encode, words,
};

#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Id and title of every scenario.
    pub scenarios: Vec<(String, String)>,
    pub scenario: String,
    pub from: String,
    pub to: String,
    pub state: State,
    /// The scenario's file, as it is read.
    pub toml: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub enum State {
    /// Nothing was asked for yet.
    #[default]
    Form,
    /// Per cent that are done.
    Running(u64),
    /// Another one has to end first.
    Busy(String, u64),
    Failed(PanelError),
    Done {
        notes: Vec<Text>,
        cards: Vec<Markup>,
    },
}

/// Where the messages of a replay are, as CSV.
pub fn csv_href(shown: &Shown) -> String {
    format!("/scenarios/replay/sends.csv?{}", query(shown))
}

fn query(shown: &Shown) -> String {
    format!("scenario={}&from={}&to={}", percent_encode(&shown.scenario), percent_encode(&shown.from), percent_encode(&shown.to))
}

pub fn draw(locale: &Locale, shown: &Shown) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::REPLAY_INTRO.get(lang)) }
        @if shown.scenarios.is_empty() {
            p class="note" { (words::REPLAY_NO_SCENARIOS.get(lang)) }
        } @else {
            form class="filters" method="get" action="/scenarios/replay" {
                label {
                    span { (words::REPLAY_SCENARIO.get(lang)) }
                    select name="scenario" {
                        @for (id, title) in &shown.scenarios {
                            option value=(id) selected[*id == shown.scenario] { (title) }
                        }
                    }
                }
                label { span { (words::REPLAY_FROM.get(lang)) } input type="date" name="from" value=(shown.from) required; }
                label { span { (words::REPLAY_TO.get(lang)) } input type="date" name="to" value=(shown.to) required; }
                button type="submit" { (words::REPLAY_START.get(lang)) }
            }
        }
        @match &shown.state {
            State::Form => {},
            State::Running(share) => { p role="status" { (words::REPLAY_RUNNING.fill(lang, &[&share.to_string()])) } },
            State::Busy(other, share) => {
                p role="status" { (words::REPLAY_BUSY.fill(lang, &[other, &share.to_string()])) }
            },
            State::Failed(error) => { (panel::failed(locale, error)) },
            State::Done { notes, cards } => {
                @for note in notes { p class="note" { (note.get(lang.name())) } }
                p class="note" {
                    a href=(csv_href(shown)) download { "↓ " (words::REPLAY_CSV.get(lang)) }
                    @if shown.toml.is_some() { " · " a href="#toml" { (words::REPLAY_TOML.get(lang)) } }
                }
                div class="cards" { @for card in cards { (card) } }
            },
        }
        @if let Some(toml) = &shown.toml {
            details class="sql" id="toml" {
                summary { (words::REPLAY_TOML.get(lang)) }
                pre tabindex="0" { code { (toml) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn each_state_says_what_it_is() {
        let check = |lang, state: State, parts: &[&str], not: &str| {
            let shown = Shown {
                scenarios: vec![("a\"b".into(), "<script>".into())],
                scenario: "a\"b".into(),
                from: "2026-04-01".into(),
                to: "2026-07-01".into(),
                state,
                toml: Some("scenario = \"<script>\"".into()),
            };
            let page = draw(&locale(lang), &shown).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>") && !page.contains(not), "{page}");
        };
        check(Lang::Ja, State::Form, &["value=\"2026-04-01\"", "selected", "&lt;script&gt;"], "role=\"status\"");
        check(Lang::En, State::Running(40), &["Replaying: 40 %"], "sends.csv");
        check(Lang::Ja, State::Busy("welcome".into(), 7), &["別のリプレイ(welcome)", "7%"], "sends.csv");
        let failed = PanelError { message: "no".into(), remedy: Some("do".into()) };
        check(Lang::En, State::Failed(failed), &["role=\"alert\"", "do"], "sends.csv");
        let done = State::Done { notes: vec![Text::new("注", "note")], cards: vec![html! { p { "card" } }] };
        let href = "/scenarios/replay/sends.csv?scenario=a%22b&amp;from=2026-04-01&amp;to=2026-07-01";
        check(Lang::En, done, &["note", "card", href, "#toml"], "role=\"alert\"");
    }

    #[test]
    fn without_scenarios_there_is_no_form() {
        let page = draw(&locale(Lang::En), &Shown::default()).into_string();
        assert!(page.contains("There is no scenario yet") && !page.contains("<form"), "{page}");
    }
}
