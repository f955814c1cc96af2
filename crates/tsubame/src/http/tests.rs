//! The pages as a browser meets them: over a socket, against a shop in a temporary folder.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use chrono::TimeDelta;
use model::{Channel, Credit, CustomerId, Exposure, Fact, IdKey, Instant, Money, Order, Purpose, Send, SendState, StopRow};
use query::Dashboard;
use state::{Role, Secret};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

use super::{auth, serve};
use crate::{
    clock::Clock,
    demo::FILES,
    jobs::made::{self, MESSAGE, now},
    pages::percent_encode,
    readout,
    sql::SqlDoor,
    workspace::{Access, Workspace, deep},
};

/// By which the pages' tests let events in.
const SOURCE: &str = "[[sources]]\nname = \"web\"\nkind = \"browser\"\nwrite_key = \"web-key\"\n";
const PASSWORD: &str = "correct horse battery";

struct Site {
    address: SocketAddr,
    workspace: Arc<Workspace>,
    _folder: TempDir,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of a cookie it sets.
    fn cookie(&self, name: &str) -> Option<String> {
        let set = self.header("set-cookie").into_iter().find_map(|line| line.strip_prefix(&format!("{name}=")))?;
        Some(set.split(';').next().unwrap_or_default().to_string())
    }

    fn csrf(&self) -> &str {
        between(&self.body, "name=\"csrf\" value=\"", "\"").unwrap_or_default()
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

impl Site {
    /// With the demo shop's files, or with settings alone.
    async fn open(with_files: bool, facts: Vec<Fact>) -> Site {
        Site::open_set(with_files, facts, |settings| settings.into()).await
    }

    /// With these settings of the demo shop changed.
    async fn open_set(with_files: bool, facts: Vec<Fact>, set: impl Fn(&str) -> String) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let demo = |path: &str| FILES.iter().find(|file| file.0 == path).map(|file| file.1).unwrap();
        let write = |path: &str, text: &str| made::write(folder.path(), path, text);
        write("tsubame.toml", &format!("{}\n{SOURCE}", set(demo("tsubame.toml"))));
        if with_files {
            let scenario = demo("scenarios/f2-followup.toml");
            write("scenarios/f2-followup.toml", &scenario.replace("try = [\"email\", \"line\", \"sms\"]", "try = [\"email\"]"));
            write("queries/segments/f1_on_day.sql", demo("queries/segments/f1_on_day.sql"));
            write("messages/f2_a.toml", MESSAGE);
            write("messages/f2_b.toml", MESSAGE);
        }
        let workspace = Arc::new(Workspace::open(folder.path(), Clock::logical(now()), Access::Write).await.unwrap());
        if !facts.is_empty() {
            workspace.state.journal().append(facts, now() - TimeDelta::hours(3)).await.unwrap();
        }
        for role in Role::ALL {
            workspace.state.accounts().create(role.name(), role, &Secret::new(PASSWORD.into()), now()).await.unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sql = Arc::new(SqlDoor::open(workspace.clone(), Handle::current()));
        tokio::spawn(serve(listener, workspace.clone(), sql, std::future::pending()));
        Site { address, workspace, _folder: folder }
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // HTTP/1.0, so that the answer comes in one piece and the connection ends with it.
        let mut head = format!("{method} {target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.into(), body: body.into() }
    }

    async fn get(&self, target: &str, session: &str) -> Reply {
        let cookie = format!("{}={session}", auth::COOKIE);
        self.ask("GET", target, &[("Cookie", &cookie)], b"").await
    }

    async fn post(&self, target: &str, session: &str, fields: &[(&str, &str)]) -> Reply {
        let cookie = format!("{}={session}", auth::COOKIE);
        self.ask("POST", target, &[("Cookie", &cookie), FORM], encoded(fields).as_bytes()).await
    }

    async fn try_sign_in(&self, user: &str, password: &str) -> Reply {
        let form = self.ask("GET", "/login?next=/d/rfm", &[], b"").await;
        let cookie = format!("tsubame_form={}", form.cookie("tsubame_form").unwrap());
        let fields = [("csrf", form.csrf()), ("user", user), ("password", password), ("next", "/d/rfm")];
        self.ask("POST", "/login", &[("Cookie", &cookie), FORM], encoded(&fields).as_bytes()).await
    }

    /// The cookie of a new session.
    async fn signed_in(&self, role: Role) -> String {
        let reply = self.try_sign_in(role.name(), PASSWORD).await;
        assert_eq!((reply.status, reply.header("location")), (303, vec!["/d/rfm"]), "{}", reply.body);
        reply.cookie(auth::COOKIE).unwrap()
    }
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn encoded(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect::<Vec<_>>().join("&")
}

fn customer(index: usize) -> CustomerId {
    CustomerId::parse(&format!("c{index:04}"), &IdKey::new(b"key")).unwrap()
}

fn order(id: String, customer_id: CustomerId, at: Instant) -> Fact {
    let yen = |units| Money::whole(units).unwrap();
    let order = Order {
        revision_id: id.clone(),
        customer_id: Some(customer_id),
        gross: yen(3500),
        discount: yen(500),
        net: yen(3000),
        ..Order::new("made", id, at)
    };
    Fact::new(&order, at, at)
}

/// A thousand customers who met `f2-followup`: 900 sent to in two arms, of whom 20 % and 40 % bought; 100 held out, of whom 5 % did.
fn made() -> Vec<Fact> {
    let met = now() - TimeDelta::days(40);
    let mut facts = Vec::new();
    for index in 0..1000 {
        let is_ghost = index % 10 == 9;
        let (tens, nth) = (index / 10, (index / 10 * 9 + index % 10) / 2);
        let arm = (!is_ghost).then(|| if (index / 10 * 9 + index % 10) % 2 == 0 { "a" } else { "b" });
        facts.push(order(format!("first-{index}"), customer(index), met - TimeDelta::days(30)));
        let send = Send {
            send_id: format!("send-{index}"),
            run_id: "run".into(),
            entry_id: format!("entry-{index}"),
            scenario: "f2-followup".into(),
            scenario_version: "v".into(),
            step: "invite".into(),
            customer_id: customer(index),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            template: "f2_a".into(),
            arm: arm.map(String::from),
            state: if is_ghost { SendState::Ghost } else { SendState::Accepted },
            due_at: met,
            cost: if is_ghost { Money::ZERO } else { Money::parse("0.3").unwrap() },
            provider_id: None,
            detail: None,
        };
        facts.push(Fact::new(&send, met, met));
        if let Some(arm) = arm {
            let exposure = Exposure {
                experiment: "f2-subject".into(),
                version: "v".into(),
                unit: customer(index).to_string(),
                customer_id: Some(customer(index)),
                arm: arm.into(),
                scenario: Some("f2-followup".into()),
                step: Some("invite".into()),
                send_id: Some(format!("send-{index}")),
                source: "made".into(),
            };
            facts.push(Fact::new(&exposure, met, met));
        }
        let bought = match arm {
            None => tens < 5,
            Some("a") => nth % 5 < 1,
            Some(_) => nth % 5 < 2,
        };
        if bought {
            let at = met + TimeDelta::days(2);
            facts.push(order(format!("second-{index}"), customer(index), at));
            if arm.is_some() {
                let credit = Credit {
                    order_id: format!("second-{index}"),
                    revision_id: format!("second-{index}"),
                    touch_id: format!("touch-{index}"),
                    send_id: format!("send-{index}"),
                    customer_id: customer(index),
                    scenario: "f2-followup".into(),
                    channel: Channel::Email,
                    model: "last".into(),
                    model_version: "1".into(),
                    gross: Money::whole(3500).unwrap(),
                    net: Money::whole(3000).unwrap(),
                    booked_on: model::ShopZone::tokyo().day(at),
                    ordered_at: at,
                };
                facts.push(Fact::new(&credit, at, at));
            }
        }
    }
    let stop = StopRow {
        run_id: "run".into(),
        entry_id: "entry-x".into(),
        scenario: "f2-followup".into(),
        step: "invite".into(),
        customer_id: customer(1),
        channel: Some(Channel::Line),
        reason: "no_consent".into(),
        detail: None,
    };
    facts.push(Fact::new(&stop, met, met));
    facts
}

#[test]
fn every_page_of_an_empty_shop_opens() {
    deep(async {
        for with_files in [false, true] {
            let site = Site::open(with_files, Vec::new()).await;
            let session = site.signed_in(Role::Marketer).await;
            assert_eq!(site.get("/", &session).await.header("location"), ["/d/overview"]);
            for name in site.workspace.library.dashboards.keys() {
                for (lang, word) in [("ja", "ログアウト"), ("en", "Sign out")] {
                    let page = site.get(&format!("/d/{name}?lang={lang}"), &session).await;
                    assert_eq!(page.status, 200, "{name} {lang}");
                    assert!(
                        page.body.contains(word) && page.body.contains(&format!("<html lang=\"{lang}\">")),
                        "{name} {lang}: {}",
                        page.body
                    );
                    assert!(!page.body.contains("内部") && !page.body.contains("Something went wrong"), "{name}: {}", page.body);
                }
            }
        }
    });
}

#[test]
fn a_panel_without_rows_says_what_would_fill_it() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        for (lang, words) in [("ja", "1通ごとにコードが発行され"), ("en", "each of its messages issues a code")] {
            let page = site.get(&format!("/d/channels?lang={lang}"), &session).await;
            let panels: Vec<&str> = page.body.split("<section class=\"card").skip(1).collect();
            let coupons = panels.last().and_then(|panel| panel.split("</section>").next()).unwrap();
            assert!(coupons.contains(words) && coupons.contains("coupon = { unique = true"), "{coupons}");
            assert!(!coupons.contains("/import"), "{coupons}");
        }
    });
}

#[test]
fn what_a_page_shows_is_in_its_csv() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Admin).await;
        for lang in ["ja", "en"] {
            for dashboard in site.workspace.library.dashboards.values() {
                let params = "customer=c0001&segment=f1_without_f2&scenario=f2-followup&experiment=f2-subject&q=c000";
                let page = site.get(&format!("/d/{}?{params}&lang={lang}", dashboard.name), &session).await;
                assert_eq!(page.status, 200, "{}", dashboard.name);
                let sections: Vec<&str> = page.body.split("<section class=\"card").skip(1).collect();
                assert_eq!(sections.len(), dashboard.panels.len(), "{}", dashboard.name);
                for (index, section) in sections.into_iter().enumerate() {
                    check_panel(&site, &session, dashboard, index, section).await;
                }
            }
        }
    });
}

