//! Who is who: pairs for a person to decide on, side by side and without addresses, and the merges that can be undone.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::{CustomerId, Text};
use state::{Merged, Proposal};

use super::{Locale, csrf_field, percent_encode, words};
use crate::jobs::identity::Facts;

#[derive(Debug, Clone)]
pub struct IdentityPage<'a> {
    pub csrf: &'a str,
    /// The first ones.
    pub proposals: &'a [Proposal],
    /// How many there are in all.
    pub proposed: usize,
    pub facts: &'a BTreeMap<CustomerId, Facts>,
    pub merged: &'a [Merged],
}

/// Merges that are listed at once.
const MERGED_MAX: usize = 500;

/// Why two are, or may be, one. The address itself is never said.
pub fn reason(rule: &str) -> Text {
    match rule {
        "same_phone" => Text::new("電話番号が同じ", "same phone"),
        "same_postal" => Text::new("住所が同じ", "same postal address"),
        "same_email" => Text::new("メールアドレスが同じ", "same e-mail address"),
        "same_id" => Text::new("会員IDが同じ", "same customer id"),
        "guest_member" => Text::new("ゲスト購入と会員のメールアドレスが同じ", "guest and member of one e-mail address"),
        "line_link" => Text::new("LINE連携", "LINE link"),
        "alias" | "identify" => Text::new("サイトからの申告", "said by the site"),
        "manual" => Text::new("手動", "by hand"),
        other => Text::new(other, other),
    }
}

pub fn draw(locale: &Locale, page: &IdentityPage) -> Markup {
    let lang = locale.lang;
    html! {
        p class="note" { (words::IDENTITY_NOTE.get(lang)) }
        section class="card" {
            h2 { (words::PROPOSED.fill(lang, &[&locale.count(page.proposed as u64)])) }
            @if page.proposals.is_empty() { p class="muted" { (words::NOTHING_PROPOSED.get(lang)) } }
            @for proposal in page.proposals { (pair(locale, page, proposal)) }
            @if page.proposed > page.proposals.len() {
                p class="note" { (words::FIRST_SHOWN.fill(lang, &[&locale.count(page.proposals.len() as u64)])) }
            }
        }
        section class="card" {
            h2 { (words::MERGED.fill(lang, &[&locale.count(page.merged.len() as u64)])) }
            @if page.merged.is_empty() { p class="muted" { (words::NOBODY_MERGED.get(lang)) } }
            @else { (merges(locale, page)) }
            @if page.merged.len() > MERGED_MAX {
                p class="note" { (words::FIRST_SHOWN.fill(lang, &[&locale.count(MERGED_MAX as u64)])) }
            }
        }
    }
}

fn pair(locale: &Locale, page: &IdentityPage, proposal: &Proposal) -> Markup {
    let lang = locale.lang;
    let reasons: Vec<String> = proposal.reasons.iter().map(|rule| reason(rule).get(lang.name()).to_string()).collect();
    let of = |customer: &CustomerId| page.facts.get(customer).cloned().unwrap_or_default();
    let (a, b) = (of(&proposal.a), of(&proposal.b));
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
    let day = |value: Option<chrono::NaiveDate>| value.map_or("–".into(), |day| locale.long_date(day));
    let rows: [(words::Word, String, String); 8] = [
        (words::REGISTERED_ON, day(a.registered_on), day(b.registered_on)),
        (words::GENDER, text(&a.gender), text(&b.gender)),
        (words::BIRTHDAY, day(a.birthday), day(b.birthday)),
        (words::PREFECTURE, text(&a.prefecture), text(&b.prefecture)),
        (words::ORDERS, locale.count(a.orders.unsigned_abs()), locale.count(b.orders.unsigned_abs())),
        (words::NET_REVENUE, locale.money(a.net_revenue), locale.money(b.net_revenue)),
        (words::FIRST_PURCHASE, day(a.first_ordered_on), day(b.first_ordered_on)),
        (words::LAST_PURCHASE, day(a.last_ordered_on), day(b.last_ordered_on)),
    ];
    html! {
        div class="pair" {
            p { strong { (reasons.join(if lang == words::Lang::Ja { "・" } else { ", " })) } }
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" {}
                            th scope="col" class="text" { (customer(&proposal.a)) }
                            th scope="col" class="text" { (customer(&proposal.b)) }
                        }
                    }
                    tbody {
                        @for (label, one, other) in &rows {
                            tr { th scope="row" class="text" { (label.get(lang)) } td class="text" { (one) } td class="text" { (other) } }
                        }
                    }
                }
            }
            (form(page.csrf, "/identity/merge", &[("a", &proposal.a), ("b", &proposal.b)], words::MERGE.get(lang), true))
            (form(page.csrf, "/identity/decline", &[("a", &proposal.a), ("b", &proposal.b)], words::KEEP_APART.get(lang), false))
        }
    }
}

fn merges(locale: &Locale, page: &IdentityPage) -> Markup {
    let lang = locale.lang;
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        @for word in [words::MERGED_CUSTOMER, words::SURVIVOR, words::MERGED_FOR, words::MERGED_AT, words::MERGED_BY] {
                            th scope="col" class="text" { (word.get(lang)) }
                        }
                        th scope="col" {}
                    }
                }
                tbody {
                    @for merged in page.merged.iter().take(MERGED_MAX) {
                        tr {
                            td class="text" { (merged.customer_id) }
                            td class="text" { (customer(&merged.survivor_id)) }
                            td class="text" { (reason(&merged.rule).get(lang.name())) }
                            td class="text" { (locale.instant(merged.changed_at)) }
                            td class="text" { (merged.source) }
                            td { (form(page.csrf, "/identity/undo", &[("customer", &merged.customer_id)], words::UNDO.get(lang), false)) }
                        }
                    }
                }
            }
        }
    }
}

fn customer(id: &CustomerId) -> Markup {
    html! { a href={ "/d/customer?customer=" (percent_encode(id.as_str())) } { (id) } }
}

fn form(csrf: &str, action: &str, fields: &[(&str, &CustomerId)], label: &str, is_primary: bool) -> Markup {
    html! {
        form class="inline" method="post" action=(action) {
            (csrf_field(csrf))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class=[is_primary.then_some("primary")] type="submit" { (label) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{chart::tests::locale, words::Lang};

    #[test]
    fn a_pair_is_shown_side_by_side_with_its_reason() {
        let id = CustomerId::stored;
        let proposals =
            [Proposal { a: id("m-1"), b: id("<b>"), reasons: ["same_phone".to_string(), "same_postal".into()].into() }];
        let facts = [(id("m-1"), Facts { orders: 3, ..Facts::default() })].into();
        let merged = [Merged {
            customer_id: id("h-12"),
            survivor_id: id("m-1"),
            rule: "guest_member".into(),
            source: "vault".into(),
            evidence: None,
            changed_at: model::Instant::default(),
        }];
        let page = IdentityPage { csrf: "t0ken", proposals: &proposals, proposed: 70, facts: &facts, merged: &merged };
        let check = |lang: Lang, parts: &[&str]| {
            let html = draw(&locale(lang), &page).into_string();
            for part in parts {
                assert!(html.contains(part), "`{part}` is not in {html}");
            }
            assert!(!html.contains("<b>") && html.matches("value=\"t0ken\"").count() == 3, "{html}");
        };
        check(Lang::Ja, &["電話番号が同じ・住所が同じ", "統合する", "別人のままにする", "元に戻す", "70件"]);
        check(
            Lang::En,
            &["same phone, same postal address", "Merge", "Keep apart", "Undo", "guest and member of one e-mail address"],
        );
    }
}
