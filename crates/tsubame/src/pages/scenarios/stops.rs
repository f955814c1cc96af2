//! Why messages of a scenario were not sent.

use maud::{Markup, html};

use super::{Place, ways};
use crate::pages::{Lang, words};

/// The drawn panel, between the ways and, for those who may ask in SQL, the question in an editor.
pub fn draw(lang: Lang, name: &str, panel: Markup, sql_href: Option<&str>) -> Markup {
    html! {
        (ways(lang, name, Place::Stops))
        (panel)
        @if let Some(href) = sql_href { p class="note" { a href=(href) { (words::DESK_STOPS_SQL.get(lang)) } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_for_those_who_may_ask() {
        let check = |href: Option<&str>, expect: bool| {
            let page = draw(Lang::En, "a b", html! { p { "panel" } }, href).into_string();
            assert!(page.contains("panel") && page.contains("aria-current=\"page\""), "{page}");
            assert_eq!(page.contains("href=\"/sql?sql=x\""), expect, "{page}");
        };
        check(Some("/sql?sql=x"), true);
        check(None, false);
    }
}
