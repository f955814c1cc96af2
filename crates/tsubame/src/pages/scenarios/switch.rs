//! Approval and the switch of a scenario: what it would do now, how far approval has come, the buttons, and who did what before.

use maud::{Markup, html};
use model::{Channel, Instant};

use super::{Place, Standing, channel, ways};
use crate::{
    jobs::approval::Approval,
    pages::{
        Lang, Locale, csrf_field,
        panel::{self, PanelError},
        percent_encode,
        words::{self, Word},
    },
};

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Ask,
    Approve,
    Withdraw,
    On,
    Off,
    Pause,
    Resume,
    /// Everything (全停止).
    Halt,
    ResumeAll,
}

impl Act {
    pub const ALL: [Act; 9] =
        [Act::Ask, Act::Approve, Act::Withdraw, Act::On, Act::Off, Act::Pause, Act::Resume, Act::Halt, Act::ResumeAll];

    pub fn name(self) -> &'static str {
        match self {
            Act::Ask => "ask",
            Act::Approve => "approve",
            Act::Withdraw => "withdraw",
            Act::On => "on",
            Act::Off => "off",
            Act::Pause => "pause",
            Act::Resume => "resume",
            Act::Halt => "halt",
            Act::ResumeAll => "resume_all",
        }
    }

    pub fn parse(name: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.name() == name)
    }

    pub fn is_of_all(self) -> bool {
        matches!(self, Act::Halt | Act::ResumeAll)
    }

    /// It sends to people, or keeps messages from them: it is asked once more.
    pub fn is_grave(self) -> bool {
        matches!(self, Act::On | Act::Off | Act::Resume | Act::Halt | Act::ResumeAll)
    }

    pub fn word(self) -> Word {
        match self {
            Act::Ask => words::DESK_ASK,
            Act::Approve => words::DESK_APPROVE,
            Act::Withdraw => words::DESK_WITHDRAW,
            Act::On => words::DESK_SWITCH_ON,
            Act::Off => words::DESK_SWITCH_OFF,
            Act::Pause => words::DESK_PAUSE,
            Act::Resume => words::DESK_RESUME,
            Act::Halt => words::DESK_HALT,
            Act::ResumeAll => words::DESK_RESUME_ALL,
        }
    }

    /// What will come of it.
    fn consequence(self) -> Word {
        match self {
            Act::Ask => words::DESK_ASK_NOTE,
            Act::Approve => words::DESK_APPROVE_NOTE,
            Act::Withdraw => words::DESK_WITHDRAW_NOTE,
            Act::On => words::DESK_ON_NOTE,
            Act::Off => words::DESK_OFF_NOTE,
            Act::Pause => words::DESK_PAUSE_NOTE,
            Act::Resume => words::DESK_RESUME_NOTE,
            Act::Halt => words::DESK_HALT_NOTE,
            Act::ResumeAll => words::DESK_RESUME_ALL_NOTE,
        }
    }
}

#[derive(Debug)]
pub struct Switch<'a> {
    pub csrf: &'a str,
    pub name: &'a str,
    pub standing: Standing,
    pub approval: &'a Approval,
    /// What it would do, or why that cannot be said.
    pub counted: Result<Counted, (String, Option<String>)>,
    /// The newest first.
    pub history: Vec<Noted>,
    pub is_enabled: bool,
    pub is_halted: bool,
    /// More recipients than this need approval.
    pub above: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Of which moment, or which days.
    pub basis: String,
    pub audience: u64,
    pub enters: u64,
    pub reachable: Vec<(Channel, u64)>,
    pub sends: Vec<(Channel, u64)>,
    pub ghosts: u64,
    pub deferred: u64,
    /// By reason, in words.
    pub stops: Vec<(String, u64)>,
}

#[derive(Debug, Clone)]
pub struct Noted {
    pub act: state::Act,
    pub by: String,
    pub at: Instant,
    pub recipients: Option<u64>,
}

