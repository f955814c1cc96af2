//! Three customers with the scenario's messages in their words, and below them the form that sends one to its reader.

use maud::{Markup, html};

use super::{Place, channel, ways};
use crate::{
    jobs::preview::{Message, Previewed},
    pages::{Lang, csrf_field, percent_encode, words},
};

#[derive(Debug, Clone, Copy)]
pub struct Preview<'a> {
    pub csrf: &'a str,
    pub name: &'a str,
    /// The ids asked for; empty where they were drawn.
    pub customers: &'a str,
    pub previewed: &'a [Previewed],
    /// The messages that can be tried.
    pub choices: &'a [Choice],
    pub chosen: &'a str,
    pub told: Option<&'a Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Sent,
    /// Why, and what to do.
    Refused(String, Option<String>),
}

pub fn draw(lang: Lang, page: &Preview) -> Markup {
    html! {
        (ways(lang, page.name, Place::Preview))
        p class="intro" { (words::DESK_PREVIEW_INTRO.get(lang)) }
        form class="filters" method="get" action="/scenarios/preview" {
            input type="hidden" name="name" value=(page.name);
            label { span { (words::DESK_PREVIEW_CUSTOMERS.get(lang)) } input type="text" name="customers" value=(page.customers) size="40"; }
            button type="submit" { (words::DESK_PREVIEW_SHOW.get(lang)) }
        }
        @if page.previewed.is_empty() { section class="card card-wide" { p { (words::DESK_PREVIEW_NOBODY.get(lang)) } } }
        @for customer in page.previewed { (one(lang, customer)) }
        (test(lang, page))
    }
}

fn one(lang: Lang, customer: &Previewed) -> Markup {
    html! {
        section class="card card-wide preview" data-customer=(customer.customer) {
            h2 { (words::DESK_CUSTOMER.fill(lang, &[&customer.customer])) }
            @if !customer.is_known { p class="failed" { (words::DESK_UNKNOWN.get(lang)) } }
            ul class="facts" {
                @if !customer.has_name { li { (words::DESK_NO_NAME.get(lang)) } }
                @for (of, has) in &customer.has_address {
                    @let word = if *has { words::DESK_HAS_ADDRESS } else { words::DESK_HAS_NO_ADDRESS };
                    li { (word.fill(lang, &[channel(lang, *of)])) }
                }
            }
            @for message in &customer.messages { (words_of(lang, message)) }
        }
    }
}

fn words_of(lang: Lang, message: &Message) -> Markup {
    html! {
        article class="message" data-channel=(message.channel.name()) data-step=(message.step) {
            h3 { (message.step) " · " (channel(lang, message.channel)) " " code class="muted" { (message.template) } }
            @match &message.words {
                Ok(words) => {
                    @if let Some(subject) = &words.subject { p { strong { (words::DESK_SUBJECT.get(lang)) ": " } (subject) } }
                    pre tabindex="0" { (words.body) }
                },
                Err((why, remedy)) => {
                    div class="failed" {
                        p { span aria-hidden="true" { "⚠ " } (words::DESK_NO_WORDS.get(lang)) " " (why) }
                        @if let Some(remedy) = remedy { p { strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                    }
                },
            }
            @if !message.missing.is_empty() {
                p class="note" { span aria-hidden="true" { "⚠ " } (words::DESK_MISSING.fill(lang, &[&message.missing.join(", ")])) }
            }
        }
    }
}

fn test(lang: Lang, page: &Preview) -> Markup {
    html! {
        section class="card card-wide" {
            h2 { (words::DESK_TEST.get(lang)) }
            @match page.told {
                None => {},
                Some(Told::Sent) => { p role="status" { strong { "✓ " (words::DESK_TEST_SENT.get(lang)) } } },
                Some(Told::Refused(why, remedy)) => {
                    div class="failed" role="alert" {
                        p { span aria-hidden="true" { "⚠ " } (words::DESK_TEST_NOT_SENT.get(lang)) " " (why) }
                        @if let Some(remedy) = remedy { p { strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                    }
                },
            }
            p class="note" { (words::DESK_TEST_NOTE.get(lang)) }
            form class="filters test-send" method="post" action={ "/scenarios/preview?name=" (percent_encode(page.name)) } autocomplete="off" {
                (csrf_field(page.csrf))
                label {
                    span { (words::DESK_TEST_MESSAGE.get(lang)) }
                    select name="message" {
                        @for choice in page.choices { option value=(choice.value) selected[choice.value == page.chosen] { (choice.label) } }
                    }
                }
                label { span { (words::DESK_TEST_ADDRESS.get(lang)) } input type="text" name="address" required size="34"; }
                label { input type="checkbox" name="mine" value="1" required; " " (words::DESK_TEST_MINE.get(lang)) }
                button type="submit" { (words::DESK_TEST_SEND.get(lang)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use connect::template::Rendered;
    use model::Channel;

    use super::*;

    #[test]
    fn words_and_what_they_lack() {
        let message = |channel, words, missing: &[&str]| Message {
            step: "remind".into(),
            template: "cart_1".into(),
            channel,
            words,
            missing: missing.iter().map(ToString::to_string).collect(),
        };
        let rendered = Rendered { subject: Some("<script>".into()), body: "山••様\n<script>".into() };
        let previewed = [Previewed {
            customer: "c-1".into(),
            is_known: false,
            has_name: false,
            has_address: [(Channel::Email, true), (Channel::Line, false)].into(),
            messages: vec![
                message(Channel::Email, Ok(rendered), &[]),
                message(Channel::Line, Err(("no <value>".into(), Some("guard it".into()))), &["cart_value", "name"]),
            ],
        }];
        let choices = [Choice { value: "remind/email/cart_1".into(), label: "<script>".into() }];
        let told = Told::Refused("<script>".into(), Some("wait".into()));
        let mut page = Preview {
            csrf: "t0ken",
            name: "a b",
            customers: "\"><script>",
            previewed: &previewed,
            choices: &choices,
            chosen: "remind/email/cart_1",
            told: Some(&told),
        };
        let check = |page: &Preview, lang, parts: &[&str]| {
            let drawn = draw(lang, page).into_string();
            parts.iter().for_each(|part| assert!(drawn.contains(part), "{part}: {drawn}"));
            assert!(!drawn.contains("<script>"), "{drawn}");
        };
        check(&page, Lang::Ja, &["山••様", "LINEの宛先なし", "cart_value, name", "role=\"alert\"", "name=a%20b\"", "selected"]);
        check(&page, Lang::En, &["no address for LINE", "guard it", "no &lt;value&gt;", "Nothing is known"]);
        let sent = Told::Sent;
        page.told = Some(&sent);
        check(&page, Lang::En, &["role=\"status\""]);
        page.previewed = &[];
        check(&page, Lang::En, &["Nobody"]);
    }
}
