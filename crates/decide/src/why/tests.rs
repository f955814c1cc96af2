//! What the answer says, and in which words: one customer, one fact changed at a time.

use chrono::Duration;

use super::*;
use crate::tick::examples::{at, exit_on_order, scenario};

fn rules() -> Rules {
    Rules::of(&model::Shop::parse("t", "[[caps]]\nscope = \"all\"\nmax = 2\nper = \"7d\"\n").expect("settings"))
}

fn cart() -> Scenario {
    let steps = format!(
        "{}[[step]]\nid = \"wait3h\"\nwait = {{ for = \"3h\" }}\n[[step]]\nid = \"remind\"\n\
         send = {{ try = [\"line\", \"email\"], template = \"cart_1\" }}\n",
        exit_on_order()
    );
    scenario("cart", "on = \"cart_updated\"\nwhere = \"value > 0\"\nreentry = { rule = \"cooldown\", calendar_days = 7 }", &steps)
}

fn said(what: &str, since: &str) -> Said {
    Said { what: what.into(), since: at(since), source: "form".into(), wording: Some("w1".into()), evidence: None }
}

fn nobody() -> Facts {
    let open = |channel| ChannelFacts {
        channel,
        has_address: true,
        is_relay: false,
        consent: Some(said("granted", "01T09:00")),
        suppressions: Vec::new(),
    };
    Facts {
        customer: CustomerId::stored("c1"),
        survivor: None,
        unit: "c1".into(),
        erased_at: None,
        channels: vec![open(Channel::Line), open(Channel::Email)],
        passes: Vec::new(),
        sends: Vec::new(),
        stops: Vec::new(),
        receipts: Vec::new(),
    }
}

fn pass(status: EntryStatus, step: &str, due: &str, reason: Option<&str>) -> Pass {
    Pass {
        entry_id: "e1".into(),
        scenario: "cart".into(),
        version: String::new(),
        entry_key: "k1".into(),
        entered_at: at("02T10:00"),
        status,
        step: step.into(),
        due_at: at(due),
        held_out: false,
        reason: reason.map(String::from),
        moved_at: at(due),
    }
}

fn sent(id: &str, entry: &str, state: SendState, due: &str) -> Sent {
    Sent {
        send_id: id.into(),
        entry_id: entry.into(),
        scenario: "cart".into(),
        step: "remind".into(),
        channel: Channel::Line,
        purpose: Purpose::Marketing,
        template: "cart_1".into(),
        arm: None,
        state,
        due_at: at(due),
        detail: None,
        handed_at: None,
        accepted_at: (state == SendState::Accepted).then(|| at(due) + Duration::minutes(10)),
        changed_at: at(due) + Duration::minutes(10),
    }
}

fn stop(channel: Option<Channel>, reason: &str, detail: Option<&str>) -> Stopped {
    Stopped {
        entry_id: "e1".into(),
        step: "remind".into(),
        channel,
        reason: reason.into(),
        detail: detail.map(String::from),
        at: at("02T13:10"),
    }
}

fn told(facts: &Facts, rules: &Rules, scenarios: &[Scenario], only: Option<(&Scenario, &Around)>) -> Vec<Paragraph> {
    tell(&Question { facts, scenarios, rules, grace: Duration::minutes(10), now: at("05T12:00"), only })
}

/// The English lines of the paragraph of that place, and whether Japanese says as much.
fn lines(paragraphs: &[Paragraph], place: usize) -> Vec<&str> {
    let paragraph = &paragraphs[place];
    // A heading is the scenario's own title.
    for text in &paragraph.lines {
        assert!(!text.ja.is_ascii(), "{text:?}");
    }
    paragraph.lines.iter().map(|line| line.en.as_str()).collect()
}

