//! A dashboard's body: its introduction, a form of its parameters, its cards.

use maud::{Markup, html};

use super::{Locale, words};

/// A parameter that a panel's query declares, as a field of the page. Its value is in the URL.
#[derive(Debug, Clone)]
pub struct Filter {
    pub name: String,
    pub label: String,
    pub kind: FilterKind,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FilterKind {
    Text,
    Number,
    Date,
    /// Value and label of each choice.
    Choice(Vec<(String, String)>),
}

pub fn draw(locale: &Locale, intro: Option<&str>, filters: &[Filter], cards: &[Markup]) -> Markup {
    html! {
        @if let Some(intro) = intro { p class="intro" { (intro) } }
        @if !filters.is_empty() {
            form class="filters" method="get" {
                @for filter in filters {
                    label {
                        span { (filter.label) }
                        @match &filter.kind {
                            FilterKind::Text => { input type="text" name=(filter.name) value=(filter.value); },
                            FilterKind::Number => { input type="number" step="any" name=(filter.name) value=(filter.value); },
                            FilterKind::Date => { input type="date" name=(filter.name) value=(filter.value); },
                            FilterKind::Choice(choices) => {
                                select name=(filter.name) {
                                    @for (value, label) in choices { option value=(value) selected[*value == filter.value] { (label) } }
                                }
                            },
                        }
                    }
                }
                button type="submit" { (words::APPLY.get(locale.lang)) }
            }
        }
        div class="cards" { @for card in cards { (card) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{chart::tests::locale, words::Lang};

    #[test]
    fn filters_keep_their_values() {
        let filter =
            |kind, value: &str| Filter { name: "a\"<script>".into(), label: "<script>".into(), kind, value: value.into() };
        let choices = FilterKind::Choice(vec![("x".into(), "<script>X".into()), ("y".into(), "Y".into())]);
        let filters = [filter(FilterKind::Date, "2026-11-23"), filter(FilterKind::Number, "90"), filter(choices, "y")];
        let html = draw(&locale(Lang::En), Some("<script>"), &filters, &[html! { p { "card" } }]).into_string();
        for part in ["value=\"2026-11-23\"", "type=\"number\"", "<option value=\"y\" selected>", "<p>card</p>", "Apply"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }
}
