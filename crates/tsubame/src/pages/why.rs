//! What became of one customer, and why not more: the answer of `tsubame why` as a page.

use decide::why::Paragraph;
use maud::{Markup, html};

use super::{Locale, percent_encode, words};

#[derive(Debug, Clone, Default)]
pub struct Why<'a> {
    pub customer: &'a str,
    pub scenario: &'a str,
    /// Name and title of every scenario.
    pub scenarios: Vec<(String, String)>,
    /// Nothing before a customer is named.
    pub paragraphs: Option<&'a [Paragraph]>,
    /// What was asked cannot be answered: why, and what to do.
    pub refused: Option<(String, Option<String>)>,
}

pub fn draw(locale: &Locale, why: &Why) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::WHY_INTRO.get(lang)) }
        form method="get" action="/why" class="filters" {
            label { span { (words::WHY_CUSTOMER.get(lang)) } input type="text" name="customer" value=(why.customer) required; }
            label {
                span { (words::WHY_SCENARIO.get(lang)) }
                select name="scenario" {
                    option value="" { (words::WHY_ALL.get(lang)) }
                    @for (name, title) in &why.scenarios {
                        option value=(name) selected[name == why.scenario] { (title) }
                    }
                }
            }
            button type="submit" { (words::WHY_ASK.get(lang)) }
        }
        @if let Some((message, remedy)) = &why.refused {
            section class="card" role="alert" {
                p { (message) }
                @if let Some(remedy) = remedy { p class="note" { (remedy) } }
            }
        }
        @for paragraph in why.paragraphs.unwrap_or_default() {
            section class="card card-wide" {
                h2 { (paragraph.heading.get(lang.name())) }
                ul { @for line in &paragraph.lines { li { (line.get(lang.name())) } } }
            }
        }
        @if why.paragraphs.is_some() {
            p { a href=(format!("/d/customer?customer={}", percent_encode(why.customer))) { (words::WHY_TIMELINE.get(lang)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn an_answer_a_refusal_and_a_question() {
        let paragraph = Paragraph {
            heading: model::Text::new("会員<1>", "Customer <1>"),
            lines: vec![model::Text::new("送らなかった", "Not sent")],
        };
        let paragraphs = [paragraph];
        let asked = |why: Why<'static>| Why { scenarios: vec![("cart".into(), "カゴ落ち".into())], ..why };
        let check = |lang, why: &Why, parts: &[&str]| {
            let page = draw(&locale(lang), why).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<1>"), "{page}");
        };
        let answered = Why { customer: "c\"1", scenario: "cart", paragraphs: Some(&paragraphs), ..asked(Why::default()) };
        check(Lang::Ja, &answered, &["会員&lt;1&gt;", "送らなかった", "value=\"c&quot;1\"", "customer=c%221", "selected"]);
        check(Lang::En, &answered, &["Not sent", "value=\"cart\""]);
        let refused = Why { refused: Some(("no <1>".into(), Some("look".into()))), ..asked(Why::default()) };
        check(Lang::En, &refused, &["role=\"alert\"", "no &lt;1&gt;", "look"]);
        let nothing = draw(&locale(Lang::En), &asked(Why::default())).into_string();
        assert!(!nothing.contains("card") && nothing.contains("action=\"/why\""), "{nothing}");
    }
}
