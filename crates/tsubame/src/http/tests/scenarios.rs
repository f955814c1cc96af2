//! Scenarios without a terminal: who may, what is saved and what is not, whom a test reaches, and who approves.

use model::{Contact, ContactKind};

use super::*;

const FILE: &str = "scenarios/f2-followup.toml";
const EDIT: &str = "/scenarios/edit?name=f2-followup&lang=en";
const SWITCH: &str = "/scenarios/switch?name=f2-followup&lang=en";
const PREVIEW: &str = "/scenarios/preview?name=f2-followup&lang=en";

impl Site {
    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.workspace.path(file)).unwrap()
    }

    /// Posts a form of the page at `target`, with the hashes of the texts that it was opened on.
    async fn fill(&self, target: &str, session: &str, fields: &[(&str, &str)]) -> Reply {
        let page = self.get(target, session).await;
        let mut all = vec![("csrf".to_string(), page.csrf().to_string())];
        for part in page.body.split("name=\"hash:").skip(1) {
            let (file, hash) = (part.split('"').next().unwrap(), between(part, "value=\"", "\"").unwrap());
            all.push((format!("hash:{file}"), hash.to_string()));
        }
        all.extend(fields.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(target, session, &all).await
    }
}

/// Three who will have bought first thirty days ago when the segment is asked next.
fn first_buyers() -> Vec<Fact> {
    (0..3).map(|index| order(format!("first-{index}"), customer(index), now() - TimeDelta::days(30))).collect()
}

/// A value of the form, and what it was.
fn field(path: &str, was: &str, value: &str) -> [(String, String); 2] {
    [(format!("v:{path}"), value.to_string()), (format!("w:{path}"), was.to_string())]
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn who_may_work_on_scenarios() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let marketer = site.signed_in(Role::Marketer).await;
        for (target, expect) in [
            ("/scenarios", 200),
            ("/scenarios/new", 200),
            (EDIT, 200),
            (PREVIEW, 200),
            (SWITCH, 200),
            ("/scenarios/stops?name=f2-followup", 200),
            ("/scenarios/stops.csv?name=f2-followup", 200),
            ("/scenarios/switch?act=halt", 200),
            ("/scenarios/edit?name=nothing", 404),
            ("/scenarios/edit", 404),
            ("/scenarios/edit?name=..%2Ftsubame", 404),
        ] {
            let page = site.get(target, &marketer).await;
            assert_eq!(page.status, expect, "{target}: {}", page.body);
            assert!(expect != 200 || !page.body.contains("role=\"alert\""), "{target}: {}", page.body);
        }
        let before = site.read(FILE);
        for target in ["/scenarios/new", EDIT, PREVIEW, SWITCH, "/scenarios/switch"] {
            let fields = [("act", "halt"), ("sure", "1"), ("action", "texts"), ("text:scenarios/f2-followup.toml", "x")];
            assert_eq!(site.get(target, "").await.status, 303, "{target} without a session");
            assert_eq!(site.post(target, "", &fields).await.status, 303, "{target} without a session");
            assert_eq!(site.post(target, &marketer, &fields).await.status, 403, "{target} without a token");
            let forged = [&fields[..], &[("csrf", "forged")]].concat();
            assert_eq!(site.post(target, &marketer, &forged).await.status, 403, "{target} with a token of somebody else");
        }
        assert_eq!(site.read(FILE), before);
        assert!(crate::jobs::pause::pauses(&site.workspace).await.unwrap().is_empty());
    });
}

