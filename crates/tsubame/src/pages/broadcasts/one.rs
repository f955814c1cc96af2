//! One broadcast: whom it would go to and why others are left out, in numbers that add up; its approval; what became of it.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::{Channel, Instant, Money, SendState};
use query::{Answer, Kind, Value};
use state::{Act, Acted};

use super::{badge, channel_word, href, reason_word};
use crate::{
    broadcasts::{Became, Stage},
    jobs::{approval::Approval, back_test::column, trial::Trial},
    pages::{Lang, Locale, csrf_field, percent_encode, words},
};

#[derive(Debug, Clone)]
pub struct One<'a> {
    pub csrf: &'a str,
    pub name: &'a str,
    pub stage: Stage,
    pub is_enabled: bool,
    /// Its moment is over.
    pub is_over: bool,
    pub is_paused: bool,
    pub leaves_at: Option<Instant>,
    pub segment: &'a str,
    pub exclude: &'a [String],
    pub channels: Vec<Channel>,
    pub template: &'a str,
    pub sql: Option<&'a str>,
    pub approval: &'a Approval,
    /// Neither who asked nor who edited last approves.
    pub may_approve: bool,
    pub history: &'a [Acted],
    /// Before it goes out.
    pub trial: Option<&'a Trial>,
    pub became: &'a Became,
    pub cost: Money,
    /// Of each channel with a plan or quota: the channel, what the month has sent, and what it includes or takes at most.
    pub months: Vec<(Channel, u64, u64)>,
    /// The form can show it.
    pub is_form: bool,
}

/// Everybody of the audience in exactly one line: sent to by a channel, held out, later, or left out and why. Before them, who could be reached.
pub fn counted(lang: Lang, trial: &Trial) -> Answer {
    let columns = vec![
        column("kind", Kind::Text, "区分", "Kind"),
        column("what", Kind::Text, "内訳", "What"),
        column("people", Kind::Int, "人数", "People"),
    ];
    let mut rows = Vec::new();
    let mut row = |kind: words::Word, what: String, people: u64| {
        rows.push(vec![
            Value::Text(kind.get(lang).into()),
            Value::Text(what),
            Value::Int(i64::try_from(people).unwrap_or(i64::MAX)),
        ]);
    };
    row(words::COUNT_AUDIENCE, String::new(), trial.audience);
    for (channel, people) in &trial.reachable {
        row(words::COUNT_REACHABLE, reachable(lang, *channel), *people);
    }
    for (channel, people) in &trial.sends {
        row(words::COUNT_SENDS, channel_word(lang, *channel).into(), *people);
    }
    for (kind, people) in [(words::COUNT_GHOSTS, trial.ghosts), (words::COUNT_DEFERRED, trial.deferred)] {
        if people > 0 {
            row(kind, String::new(), people);
        }
    }
    for (reason, people) in &trial.stops {
        row(words::COUNT_LEFT_OUT, reason_word(lang, reason), *people);
    }
    let told = trial.messages() + trial.ghosts + trial.deferred + trial.stops.values().sum::<u64>();
    if let Some(rest) = trial.audience.checked_sub(told).filter(|rest| *rest > 0) {
        row(words::COUNT_LEFT_OUT, words::COUNT_NOT_AGAIN.get(lang).into(), rest);
    }
    Answer { columns, rows }
}

/// `LINE可`.
fn reachable(lang: Lang, channel: Channel) -> String {
    words::COUNT_CAN.fill(lang, &[channel_word(lang, channel)])
}

pub fn draw(locale: &Locale, one: &One) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" {
            (badge(lang, one.stage)) " "
            @if let Some(at) = one.leaves_at { (words::BROADCAST_LEAVES.fill(lang, &[&locale.instant(at)])) }
        }
        p class="note" {
            a href="/broadcasts" { (words::BROADCASTS.get(lang)) } " · "
            @if one.is_form && !one.is_over { a href={ (href(one.name)) "/edit" } { (words::BROADCAST_EDIT.get(lang)) } " · " }
            a href={ "/scenarios/preview?name=" (percent_encode(one.name)) } { (words::BROADCAST_PREVIEW.get(lang)) } " · "
            a href="/calendar" { (words::CALENDAR.get(lang)) }
        }
        @if !one.is_form { p class="note" { (words::BROADCAST_NO_FORM.fill(lang, &[&format!("scenarios/{}.toml", one.name)])) } }
        div class="cards" {
            @if let Some(trial) = one.trial { (count_card(locale, one, trial)) }
            (approval_card(locale, one))
            (became_card(locale, one))
            (definition_card(lang, one))
        }
    }
}