/// The marks of a panel, or the rows of its table, against its CSV.
async fn check_panel(site: &Site, session: &str, dashboard: &Dashboard, index: usize, section: &str) {
    let at = format!("{} panel {index}", dashboard.name);
    let panel = &dashboard.panels[index];
    assert!(!section.contains("role=\"alert\""), "{at}: {section}");
    let href = between(section, "class=\"csv\" href=\"", "\"").unwrap_or_else(|| panic!("{at} has no CSV")).replace("&amp;", "&");
    let csv = site.get(&href, session).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, vec!["text/csv; charset=utf-8"]), "{at}");
    let mut reader = csv::Reader::from_reader(csv.body.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows: Vec<BTreeMap<String, String>> = reader
        .records()
        .map(|record| {
            header.iter().cloned().zip(record.unwrap().iter().map(|cell| cell.trim_start_matches('\'').to_string())).collect()
        })
        .collect();
    assert!(header.iter().all(|name| !name.ends_with("_ja") && !name.ends_with("_en")), "{at}: {header:?}");
    let mut found: Vec<(String, String)> = section
        .split('<')
        .filter(|tag| tag.contains("class=\"mark") || tag.contains("class=\"kpi mark"))
        .map(|tag| {
            let of = |name| unescaped(between(tag, &format!(" data-{name}=\""), "\"").unwrap_or_default());
            (of("x"), of("value"))
        })
        .collect();
    let value = |row: &BTreeMap<String, String>, name: &str| row.get(name).cloned().unwrap_or_default();
    let mut expected: Vec<(String, String)> = match (panel.readout, panel.chart.as_str()) {
        (Some(query::ReadoutKind::Scenario), _) => rows.iter().map(|row| (value(row, "measure"), value(row, "value"))).collect(),
        (Some(query::ReadoutKind::Experiment), _) => {
            found.clear();
            assert!(rows.len() == 4 && (section.contains("採用: b") || section.contains("Ship b")), "{at}: {section}");
            Vec::new()
        }
        (None, "table") => {
            let body = between(section, "<tbody>", "</tbody>").unwrap_or_default();
            assert_eq!(body.matches("<tr>").count(), rows.len().min(crate::pages::table::ROWS_MAX), "{at}");
            Vec::new()
        }
        (None, "kpi") if panel.x.is_empty() => {
            found.retain(|(_, shown)| !shown.is_empty());
            let shown: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
            rows.iter().flat_map(|row| row.clone()).filter(|(name, value)| shown.contains(name) && !value.is_empty()).collect()
        }
        (None, _) => rows.iter().map(|row| (value(row, &panel.x), value(row, &panel.value))).collect(),
    };
    expected.retain(|(_, value)| !value.is_empty());
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{at}");
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[test]
fn a_scenario_says_what_it_added() {
    deep(async {
        let site = Site::open(true, made()).await;
        let workspace = &site.workspace;
        let desk = workspace.desk(now(), query::Mode::AsKnown).await.unwrap();
        let scenario = workspace.scenario("f2-followup").unwrap();
        let view = readout::scenario(&desk, workspace.shop(), scenario).await.unwrap();
        let conversion = &view.effects[0];
        // 900 × 30 % less 5 %, each order 3,000 yen.
        let shown = (view.value.sent, view.value.cost.unwrap().to_string(), view.value.attributed.to_string());
        assert_eq!(shown, (900, "270".into(), "810000".into()));
        assert_eq!((conversion.treated.people, conversion.held_out.people, conversion.verdict), (900, 100, "better"));
        let crate::pages::readout::Said::Known(added) = &view.value.added else { panic!("{:?}", view.value.added) };
        assert_eq!(added.value.to_string(), "675000");
        assert!(added.low.as_f64() > 0.0 && added.low < added.value && added.value < added.high, "{added:?}");
        let crate::pages::readout::Said::Known(cost) = &view.value.holdout_cost else { panic!("{:?}", view.value.holdout_cost) };
        assert_eq!(cost.value.to_string(), "75000");

        let experiment = readout::experiment(&desk, &workspace.files.scenarios, "f2-subject").await.unwrap();
        let difference = experiment.effects[0].difference.unwrap();
        assert!((difference - 0.2).abs() < 1e-12, "{difference}");
        assert_eq!(experiment.readout.decision, crate::pages::readout::Decision::Ship { arm: "b".into() });

        // Ten days after the first message no window is over.
        let early = workspace.desk(now() - TimeDelta::days(30), query::Mode::AsKnown).await.unwrap();
        let view = readout::scenario(&early, workspace.shop(), scenario).await.unwrap();
        let crate::pages::readout::Said::NotYet(not_yet) = &view.value.added else { panic!("{:?}", view.value.added) };
        let met_on = workspace.shop().timezone.day(now() - TimeDelta::days(40));
        assert_eq!(not_yet.from, met_on.checked_add_days(chrono::Days::new(14)));
        assert!(not_yet.reason.ja.contains("観測し終えた人") && view.effects[0].difference.is_none(), "{not_yet:?}");
    });
}

#[test]
fn signing_in() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let away = site.ask("GET", "/d/rfm?days=9&x=%3C", &[], b"").await;
        assert_eq!((away.status, away.header("location")), (303, vec!["/login?next=%2Fd%2Frfm%3Fdays%3D9%26x%3D%253C"]));
        assert_eq!(site.ask("GET", "/d/rfm/0.csv", &[], b"").await.status, 401);
        assert_eq!(site.ask("GET", "/d/rfm", &[("Accept", "application/json")], b"").await.status, 401);

        let wrong = site.try_sign_in("admin", "wrong password").await;
        let unknown = site.try_sign_in("nobody", "wrong password").await;
        // The same page, but for the name that was typed and the token.
        let plain = |reply: &Reply, user: &str| reply.body.replace(reply.csrf(), "").replace(&format!("value=\"{user}\""), "");
        assert_eq!((wrong.status, unknown.status), (401, 401));
        assert_eq!(plain(&wrong, "admin"), plain(&unknown, "nobody"));
        assert!(wrong.body.contains("ユーザー名かパスワードが違います"));

        let forged = site
            .ask("POST", "/login", &[FORM], encoded(&[("csrf", "x"), ("user", "admin"), ("password", PASSWORD)]).as_bytes())
            .await;
        assert_eq!(forged.status, 403);

        let reply = site.try_sign_in("admin", PASSWORD).await;
        let cookie = reply.header("set-cookie").into_iter().find(|line| line.starts_with(auth::COOKIE)).unwrap();
        for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
            assert!(cookie.contains(flag), "{cookie}");
        }
        let session = reply.cookie(auth::COOKIE).unwrap();
        let page = site.get("/d/data", &session).await;
        assert_eq!(page.status, 200);
        assert_eq!(site.post("/logout", &session, &[("csrf", "wrong")]).await.status, 403);
        assert_eq!(site.post("/logout", &session, &[]).await.status, 403);
        assert_eq!(site.post("/logout", &session, &[("csrf", page.csrf())]).await.status, 303);
        assert_eq!(site.get("/d/data", &session).await.status, 303);
    });
}