#[test]
fn how_they_can_be_reached() {
    let check = |change: &dyn Fn(&mut ChannelFacts), expect: &str| {
        let mut facts = nobody();
        change(&mut facts.channels[0]);
        assert_eq!(lines(&told(&facts, &rules(), &[], None), 0)[0], expect);
    };
    check(&|_| {}, "LINE: may be written to; consent of 2026-03-01 09:00 (source form, wording w1)");
    check(&|line| line.has_address = false, "LINE: no marketing, as there is no address");
    check(
        &|line| line.is_relay = true,
        "LINE: no marketing, as the only address is one that a mall hands out, which is not to be written to",
    );
    check(&|line| line.consent = None, "LINE: no marketing, as there is no consent to marketing: none was ever given");
    check(
        &|line| line.consent = Some(said("revoked", "03T08:00")),
        "LINE: no marketing, as consent to marketing was withdrawn on 2026-03-03 08:00 (source form, wording w1)",
    );
    check(
        &|line| line.suppressions = vec![said("blocked", "04T08:00")],
        "LINE: no marketing, as suppressed since 2026-03-04 08:00: blocked (source form, wording w1)",
    );
    let gone = Facts { erased_at: Some(at("04T08:00")), survivor: Some(CustomerId::stored("c0")), ..nobody() };
    assert_eq!(
        lines(&told(&gone, &rules(), &[], None), 0)[..2],
        [
            "c1 was merged into c0: what follows is of the latter",
            "The person was erased on 2026-03-04 08:00: nothing is sent to them"
        ]
    );
}

#[test]
fn what_was_sent_and_what_became_of_it() {
    let scenarios = [cart()];
    let check = |status, state, detail: Option<&str>, receipts: &[(&str, bool)], expect: &str| {
        let mut send = sent("s1", "e1", state, "02T13:00");
        send.detail = detail.map(String::from);
        let facts = Facts {
            passes: vec![pass(status, "remind", "02T13:00", Some("quiet since 2026-03-02T04:00:00Z"))],
            sends: vec![send, sent("s9", "e9", SendState::Accepted, "02T13:00")],
            receipts: receipts
                .iter()
                .map(|(kind, human)| Received { send_id: "s1".into(), kind: kind.to_string(), human: *human, at: at("02T14:00") })
                .collect(),
            ..nobody()
        };
        let paragraphs = told(&facts, &rules(), &scenarios, None);
        let lines = lines(&paragraphs, 1);
        assert_eq!(lines[0], "Entered on 2026-03-02 10:00 (by the event `cart_updated`, key k1)");
        assert_eq!(lines[1], format!("2026-03-02 13:10 LINE (step remind, cart_1): {expect}"));
        assert_eq!(lines.len(), 3, "{lines:?}");
    };
    let finished = EntryStatus::Finished;
    check(finished, SendState::Accepted, None, &[], "accepted by the provider");
    check(
        finished,
        SendState::Accepted,
        None,
        &[("delivered", false), ("clicked", true)],
        "accepted by the provider, delivered on 2026-03-02 14:00, clicked on 2026-03-02 14:00",
    );
    check(
        finished,
        SendState::Accepted,
        None,
        &[("opened", false)],
        "accepted by the provider, opened by a machine on 2026-03-02 14:00",
    );
    check(finished, SendState::Failed, Some("550 no such user"), &[], "refused by the provider, 550 no such user");
    check(
        finished,
        SendState::Stopped,
        Some("exited: order_placed"),
        &[],
        "stopped just before it left, they had left by `order_placed`",
    );
    check(finished, SendState::Stopped, Some("no_consent"), &[], "stopped just before it left, there is no consent");
    check(
        finished,
        SendState::Deferred,
        Some("quiet: 2026-03-02T23:00:00.000000Z; until 2026-03-02T23:00:00.000000Z"),
        &[],
        "put off, quiet hours, again on 2026-03-03 08:00",
    );
    check(finished, SendState::Parked, None, &[], "its outcome is unknown and waits for a person");
}

