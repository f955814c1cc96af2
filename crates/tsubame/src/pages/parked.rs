//! Messages whose outcome nobody knows: what is known of each, and the three things a person may do. Never the address.

use maud::{Markup, html};
use model::Instant;

use super::{Locale, csrf_field, percent_encode, words};

#[derive(Debug, Clone, Default)]
pub struct ParkedPage {
    pub csrf: String,
    pub parked: Vec<Parked>,
    /// What was just done.
    pub done: Option<words::Word>,
}

#[derive(Debug, Clone)]
pub struct Parked {
    pub send_id: String,
    pub customer_id: String,
    pub scenario: String,
    pub step: String,
    pub channel: String,
    pub purpose: String,
    pub due_at: Instant,
    pub handed_at: Option<Instant>,
    pub attempts: i64,
    pub why: String,
    /// Until when it waits before it is let be by itself; nothing for what a customer is owed.
    pub waits_until: Option<Instant>,
}

pub fn draw(locale: &Locale, page: &ParkedPage) -> Markup {
    let lang = locale.lang;
    html! {
        @if let Some(done) = page.done { section class="card" role="status" { p { (done.get(lang)) } } }
        p class="intro" { (words::PARKED_INTRO.get(lang)) }
        @if page.parked.is_empty() { section class="card" { p { (words::PARKED_NONE.get(lang)) } } }
        @for parked in &page.parked { (one(locale, page, parked)) }
    }
}

fn one(locale: &Locale, page: &ParkedPage, parked: &Parked) -> Markup {
    let lang = locale.lang;
    let instant = |at: Option<Instant>| at.map_or("–".into(), |at| locale.instant(at));
    let customer = percent_encode(&parked.customer_id);
    let rows = [
        (words::PARKED_DUE, locale.instant(parked.due_at)),
        (words::PARKED_HANDED, instant(parked.handed_at)),
        (words::PARKED_ATTEMPTS, locale.count(parked.attempts.unsigned_abs())),
        (words::REASON, parked.why.clone()),
        (words::PARKED_WAITS, parked.waits_until.map_or(words::PARKED_FOR_EVER.get(lang).into(), |at| locale.instant(at))),
    ];
    html! {
        section class="card card-wide" {
            h2 { (parked.scenario) " / " (parked.step) " · " (parked.channel) " · " (parked.purpose) }
            p {
                a href=(format!("/why?customer={customer}&scenario={}", percent_encode(&parked.scenario))) { (parked.customer_id) }
                " " code class="muted" { (parked.send_id) }
            }
            div class="table-scroll" tabindex="0" {
                table {
                    tbody {
                        @for (label, value) in &rows {
                            tr { th scope="row" class="text" { (label.get(lang)) } td class="text" { (value) } }
                        }
                    }
                }
            }
            (form(page, parked, "/sends/look-up", html! { button type="submit" { (words::PARKED_LOOK_UP.get(lang)) } }))
            (form(page, parked, "/sends/found", html! {
                label { span { (words::PARKED_PROVIDER_ID.get(lang)) } input type="text" name="provider_id" maxlength="200"; }
                button type="submit" { (words::PARKED_FOUND.get(lang)) }
            }))
            (form(page, parked, "/sends/absent", html! { button type="submit" { (words::PARKED_ABSENT.get(lang)) } }))
            (form(page, parked, "/sends/resend", html! { button type="submit" { (words::PARKED_RESEND.get(lang)) } }))
            (form(page, parked, "/sends/drop", html! { button type="submit" { (words::PARKED_DROP.get(lang)) } }))
        }
    }
}

fn form(page: &ParkedPage, parked: &Parked, action: &str, fields: Markup) -> Markup {
    html! {
        form method="post" action=(action) class="filters" {
            (csrf_field(&page.csrf))
            input type="hidden" name="send_id" value=(parked.send_id);
            (fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn what_is_known_and_what_can_be_done() {
        let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let parked = |waits_until| Parked {
            send_id: "5e\"d".into(),
            customer_id: "c<1>".into(),
            scenario: "cart".into(),
            step: "remind".into(),
            channel: "email".into(),
            purpose: "marketing".into(),
            due_at: at,
            handed_at: Some(at),
            attempts: 2,
            why: "no <answer>".into(),
            waits_until,
        };
        let check = |lang, page: &ParkedPage, parts: &[&str]| {
            let page = draw(&locale(lang), page).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<1>") && !page.contains("<answer>"), "{page}");
        };
        let page =
            ParkedPage { csrf: "t0ken".into(), parked: vec![parked(Some(at)), parked(None)], done: Some(words::PARKED_DROPPED) };
        let buttons = ["/sends/look-up", "/sends/found", "/sends/absent", "/sends/resend", "/sends/drop"];
        check(Lang::En, &page, &buttons);
        check(
            Lang::En,
            &page,
            &["value=\"t0ken\"", "value=\"5e&quot;d\"", "customer=c%3C1%3E", "no &lt;answer&gt;", "Do not send"],
        );
        check(Lang::Ja, &page, &["もう一度送る", "担当者が判断するまで待つ", "送らないことにしました"]);
        check(Lang::Ja, &ParkedPage::default(), &["結果不明の配信はありません"]);
    }
}