#[test]
fn guessing_a_password_has_to_wait_whether_or_not_there_is_such_a_name() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        for user in ["admin", "nobody"] {
            for attempt in 0..6 {
                let expect = if attempt < 5 { 401 } else { 429 };
                assert_eq!(site.try_sign_in(user, "wrong").await.status, expect, "{user} {attempt}");
            }
            assert_eq!(site.try_sign_in(user, PASSWORD).await.status, 429, "{user}");
        }
    });
}

#[test]
fn who_may_do_what() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let (marketer, analyst) = (site.signed_in(Role::Marketer).await, site.signed_in(Role::Analyst).await);
        for (target, session, expect) in [
            ("/import", &marketer, 403),
            ("/import", &analyst, 200),
            ("/d/overview", &marketer, 200),
            ("/d/nothing", &marketer, 404),
            ("/dictionary", &marketer, 200),
            ("/dictionary/orders", &marketer, 200),
            ("/dictionary/nothing", &marketer, 404),
            ("/functions", &marketer, 200),
            ("/functions", &String::new(), 303),
            ("/nothing", &marketer, 404),
            ("/d/overview/99.csv", &marketer, 404),
            ("/import/rejects/..%2F..%2Ftsubame.toml", &analyst, 404),
            ("/healthz", &String::new(), 200),
            ("/metrics", &String::new(), 200),
            ("/assets/style.css", &String::new(), 200),
        ] {
            let reply = site.get(target, session).await;
            assert_eq!(reply.status, expect, "{target}: {}", reply.body);
        }
        for target in ["/import/preview", "/import/run"] {
            assert_eq!(site.post(target, &marketer, &[]).await.status, 403, "{target}");
            assert_eq!(site.post(target, &analyst, &[]).await.status, 403, "{target} without a token");
            assert_eq!(site.post(target, "", &[]).await.status, 303, "{target} without a session");
        }
        let through_a_proxy =
            site.ask("GET", "/metrics", &[("X-Forwarded-For", "203.0.113.7"), ("Accept", "application/json")], b"").await;
        assert_eq!(through_a_proxy.status, 401);
        let metrics = site.get("/metrics", "").await.body;
        for name in ["tsubame_up 1", "tsubame_journal_pending_bytes 0", "tsubame_table_rows{table=\"orders\"} 0"] {
            assert!(metrics.contains(name), "{name}: {metrics}");
        }
    });
}

