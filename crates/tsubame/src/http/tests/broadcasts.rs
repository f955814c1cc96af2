//! A broadcast from the empty list to those who have it, without a terminal: saved, counted, approved by a second account, voided by an edit,
//! sent, and on the calendar.

use super::*;
use crate::jobs::{
    deliver::deliver,
    made::{MEMBERS, at, sign_up, write},
    pause,
    tick::tick,
};

const BODY: &str = "{{ name }}\r\n{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}";

/// Three members, of whom two may be written to; more than two need approval.
async fn site() -> Site {
    let site = Site::open(false, Vec::new()).await;
    let folder = site.workspace.folder.clone();
    let settings = std::fs::read_to_string(folder.join("tsubame.toml")).unwrap();
    write(&folder, "tsubame.toml", &format!("{settings}\n[approval]\nabove = 2\n"));
    write(&folder, "queries/segments/members.sql", MEMBERS);
    sign_up(&site.workspace, 3, 2).await;
    site
}

/// The fields of the form, with these in the place of the usual ones.
fn filled<'a>(csrf: &'a str, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("csrf", csrf),
        ("name", "sale"),
        ("title_ja", "夏のセール"),
        ("segment", "members"),
        ("channel_0", "email"),
        ("subject_email", "燕のセール"),
        ("body_email", BODY),
        ("day", "2026-07-01"),
        ("time", "12:00"),
        ("valid_for_hours", "12"),
        ("priority", "0"),
        ("on_cap", "skip"),
        ("on_quiet", "defer"),
        ("goal_days", "5"),
    ];
    let usual = usual.into_iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
    usual.chain(own.iter().copied()).collect()
}

fn hidden<'a>(page: &'a Reply, name: &str) -> &'a str {
    between(&page.body, &format!("name=\"{name}\" value=\""), "\"").unwrap_or_default()
}

#[test]
fn what_cannot_be_saved_is_said_and_nothing_is_written() {
    deep(async {
        let site = site().await;
        let session = site.signed_in(Role::Marketer).await;
        let list = site.get("/broadcasts", &session).await;
        assert!(list.status == 200 && list.body.contains("一斉配信はまだありません"), "{}", list.body);
        let csrf = list.csrf().to_string();
        assert_eq!(site.post("/broadcasts/new", &session, &filled("forged", &[])).await.status, 403);
        assert_eq!(site.get("/broadcasts", "nobody").await.status, 303, "to the sign-in");
        let check = async |own: &[(&str, &str)], part: &str| {
            let refused = site.post("/broadcasts/new", &session, &filled(&csrf, own)).await;
            assert_eq!(refused.status, 200, "{own:?}");
            assert!(refused.body.contains(part) && refused.body.contains("保存していません"), "{part}: {}", refused.body);
            assert!(refused.body.contains("燕のセール"), "what was typed is kept: {}", refused.body);
            for folder in ["scenarios", "messages"] {
                let files = std::fs::read_dir(site.workspace.path(folder)).map_or(0, |files| files.count());
                assert_eq!(files, 0, "{own:?}");
            }
        };
        check(&[("day", "2026-06-30")], "配信日時が過ぎています").await;
        check(&[("day", "tomorrow")], "is no date and time").await;
        check(&[("name", "new")], "すでにあります").await;
        check(&[("name", "../up")], "別のIDにしてください").await;
        check(&[("segment", "nobody")], "there is no segment `nobody`").await;
        check(&[("priority", "high")], "expected i32").await;
        check(&[("channel_0", "fax")], "unknown variant `fax`").await;
        // What the law asks of an advertisement.
        check(&[("body_email", "{{ name }}")], "must show unsubscribe_url").await;
        check(&[("body_email", "{{ name")], "[email]").await;
        check(&[("template", "none")], "there is no message `none`").await;
    });
}

