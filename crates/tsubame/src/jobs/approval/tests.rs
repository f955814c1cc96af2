//! A broadcast to three people in a shop that wants approval above two: what holds it back, what lets it go, and what voids that.

use std::collections::BTreeMap;

use model::Channel;

use super::*;
use crate::{
    jobs::{
        deliver::deliver,
        made::{MEMBERS, MESSAGE, at, shop, sign_up, write},
        switch,
        tick::tick,
        trial::{Basis, trial},
    },
    shop_file::NotSaved,
    workspace::deep,
};

const SALE: &str = "scenario = \"sale\" # ours\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
    entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\nstep = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";
const FILES: [(&str, &str); 2] = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];

fn above(people: u64) -> impl FnOnce(&str) -> String {
    move |settings| format!("{settings}\n[approval]\nabove = {people}\n")
}

#[test]
fn any_change_of_a_text_voids_an_approval_and_nothing_else_does() {
    deep(async {
        let (folder, workspace) = shop(above(2), &FILES, at("09:00")).await;
        sign_up(&workspace, 3, 2).await;
        let said = async |workspace: &Workspace| status(workspace, "sale").await.unwrap().said();
        assert_eq!(said(&workspace).await, "it goes to about 3 people and needs approval");
        let refused = approve(&workspace, "sale", "jiro").await.unwrap_err();
        assert_eq!((refused.exit, refused.message.as_str()), (Exit::Data, "nobody has asked for the approval of sale"));
        let asked = ask(&workspace, "sale", "hanako").await.unwrap();
        assert!(matches!(&asked, Approval::Asked { by, recipients: 3, .. } if by == "hanako"), "{asked:?}");
        // Neither who asked may approve, nor whoever edited something it is made of last.
        for (file, by) in [("messages/a.toml", "jiro"), ("messages/b.toml", "saburo"), ("queries/segments/members.sql", "shiro")]
        {
            saved(&workspace, &ShopFile::parse(file).unwrap(), by).await.unwrap();
        }
        for by in ["hanako", "shiro"] {
            let refused = approve(&workspace, "sale", by).await.unwrap_err();
            assert!(refused.message.contains("a second account approves"), "{by}: {refused}");
        }
        assert!(approve(&workspace, "sale", "jiro").await.unwrap().lets_send());

        let check = async |file: &str, text: &str, expect: &str| {
            let before = std::fs::read_to_string(folder.path().join(file)).unwrap();
            write(folder.path(), file, text);
            let changed = workspace.read_again().unwrap();
            assert!(said(&changed).await.starts_with(expect), "{file}: {}", said(&changed).await);
            write(folder.path(), file, &before);
            let as_before = workspace.read_again().unwrap();
            assert!(said(&as_before).await.starts_with("approved by jiro"), "{file}");
        };
        let void = |file: &str| format!("the approval is void, because of changes in {file}");
        check("messages/a.toml", &MESSAGE.replace("燕", "鶴"), &void("messages/a.toml")).await;
        check("scenarios/sale.toml", &SALE.replace("12:00", "12:30"), &void("scenarios/sale.toml")).await;
        check("queries/segments/members.sql", &format!("{MEMBERS}-- a note\n"), &void("segment members")).await;
        check("scenarios/sale.toml", &SALE.replace("members\",", "members\", exclude = [\"members\"],"), "no approval").await;
        check("messages/b.toml", &MESSAGE.replace("燕", "鶴"), "approved by jiro").await;
        check("scenarios/sale.toml", &SALE.replace("# ours", "\nenabled = false"), "approved by jiro").await;
        check("scenarios/sale.toml", &format!("test_list = [\"c0000\"]\n{SALE}"), "approved by jiro").await;
        assert_eq!(withdraw(&workspace, "sale", "jiro").await.unwrap(), Approval::Needed { recipients: 3 });
    });
}

#[test]
fn so_few_need_no_approval() {
    deep(async {
        let check = async |settings: Option<u64>, expect: Approval| {
            let own = |own: &str| settings.map_or_else(|| own.to_string(), |people| above(people)(own));
            let (_folder, workspace) = shop(own, &FILES, at("09:00")).await;
            sign_up(&workspace, 3, 2).await;
            assert_eq!(status(&workspace, "sale").await.unwrap(), expect, "{settings:?}");
            assert_eq!(held(&workspace).await.unwrap().contains_key("sale"), !expect.lets_send(), "{settings:?}");
        };
        check(None, Approval::NotNeeded).await;
        check(Some(3), Approval::NotNeeded).await;
        check(Some(2), Approval::Needed { recipients: 3 }).await;
        check(Some(0), Approval::Needed { recipients: 3 }).await;
    });
}

