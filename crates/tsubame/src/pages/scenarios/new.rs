//! Ready-made scenarios as cards: what each does, what it needs, and a field for the name of one's own.

use maud::{Markup, html};
use model::Problem;

use crate::pages::{Lang, csrf_field, words};

#[derive(Debug, Default)]
pub struct New<'a> {
    pub csrf: &'a str,
    pub cards: Vec<Card<'a>>,
    /// The one that was chosen, and the name that was given, where it could not be made.
    pub chosen: &'a str,
    pub name: &'a str,
    /// Of the messages, unless another is chosen.
    pub language: &'a str,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Default, Clone)]
pub struct Card<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub needs: &'a str,
    /// In words, a line per part.
    pub does: Vec<String>,
}

pub fn draw(lang: Lang, page: &New) -> Markup {
    html! {
        p class="intro" { (words::DESK_NEW_INTRO.get(lang)) }
        (super::problems(lang, &page.problems))
        div class="cards" { @for card in &page.cards { (one(lang, page, card)) } }
        p class="note" { a href="/scenarios" { (words::DESK_BACK.get(lang)) } }
    }
}

fn one(lang: Lang, page: &New, card: &Card) -> Markup {
    let name = if page.chosen == card.name { page.name } else { card.name };
    html! {
        section class="card" aria-labelledby={ "ready-" (card.name) } data-ready=(card.name) {
            h2 id={ "ready-" (card.name) } { (card.title) }
            p { (card.description) }
            @if !card.needs.is_empty() { p class="note" { strong { (words::DESK_NEEDS.get(lang)) ": " } (card.needs) } }
            @if !card.does.is_empty() {
                details {
                    summary { (words::DESK_WHAT_IT_DOES.get(lang)) }
                    ul { @for line in &card.does { li { (line) } } }
                }
            }
            form class="filters" method="post" action="/scenarios/new" {
                (csrf_field(page.csrf))
                input type="hidden" name="ready" value=(card.name);
                label { span { (words::DESK_NAME.get(lang)) } input type="text" name="name" value=(name) required; }
                label {
                    span { (words::DESK_LANGUAGE.get(lang)) }
                    select name="language" {
                        option value="ja" selected[page.language != "en"] lang="ja" { "日本語" }
                        option value="en" selected[page.language == "en"] lang="en" { "English" }
                    }
                }
                button type="submit" aria-label={ (words::DESK_MAKE.get(lang)) ": " (card.title) } { (words::DESK_MAKE.get(lang)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_say_what_they_need() {
        let card = |name| Card {
            name,
            title: "<script>",
            description: "description",
            needs: "events of carts",
            does: vec!["waits <3h>".into()],
        };
        let page = New {
            csrf: "t0ken",
            cards: vec![card("cart"), card("f2")],
            chosen: "f2",
            name: "Bad Name",
            language: "en",
            problems: vec![Problem::new("", 0, "no")],
        };
        for (lang, word) in [(Lang::Ja, "必要なもの"), (Lang::En, "What it needs")] {
            let drawn = draw(lang, &page).into_string();
            for part in [
                word,
                "value=\"cart\" required",
                "value=\"Bad Name\" required",
                "waits &lt;3h&gt;",
                "value=\"en\" selected",
                "role=\"alert\"",
            ] {
                assert!(drawn.contains(part), "{part}: {drawn}");
            }
            assert!(!drawn.contains("<script>"), "{drawn}");
        }
    }
}