#[test]
fn a_form_changes_values_and_a_text_the_file() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        let before = site.read(FILE);
        let path = |path: &str| format!("{FILE}:{path}");
        let page = site.get(EDIT, &session).await;
        for part in ["Held out to compare", "value=\"10\"", "Step invite", "Message f2_a", "# Thirty days after", "Body"] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        // What is wrong is told with its line, what was typed stays in the form, and nothing is written.
        let mut wrong = vec![("action".to_string(), "fields".to_string())];
        wrong.extend(field(&path("holdout.percent"), "10", "many"));
        wrong.extend(field("messages/f2_a.toml:email.subject", "燕", "{{ nobody }}"));
        let refused = site.fill(EDIT, &session, &borrowed(&wrong)).await;
        for part in ["Nothing was saved", "f2-followup.toml:25", "value=\"many\"", "value=\"{{ nobody }}\""] {
            assert!(refused.status == 200 && refused.body.contains(part), "{part}: {}", refused.body);
        }
        assert_eq!((site.read(FILE), site.read("messages/f2_a.toml")), (before.clone(), MESSAGE.to_string()));
        // The same with values that can be.
        let mut right = vec![("action".to_string(), "fields".to_string())];
        right.extend(field(&path("holdout.percent"), "10", "20"));
        right.extend(field(&path("step.0.send.valid_for"), "12h", "6h"));
        right.extend(field("messages/f2_a.toml:email.subject", "燕", "春の新茶"));
        let saved = site.fill(EDIT, &session, &borrowed(&right)).await;
        assert_eq!((saved.status, saved.header("location")[0]), (303, "/scenarios/edit?name=f2-followup&done=saved"));
        let expect = before.replace("percent = 10", "percent = 20").replace("valid_for = \"12h\"", "valid_for = \"6h\"");
        assert_eq!(site.read(FILE), expect);
        assert_eq!(site.read("messages/f2_a.toml"), MESSAGE.replace("\"燕\"", "\"春の新茶\""));
        // It holds without a restart.
        let page = site.get(EDIT, &session).await;
        assert!(page.body.contains("value=\"20\"") && page.body.contains("value=\"春の新茶\""), "{}", page.body);
        // A text that renames the scenario, is no TOML, or has a condition that cannot be asked.
        for (from, to, part) in [
            ("scenario = \"f2-followup\"", "scenario = \"another\"", "the scenario is `f2-followup`"),
            ("[goal]", "[goal", "f2-followup.toml:"),
            ("[[exit]]\non = \"order_placed\"", "[[exit]]\non = \"order_placed\"\nwhere = \"no_such = 1\"", "no_such"),
        ] {
            let text = expect.replacen(from, to, 1);
            let refused = site.fill(EDIT, &session, &[("action", "texts"), (&format!("text:{FILE}"), &text)]).await;
            assert!(refused.body.contains("Nothing was saved") && refused.body.contains(part), "{part}: {}", refused.body);
            assert_eq!(site.read(FILE), expect, "{to}");
        }
        let text = expect.replace("# Thirty days after", "# A month after").replace('\n', "\r\n");
        let saved = site.fill(EDIT, &session, &[("action", "texts"), (&format!("text:{FILE}"), &text)]).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        assert_eq!(site.read(FILE), expect.replace("# Thirty days after", "# A month after"));
        let same = site.fill(EDIT, &session, &[("action", "fields")]).await;
        assert_eq!(same.header("location")[0], "/scenarios/edit?name=f2-followup&done=same");
        // Another file is not this form's.
        let other = site.fill(EDIT, &session, &[("action", "texts"), ("text:tsubame.toml", "name = \"x\"")]).await;
        assert_eq!(other.header("location")[0], "/scenarios/edit?name=f2-followup&done=same");
        assert!(site.read("tsubame.toml").contains("つばめ茶舗"));
    });
}

#[test]
fn two_who_edit_at_once_both_see_it() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        let before = site.read(FILE);
        let page = site.get(EDIT, &session).await;
        let hash = between(&page.body, &format!("name=\"hash:{FILE}\" value=\""), "\"").unwrap().to_string();
        let theirs = before.replace("priority = 5", "priority = 7 # ours");
        std::fs::write(site.workspace.path(FILE), &theirs).unwrap();
        let mut fields = vec![("csrf".to_string(), page.csrf().to_string()), ("action".to_string(), "fields".to_string())];
        fields.push((format!("hash:{FILE}"), hash.clone()));
        fields.extend(field(&format!("{FILE}:holdout.percent"), "10", "20"));
        let conflict = site.post(EDIT, &session, &borrowed(&fields)).await;
        let mine = theirs.replace("percent = 10", "percent = 20");
        assert_eq!((conflict.status, site.read(FILE)), (409, theirs.clone()));
        for part in ["Somebody else changed", "priority = 7 # ours", "percent = 10", "percent = 20", "Save yours over it"] {
            assert!(conflict.body.contains(part), "{part}: {}", conflict.body);
        }
        // The page is about the text as it is now, and a change after that is a conflict again.
        let shown = between(&conflict.body, &format!("name=\"hash:{FILE}\" value=\""), "\"").unwrap().to_string();
        assert_ne!(shown, hash);
        let keep = |hash: &str| {
            let text = ("action", "texts");
            let (csrf, hash) = (conflict.csrf().to_string(), hash.to_string());
            let mine = mine.clone();
            let (site, session) = (&site, &session);
            async move {
                let (hash_name, text_name) = (format!("hash:{FILE}"), format!("text:{FILE}"));
                let fields =
                    [("csrf", csrf.as_str()), text, (hash_name.as_str(), hash.as_str()), (text_name.as_str(), mine.as_str())];
                site.post(EDIT, session, &fields).await
            }
        };
        std::fs::write(site.workspace.path(FILE), &before).unwrap();
        assert_eq!((keep(&shown).await.status, site.read(FILE)), (409, before.clone()));
        std::fs::write(site.workspace.path(FILE), &theirs).unwrap();
        assert_eq!((keep(&shown).await.status, site.read(FILE)), (303, mine.clone()));
    });
}

