//! The frame around every page: navigation, language, who is signed in, how old the data is.

use chrono::Duration;
use maud::{DOCTYPE, Markup, html};
use model::{Text, time::Instant};

use super::{Locale, csrf_field, percent_encode, words};

/// Data older than this is said to be stale: a night was missed.
const STALE_HOURS: i64 = 26;

#[derive(Debug, Clone)]
pub struct NavItem {
    pub title: Text,
    /// A path, such as `/d/rfm`.
    pub href: String,
}

#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// `admin`, `analyst`, `marketer`.
    pub role: String,
}

#[derive(Debug, Clone)]
pub struct Shell<'a> {
    pub locale: &'a Locale,
    pub shop: &'a str,
    pub title: &'a str,
    pub nav: &'a [NavItem],
    /// The path and query of this page: the language switch comes back to it.
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub user: Option<&'a User>,
    pub csrf: &'a str,
    pub last_import: Option<Instant>,
    pub now: Instant,
}

pub fn page(shell: &Shell, body: Markup) -> Markup {
    let lang = shell.locale.lang;
    document(
        shell,
        html! {
            a class="skip" href="#main" { (words::SKIP.get(lang)) }
            div class="shell" {
                header class="side" {
                    a class="brand" href="/" { (swallow()) span { "Tsubame" span class="brand-shop" { (shell.shop) } } }
                    nav aria-label=(words::NAVIGATION.get(lang)) {
                        ul {
                            @for item in shell.nav { (nav_link(shell.path, &item.href, item.title.get(lang.name()))) }
                            @if shell.user.is_some_and(|user| user.role != "marketer") {
                                (nav_link(shell.path, "/sql", words::SQL_PAGE.get(lang)))
                            }
                            (nav_link(shell.path, "/dictionary", words::DICTIONARY.get(lang)))
                            (nav_link(shell.path, "/scenarios", words::DESK.get(lang)))
                            (nav_link(shell.path, "/segments", words::SEGMENTS.get(lang)))
                            (nav_link(shell.path, "/broadcasts", words::BROADCASTS.get(lang)))
                            (nav_link(shell.path, "/calendar", words::CALENDAR.get(lang)))
                            (nav_link(shell.path, "/experiments", words::TESTS.get(lang)))
                            (nav_link(shell.path, "/why", words::WHY.get(lang)))
                            (nav_link(shell.path, "/identity", words::IDENTITY.get(lang)))
                            (nav_link(shell.path, "/import", words::IMPORT.get(lang)))
                            (nav_link(shell.path, "/quarantine", words::QUARANTINE.get(lang)))
                            @if shell.user.is_some_and(|user| user.role == "admin") {
                                (nav_link(shell.path, "/sends/parked", words::PARKED.get(lang)))
                            }
                        }
                    }
                }
                div class="content" {
                    div class="top" {
                        h1 { (shell.title) }
                        div class="top-tools" {
                            (data_age(shell))
                            (language_switch(shell))
                            @if let Some(user) = shell.user {
                                form class="sign-out" method="post" action="/logout" {
                                    (csrf_field(shell.csrf))
                                    span class="user" title=(user.role) { (user.name) }
                                    button class="quiet" type="submit" { (words::SIGN_OUT.get(lang)) }
                                }
                            }
                        }
                    }
                    main id="main" { (body) }
                }
            }
        },
    )
}

/// A page without navigation: sign-in, and errors before it.
pub fn bare(shell: &Shell, body: Markup) -> Markup {
    document(
        shell,
        html! {
            div class="bare" {
                div class="bare-brand" { (swallow()) strong { "Tsubame" } span class="muted" { (words::TAGLINE.get(shell.locale.lang)) } }
                main id="main" { (body) }
                p class="bare-foot" { (language_switch(shell)) }
            }
        },
    )
}

fn document(shell: &Shell, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(shell.locale.lang.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                title { (shell.title) " · Tsubame" }
                link rel="stylesheet" href="/assets/style.css";
                link rel="icon" href=(ICON);
                script src="/assets/script.js" defer {}
            }
            body { (body) }
        }
    }
}