#[test]
fn what_went_in_place_of_what_failed() {
    let failed = Sent { detail: Some("404".into()), ..sent("s1", "e1", SendState::Failed, "02T13:00") };
    let next = Sent { channel: Channel::Email, ..sent("s2", "e1", SendState::Accepted, "02T13:11") };
    let passes = vec![pass(EntryStatus::Finished, "remind", "02T13:00", None)];
    let facts = Facts { passes, sends: vec![next, failed], ..nobody() };
    assert_eq!(
        lines(&told(&facts, &rules(), &[cart()], None), 1)[1..3],
        [
            "2026-03-02 13:10 LINE (step remind, cart_1): refused by the provider, 404",
            "2026-03-02 13:21 e-mail (step remind, cart_1): accepted by the provider, in place of LINE",
        ]
    );
}

#[test]
fn what_was_not_sent_and_why() {
    let scenarios = [cart()];
    let check = |change: &dyn Fn(&mut Facts), stop: Stopped, expect: &str| {
        let mut facts =
            Facts { passes: vec![pass(EntryStatus::Finished, "remind", "02T13:00", None)], stops: vec![stop], ..nobody() };
        change(&mut facts);
        let paragraphs = told(&facts, &rules(), &scenarios, None);
        let lines = lines(&paragraphs, 1);
        assert!(lines.contains(&expect), "{expect}: {lines:?}");
    };
    let line = Some(Channel::Line);
    let twice = |facts: &mut Facts| {
        facts.sends = vec![sent("s1", "e0", SendState::Accepted, "01T10:00"), sent("s2", "e0", SendState::Accepted, "02T10:00")];
    };
    check(
        &twice,
        stop(line, "cap", Some("2 of 2 sent")),
        "2026-03-02 13:10 Not sent on LINE (step remind): the frequency cap was reached (at most 2 in any 7d on all channels together; \
         2 counted: 2026-03-01 10:00, 2026-03-02 10:00; room again: 2026-03-08 10:00)",
    );
    // The settings have changed since: what was noted then is all that can be said.
    check(
        &|_| {},
        stop(line, "cap", Some("2 of 2 sent")),
        "2026-03-02 13:10 Not sent on LINE (step remind): the frequency cap was reached (2 of 2 sent)",
    );
    check(
        &|facts| facts.channels[0].consent = Some(said("revoked", "02T08:00")),
        stop(line, "no_consent", None),
        "2026-03-02 13:10 Not sent on LINE (step remind): there is no consent (withdrawn on 2026-03-02 08:00, source form)",
    );
    check(
        &|facts| facts.channels[0].consent = None,
        stop(line, "no_consent", None),
        "2026-03-02 13:10 Not sent on LINE (step remind): there is no consent (none was ever given)",
    );
    check(
        &|facts| facts.channels[0].suppressions = vec![said("blocked", "01T12:00")],
        stop(line, "line_blocked", None),
        "2026-03-02 13:10 Not sent on LINE (step remind): LINE is blocked (since 2026-03-01 12:00)",
    );
    check(
        &|_| {},
        stop(Some(Channel::Email), "suppressed", Some("bounced")),
        "2026-03-02 13:10 Not sent on e-mail (step remind): the channel is suppressed: bounced",
    );
    check(
        &|_| {},
        stop(None, "quiet", Some("2026-03-02T23:00:00.000000Z")),
        "2026-03-02 13:10 Not sent on the whole step (step remind): quiet hours (until 2026-03-03 08:00)",
    );
    check(
        &|_| {},
        stop(line, "relay_address", None),
        "2026-03-02 13:10 Not sent on LINE (step remind): the only address is one that a mall hands out",
    );
    check(
        &|_| {},
        stop(None, "expired", None),
        "2026-03-02 13:10 Not sent on the whole step (step remind): it was too late to be of use",
    );
    let ghost = |facts: &mut Facts| {
        facts.passes[0].held_out = true;
        facts.sends = vec![sent("s1", "e1", SendState::Ghost, "02T13:00")];
    };
    check(&ghost, stop(None, "expired", None), "2026-03-02 13:00 LINE (step remind, cart_1): held out: recorded and not sent");
}