#[test]
fn every_answer_is_guarded() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        for target in ["/login", "/d/rfm", "/nothing", "/assets/script.js", "/healthz"] {
            let reply = site.get(target, "").await;
            assert_eq!(reply.header("content-security-policy"), [crate::pages::CONTENT_SECURITY_POLICY], "{target}");
            assert_eq!(
                (reply.header("x-content-type-options"), reply.header("referrer-policy")),
                (vec!["nosniff"], vec!["same-origin"]),
                "{target}"
            );
        }
        let style = site.get("/assets/style.css", "").await;
        let tag = style.header("etag")[0].to_string();
        assert_eq!(site.ask("GET", "/assets/style.css", &[("If-None-Match", &tag)], b"").await.status, 304);
        let large = vec![b'x'; 2 << 20];
        let session = site.signed_in(Role::Admin).await;
        let cookie = format!("{}={session}", auth::COOKIE);
        assert!(matches!(site.ask("POST", "/logout", &[("Cookie", &cookie), FORM], &large).await.status, 400 | 413));
    });
}

#[test]
fn values_of_the_url_are_values() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Admin).await;
        for evil in
            ["' OR 1=1 --", "c0001'; DROP TABLE orders; --", "\"><script>alert(1)</script>", "$as_of", "c0001\u{0}", "{\"a\":1}"]
        {
            for (page, param) in [
                ("customer", "customer"),
                ("scenario", "scenario"),
                ("experiment", "experiment"),
                ("audience", "segment"),
                ("channels", "model"),
                ("channels", "from"),
                ("customers", "q"),
            ] {
                let target = format!("/d/{page}?{param}={}", percent_encode(evil));
                let reply = site.get(&target, &session).await;
                assert_eq!(reply.status, 200, "{target}");
                assert!(!reply.body.contains("<script>alert"), "{target}: {}", reply.body);
                if page == "customers" {
                    assert!(!reply.body.contains("c0001</a>"), "{target}: it found somebody");
                }
            }
        }
        // A value of another type is said in its panel, and the page stands.
        let wrong = site.get("/d/channels?from=yesterday&lang=en", &session).await;
        assert!(wrong.status == 200 && wrong.body.contains("cannot be read"), "{}", wrong.body);
        let missing = site.get("/d/customer?lang=en", &session).await;
        assert!(missing.body.contains("is not given"), "{}", missing.body);
        let many = site.get("/d/customers?q=c000", &session).await;
        assert!(many.body.contains("c0001</a>"), "{}", many.body);
    });
}