pub fn draw(locale: &Locale, page: &Switch) -> Markup {
    let lang = locale.lang;
    html! {
        (ways(lang, page.name, Place::Switch))
        @if page.is_halted {
            div class="banner bad" role="status" {
                span class="banner-icon" aria-hidden="true" { "■" }
                p { strong { (words::DESK_HALTED.get(lang)) } }
            }
        }
        section class="card card-wide" {
            h2 { (words::DESK_STATE.get(lang)) }
            p class="standing" role="status" { (page.standing.badge(lang)) }
            p { (approval(locale, page)) }
            div class="actions" { @for act in acts(page) { (button(lang, page, act)) } }
        }
        section class="card card-wide" {
            h2 { (words::DESK_TRIAL.get(lang)) }
            @match &page.counted {
                Ok(counted) => { (numbers(locale, counted)) },
                Err((message, remedy)) => {
                    (panel::failed(locale, &PanelError { message: message.clone(), remedy: remedy.clone() }))
                },
            }
        }
        section class="card card-wide" {
            h2 { (words::DESK_HISTORY.get(lang)) }
            @if page.history.is_empty() { p class="muted" { (words::DESK_HISTORY_NONE.get(lang)) } } @else {
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (words::DESK_AT.get(lang)) }
                                th scope="col" { (words::DESK_ACT.get(lang)) }
                                th scope="col" { (words::DESK_BY.get(lang)) }
                                th scope="col" class="number" { (words::DESK_RECIPIENTS.get(lang)) }
                            }
                        }
                        tbody {
                            @for noted in &page.history {
                                tr {
                                    td { (locale.instant(noted.at)) }
                                    td { (noted_word(noted.act).get(lang)) }
                                    td { (noted.by) }
                                    td class="number" { @if let Some(count) = noted.recipients { (locale.count(count)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The question before what is grave. `of` is what it is done to, in words.
pub fn confirm(locale: &Locale, csrf: &str, act: Act, name: Option<&str>, of: &str, recipients: Option<u64>) -> Markup {
    let lang = locale.lang;
    let back = name.map_or("/scenarios".to_string(), |name| Place::Switch.href(name));
    html! {
        section class="card card-wide" {
            h2 { (words::DESK_SURE.fill(lang, &[act.word().get(lang), of])) }
            p { (act.consequence().get(lang)) }
            @if let Some(recipients) = recipients {
                p { strong { (words::DESK_ABOUT.fill(lang, &[&locale.count(recipients)])) } }
            }
            form class="actions" method="post" action=(action(name)) {
                (csrf_field(csrf))
                input type="hidden" name="act" value=(act.name());
                input type="hidden" name="sure" value="1";
                button class="primary" type="submit" { (act.word().get(lang)) }
                a class="button" href=(back) { (words::DESK_CANCEL.get(lang)) }
            }
        }
    }
}

fn action(name: Option<&str>) -> String {
    name.map_or("/scenarios/switch".into(), |name| format!("/scenarios/switch?name={}", percent_encode(name)))
}

/// What can be done now.
fn acts(page: &Switch) -> Vec<Act> {
    let mut acts = Vec::new();
    match page.approval {
        Approval::Needed { .. } | Approval::Void { .. } => acts.push(Act::Ask),
        Approval::Asked { .. } => acts.extend([Act::Approve, Act::Withdraw]),
        Approval::Approved { .. } => acts.push(Act::Withdraw),
        Approval::NotNeeded => {}
    }
    match (page.is_enabled, page.standing) {
        (false, _) if page.approval.lets_send() => acts.push(Act::On),
        (false, _) => {}
        (true, Standing::Paused) => acts.extend([Act::Resume, Act::Off]),
        (true, _) => acts.extend([Act::Pause, Act::Off]),
    }
    acts
}

fn button(lang: Lang, page: &Switch, act: Act) -> Markup {
    html! {
        form method="post" action=(action(Some(page.name))) {
            (csrf_field(page.csrf))
            input type="hidden" name="act" value=(act.name());
            button type="submit" title=(act.consequence().get(lang)) { (act.word().get(lang)) }
        }
    }
}

fn approval(locale: &Locale, page: &Switch) -> String {
    let lang = locale.lang;
    match page.approval {
        Approval::NotNeeded => match page.above {
            Some(above) => words::DESK_NOT_SO_MANY.fill(lang, &[&locale.count(above)]),
            None => words::DESK_NOT_NEEDED.get(lang).into(),
        },
        Approval::Needed { recipients } => words::DESK_NEEDED.fill(lang, &[&locale.count(*recipients)]),
        Approval::Asked { by, at, recipients } => {
            words::DESK_ASKED.fill(lang, &[by, &locale.instant(*at), &locale.count(*recipients)])
        }
        Approval::Approved { by, at } => words::DESK_APPROVED_BY.fill(lang, &[by, &locale.instant(*at)]),
        Approval::Void { changed, recipients } => words::DESK_VOID.fill(lang, &[&changed.join(", "), &locale.count(*recipients)]),
    }
}

fn numbers(locale: &Locale, counted: &Counted) -> Markup {
    let lang = locale.lang;
    let row = |label: String, count: u64| {
        html! { tr { th scope="row" { (label) } td class="number" { (locale.count(count)) } } }
    };
    let plain = |word: Word| word.get(lang).to_string();
    html! {
        p class="note" { (counted.basis) }
        div class="table-scroll" tabindex="0" {
            table class="trial" {
                tbody {
                    (row(plain(words::DESK_AUDIENCE), counted.audience))
                    (row(plain(words::DESK_ENTERS), counted.enters))
                    @for (of, count) in &counted.reachable { (row(words::DESK_REACHABLE.fill(lang, &[channel(lang, *of)]), *count)) }
                    @for (of, count) in &counted.sends { (row(words::DESK_SENT_AT_ONCE.fill(lang, &[channel(lang, *of)]), *count)) }
                    @if counted.ghosts > 0 { (row(plain(words::DESK_GHOSTS), counted.ghosts)) }
                    @if counted.deferred > 0 { (row(plain(words::DESK_DEFERRED), counted.deferred)) }
                    @for (reason, count) in &counted.stops { (row(words::DESK_STOPPED_FOR.fill(lang, &[reason]), *count)) }
                }
            }
        }
    }
}

fn noted_word(act: state::Act) -> Word {
    match act {
        state::Act::Edited => words::DESK_DID_EDIT,
        state::Act::Asked => words::DESK_DID_ASK,
        state::Act::Approved => words::DESK_DID_APPROVE,
        state::Act::Withdrawn => words::DESK_DID_WITHDRAW,
        state::Act::SwitchedOn => words::DESK_DID_SWITCH_ON,
        state::Act::SwitchedOff => words::DESK_DID_SWITCH_OFF,
        state::Act::Paused => words::DESK_DID_PAUSE,
        state::Act::Resumed => words::DESK_DID_RESUME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;

    fn at() -> Instant {
        chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("an instant")
    }

    fn page(approval: &Approval, standing: Standing, is_enabled: bool) -> Switch<'_> {
        Switch {
            csrf: "t0ken",
            name: "a b",
            standing,
            approval,
            counted: Ok(Counted {
                basis: "<script>".into(),
                audience: 5000,
                enters: 4000,
                reachable: vec![(Channel::Line, 1234)],
                stops: vec![("<script>".into(), 7)],
                ..Counted::default()
            }),
            history: vec![Noted { act: state::Act::Asked, by: "<script>".into(), at: at(), recipients: Some(4000) }],
            is_enabled,
            is_halted: false,
            above: Some(1000),
        }
    }

    #[test]
    fn what_can_be_done_follows_from_how_it_stands() {
        use Act::{Approve, Ask, Off, On, Pause, Resume, Withdraw};
        let check = |approval: Approval, standing: Standing, is_enabled: bool, expect: &[Act]| {
            assert_eq!(acts(&page(&approval, standing, is_enabled)), expect, "{approval:?} {standing:?}");
        };
        let asked = || Approval::Asked { by: "a".into(), at: at(), recipients: 1 };
        let approved = || Approval::Approved { by: "b".into(), at: at() };
        check(Approval::NotNeeded, Standing::Draft, false, &[On]);
        check(Approval::NotNeeded, Standing::On, true, &[Pause, Off]);
        check(Approval::NotNeeded, Standing::Paused, true, &[Resume, Off]);
        check(Approval::Needed { recipients: 5 }, Standing::Draft, false, &[Ask]);
        check(Approval::Needed { recipients: 5 }, Standing::Held, true, &[Ask, Pause, Off]);
        check(asked(), Standing::Waiting, false, &[Approve, Withdraw]);
        check(approved(), Standing::Approved, false, &[Withdraw, On]);
        check(Approval::Void { changed: Vec::new(), recipients: 1 }, Standing::Draft, false, &[Ask]);
    }

    #[test]
    fn numbers_and_who_did_what() {
        let approval = Approval::Void { changed: vec!["messages/<a>.toml".into()], recipients: 4000 };
        let check = |lang, parts: &[&str]| {
            let drawn = draw(&locale(lang), &page(&approval, Standing::Draft, false)).into_string();
            parts.iter().for_each(|part| assert!(drawn.contains(part), "{part}: {drawn}"));
            assert!(!drawn.contains("<script>"), "{drawn}");
        };
        check(
            Lang::Ja,
            &["対象", "5,000", "LINEで送れる", "1,234", "messages/&lt;a&gt;.toml", "value=\"ask\"", "承認を依頼した"],
        );
        check(Lang::En, &["Audience", "4,000", "can be reached by LINE", "void", "Asked for approval"]);
    }

    #[test]
    fn what_is_grave_is_asked_once_more() {
        for act in Act::ALL {
            assert_eq!(Act::parse(act.name()), Some(act));
            let name = (!act.is_of_all()).then_some("a b");
            let drawn = confirm(&locale(Lang::En), "t0ken", act, name, "<script>", Some(4000)).into_string();
            assert!(drawn.contains("name=\"sure\"") && drawn.contains("4,000") && !drawn.contains("<script>"), "{drawn}");
            assert_eq!(drawn.contains("name=a%20b"), name.is_some(), "{drawn}");
        }
        assert!(Act::On.is_grave() && Act::Halt.is_grave() && !Act::Ask.is_grave());
    }
}