#[test]
fn what_comes_next() {
    let scenarios = [cart()];
    let check = |pass: Pass, pauses: Vec<crate::Pause>, expect: &str| {
        let facts = Facts { passes: vec![pass], ..nobody() };
        let paragraphs = told(&facts, &Rules { pauses, ..rules() }, &scenarios, None);
        assert_eq!(lines(&paragraphs, 1).last(), Some(&expect));
    };
    let waits = |step: &str, reason| pass(EntryStatus::Waiting, step, "05T13:00", reason);
    check(waits("wait3h", None), vec![], "Next: on 2026-03-05 13:10: `remind` is sent (LINE, then e-mail, message cart_1)");
    check(
        waits("remind", Some("quiet since 2026-03-04T14:00:00.000000Z")),
        vec![],
        "Next: on 2026-03-05 13:10 step remind (LINE, then e-mail) is decided again (put off because of quiet hours)",
    );
    let pause = crate::Pause { scenario: Some("cart".into()), from: at("05T00:00"), until: None };
    check(waits("wait3h", None), vec![pause], "The scenario is paused: they go on when it is resumed");
    let over = |status, reason| pass(status, "remind", "05T11:00", reason);
    check(over(EntryStatus::Finished, None), vec![], "Walked to the end on 2026-03-05 11:00");
    check(over(EntryStatus::Exited, Some("goal")), vec![], "Left on 2026-03-05 11:00: they reached the goal");
    check(
        over(EntryStatus::Exited, Some("excluded by vip")),
        vec![],
        "Left on 2026-03-05 11:00: the excluded segment `vip` has them",
    );
}

