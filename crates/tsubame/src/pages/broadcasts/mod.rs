//! Broadcasts: all of them with how far each has come, one with its numbers before and after, and the form it is made with.

use maud::{Markup, html};
use model::{Instant, Money};

use super::{
    Lang, Locale, csrf_field, percent_encode,
    words::{self, Word},
};
use crate::broadcasts::Stage;

pub use super::scenarios::channel as channel_word;

pub mod form;
pub mod one;

#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub title: String,
    pub stage: Stage,
    pub leaves_at: Option<Instant>,
    pub segment: String,
    pub planned: u64,
    pub accepted: u64,
    pub stopped: u64,
    /// Of what has left or is planned.
    pub cost: Money,
}

#[derive(Debug, Clone, Default)]
pub struct List {
    pub csrf: String,
    pub broadcasts: Vec<Listed>,
    /// Everything is stopped (全停止).
    pub is_stopped: bool,
}

pub fn href(name: &str) -> String {
    format!("/broadcasts/{}", percent_encode(name))
}

pub fn list(locale: &Locale, list: &List) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::BROADCASTS_INTRO.get(lang)) }
        div class="filters" {
            a class="button" href="/broadcasts/new" { (words::BROADCAST_NEW.get(lang)) }
            a class="button" href="/calendar" { (words::CALENDAR.get(lang)) }
            form method="post" action="/broadcasts" {
                (csrf_field(&list.csrf))
                @if list.is_stopped {
                    button type="submit" name="action" value="resume_all" { (words::RESUME_ALL.get(lang)) }
                } @else {
                    button type="submit" name="action" value="stop_all" { (words::STOP_ALL.get(lang)) }
                }
            }
        }
        @if list.is_stopped { section class="card card-wide failed" role="status" { p { (words::ALL_STOPPED.get(lang)) } } }
        section class="card card-wide" {
            @if list.broadcasts.is_empty() {
                p { (words::BROADCASTS_NONE.get(lang)) }
            } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (words::BROADCAST.get(lang)) }
                                th scope="col" { (words::BROADCAST_STAGE.get(lang)) }
                                th scope="col" { (words::BROADCAST_AT.get(lang)) }
                                th scope="col" { (words::SEGMENT.get(lang)) }
                                th scope="col" class="number" { (words::BROADCAST_PLANNED.get(lang)) }
                                th scope="col" class="number" { (words::BROADCAST_ACCEPTED.get(lang)) }
                                th scope="col" class="number" { (words::BROADCAST_STOPPED.get(lang)) }
                                th scope="col" class="number" { (words::BROADCAST_COST.get(lang)) }
                            }
                        }
                        tbody { @for broadcast in &list.broadcasts { (row(locale, broadcast)) } }
                    }
                }
            }
        }
    }
}

fn row(locale: &Locale, broadcast: &Listed) -> Markup {
    html! {
        tr {
            td { a href=(href(&broadcast.name)) { (broadcast.title) } " " code class="muted" { (broadcast.name) } }
            td { (badge(locale.lang, broadcast.stage)) }
            td { @if let Some(at) = broadcast.leaves_at { (locale.instant(at)) } }
            td { (broadcast.segment) }
            td class="number" { (locale.count(broadcast.planned)) }
            td class="number" { (locale.count(broadcast.accepted)) }
            td class="number" { (locale.count(broadcast.stopped)) }
            td class="number" { (locale.money(broadcast.cost)) }
        }
    }
}

/// The stage in a word; its colour only says it again.
pub fn badge(lang: Lang, stage: Stage) -> Markup {
    let class = match stage {
        Stage::Reserved | Stage::Sent | Stage::Sending => "badge good",
        Stage::Stopped | Stage::Missed => "badge bad",
        Stage::Draft | Stage::Waiting => "badge",
    };
    html! { span class=(class) { (stage_word(stage).get(lang)) } }
}

pub fn stage_word(stage: Stage) -> Word {
    match stage {
        Stage::Draft => words::STAGE_DRAFT,
        Stage::Waiting => words::STAGE_WAITING,
        Stage::Reserved => words::STAGE_RESERVED,
        Stage::Sending => words::STAGE_SENDING,
        Stage::Stopped => words::STAGE_STOPPED,
        Stage::Sent => words::STAGE_SENT,
        Stage::Missed => words::STAGE_MISSED,
    }
}

/// Why somebody is not sent to, in words; a reason without any is shown as it is.
pub fn reason_word(lang: Lang, reason: &str) -> String {
    let word = match reason {
        "no_address" => words::STOP_NO_ADDRESS,
        "relay_address" => words::STOP_RELAY_ADDRESS,
        "no_consent" => words::STOP_NO_CONSENT,
        "suppressed" => words::STOP_SUPPRESSED,
        "line_blocked" => words::STOP_LINE_BLOCKED,
        "quota" => words::STOP_QUOTA,
        "cap" => words::STOP_CAP,
        "quiet" => words::STOP_QUIET,
        "expired" => words::STOP_EXPIRED,
        "exited" => words::STOP_EXITED,
        "excluded" => words::STOP_EXCLUDED,
        "excluded_same_address" => words::STOP_SAME_ADDRESS,
        "excluded_sent_lately" => words::STOP_SENT_LATELY,
        "global_holdout" => words::STOP_HOLDOUT,
        other => return other.into(),
    };
    word.get(lang).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;

    #[test]
    fn all_of_them_with_how_far_they_have_come() {
        let listed = |name: &str, stage| Listed {
            name: name.into(),
            title: "<script>".into(),
            stage,
            leaves_at: chrono::DateTime::from_timestamp(1_795_000_000, 0),
            segment: "vip".into(),
            planned: 1200,
            accepted: 1100,
            stopped: 34,
            cost: Money::whole(3300).expect("an amount"),
        };
        let stages = [Stage::Draft, Stage::Waiting, Stage::Reserved, Stage::Sending, Stage::Stopped, Stage::Sent, Stage::Missed];
        let check = |lang, is_stopped, parts: &[&str]| {
            let broadcasts = stages.map(|stage| listed("summer-sale", stage)).to_vec();
            let page = super::list(&locale(lang), &List { csrf: "t0ken".into(), broadcasts, is_stopped }).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
        };
        check(Lang::Ja, false, &["下書き", "承認待ち", "予約済み", "配信中", "停止中", "配信済み", "全停止", "1,200", "¥3,300"]);
        check(Lang::En, true, &["Draft", "Waiting for approval", "Reserved", "resume_all", "/broadcasts/summer-sale", "t0ken"]);
        let empty = super::list(&locale(Lang::En), &List::default()).into_string();
        assert!(empty.contains("/broadcasts/new") && empty.contains("There are no broadcasts yet"), "{empty}");
    }

    #[test]
    fn a_reason_has_words() {
        let check = |reason: &str, ja: &str, en: &str| {
            assert_eq!((reason_word(Lang::Ja, reason).as_str(), reason_word(Lang::En, reason).as_str()), (ja, en));
        };
        check("quota", "今月の配信可能通数に達した", "The channel's monthly quota is used up");
        check("excluded_same_address", "同じ連絡先の別の人に送る", "Another person with the same address is sent to");
        check("of_tomorrow", "of_tomorrow", "of_tomorrow");
    }
}
