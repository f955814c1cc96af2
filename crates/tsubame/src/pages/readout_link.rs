//! A read-out as people see it who have only its link, and the page where links are made and taken back.

use maud::{Markup, PreEscaped, html};
use model::Text;

use super::{Locale, words};
use crate::readout_link::{DAYS, Link, Shared};

/// The read-out alone. The body was drawn by us when the link was made, and is signed.
pub fn shown(locale: &Locale, shared: &Shared) -> Markup {
    let lang = locale.lang;
    html! {
        article class="shared" {
            h1 { (shared.title.get(lang.name())) }
            p class="note" {
                (words::SHARED_AS_OF.fill(lang, &[&locale.instant(shared.as_of)]))
                " · " (words::SHARED_UNTIL.fill(lang, &[&locale.instant(shared.until)]))
            }
            (PreEscaped(shared.body.get(lang.name())))
            p class="note" { code { (shared.pinned) } }
        }
    }
}

/// Where links of a test are made.
pub fn managed(locale: &Locale, csrf: &str, experiment: &str, title: &Text, links: &[Link]) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::SHARE_INTRO.get(lang)) }
        section class="card card-wide" {
            h2 { (title.get(lang.name())) " " code class="muted" { (experiment) } }
            form class="filters" method="post" action="/readouts/share" {
                input type="hidden" name="csrf" value=(csrf);
                input type="hidden" name="experiment" value=(experiment);
                label {
                    span { (words::SHARE_FOR.get(lang)) }
                    select name="days" {
                        @for days in DAYS { option value=(days) selected[days == DAYS[1]] { (words::SHARE_DAYS.fill(lang, &[&days.to_string()])) } }
                    }
                }
                button type="submit" { (words::SHARE_MAKE.get(lang)) }
            }
            @if links.is_empty() {
                p class="empty" { (words::SHARE_NONE.get(lang)) }
            } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (words::SHARE_LINK.get(lang)) }
                                th scope="col" { (words::SHARE_MADE.get(lang)) }
                                th scope="col" { (words::SHARE_ENDS.get(lang)) }
                                th scope="col" { (words::SHARE_BY.get(lang)) }
                                th scope="col" { (words::SHARE_TAKE_BACK.get(lang)) }
                            }
                        }
                        tbody {
                            @for link in links {
                                tr {
                                    td { a href=(link.href()) { code { (link.id) } } }
                                    td { (locale.instant(link.shared.made_at)) }
                                    td { (locale.instant(link.shared.until)) }
                                    td { (link.shared.by) }
                                    td {
                                        form method="post" action="/readouts/unshare" {
                                            input type="hidden" name="csrf" value=(csrf);
                                            input type="hidden" name="experiment" value=(experiment);
                                            input type="hidden" name="id" value=(link.id);
                                            button type="submit" { (words::SHARE_TAKE_BACK.get(lang)) }
                                        }
                                    }
                                }
                            }
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
    use crate::{
        pages::{Lang, chart::tests::locale},
        workspace::parse_instant,
    };

    const EVIL: &str = "<script>x</script>";

    fn link() -> Link {
        let at = |text: &str| parse_instant(text).unwrap();
        let shared = Shared {
            experiment: EVIL.into(),
            title: Text::new(EVIL, EVIL),
            pinned: "0123456789abcdef".into(),
            as_of: at("2026-11-01T00:00:00+09:00"),
            made_at: at("2026-11-01T00:00:00+09:00"),
            until: at("2026-11-08T00:00:00+09:00"),
            by: EVIL.into(),
            body: Text::new("<p>和</p>", "<p>sum</p>"),
        };
        Link { id: "00112233aabbccdd".into(), token: "00112233aabbccdd.ff".into(), shared }
    }

    #[test]
    fn a_link_shows_the_numbers_and_not_who_made_it() {
        let check = |html: String, parts: &[&str]| {
            parts.iter().for_each(|part| assert!(html.contains(part), "{part}: {html}"));
            assert!(!html.contains("<script"), "{html}");
        };
        let link = link();
        check(shown(&locale(Lang::Ja), &link.shared).into_string(), &["<p>和</p>", "0123456789abcdef", "2026"]);
        check(shown(&locale(Lang::En), &link.shared).into_string(), &["<p>sum</p>"]);
        let named = Shared { by: "somebody".into(), ..link.shared.clone() };
        assert!(!shown(&locale(Lang::En), &named).into_string().contains("somebody"));
        let page = |links: &[Link]| managed(&locale(Lang::En), "token", EVIL, &Text::new(EVIL, EVIL), links).into_string();
        check(page(std::slice::from_ref(&link)), &["/shared/00112233aabbccdd.ff", "value=\"token\"", "/readouts/unshare"]);
        check(page(&[]), &["/readouts/share", "No link"]);
    }
}