#[test]
fn the_language_is_the_readers() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let check = async |headers: &[(&str, &str)], target: &str, expect: &str| {
            let reply = site.ask("GET", target, headers, b"").await;
            assert!(reply.body.contains(&format!("<html lang=\"{expect}\">")), "{headers:?} {target}");
            reply
        };
        check(&[], "/login", "ja").await;
        check(&[("Accept-Language", "en-GB,en;q=0.8")], "/login", "en").await;
        check(&[("Accept-Language", "fr")], "/login", "ja").await;
        check(&[("Accept-Language", "en"), ("Cookie", "lang=ja")], "/login", "ja").await;
        let chosen = check(&[("Cookie", "lang=ja")], "/login?lang=en", "en").await;
        assert_eq!(chosen.cookie("lang").as_deref(), Some("en"));
    });
}

#[test]
fn a_file_of_orders_is_understood_and_imported_once() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Analyst).await;
        let file = "注文番号,会員ID,メールアドレス,注文日時,合計金額\r\nA-1,c1,taro@example.jp,2026-06-01 10:00:00,1200\r\nA-2,c2,hana@example.jp,2026-06-02 11:00:00,800\r\nA-3,c2,hana@example.jp,きのう,1\r\n";
        for expect_new in [2, 0] {
            let start = site.get("/import", &session).await;
            let forged = site.upload(&session, "wrong", file).await;
            assert_eq!(forged.status, 403);
            let preview = site.upload(&session, start.csrf(), file).await;
            assert_eq!(preview.status, 200, "{}", preview.body);
            for part in ["2件の注文を取り込む", "個人情報", "•••", "value=\"order_id\" selected"] {
                assert!(preview.body.contains(part), "{part}: {}", preview.body);
            }
            assert!(!preview.body.contains("taro@") && !preview.body.contains("hana@"), "{}", preview.body);
            let upload = between(&preview.body, "name=\"upload\" value=\"", "\"").unwrap().to_string();
            let form = between(&preview.body, "action=\"/import/run\"", "</form>").unwrap();
            let hidden: Vec<(String, String)> = form
                .split("<input type=\"hidden\" name=\"")
                .skip(1)
                .map(|input| {
                    (input.split('"').next().unwrap().to_string(), between(input, "value=\"", "\"").unwrap().to_string())
                })
                .collect();
            let fields: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let done = site.post("/import/run", &session, &fields).await;
            assert_eq!(done.status, 200, "{}", done.body);
            let tile = |label: &str| {
                let after = done.body.split_once(label).unwrap_or_else(|| panic!("{label}: {}", done.body)).1;
                between(after, "kpi-value\">", "<").unwrap().to_string()
            };
            assert_eq!((tile("新しい注文"), tile("取込済みの注文")), (expect_new.to_string(), (2 - expect_new).to_string()));
            assert!(done.body.contains("href=\"/d/rfm\""), "{}", done.body);
            let rejects = between(&done.body, "href=\"/import/rejects/", "\"").unwrap();
            let rejects = site.get(&format!("/import/rejects/{rejects}"), &session).await;
            assert!(rejects.status == 200 && rejects.body.contains(",4,") && !rejects.body.contains("hana@"), "{}", rejects.body);
            // What was imported is not there a second time.
            assert_eq!(site.post("/import/run", &session, &fields).await.status, 400);
            assert!(!site.workspace.path("data/uploads").join(&upload).exists());
        }
        let customers = "会員ID,氏名,メールアドレス,都道府県,生年月日\r\nc1,山田,taro@example.jp,東京都,1990-01-01\r\n";
        let start = site.get("/import", &session).await;
        let other = site.upload(&session, start.csrf(), customers).await;
        assert!(other.body.contains("会員のファイル"), "{}", other.body);
        let page = site.get("/d/rfm", &session).await;
        assert!(page.body.contains("たった今"), "{}", page.body);
    });
}

#[test]
fn people_decide_who_is_one() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let contact = |name: &str| model::Contact {
            customer_id: CustomerId::stored(name),
            kind: model::ContactKind::Phone,
            address: "+819000000001".into(),
        };
        site.workspace.state.vault().put(&[contact("c1"), contact("c2")], "file", now()).await.unwrap();
        assert_eq!(site.get("/identity", "nobody").await.status, 303, "to the sign-in");
        let session = site.signed_in(Role::Marketer).await;
        let page = site.get("/identity", &session).await;
        assert!(page.body.contains("電話番号が同じ") && !page.body.contains("0001"), "{}", page.body);
        let merged = async || site.workspace.state.identities().merged_all().await.unwrap().len();
        let csrf = page.csrf().to_string();
        let check = async |target: &str, csrf: &str, fields: &[(&str, &str)], status: u16, expect: usize| {
            let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf)]).collect();
            let reply = site.post(target, &session, &fields).await;
            assert_eq!((reply.status, merged().await), (status, expect), "{target} {fields:?}");
        };
        let pair = [("a", "c1"), ("b", "c2")];
        check("/identity/merge", "forged", &pair, 403, 0).await;
        check("/identity/merge", &csrf, &[("a", "c1"), ("b", "nobody")], 400, 0).await;
        check("/identity/merge", &csrf, &pair, 303, 1).await;
        check("/identity/undo", "forged", &[("customer", "c2")], 403, 1).await;
        check("/identity/undo", &csrf, &[("customer", "c2")], 303, 0).await;
        check("/identity/undo", &csrf, &[("customer", "c2")], 400, 0).await;
        check("/identity/decline", &csrf, &pair, 303, 0).await;
        let by = site.get("/identity", &session).await;
        assert!(by.body.contains("確認を待っている組はありません"), "{}", by.body);
    });
}