/// A data URL, so that a browser does not ask for `/favicon.ico`.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='%231d4e89' \
    d='M2 8c8 0 12 3 14 8 2-6 7-10 14-11-5 4-7 8-7 12l6 9-9-6-4 8-3-9C8 19 4 14 2 8z'/%3E%3C/svg%3E";

fn swallow() -> Markup {
    html! {
        svg class="swallow" viewBox="0 0 32 32" aria-hidden="true" {
            path d="M2 8c8 0 12 3 14 8 2-6 7-10 14-11-5 4-7 8-7 12l6 9-9-6-4 8-3-9C8 19 4 14 2 8z" {}
        }
    }
}

fn nav_link(path: &str, href: &str, title: &str) -> Markup {
    let is_current = path == href || path.strip_prefix(href).is_some_and(|rest| href != "/" && rest.starts_with('/'));
    html! { li { a href=(href) aria-current=[is_current.then_some("page")] { (title) } } }
}

fn data_age(shell: &Shell) -> Markup {
    let locale = shell.locale;
    let age = shell.last_import.map(|at| (at, shell.now - at));
    let is_stale = age.is_none_or(|(_, age)| age > Duration::hours(STALE_HOURS));
    html! {
        p class={ "age" @if is_stale { " stale" } } {
            span class="age-dot" aria-hidden="true" {}
            (words::LAST_IMPORT.get(locale.lang)) " "
            @match age {
                Some((at, age)) => {
                    time datetime=(model::time::rfc3339(at)) title=(locale.instant(at)) { (locale.ago(age)) }
                    @if is_stale { " · " (words::STALE.get(locale.lang)) }
                },
                None => (words::NEVER_IMPORTED.get(locale.lang)),
            }
        }
    }
}

/// The same page and query in the other language.
fn language_switch(shell: &Shell) -> Markup {
    let other = shell.locale.lang.other();
    let mut href = format!("{}?", shell.path);
    for (name, value) in shell.query.iter().filter(|(name, _)| name != "lang") {
        href.push_str(&format!("{}={}&", percent_encode(name), percent_encode(value)));
    }
    href.push_str(&format!("lang={}", other.name()));
    html! { a class="language" href=(href) lang=(other.name()) hreflang=(other.name()) { (words::OTHER_LANGUAGE.get(shell.locale.lang)) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;
    use crate::pages::words::Lang;
    use chrono::DateTime;

    fn drawn(lang: Lang, hours: i64) -> String {
        let (locale, now) = (locale(lang), DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let nav = [NavItem { title: Text::new("RFM分析", "RFM"), href: "/d/rfm".into() }];
        let user = User { name: "<script>admin".into(), role: "admin".into() };
        let shell = Shell {
            locale: &locale,
            shop: "<script>店",
            title: "RFM<script>",
            nav: &nav,
            path: "/d/rfm",
            query: &[("days".into(), "90&x".into()), ("lang".into(), "ja".into())],
            user: Some(&user),
            csrf: "t0ken",
            last_import: Some(now - Duration::hours(hours)),
            now,
        };
        page(&shell, html! { p { "body" } }).into_string()
    }

    #[test]
    fn the_switch_keeps_the_page_and_its_query() {
        assert!(drawn(Lang::Ja, 1).contains("href=\"/d/rfm?days=90%26x&amp;lang=en\""));
        assert!(drawn(Lang::En, 1).contains("href=\"/d/rfm?days=90%26x&amp;lang=ja\""));
    }

    #[test]
    fn the_frame() {
        let page = drawn(Lang::Ja, 3);
        for part in
            ["<html lang=\"ja\">", "3時間前", "aria-current=\"page\"", "name=\"csrf\" value=\"t0ken\"", "action=\"/logout\""]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script>") && !page.contains("style=\""), "{page}");
        assert!(!page.contains("stale") && drawn(Lang::Ja, 50).contains("更新が止まっています"));
    }
}