#[test]
fn one_is_made_from_a_ready_made_one() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        for (lang, word) in [("ja", "必要なもの"), ("en", "What it needs")] {
            let page = site.get(&format!("/scenarios/new?lang={lang}"), &session).await;
            let cards = page.body.matches("data-ready=").count();
            assert!(page.body.contains(word) && cards == crate::ready::all().len(), "{}", page.body);
        }
        let new = "/scenarios/new?lang=en";
        for (name, part) in
            [("", "cannot be used"), ("../x", "cannot be used"), ("f2-followup", "a scenario f2-followup already")]
        {
            let refused = site.fill(new, &session, &[("ready", "cart"), ("name", name), ("language", "ja")]).await;
            assert!(refused.status == 200 && refused.body.contains(part), "{name}: {}", refused.body);
        }
        assert_eq!(std::fs::read_dir(site.workspace.path("scenarios")).unwrap().count(), 1, "nothing was written");
        assert_eq!(site.fill(new, &session, &[("ready", "nothing"), ("name", "x"), ("language", "ja")]).await.status, 404);
        for name in ["my-cart", "my-cart-2"] {
            let made = site.fill(new, &session, &[("ready", "cart"), ("name", name), ("language", "ja")]).await;
            assert_eq!((made.status, made.header("location").join("")), (303, format!("/scenarios/edit?name={name}&done=made")));
            let (files, _, problems) = crate::workspace::read_files(&site.workspace.folder).unwrap();
            assert_eq!(problems, [], "{name}");
            let scenario = files.scenarios.into_iter().find(|scenario| scenario.scenario == name).unwrap();
            assert!(!scenario.enabled, "{name} is a draft");
        }
        let list = site.get("/scenarios?lang=en", &session).await;
        assert!(list.body.contains("data-scenario=\"my-cart-2\"") && list.body.contains("Draft"), "{}", list.body);
        // Each has messages of its own, so that an edit is of one of them.
        let (files, ..) = crate::workspace::read_files(&site.workspace.folder).unwrap();
        let templates = |name: &str| -> std::collections::BTreeSet<String> {
            let scenario = files.scenarios.iter().find(|scenario| scenario.scenario == name).unwrap();
            scenario.sends().flat_map(|send| send.templates().cloned()).collect()
        };
        assert!(templates("my-cart").is_disjoint(&templates("my-cart-2")));
    });
}

#[test]
fn three_customers_are_previewed_without_an_address() {
    deep(async {
        let site = Site::open(true, first_buyers()).await;
        let contact = |kind, address: &str| Contact { customer_id: customer(0), kind, address: address.into() };
        let contacts = [contact(ContactKind::Email, "canary@example.jp"), contact(ContactKind::Name, "山田太郎")];
        site.workspace.state.vault().put(&contacts, "test", now()).await.unwrap();
        site.workspace.forget_reachable();
        let text = MESSAGE.replace("\"燕\"", "\"{{ name }}へ {{ coupon|default('なし') }}\"");
        std::fs::write(site.workspace.path("messages/f2_a.toml"), &text).unwrap();
        let session = site.signed_in(Role::Marketer).await;
        // What was written by hand is read when a page saves.
        let title = field(&format!("{FILE}:title.en"), "Second purchase, day 30", "Second");
        let saved = site.fill(EDIT, &session, &[&[("action", "fields")][..], &borrowed(&title)[..]].concat()).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let check = async |target: &str, customers: usize, parts: &[&str]| {
            let page = site.get(target, &session).await;
            assert_eq!(page.body.matches("data-customer=").count(), customers, "{target}: {}", page.body);
            parts.iter().for_each(|part| assert!(page.body.contains(part), "{target}: {part}: {}", page.body));
            for secret in ["canary", "田太郎"] {
                assert!(!page.body.contains(secret), "{target}: {}", page.body);
            }
            page.body
        };
        let drawn = |page: &str| -> Vec<String> {
            page.split("data-customer=").skip(1).map(|part| part.chars().take(7).collect()).collect()
        };
        let first = check(PREVIEW, 3, &["data-channel=\"email\"", "no address for e-mail"]).await;
        assert_eq!(drawn(&check(PREVIEW, 3, &[]).await), drawn(&first), "the same three each time");
        check(
            &format!("{PREVIEW}&customers=c0000"),
            1,
            &["山••様へ", "an address for e-mail", "no value for: coupon", "つばめ茶舗"],
        )
        .await;
        check(&format!("{PREVIEW}&customers=nobody%3Cscript%3E"), 1, &["Nothing is known", "お客様へ"]).await;
    });
}