#[test]
fn why_they_are_not_in_it() {
    let (cart, always) = (cart(), "reentry = { rule = \"rematch\" }");
    let check = |scenario: &Scenario, facts: &Facts, rules: &Rules, around: &Around, expect: &[&str]| {
        let paragraphs = told(facts, rules, std::slice::from_ref(scenario), Some((scenario, around)));
        let found = lines(&paragraphs, paragraphs.len() - 1);
        assert_eq!(found, expect, "{}", scenario.scenario);
    };
    let nothing = Around { noticed_since: Some(at("01T00:00")), ..Around::default() };
    let none = "Not triggered: no `cart_updated` of theirs is known since 2026-03-01";
    check(&cart, &nobody(), &rules(), &nothing, &[none]);
    let noticed =
        |lets_in, when: &str| Around { noticed: vec![Noticed { at: at(when), known_at: at(when), lets_in }], ..nothing.clone() };
    check(
        &cart,
        &nobody(),
        &rules(),
        &noticed(false, "05T10:00"),
        &["There was `cart_updated` (2026-03-05 10:00), but not such that `value > 0`"],
    );
    check(
        &cart,
        &nobody(),
        &rules(),
        &noticed(true, "05T11:55"),
        &["`cart_updated` that lets in: 2026-03-05 11:55", "It is decided on 2026-03-05 12:05"],
    );
    let before = Facts { passes: vec![pass(EntryStatus::Finished, "remind", "02T13:00", None)], ..nobody() };
    check(&cart, &before, &rules(), &nothing, &["Last on 2026-03-02 10:00; they may come in again from 2026-03-09 00:00", none]);

    // What stands in the way of everybody, or of the person.
    let pauses = vec![crate::Pause { scenario: None, from: at("04T00:00"), until: None }];
    check(&cart, &nobody(), &Rules { pauses, ..rules() }, &nothing, &["Everything is paused since 2026-03-04 00:00", none]);
    let waiting = Around { awaits_approval: true, ..nothing.clone() };
    check(&cart, &nobody(), &rules(), &waiting, &["The scenario waits for approval", none]);
    let off = Scenario { enabled: false, ..cart.clone() };
    let switched_off =
        "The scenario is switched off (a draft, or paused in its file): `enabled = true` in its file switches it on";
    check(&off, &nobody(), &rules(), &nothing, &[switched_off, none]);
    let holdout = |salt: &str| model::Holdout { percent: 100.0, salt: salt.into() };
    check(
        &cart,
        &nobody(),
        &Rules { holdout: Some(holdout("shop")), ..rules() },
        &nothing,
        &["They are in the shop's holdout (100 %, shop): no scenario that only advertises takes them", none],
    );
    let held_out = Scenario { holdout: Some(holdout("cart")), ..cart.clone() };
    check(
        &held_out,
        &nobody(),
        &rules(),
        &nothing,
        &[none, "Even inside nothing would be sent: they are in the scenario's holdout"],
    );
    let erased = Facts { erased_at: Some(at("04T08:00")), ..nobody() };
    check(&cart, &erased, &rules(), &nothing, &["The person was erased on 2026-03-04 08:00", none]);

    // A segment.
    let steps = format!("{}[[step]]\nid = \"s\"\nwait = {{ for = \"1h\" }}\n", exit_on_order());
    let lapsed = scenario("lapsed", &format!("segment = \"lapsed\"\n{always}"), &steps);
    let clause = |clause: &str, holds, values: &str| Clause {
        segment: "lapsed".into(),
        clause: clause.into(),
        holds,
        values: values.into(),
    };
    let clauses = vec![clause("recency_days >= 30", false, "recency_days = 12"), clause("orders > 0", true, "orders = 3")];
    let out = Around { clauses, asked_at: Some(at("05T12:00")), ..Around::default() };
    check(
        &lapsed,
        &nobody(),
        &rules(),
        &out,
        &[
            "On 2026-03-05 12:00 the segment `lapsed` does not have them. What fails:",
            "· lapsed: recency_days >= 30 (recency_days = 12)",
        ],
    );
    let member = Around { is_member: true, clauses: Vec::new(), ..out.clone() };
    let next = "The segment `lapsed` has them; it is evaluated next on 2026-03-06 09:10";
    check(&lapsed, &nobody(), &rules(), &member, &[next]);
    let was = Around { was_member_before: true, ..member.clone() };
    let anew = "The segment `lapsed` had them before, and only who comes into it anew enters (`start = \"include_current\"` takes everybody)";
    check(&lapsed, &nobody(), &rules(), &was, &[anew, next]);
    let excluded = Around { excluded_by: Some("vip".into()), ..member };
    check(&lapsed, &nobody(), &rules(), &excluded, &["The excluded segment `vip` has them", next]);

    // A date.
    let birthday = scenario("birthday", &format!("date = {{ of = \"birthday\", days = -7 }}\n{always}"), &steps);
    check(&birthday, &nobody(), &rules(), &Around::default(), &["Their date `birthday` is not known"]);
    let born = crate::tick::CustomerDate {
        name: "birthday".into(),
        key: String::new(),
        on: "1990-03-20".parse().ok(),
        at: at("01T00:00"),
        known_at: at("01T00:00"),
    };
    let around = Around { dates: vec![born], ..Around::default() };
    let comes = "By their date `birthday` (1990-03-20) they come in on 2026-03-13 09:10";
    check(&birthday, &nobody(), &rules(), &around, &[comes]);
}

#[test]
fn without_a_name_the_others_are_listed() {
    let scenarios = [cart(), cart()];
    let paragraphs = told(&nobody(), &rules(), &scenarios, None);
    assert_eq!((paragraphs.len(), paragraphs[1].lines[0].en.as_str(), paragraphs[1].lines.len()), (2, "cart", 1));
    // Whoever is under way needs no reason.
    let inside = Facts { passes: vec![pass(EntryStatus::Waiting, "wait3h", "05T13:00", None)], ..nobody() };
    assert_eq!(told(&inside, &rules(), &scenarios, Some((&scenarios[0], &Around::default()))).len(), 2);
}