impl Site {
    async fn upload(&self, session: &str, csrf: &str, file: &str) -> Reply {
        let cookie = format!("{}={session}", auth::COOKIE);
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"受注 6月.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--b--\r\n"
        );
        self.ask(
            "POST",
            "/import/preview",
            &[("Cookie", &cookie), ("Content-Type", "multipart/form-data; boundary=b")],
            body.as_bytes(),
        )
        .await
    }
}

#[test]
fn what_was_refused_is_shown_masked_and_taken_again_by_those_who_may() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let poison = "{\"writeKey\":\"web-key\",\"batch\":[{\"type\":\"track\",\"event\":\"x\",\"properties\":{\"email\":\"canary@example.jp\"}}]}";
        let reply = site.ask("POST", "/v1/batch", &[], poison.as_bytes()).await;
        assert!(reply.status == 200 && reply.body.contains("no_user_anon_id"), "{}", reply.body);
        let marketer = site.signed_in(Role::Marketer).await;
        assert_eq!(site.get("/quarantine", &marketer).await.status, 403);
        assert_eq!(site.post("/quarantine/replay", &marketer, &[]).await.status, 403);
        let session = site.signed_in(Role::Analyst).await;
        for (lang, word) in [("ja", "取り込めなかったデータ"), ("en", "What could not be taken")] {
            let page = site.get(&format!("/quarantine?lang={lang}"), &session).await;
            assert_eq!(page.status, 200, "{}", page.body);
            for part in [word, "no_user_anon_id", "email:•••", "web"] {
                assert!(page.body.contains(part), "{part}: {}", page.body);
            }
            assert!(!page.body.contains("canary"), "{}", page.body);
        }
        let page = site.get("/quarantine", &session).await;
        let fields = |csrf| [("csrf", csrf), ("source", "web"), ("code", "no_user_anon_id")];
        assert_eq!(site.post("/quarantine/replay", &session, &fields("forged")).await.status, 403);
        let done = site.post("/quarantine/replay", &session, &fields(page.csrf())).await;
        assert_eq!((done.status, done.header("location")), (303, vec!["/quarantine?accepted=0&refused=1&of_files=0"]));
    });
}

#[test]
fn every_file_of_the_folder_is_listed() {
    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".rs").to_string())
        .filter(|name| !["mod", "tests", "visit", "errors", "memory", "tag.js"].contains(&name.as_str()))
        .collect();
    files.sort();
    files.dedup();
    assert_eq!(
        files,
        [
            "assets",
            "auth",
            "broadcasts",
            "calendar",
            "collect",
            "dashboards",
            "dictionary",
            "experiment_pages",
            "experiments",
            "health",
            "identity",
            "import",
            "quarantine",
            "readout_links",
            "replay",
            "scenarios",
            "segment_form",
            "segments",
            "sends",
            "sql",
            "sql_page",
            "tag",
            "webhooks",
            "why",
        ]
    );
    // Read-outs are shared by some, and shown to everybody who has the link.
    assert_eq!(super::RESOURCES.len(), files.len() + 1);
}

mod broadcasts;
mod replay;
mod scenarios;
mod sql;
mod why;