#[test]
fn a_test_reaches_whoever_typed_an_address_and_leaves_no_trace() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        let outbox = || std::fs::read_to_string(site.workspace.path("outbox/email.ndjson")).unwrap_or_default();
        let message = ("message", "invite/email/f2_a");
        let mine = ("mine", "1");
        let check = async |fields: &[(&str, &str)], part: &str, sent: usize| {
            let page = site.fill(PREVIEW, &session, fields).await;
            assert!(page.status == 200 && page.body.contains(part), "{part}: {}", page.body);
            assert_eq!(outbox().lines().count(), sent, "{part}");
            assert!(!page.body.contains("canary"), "the address is shown: {}", page.body);
        };
        check(&[message, ("address", "canary@example.jp")], "or that its owner agreed", 0).await;
        check(&[message, ("address", "canary"), mine], "not an e-mail address", 0).await;
        check(&[message, ("address", ""), mine], "not an e-mail address", 0).await;
        check(&[("message", "invite/line/f2_a"), ("address", "canary@example.jp"), mine], "no such message", 0).await;
        check(&[("message", "invite/email/cart_1"), ("address", "canary@example.jp"), mine], "no such message", 0).await;
        check(&[("message", "x"), ("address", "canary@example.jp"), mine], "no such message", 0).await;
        for sent in 1..=5 {
            check(&[message, ("address", "canary@example.jp"), mine], "The test was sent", sent).await;
        }
        check(&[message, ("address", "canary@example.jp"), mine], "try again in", 5).await;
        let line: serde_json::Value = serde_json::from_str(outbox().lines().next().unwrap()).unwrap();
        assert_eq!((line["subject"].as_str(), line["to"].as_str()), (Some("【テスト】燕"), Some("canary@example.jp")));
        assert!(outbox().lines().collect::<std::collections::BTreeSet<_>>().len() == 5, "each is told from the others");
        let counts = site.workspace.state.ledger().counts().await.unwrap();
        assert_eq!(counts.get(&SendState::Accepted), None, "the ledger knows nothing of it");
        assert_eq!(site.workspace.state.journal().last_position().await.unwrap(), 0);
        assert!(site.workspace.state.vault().flags().await.unwrap().is_empty());
    });
}