fn count_card(locale: &Locale, one: &One, trial: &Trial) -> Markup {
    let lang = locale.lang;
    let answer = counted(lang, trial);
    html! {
        section class="card card-wide" id="count" aria-labelledby="count-title" {
            div class="card-head" {
                h2 id="count-title" { (words::COUNT_TITLE.get(lang)) }
                a class="csv" href={ (href(one.name)) "/count.csv" } download { "↓ CSV" }
            }
            div class="kpis" {
                (kpi(words::COUNT_AUDIENCE.get(lang), &locale.count(trial.audience)))
                @for (channel, people) in &trial.reachable { (kpi(&reachable(lang, *channel), &locale.count(*people))) }
                (kpi(words::COUNT_MESSAGES.get(lang), &locale.count(trial.messages())))
                (kpi(words::BROADCAST_COST.get(lang), &locale.money(one.cost)))
            }
            (table(locale, &answer))
            (months(locale, &one.months))
            p class="note" { (words::COUNT_NOTE.get(lang)) }
        }
    }
}

fn kpi(label: &str, value: &str) -> Markup {
    html! { div class="kpi" { p class="kpi-label" { (label) } p class="kpi-value" { (value) } } }
}

fn table(locale: &Locale, answer: &Answer) -> Markup {
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        @for column in &answer.columns {
                            th scope="col" class={ @if column.kind == Kind::Int { "number" } } { (column.label.get(locale.lang.name())) }
                        }
                    }
                }
                tbody {
                    @for row in &answer.rows {
                        tr {
                            @for (column, value) in answer.columns.iter().zip(row) {
                                td class={ @if column.kind == Kind::Int { "number" } } { (locale.value(column.kind, value)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is left of the month's messages.
fn months(locale: &Locale, months: &[(Channel, u64, u64)]) -> Markup {
    let lang = locale.lang;
    html! {
        ul {
            @for (channel, sent, of) in months {
                li {
                    (words::MONTH_LEFT.fill(lang, &[
                        channel_word(lang, *channel), &locale.count(*sent), &locale.count(*of), &locale.count(of.saturating_sub(*sent)),
                    ]))
                }
            }
        }
    }
}

fn approval_card(locale: &Locale, one: &One) -> Markup {
    let lang = locale.lang;
    let instant = |at: &Instant| locale.instant(*at);
    let said = match one.approval {
        Approval::NotNeeded => words::APPROVAL_NOT_NEEDED.get(lang).to_string(),
        Approval::Needed { recipients } => words::APPROVAL_NEEDED.fill(lang, &[&locale.count(*recipients)]),
        Approval::Asked { by, at, recipients } => {
            words::APPROVAL_ASKED.fill(lang, &[by, &instant(at), &locale.count(*recipients)])
        }
        Approval::Approved { by, at } => words::APPROVAL_GIVEN.fill(lang, &[by, &instant(at)]),
        Approval::Void { changed, .. } => words::APPROVAL_VOID.fill(lang, &[&changed.join(", ")]),
    };
    let is_asked = matches!(one.approval, Approval::Asked { .. });
    let is_wanted = matches!(one.approval, Approval::Needed { .. } | Approval::Void { .. });
    let is_given = matches!(one.approval, Approval::Approved { .. });
    let has_begun = one.became.planned() > 0;
    html! {
        section class="card" id="approval" aria-labelledby="approval-title" {
            h2 id="approval-title" { (words::APPROVAL.get(lang)) }
            p role="status" { (said) }
            form class="filters" method="post" action=(href(one.name)) {
                (csrf_field(one.csrf))
                @if !one.is_over {
                    @if is_wanted { (act("ask", words::APPROVAL_ASK, lang)) }
                    @if is_asked && one.may_approve { (act("approve", words::APPROVAL_APPROVE, lang)) }
                    @if is_asked || is_given { (act("withdraw", words::APPROVAL_WITHDRAW, lang)) }
                    @if !one.is_enabled && one.approval.lets_send() { (act("reserve", words::BROADCAST_RESERVE, lang)) }
                    @if one.is_enabled && !has_begun { (act("cancel", words::BROADCAST_CANCEL, lang)) }
                }
                @if one.is_paused { (act("resume", words::BROADCAST_RESUME, lang)) }
                @else if one.is_enabled && one.stage != Stage::Sent && one.stage != Stage::Missed {
                    (act("stop", words::BROADCAST_STOP, lang))
                }
            }
            @if is_asked && !one.may_approve { p class="note" { (words::APPROVAL_BY_ANOTHER.get(lang)) } }
            @if !one.history.is_empty() {
                ol class="note" {
                    @for acted in one.history { li { (locale.instant(acted.at)) " " (acted.by) ": " (act_word(acted.act).get(lang)) } }
                }
            }
        }
    }
}

fn act(action: &str, word: words::Word, lang: Lang) -> Markup {
    html! { button type="submit" name="action" value=(action) { (word.get(lang)) } }
}

fn act_word(act: Act) -> words::Word {
    match act {
        Act::Edited => words::ACT_EDITED,
        Act::Asked => words::ACT_ASKED,
        Act::Approved => words::ACT_APPROVED,
        Act::Withdrawn => words::ACT_WITHDRAWN,
        Act::SwitchedOn => words::ACT_RESERVED,
        Act::SwitchedOff => words::ACT_CANCELLED,
        Act::Paused => words::ACT_STOPPED,
        Act::Resumed => words::ACT_RESUMED,
    }
}

fn became_card(locale: &Locale, one: &One) -> Markup {
    let lang = locale.lang;
    let mut states: BTreeMap<SendState, u64> = BTreeMap::new();
    for ((_, state), sends) in &one.became.sends {
        *states.entry(*state).or_default() += sends;
    }
    html! {
        section class="card" id="became" aria-labelledby="became-title" {
            h2 id="became-title" { (words::BECAME.get(lang)) }
            @if states.is_empty() && one.became.stops.is_empty() {
                p { (words::BECAME_NOTHING.get(lang)) }
            } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        tbody {
                            @for (state, sends) in &states {
                                tr { th scope="row" { (state_word(*state).get(lang)) } td class="number" { (locale.count(*sends)) } }
                            }
                            @for (reason, people) in &one.became.stops {
                                tr { th scope="row" { (reason_word(lang, reason)) } td class="number" { (locale.count(*people)) } }
                            }
                        }
                    }
                }
                p class="note" {
                    a href={ (href(one.name)) "/reached.csv" } download { "↓ " (words::REACHED.get(lang)) }
                    " · "
                    a href={ "/scenarios/stops?name=" (percent_encode(one.name)) } { (words::BECAME_WHY.get(lang)) }
                }
                form class="filters" method="post" action=(href(one.name)) {
                    (csrf_field(one.csrf))
                    (act("reached", words::REACHED_SAVE, lang))
                }
            }
        }
    }
}

fn state_word(state: SendState) -> words::Word {
    match state {
        SendState::Planned | SendState::Claimed => words::STATE_PLANNED,
        SendState::Handed => words::STATE_HANDED,
        SendState::Accepted => words::STATE_ACCEPTED,
        SendState::Failed => words::STATE_FAILED,
        SendState::Deferred => words::STATE_DEFERRED,
        SendState::Ambiguous | SendState::Parked => words::STATE_UNKNOWN,
        SendState::Stopped => words::STATE_STOPPED,
        SendState::Ghost => words::COUNT_GHOSTS,
    }
}

fn definition_card(lang: Lang, one: &One) -> Markup {
    let channels: Vec<&str> = one.channels.iter().map(|channel| channel_word(lang, *channel)).collect();
    html! {
        section class="card card-wide" aria-labelledby="definition" {
            h2 id="definition" { (words::SEGMENT_DEFINITION.get(lang)) }
            p {
                (words::SEGMENT.get(lang)) ": " code { (one.segment) } " · "
                @if !one.exclude.is_empty() { (words::BROADCAST_EXCLUDE.get(lang)) ": " code { (one.exclude.join(", ")) } " · " }
                (words::BROADCAST_CHANNELS.get(lang)) ": " (channels.join(" → ")) " · "
                (words::BROADCAST_MESSAGE.get(lang)) ": " code { (one.template) }
            }
            @if let Some(sql) = one.sql { pre tabindex="0" { code { (sql) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{jobs::trial::Basis, pages::chart::tests::locale};

    fn trial() -> Trial {
        let (line, email, sms) = (Channel::Line, Channel::Email, Channel::Sms);
        Trial {
            basis: Basis::Evaluation(Instant::default()),
            audience: 100,
            enters: 90,
            reachable: [(line, 40), (email, 30), (sms, 5)].into(),
            sends: [(line, 40), (email, 20)].into(),
            ghosts: 6,
            deferred: 4,
            stops: [("excluded".to_string(), 10), ("no_consent".to_string(), 15)].into(),
        }
    }

    #[test]
    fn everybody_is_in_one_line() {
        let answer = counted(Lang::Ja, &trial());
        let shown: Vec<String> =
            answer.rows.iter().map(|row| row.iter().map(Value::plain).collect::<Vec<_>>().join(" ")).collect();
        let expect = [
            "対象  100",
            "到達可能 メール可 30",
            "到達可能 LINE可 40",
            "到達可能 SMS可 5",
            "配信 メール 20",
            "配信 LINE 40",
            "ホールドアウト(送らない)  6",
            "後で送る  4",
            "除外 除外セグメントに入っている 10",
            "除外 配信の同意がない 15",
            "除外 以前に対象となった 5",
        ];
        assert_eq!(shown, expect);
    }

    #[test]
    fn what_may_be_done_about_it() {
        let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("an instant");
        let trial = trial();
        let asked = Approval::Asked { by: "hana<script>".into(), at, recipients: 100 };
        let void = Approval::Void { changed: vec!["messages/x.toml".into()], recipients: 100 };
        let history =
            [Acted { act: Act::Asked, by: "hana<script>".into(), at, subject: state::Subject::default(), recipients: Some(100) }];
        let nothing = Became::default();
        let one = |approval, became, stage, is_enabled, may_approve| One {
            csrf: "t0ken",
            name: "summer-sale",
            stage,
            is_enabled,
            is_over: false,
            is_paused: stage == Stage::Stopped,
            leaves_at: Some(at),
            segment: "<script>",
            exclude: &[],
            channels: vec![Channel::Line, Channel::Email],
            template: "summer-sale",
            sql: Some("SELECT '<script>'"),
            approval,
            may_approve,
            history: &history,
            trial: Some(&trial),
            became,
            cost: Money::whole(126).expect("an amount"),
            months: vec![(Channel::Line, 1_000, 30_000)],
            is_form: true,
        };
        let check = |lang, one: One, actions: &[&str], parts: &[&str]| {
            let page = draw(&locale(lang), &one).into_string();
            let found: Vec<&str> =
                page.split("name=\"action\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(found, actions, "{page}");
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
        };
        let (ja, en) = (Lang::Ja, Lang::En);
        check(ja, one(&asked, &nothing, Stage::Waiting, false, true), &["approve", "withdraw"], &["LINE可", "29,000", "¥126"]);
        check(en, one(&asked, &nothing, Stage::Waiting, false, false), &["withdraw"], &["Another account approves"]);
        check(ja, one(&void, &nothing, Stage::Waiting, true, false), &["ask", "cancel", "stop"], &["messages/x.toml"]);
        check(en, one(&Approval::NotNeeded, &nothing, Stage::Draft, false, false), &["reserve"], &["/count.csv"]);
        let approved = Approval::Approved { by: "b".into(), at };
        check(ja, one(&approved, &nothing, Stage::Reserved, true, false), &["withdraw", "cancel", "stop"], &["予約済み"]);
        let sent = Became { sends: [((Channel::Line, SendState::Accepted), 9)].into(), stops: BTreeMap::new() };
        let sent = |stage| One { is_over: true, trial: None, ..one(&approved, &sent, stage, true, false) };
        check(ja, sent(Stage::Stopped), &["resume", "reached"], &["reached.csv"]);
        check(en, sent(Stage::Sent), &["reached"], &["Accepted by the provider"]);
    }
}