#[test]
fn segments_are_listed_explained_and_tested() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Marketer).await;
        let check = async |target: &str, status: u16, parts: &[&str]| {
            let page = site.get(target, &session).await;
            assert_eq!(page.status, status, "{target}: {}", page.body);
            parts.iter().for_each(|part| assert!(page.body.contains(part), "{target}: {part}: {}", page.body));
            assert!(status != 200 || !page.body.contains("role=\"alert\""), "{target}: {}", page.body);
            page.body
        };
        for (lang, parts) in [("ja", ["未保存", "シナリオ f2-followup"]), ("en", ["Not saved (", "scenario f2-followup"])]
        {
            check(&format!("/segments?lang={lang}"), 200, &parts).await;
            check(&format!("/segments/f1_on_day?lang={lang}"), 200, &["first_ordered_on = $today - $days"]).await;
        }
        let tokyo = model::ShopZone::tokyo();
        let day = |days: i64| tokyo.day(now()) - TimeDelta::days(days);
        let night = |days: i64| crate::jobs::due::night_of(tokyo, day(days));
        // A thousand bought first 70 days ago: 40 days ago that was 30 days ago.
        for days in [41, 40] {
            crate::jobs::segments::segments(&site.workspace, night(days)).await.unwrap();
        }
        check("/segments?lang=en", 200, &[">1,000<", "+1,000 / −0"]).await;
        let page = check("/segments/f1_without_f2?lang=en&customer=c0000", 200, &["SELECT customer_id", "back-test"]).await;
        assert!(page.contains("Not in the segment") && page.contains("second_ordered_on IS NULL"), "{page}");
        let page = check("/segments/f1_on_day?lang=en", 200, &["c•••"]).await;
        assert!(!page.contains("c0999"), "members are named in part: {page}");
        let page = site.get("/segments/f1_without_f2?lang=ja&customer=nobody%3Cscript%3E", &session).await.body;
        assert!(
            page.contains("nobody&lt;script&gt;") && page.contains("role=\"alert\""),
            "a slip of the pen is no customer: {page}"
        );
        let csv = check("/segments/f1_without_f2/members.csv", 200, &["\"customer_id\""]).await;
        let asked = site
            .workspace
            .desk(now(), query::Mode::AsKnown)
            .await
            .unwrap()
            .ask("f1_without_f2", &query::Params::new())
            .await
            .unwrap();
        assert_eq!(csv.lines().count(), asked.rows.len() + 1);
        let test = |from: i64, to: i64, window: &str| {
            format!("/segments/f1_without_f2/back-test?lang=en&from={}&to={}&window={window}", day(from), day(to))
        };
        check(&test(39, 35, "5"), 200, &["Everybody else", "Size over time", "As happened", "dormant_top_ltv"]).await;
        check(&test(35, 39, "5"), 400, &["is after"]).await;
        check(&test(39, 35, "0"), 400, &["a window of 0 days"]).await;
        check(&test(39, 35, "x"), 400, &["whole number"]).await;
        check(&test(300, 35, "5"), 400, &["up to 92 nights"]).await;
        check("/segments/nothing", 404, &[]).await;
        check("/segments/nothing/members.csv", 404, &[]).await;
    });
}

#[test]
fn a_segment_is_built_from_conditions() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Analyst).await;
        let csrf = site.get("/segment-form?lang=en", &session).await.csrf().to_string();
        let fill = async |session: &str, csrf: &str, action: &str, fields: &[(&str, &str)]| {
            let common = [
                ("csrf", csrf),
                ("action", action),
                ("title_en", "Once O'Hara"),
                ("description_en", "Bought \"once\""),
                ("match", "all"),
            ];
            site.post("/segment-form?lang=en", session, &[&common[..], fields].concat()).await
        };
        let row = [("attribute_0", "orders"), ("comparison_0", "equals"), ("value_0", "1")];
        let added = fill(&session, &csrf, "add", &[&row[..], &[("new_attribute", "orders_within")]].concat()).await;
        assert!(
            added.body.contains("name=\"attribute_1\" value=\"orders_within\"") && added.body.contains("name=\"scope0_1\""),
            "{}",
            added.body
        );
        let removed = fill(&session, &csrf, "remove_0", &row).await;
        assert!(!removed.body.contains("attribute_0"), "{}", removed.body);
        let preview = fill(&session, &csrf, "preview", &row).await;
        let expect = site.workspace.desk(now(), query::Mode::AsKnown).await.unwrap();
        let expect = expect.ask_sql("SELECT count(*) FROM customer_facts WHERE orders = 1").await.unwrap().rows[0][0].plain();
        assert!(preview.body.contains(&format!("{expect} customers are in it")), "{expect}: {}", preview.body);
        let wrong = fill(
            &session,
            &csrf,
            "save",
            &[("name", "once"), ("attribute_0", "orders"), ("comparison_0", "equals"), ("value_0", "many")],
        )
        .await;
        assert!(wrong.body.contains("is not of the attribute") && wrong.body.contains("value=\"many\""), "{}", wrong.body);
        let folder = site.workspace.path("queries/segments");
        for (name, part) in
            [("", "cannot be used"), ("../x", "cannot be used"), ("f1_on_day", "that is SQL"), ("dormant_top_ltv", "that is SQL")]
        {
            let refused = fill(&session, &csrf, "save", &[&row[..], &[("name", name)]].concat()).await;
            assert!(refused.body.contains(part), "{name}: {}", refused.body);
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing was written");
        let marketer = site.signed_in(Role::Marketer).await;
        let theirs = site.get("/segment-form?lang=en", &marketer).await;
        assert!(!theirs.body.contains("value=\"save\""), "{}", theirs.body);
        let named = [&row[..], &[("name", "once")]].concat();
        assert_eq!(fill(&marketer, theirs.csrf(), "save", &named).await.status, 403);
        assert_eq!(fill(&session, "forged", "save", &named).await.status, 403);
        assert!(fill(&session, &csrf, "save", &named).await.body.contains("Saved as queries/segments/once.toml"));
        let (library, problems) = query::Library::load(Some(&site.workspace.folder));
        assert_eq!(problems, []);
        assert_eq!(library.forms["segments/once"].title.en, "Once O'Hara");
        assert_eq!(library.forms["segments/once"].description.en, "Bought \"once\"");
        // It is there at once, and is not written over by whoever has not seen it.
        assert_eq!(site.get("/segments/once?lang=en", &session).await.status, 200);
        let unseen = fill(&session, &csrf, "save", &named).await;
        assert!(unseen.body.contains("was changed elsewhere"), "{}", unseen.body);
        let opened = site.get("/segment-form?name=once&lang=en", &session).await;
        assert!(opened.body.contains("name=\"description_en\" value=\"Bought &quot;once&quot;\""), "{}", opened.body);
        let started = between(&opened.body, "name=\"started\" value=\"", "\"").expect("what it was opened with");
        let started = [("started", started)];
        let seen = fill(&session, opened.csrf(), "save", &[&named[..], &started].concat()).await;
        assert!(seen.body.contains("Saved as queries/segments/once.toml"), "{}", seen.body);
        // One that asks it may not be asked by it in turn.
        let of = |name: &'static str, asks: &'static str| {
            [("name", name), ("attribute_0", "in_segment"), ("scope0_0", asks), ("comparison_0", "is"), ("value_0", "true")]
        };
        let other = fill(&session, &csrf, "save", &of("other", "once")).await;
        assert!(other.body.contains("Saved as queries/segments/other.toml"), "{}", other.body);
        let before = std::fs::read_to_string(folder.join("once.toml")).unwrap();
        let opened = site.get("/segment-form?name=once&lang=en", &session).await;
        let started = between(&opened.body, "name=\"started\" value=\"", "\"").expect("what it was opened with");
        let cycle = fill(&session, opened.csrf(), "save", &[&of("once", "other")[..], &[("started", started)]].concat()).await;
        assert!(cycle.body.contains("selects from itself") && !cycle.body.contains("Saved as"), "{}", cycle.body);
        assert_eq!(std::fs::read_to_string(folder.join("once.toml")).unwrap(), before);
    });
}

