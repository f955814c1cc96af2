//! Segments: all of them with their size and use, one with its definition and its members, and a test on past nights.

use maud::{Markup, html};
use model::Instant;

use super::{Locale, percent_encode, words};

#[derive(Debug, Clone, Default)]
pub struct Listed {
    pub name: String,
    pub title: String,
    /// Of the last night that was saved; nothing before the first.
    pub saved: Option<Saved>,
    pub exported_at: Option<Instant>,
    pub used_by: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Saved {
    pub as_of: Instant,
    pub members: u64,
    /// Since the night before; nothing on the first.
    pub change: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Default)]
pub struct Shown<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub used_by: &'a [String],
    /// It can be edited as conditions.
    pub is_form: bool,
    pub sql: &'a str,
    /// The customer asked about, and what was found.
    pub customer: &'a str,
    pub explained: Option<Markup>,
    /// Of the form for past nights.
    pub from: String,
    pub to: String,
    pub window_days: i64,
    pub cards: Vec<Markup>,
}

pub fn href(name: &str) -> String {
    format!("/segments/{}", percent_encode(name))
}

pub fn list(locale: &Locale, segments: &[Listed]) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::SEGMENTS_INTRO.get(lang)) }
        p class="note" { a href="/segment-form" { (words::SEGMENT_FORM_NEW.get(lang)) } }
        section class="card card-wide" {
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { (words::SEGMENT.get(lang)) }
                            th scope="col" class="number" { (words::SEGMENT_MEMBERS.get(lang)) }
                            th scope="col" class="number" { (words::SEGMENT_CHANGE.get(lang)) }
                            th scope="col" { (words::SEGMENT_AS_OF.get(lang)) }
                            th scope="col" { (words::SEGMENT_EXPORTED.get(lang)) }
                            th scope="col" { (words::SEGMENT_USED_BY.get(lang)) }
                        }
                    }
                    tbody {
                        @for segment in segments {
                            tr {
                                td { a href=(href(&segment.name)) { (segment.title) } " " code class="muted" { (segment.name) } }
                                @match &segment.saved {
                                    Some(saved) => {
                                        td class="number" { (locale.count(saved.members)) }
                                        td class="number" {
                                            @if let Some((entered, left)) = saved.change {
                                                (words::SEGMENT_CAME_LEFT.fill(lang, &[&locale.count(entered), &locale.count(left)]))
                                            }
                                        }
                                        td { (locale.instant(saved.as_of)) }
                                    },
                                    None => { td class="muted" colspan="3" { (words::SEGMENT_NOT_SAVED.get(lang)) } },
                                }
                                td { @if let Some(at) = segment.exported_at { (locale.instant(at)) } }
                                td { (segment.used_by.join(", ")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub fn one(locale: &Locale, shown: &Shown) -> Markup {
    let (lang, href) = (locale.lang, href(shown.name));
    html! {
        @if !shown.description.is_empty() { p class="intro" { (shown.description) } }
        p class="note" {
            @if !shown.used_by.is_empty() { (words::SEGMENT_USED_BY.get(lang)) ": " (shown.used_by.join(", ")) " · " }
            a href={ (href) "/members.csv" } download { "↓ " (words::SEGMENT_EXPORT.get(lang)) }
            @if shown.is_form { " · " a href={ "/segment-form?name=" (percent_encode(shown.name)) } { (words::SEGMENT_FORM_EDIT.get(lang)) } }
        }
        div class="cards" {
            section class="card card-wide" aria-labelledby="definition" {
                h2 id="definition" { (words::SEGMENT_DEFINITION.get(lang)) }
                pre tabindex="0" { code { (shown.sql) } }
            }
            @for card in &shown.cards { (card) }
            section class="card card-wide" id="explain" aria-labelledby="explain-title" {
                h2 id="explain-title" { (words::SEGMENT_EXPLAIN.get(lang)) }
                form class="filters" method="get" action={ (href) "#explain" } {
                    label {
                        span { (words::SEGMENT_CUSTOMER.get(lang)) }
                        input type="text" name="customer" value=(shown.customer) required;
                    }
                    button type="submit" { (words::SEGMENT_ASK.get(lang)) }
                }
                @if let Some(explained) = &shown.explained { (explained) }
            }
            section class="card card-wide" aria-labelledby="back-test-title" {
                h2 id="back-test-title" { (words::SEGMENT_BACK_TEST.get(lang)) }
                p class="note" { (words::SEGMENT_BACK_TEST_NOTE.get(lang)) }
                (back_test_form(locale, shown))
            }
        }
    }
}

/// The form, and what was found below it.
pub fn back_test(locale: &Locale, shown: &Shown) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::SEGMENT_BACK_TEST_NOTE.get(lang)) }
        (back_test_form(locale, shown))
        p class="note" { a href=(href(shown.name)) { (words::SEGMENT_BACK.get(lang)) } }
        div class="cards" { @for card in &shown.cards { (card) } }
    }
}

fn back_test_form(locale: &Locale, shown: &Shown) -> Markup {
    let lang = locale.lang;
    html! {
        form class="filters" method="get" action={ (href(shown.name)) "/back-test" } {
            label { span { (words::SEGMENT_FROM.get(lang)) } input type="date" name="from" value=(shown.from) required; }
            label { span { (words::SEGMENT_TO.get(lang)) } input type="date" name="to" value=(shown.to) required; }
            label { span { (words::SEGMENT_WINDOW.get(lang)) } input type="number" name="window" min="1" max="730" value=(shown.window_days) required; }
            button type="submit" { (words::SEGMENT_TEST.get(lang)) }
        }
    }
}

/// Enough of an id to know a customer again, and too little to look one up.
pub fn masked(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    let ends = if chars.len() >= 8 { 2 } else { 1 };
    let part = |chars: &[char]| chars.iter().collect::<String>();
    match chars.len() {
        0..=3 => "•••".into(),
        count => format!("{}•••{}", part(&chars[..ends]), part(&chars[count - ends..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn a_sample_names_nobody() {
        let check = |id: &str, expect: &str| assert_eq!(masked(id), expect, "{id}");
        check("C-000123", "C-•••23");
        check("c0001", "c•••1");
        check("abc", "•••");
        check("", "•••");
        check("燕燕燕燕燕燕燕燕燕", "燕燕•••燕燕");
    }

    #[test]
    fn all_of_them_with_what_changed() {
        let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("an instant");
        let saved = |change| Some(Saved { as_of: at, members: 1200, change });
        let segments = [
            Listed {
                name: "a b".into(),
                title: "<script>".into(),
                saved: saved(Some((7, 5))),
                exported_at: Some(at),
                used_by: vec!["cart-recovery".into()],
            },
            Listed { name: "first".into(), title: "First".into(), saved: saved(None), ..Listed::default() },
            Listed { name: "new".into(), title: "New".into(), ..Listed::default() },
        ];
        let check = |lang, parts: &[&str]| {
            let page = list(&locale(lang), &segments).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
        };
        check(Lang::Ja, &["/segments/a%20b", "1,200", "+7 / −5", "cart-recovery", "未保存"]);
        check(Lang::En, &["Not saved (", "+7 / −5"]);
    }

    #[test]
    fn one_with_its_forms() {
        let shown = Shown {
            name: "a\"b",
            sql: "SELECT '<script>'",
            customer: "\"><script>",
            from: "2026-01-01".into(),
            to: "2026-03-31".into(),
            window_days: 30,
            ..Shown::default()
        };
        for page in [one(&locale(Lang::Ja), &shown), back_test(&locale(Lang::En), &shown)] {
            let page = page.into_string();
            assert!(page.contains("action=\"/segments/a%22b/back-test\"") && page.contains("value=\"2026-01-01\""), "{page}");
            assert!(!page.contains("<script>"), "{page}");
        }
    }
}