#[test]
fn nothing_is_planned_or_sent_without_approval_and_the_trial_says_what_will_be() {
    deep(async {
        let (folder, workspace) = shop(above(2), &FILES, at("09:00")).await;
        sign_up(&workspace, 3, 2).await;
        let tried = trial(&workspace, workspace.scenario("sale").unwrap()).await.unwrap();
        assert_eq!((tried.basis, tried.audience, tried.enters), (Basis::Evaluation(at("12:00")), 3, 3));
        let two = BTreeMap::from([(Channel::Email, 2)]);
        assert_eq!((&tried.reachable, &tried.sends), (&two, &two));
        assert_eq!(tried.stops, BTreeMap::from([("no_address".to_string(), 1)]));

        workspace.clock.set(at("12:20"));
        let unapproved = tick(&workspace, at("11:50"), at("12:05")).await.unwrap();
        assert_eq!((unapproved.entries, unapproved.sends, unapproved.stops), (0, 0, 0));
        ask(&workspace, "sale", "hanako").await.unwrap();
        let asked = tick(&workspace, at("11:50"), at("12:06")).await.unwrap();
        assert_eq!((asked.entries, asked.sends), (0, 0));
        approve(&workspace, "sale", "jiro").await.unwrap();
        let approved = tick(&workspace, at("11:50"), at("12:07")).await.unwrap();
        assert_eq!((approved.sends, approved.customers), (tried.messages(), tried.audience));

        // What is planned waits, too, when the words are no longer those that were approved.
        write(folder.path(), "messages/a.toml", &MESSAGE.replace("燕", "鶴"));
        let changed = workspace.read_again().unwrap();
        let late = deliver(&changed, None).await.unwrap();
        assert_eq!((late.accepted, late.deferred), (0, 2));
        write(folder.path(), "messages/a.toml", MESSAGE);
        workspace.clock.set(at("12:40"));
        let sent = deliver(&workspace.read_again().unwrap(), None).await.unwrap();
        assert_eq!((sent.accepted, sent.deferred), (2, 0));
    });
}

#[test]
fn a_switch_needs_approval_and_sees_what_others_wrote() {
    deep(async {
        let off = SALE.replace("# ours", "# ours\nenabled = false");
        let (folder, workspace) = shop(above(2), &[("scenarios/sale.toml", off.as_str()), FILES[1]], at("09:00")).await;
        sign_up(&workspace, 3, 2).await;
        let refused = switch::switch_on(&workspace, "sale", "hanako").await;
        assert!(matches!(&refused, Err(NotSaved::Fault(fault)) if fault.message.contains("needs approval")), "{refused:?}");
        ask(&workspace, "sale", "hanako").await.unwrap();
        approve(&workspace, "sale", "jiro").await.unwrap();
        assert!(switch::switch_on(&workspace, "sale", "hanako").await.unwrap());
        let text = std::fs::read_to_string(folder.path().join("scenarios/sale.toml")).unwrap();
        assert_eq!(text, SALE.replace("# ours", "# ours\nenabled = true"));
        // The workspace has not read the file again: it does not know what it says.
        let stale = switch::switch_off(&workspace, "sale", "hanako").await;
        assert!(matches!(&stale, Err(NotSaved::Conflict { .. })), "{stale:?}");
        let workspace = workspace.read_again().unwrap();
        assert!(!switch::switch_on(&workspace, "sale", "hanako").await.unwrap());
        assert!(switch::switch_off(&workspace, "sale", "hanako").await.unwrap());
        assert_eq!(std::fs::read_to_string(folder.path().join("scenarios/sale.toml")).unwrap(), off);
        let acts: Vec<Act> = history(&workspace, "sale").await.unwrap().into_iter().map(|acted| acted.act).collect();
        assert_eq!(acts, [Act::Asked, Act::Approved, Act::SwitchedOn, Act::SwitchedOff]);
    });
}
