//! What was refused: how much, why, and what to do about it. Of the content only its shape is shown.

use maud::{Markup, html};
use model::Instant;

use super::{Locale, csrf_field, words};

#[derive(Debug, Clone, Default)]
pub struct Quarantine {
    pub csrf: String,
    /// By source and code.
    pub groups: Vec<Group>,
    /// The newest of them.
    pub letters: Vec<Letter>,
    /// Accepted, refused again and lines of files, after a replay.
    pub done: Option<(u64, u64, u64)>,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub source: String,
    pub code: String,
    pub letters: u64,
    pub last_arrived_at: Instant,
}

#[derive(Debug, Clone)]
pub struct Letter {
    pub id: i64,
    pub arrived_at: Instant,
    pub source: String,
    pub code: String,
    pub reason: String,
    pub remedy: String,
    /// Masked.
    pub preview: String,
}

/// Posts `source` and `code` to `/quarantine/replay`.
pub fn draw(locale: &Locale, quarantine: &Quarantine) -> Markup {
    let lang = locale.lang;
    html! {
        @if let Some((accepted, refused, of_files)) = quarantine.done {
            section class="card" role="status" {
                p { (words::QUARANTINE_DONE.fill(lang, &[&locale.count(accepted), &locale.count(refused), &locale.count(of_files)])) }
            }
        }
        section class="card card-wide" {
            p class="note" { (words::QUARANTINE_NOTE.get(lang)) }
            @if quarantine.groups.is_empty() {
                p { (words::QUARANTINE_EMPTY.get(lang)) }
            } @else {
                (groups(locale, quarantine))
            }
        }
        @if !quarantine.letters.is_empty() {
            section class="card card-wide" {
                h2 { (words::QUARANTINE_NEWEST.fill(lang, &[&locale.count(quarantine.letters.len() as u64)])) }
                (letters(locale, &quarantine.letters))
            }
        }
    }
}

fn groups(locale: &Locale, quarantine: &Quarantine) -> Markup {
    let lang = locale.lang;
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { (words::QUARANTINE_SOURCE.get(lang)) }
                        th scope="col" { (words::QUARANTINE_CODE.get(lang)) }
                        th scope="col" class="number" { (words::QUARANTINE_COUNT.get(lang)) }
                        th scope="col" { (words::QUARANTINE_LAST.get(lang)) }
                        th scope="col" { span class="muted" { "" } }
                    }
                }
                tbody {
                    @for group in &quarantine.groups {
                        tr {
                            td { (group.source) }
                            td { code { (group.code) } }
                            td class="number" { (locale.count(group.letters)) }
                            td { (locale.instant(group.last_arrived_at)) }
                            td {
                                form method="post" action="/quarantine/replay" {
                                    (csrf_field(&quarantine.csrf))
                                    input type="hidden" name="source" value=(group.source);
                                    input type="hidden" name="code" value=(group.code);
                                    button type="submit" { (words::TAKE_AGAIN.get(lang)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn letters(locale: &Locale, letters: &[Letter]) -> Markup {
    let lang = locale.lang;
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" class="number" { (words::QUARANTINE_ID.get(lang)) }
                        th scope="col" { (words::QUARANTINE_AT.get(lang)) }
                        th scope="col" { (words::QUARANTINE_SOURCE.get(lang)) }
                        th scope="col" { (words::REASON.get(lang)) }
                        th scope="col" { (words::REMEDY.get(lang)) }
                        th scope="col" { (words::QUARANTINE_PREVIEW.get(lang)) }
                    }
                }
                tbody {
                    @for letter in letters {
                        tr {
                            td class="number" { (letter.id) }
                            td { (locale.instant(letter.arrived_at)) }
                            td { (letter.source) }
                            td { (letter.reason) " " code class="muted" { (letter.code) } }
                            td { (letter.remedy) }
                            td { code { (letter.preview) } }
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
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn what_is_shown_and_what_can_be_done() {
        let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let group = Group { source: "web\"><script>".into(), code: "not_a_time".into(), letters: 3, last_arrived_at: at };
        let letter = Letter {
            id: 41,
            arrived_at: at,
            source: "web".into(),
            code: "not_a_time".into(),
            reason: "no <time>".into(),
            remedy: "send RFC 3339".into(),
            preview: "{\"a\":•••}".into(),
        };
        let full = Quarantine { csrf: "t0ken".into(), groups: vec![group], letters: vec![letter], done: Some((1, 2, 0)) };
        let check = |lang, quarantine: &Quarantine, parts: &[&str]| {
            let page = draw(&locale(lang), quarantine).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>") && !page.contains("<time>"), "{page}");
        };
        check(Lang::Ja, &full, &["もう一度受け付ける", "value=\"t0ken\"", "41", "send RFC 3339", "•••", "1件を取り込みました"]);
        check(Lang::En, &full, &["Take again", "action=\"/quarantine/replay\"", "not_a_time", "2 are refused still"]);
        check(Lang::En, &Quarantine::default(), &["nothing that could not be taken"]);
    }
}