const BUTTON: &str = "experiment = \"button\"\ntitle = { ja = \"ボタン\", en = \"Button\" }\nstatus = \"running\"\n\
    start = 2026-06-01T00:00:00+09:00\ngoal = { metric = \"metrics/conversion\" }\n[[arm]]\nid = \"a\"\nweight = 0.5\nvalue = \"blue\"\n\
    [[arm]]\nid = \"b\"\nweight = 0.5\nvalue = \"red\"\n";

#[test]
fn a_read_out_is_shared_by_a_link_until_it_is_taken_back() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let folder = site._folder.path().join("experiments");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("button.toml"), BUTTON).unwrap();
        let (analyst, marketer) = (site.signed_in(Role::Analyst).await, site.signed_in(Role::Marketer).await);
        let managed = "/readouts/share?experiment=button";
        // Files are looked at every second.
        let mut page = site.get(managed, &analyst).await;
        for _ in 0..300 {
            if page.status == 200 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            page = site.get(managed, &analyst).await;
        }
        assert_eq!((page.status, page.body.contains("/shared/")), (200, false), "{}", page.body);
        let (own, theirs) = (page.csrf().to_string(), site.get("/experiments", &marketer).await.csrf().to_string());
        let check_made = |session: String, csrf: String, status: u16| {
            let site = &site;
            async move {
                let fields = [("csrf", csrf.as_str()), ("experiment", "button"), ("days", "30")];
                let reply = site.post("/readouts/share", &session, &fields).await;
                assert_eq!(reply.status, status, "{}", reply.body);
            }
        };
        check_made(marketer.clone(), theirs, 403).await;
        check_made(analyst.clone(), String::new(), 403).await;
        check_made(analyst.clone(), own.clone(), 303).await;
        let page = site.get(managed, &analyst).await;
        let token = between(&page.body, "href=\"/shared/", "\"").expect("a link").to_string();
        let (id, signature) = token.split_once('.').expect("an id and its signature");
        let check_shown = |token: String, status: u16| {
            let site = &site;
            async move {
                let reply = site.ask("GET", &format!("/shared/{token}"), &[], b"").await;
                assert_eq!(reply.status, status, "{token}: {}", reply.body);
                reply
            }
        };
        let shown = check_shown(token.clone(), 200).await;
        assert!(shown.body.contains("ボタン") && !shown.body.contains("analyst"), "{}", shown.body);
        assert_eq!(shown.header("x-robots-tag"), ["noindex, nofollow"]);
        let other = if signature.starts_with('0') { signature.replacen('0', "1", 1) } else { format!("0{}", &signature[1..]) };
        check_shown(format!("{id}.{other}"), 404).await;
        check_shown(id.to_string(), 404).await;
        let taken = site.post("/readouts/unshare", &analyst, &[("csrf", &own), ("experiment", "button"), ("id", id)]).await;
        assert_eq!(taken.status, 303, "{}", taken.body);
        check_shown(token.clone(), 404).await;
    });
}

#[test]
fn a_page_with_a_read_out_is_the_same_until_something_comes_in() {
    deep(async {
        let at = now() - TimeDelta::days(20);
        let met = |index: usize| {
            let arm = if index.is_multiple_of(2) { "a" } else { "b" };
            let exposure = Exposure {
                experiment: "f2-subject".into(),
                version: "v".into(),
                unit: customer(index).to_string(),
                customer_id: Some(customer(index)),
                arm: arm.into(),
                scenario: Some("f2-followup".into()),
                step: Some("invite".into()),
                send_id: None,
                source: "made".into(),
            };
            Fact::new(&exposure, at, at)
        };
        let site = Site::open(true, (0..40).map(met).collect()).await;
        let session = site.signed_in(Role::Marketer).await;
        let page = "/d/experiment?experiment=f2-subject";
        let first = site.get(page, &session).await;
        assert_eq!(first.status, 200, "{}", first.body);
        assert_eq!(site.get(page, &session).await.body, first.body);
        // Another language is another page.
        assert_ne!(site.get(&format!("{page}&lang=en"), &session).await.body, first.body);
        site.workspace.state.journal().append(vec![met(41)], now() - TimeDelta::hours(2)).await.unwrap();
        assert_ne!(site.get(page, &session).await.body, first.body);
        let csv = site.get("/d/experiment/1.csv?experiment=f2-subject", &session).await;
        assert_eq!(csv.status, 200, "{}", csv.body);
    });
}