#[test]
fn a_broadcast_goes_out_after_a_second_account_approved_what_it_says() {
    deep(async {
        let site = site().await;
        let (marketer, admin) = (site.signed_in(Role::Marketer).await, site.signed_in(Role::Admin).await);
        let csrf = site.get("/broadcasts", &marketer).await.csrf().to_string();
        let admin_csrf = site.get("/broadcasts", &admin).await.csrf().to_string();
        let saved = site.post("/broadcasts/new", &marketer, &filled(&csrf, &[])).await;
        assert_eq!((saved.status, saved.header("location")), (303, vec!["/broadcasts/sale"]), "{}", saved.body);
        let text = || std::fs::read_to_string(site.workspace.path("scenarios/sale.toml")).unwrap();
        assert!(text().contains("enabled = false") && text().contains("once = \"2026-07-01T12:00\""), "{}", text());
        let message = std::fs::read_to_string(site.workspace.path("messages/sale.toml")).unwrap();
        assert!(message.contains("燕のセール") && !message.contains('\r'), "{message}");

        let page = site.get("/broadcasts/sale", &marketer).await;
        for part in ["下書き", "約3人に配信するため", "メール可", "連絡先がない", "SELECT DISTINCT customer_id"]
        {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        let count = site.get("/broadcasts/sale/count.csv", &marketer).await;
        let rows: Vec<&str> = count.body.trim_start_matches('\u{feff}').lines().collect();
        let expect = [
            "\"kind\",\"what\",\"people\"",
            "\"対象\",\"\",3",
            "\"到達可能\",\"メール可\",2",
            "\"配信\",\"メール\",2",
            "\"除外\",\"連絡先がない\",1",
        ];
        assert_eq!(rows, expect);

        let act = async |session: &str, csrf: &str, action: &str, status: u16| {
            let reply = site.post("/broadcasts/sale", session, &[("csrf", csrf), ("action", action)]).await;
            assert_eq!(reply.status, status, "{action}: {}", reply.body);
        };
        let shows = async |part: &str| {
            let page = site.get("/broadcasts/sale", &marketer).await;
            assert!(page.body.contains(part), "{part}: {}", page.body);
        };
        act(&marketer, "forged", "ask", 403).await;
        act(&marketer, &csrf, "reserve", 400).await;
        act(&marketer, &csrf, "ask", 303).await;
        shows("承認待ち").await;
        act(&marketer, &csrf, "approve", 400).await;
        act(&admin, &admin_csrf, "approve", 303).await;
        act(&marketer, &csrf, "reserve", 303).await;
        shows("予約済み").await;
        assert!(text().contains("enabled = true"), "{}", text());

        // An edit voids the approval: nothing goes out until somebody else has looked at it again.
        let edit = site.get("/broadcasts/sale/edit", &marketer).await;
        let (started, of_message) = (hidden(&edit, "started").to_string(), hidden(&edit, "started_message").to_string());
        let own = [("started", started.as_str()), ("started_message", of_message.as_str()), ("subject_email", "夏のセール")];
        let edited = site.post("/broadcasts/sale/edit", &marketer, &filled(&csrf, &own)).await;
        assert_eq!(edited.status, 303, "{}", edited.body);
        shows("変更があったため承認は無効です(messages/sale.toml)").await;
        site.workspace.clock.set(at("12:12"));
        let held = tick(&site.workspace.read_again().unwrap(), at("11:50"), at("12:01")).await.unwrap();
        assert_eq!((held.entries, held.sends), (0, 0));
        // Whoever opened it before is told, and what the other wrote stays.
        let stale = site.post("/broadcasts/sale/edit", &marketer, &filled(&csrf, &own)).await;
        assert!(stale.status == 200 && stale.body.contains("messages/sale.toml は、開いてから"), "{}", stale.body);

        act(&marketer, &csrf, "ask", 303).await;
        act(&admin, &admin_csrf, "approve", 303).await;
        shows("予約済み").await;
        let month = site.get("/calendar?month=2026-07", &marketer).await;
        for part in ["夏のセール", "[予約済み]", "メール 2"] {
            assert!(month.body.contains(part), "{part}: {}", month.body);
        }
        let list = site.get("/calendar.csv?month=2026-07", &marketer).await;
        assert!(list.body.contains("2026-07-01,\"夏のセール\",\"予約済み\",\"メール\",0,2,"), "{}", list.body);
        assert_eq!(site.get("/calendar?month=x", &marketer).await.status, 400);

        let workspace = site.workspace.read_again().unwrap();
        site.workspace.clock.set(at("12:20"));
        let ticked = tick(&workspace, at("11:52"), at("12:10")).await.unwrap();
        assert_eq!((ticked.customers, ticked.sends), (3, 2));
        // 全停止 before it leaves.
        let stop_all = [("csrf", csrf.as_str()), ("action", "stop_all")];
        assert_eq!(site.post("/broadcasts", &marketer, &stop_all).await.status, 303);
        assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 0);
        shows("停止中").await;
        let resume_all = [("csrf", csrf.as_str()), ("action", "resume_all")];
        assert_eq!(site.post("/broadcasts", &marketer, &resume_all).await.status, 303);
        assert!(pause::pauses(&workspace).await.unwrap().iter().all(|pause| pause.until.is_some()));
        site.workspace.clock.set(at("12:50"));
        assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 2);
        shows("配信事業者が受付").await;
        act(&marketer, &csrf, "reserve", 400).await;

        // Those who have it already are an audience.
        let reached = site.get("/broadcasts/sale/reached.csv", &marketer).await;
        assert_eq!(reached.body.matches("\"accepted\"").count(), 2, "{}", reached.body);
        act(&marketer, &csrf, "reached", 303).await;
        let segment = site.get("/segments/reached_sale", &marketer).await;
        assert!(segment.status == 200 && segment.body.contains("夏のセール が届いた人"), "{}", segment.body);
        let members = site.get("/segments/reached_sale/members.csv", &marketer).await;
        assert_eq!(members.body.matches("c000").count(), 2, "{}", members.body);
        let list = site.get("/broadcasts", &marketer).await;
        assert!(list.body.contains("配信済み") && !list.body.contains("@example"), "{}", list.body);
    });
}