#[test]
fn what_goes_to_many_is_approved_by_a_second_account() {
    deep(async {
        let site = Site::open(true, first_buyers()).await;
        let (marketer, analyst) = (site.signed_in(Role::Marketer).await, site.signed_in(Role::Analyst).await);
        let settings = format!("{}\n[approval]\nabove = 2\n", site.read("tsubame.toml"));
        std::fs::write(site.workspace.path("tsubame.toml"), settings).unwrap();
        let edit = async |was: &str, title: &str| {
            let fields = field(&format!("{FILE}:title.en"), was, title);
            let saved = site.fill(EDIT, &marketer, &[&[("action", "fields")][..], &borrowed(&fields)[..]].concat()).await;
            assert_eq!(saved.status, 303, "{}", saved.body);
        };
        edit("Second purchase, day 30", "Second").await;
        let shows = async |part: &str| {
            let page = site.get(SWITCH, &marketer).await;
            assert!(page.status == 200 && page.body.contains(part), "{part}: {}", page.body);
        };
        let act = async |session: &str, fields: &[(&str, &str)], status: u16| {
            let reply = site.fill(SWITCH, session, fields).await;
            assert_eq!(reply.status, status, "{fields:?}: {}", reply.body);
            reply
        };
        shows("Held back until approved").await;
        shows("It goes to about 3 people").await;
        shows("<th scope=\"row\">Audience</th><td class=\"number\">3</td>").await;
        act(&marketer, &[("act", "ask")], 303).await;
        shows("marketer asked for approval").await;
        let refused = act(&marketer, &[("act", "approve")], 400).await;
        assert!(refused.body.contains("a second account approves"), "{}", refused.body);
        act(&analyst, &[("act", "approve")], 303).await;
        shows("Approved by analyst").await;
        act(&marketer, &[("act", "pause")], 303).await;
        shows("Paused").await;
        let asked = act(&marketer, &[("act", "resume")], 200).await;
        assert!(asked.body.contains("are you sure?"), "{}", asked.body);
        act(&marketer, &[("act", "resume"), ("sure", "1")], 303).await;
        assert!(act(&marketer, &[("act", "off")], 200).await.body.contains("are you sure?"));
        act(&marketer, &[("act", "off"), ("sure", "1")], 303).await;
        assert!(site.read(FILE).contains("\nenabled = false\n"), "{}", site.read(FILE));
        act(&marketer, &[("act", "on"), ("sure", "1")], 303).await;
        assert!(site.read(FILE).contains("\nenabled = true\n"));
        shows("badge good").await;
        act(&marketer, &[("act", "off"), ("sure", "1")], 303).await;
        // An edit voids it, and nothing goes on.
        edit("Second", "Another").await;
        shows("The approval is void, because of changes in scenarios/f2-followup.toml").await;
        let refused = act(&marketer, &[("act", "on"), ("sure", "1")], 400).await;
        assert!(refused.body.contains("is not switched on"), "{}", refused.body);
        assert!(site.read(FILE).contains("\nenabled = false\n"));
        assert_eq!(site.fill(SWITCH, &marketer, &[("act", "explode"), ("sure", "1")]).await.status, 404);
    });
}

#[test]
fn everything_is_stopped_and_goes_on() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Marketer).await;
        let list = async |part: &str, is_there: bool| {
            let page = site.get("/scenarios?lang=en", &session).await;
            assert_eq!(page.body.contains(part), is_there, "{part}: {}", page.body);
            page
        };
        // Nothing was sent in the last thirty days.
        let page = list("Everything is stopped", false).await;
        assert!(page.body.contains("data-scenario=\"f2-followup\"") && page.body.contains("/d/scenario?scenario=f2-followup"));
        let (halt, resume) = ("/scenarios/switch?act=halt&lang=en", "/scenarios/switch?act=resume_all&lang=en");
        let asked = site.get(halt, &session).await;
        assert!(asked.body.contains("are you sure?") && asked.body.contains("name=\"sure\""), "{}", asked.body);
        let unsure = site.fill(halt, &session, &[("act", "halt")]).await;
        assert!(unsure.status == 200 && unsure.body.contains("are you sure?"), "{}", unsure.body);
        list("Everything is stopped", false).await;
        let sure = site.fill(halt, &session, &[("act", "halt"), ("sure", "1")]).await;
        assert_eq!((sure.status, sure.header("location")[0]), (303, "/scenarios"));
        list("Everything is stopped", true).await;
        let pauses = crate::jobs::pause::pauses(&site.workspace).await.unwrap();
        assert!(crate::jobs::pause::holds_all(&pauses));
        site.fill(resume, &session, &[("act", "resume_all"), ("sure", "1")]).await;
        list("Everything is stopped", false).await;
        // Why messages were not sent, as a chart, its table and its file.
        for (lang, word) in [("ja", "配信の同意がない"), ("en", "No consent")] {
            let page = site.get(&format!("/scenarios/stops?name=f2-followup&lang={lang}"), &session).await;
            assert!(page.body.contains(word) && page.body.contains("class=\"mark"), "{}", page.body);
            assert!(!page.body.contains("/sql?sql="), "a marketer has no editor");
            let csv = site.get(&format!("/scenarios/stops.csv?name=f2-followup&lang={lang}"), &session).await;
            assert!(csv.status == 200 && csv.body.contains(word), "{}", csv.body);
        }
        let analyst = site.signed_in(Role::Analyst).await;
        assert!(site.get("/scenarios/stops?name=f2-followup", &analyst).await.body.contains("/sql?sql="));
    });
}
