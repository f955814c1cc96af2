//! All scenarios: how each stands, what it did lately, and where to go on; the button that stops everything.

use maud::{Markup, html};

use super::{DAYS, Place, Standing, measured_href, replay_href};
use crate::pages::{Locale, words};

#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub title: String,
    pub standing: Standing,
    /// Of the last [`DAYS`].
    pub sends: u64,
    pub stops: u64,
}

pub fn draw(locale: &Locale, scenarios: &[Listed], is_halted: bool) -> Markup {
    let lang = locale.lang;
    let days = locale.count(DAYS.unsigned_abs());
    html! {
        p class="intro" { (words::DESK_INTRO.get(lang)) }
        @if is_halted {
            div class="banner bad" role="status" {
                span class="banner-icon" aria-hidden="true" { "■" }
                p { strong { (words::DESK_HALTED.get(lang)) } }
            }
        }
        div class="actions" {
            a class="button" href="/scenarios/new" { "＋ " (words::DESK_NEW.get(lang)) }
            @if is_halted {
                a class="button" href="/scenarios/switch?act=resume_all" { "▶ " (words::DESK_RESUME_ALL.get(lang)) }
            } @else {
                a class="button" href="/scenarios/switch?act=halt" { "■ " (words::DESK_HALT.get(lang)) }
            }
            a href="/d/scenarios" { (words::DESK_TO_CHARTS.get(lang)) }
        }
        section class="card card-wide" {
            @if scenarios.is_empty() { p { (words::DESK_NONE.get(lang)) } } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (words::DESK_SCENARIO.get(lang)) }
                                th scope="col" { (words::DESK_STATE.get(lang)) }
                                th scope="col" class="number" { (words::DESK_SENDS.fill(lang, &[&days])) }
                                th scope="col" class="number" { (words::DESK_STOPS_OF.fill(lang, &[&days])) }
                                th scope="col" { (words::DESK_WAYS.get(lang)) }
                            }
                        }
                        tbody {
                            @for scenario in scenarios { (row(locale, scenario)) }
                        }
                    }
                }
            }
        }
    }
}

fn row(locale: &Locale, scenario: &Listed) -> Markup {
    let (lang, name) = (locale.lang, scenario.name.as_str());
    html! {
        tr data-scenario=(name) {
            td { a href=(measured_href(name)) { (scenario.title) } " " code class="muted" { (name) } }
            td { (scenario.standing.badge(lang)) }
            td class="number" { (locale.count(scenario.sends)) }
            td class="number" {
                a href=(Place::Stops.href(name)) aria-label={ (words::DESK_STOPS.get(lang)) ": " (scenario.title) } {
                    (locale.count(scenario.stops))
                }
            }
            td {
                a href=(Place::Edit.href(name)) { (words::DESK_EDIT.get(lang)) } " · "
                a href=(Place::Preview.href(name)) { (words::DESK_PREVIEW.get(lang)) } " · "
                a href=(replay_href(name)) { (words::DESK_REPLAY.get(lang)) } " · "
                a href=(Place::Switch.href(name)) { (words::DESK_SWITCH.get(lang)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn all_of_them_with_where_to_go() {
        let listed =
            [Listed { name: "a b".into(), title: "<script>".into(), standing: Standing::Paused, sends: 12_000, stops: 340 }];
        let check = |lang, is_halted, parts: &[&str]| {
            let page = draw(&locale(lang), &listed, is_halted).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
        };
        check(Lang::Ja, false, &["name=a%20b", "12,000", "340", "一時停止", "act=halt\"", "scenario=a%20b", "/d/scenarios"]);
        check(Lang::En, true, &["Paused", "Everything is stopped", "act=resume_all\"", "/scenarios/new"]);
        assert!(draw(&locale(Lang::En), &[], false).into_string().contains("no scenarios yet"));
    }
}
