//! The pages of the inbox, its counts for programs, and the dials.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Form, Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::{
    Door, Held, Sink, Taken, Told,
    dial::{self, Behaviour},
    words,
};
use crate::{
    fault::Fault,
    pages::{CONTENT_SECURITY_POLICY, Lang, STYLE, words::Word},
};

/// Of one door on the page.
const SHOWN_MAX: usize = 200;
const PREVIEW_CHARS: usize = 60;

pub fn routes(sink: Arc<Sink>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/message/{id}", get(message))
        .route("/messages.json", get(messages))
        .route("/dials", post(turn))
        .route("/receipts/twilio", post(receipt))
        .route("/assets/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .layer(middleware::from_fn(of_this_machine))
        .with_state(sink)
}

pub async fn serve(
    listener: TcpListener,
    sink: Arc<Sink>,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Fault> {
    let served = axum::serve(listener, routes(sink)).with_graceful_shutdown(until).await;
    served.map_err(|source| Fault::io("the inbox stopped", source))
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    door: Option<String>,
    lang: Option<String>,
}

/// A page of another site can make a browser ask us: by a name of its own that points here, or by a form. Neither is answered.
async fn of_this_machine(request: Request, next: Next) -> Response {
    if !is_of_this_machine(request.headers()) {
        return (StatusCode::FORBIDDEN, "this inbox is for this machine alone\n").into_response();
    }
    let mut response = next.run(request).await;
    let policy = header::HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let is_here = |host: &str| {
        let name = host.parse::<SocketAddr>().map_or_else(
            |_| host.rsplit_once(':').map_or(host, |(name, _)| name).to_string(),
            |address| address.ip().to_string(),
        );
        matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1")
    };
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(is_here);
    text(header::HOST).is_some_and(is_here) && text(header::ORIGIN).is_none_or(is_own)
}

async fn list(State(sink): State<Arc<Sink>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Html<String> {
    let lang = lang(&asked, &headers);
    let held = sink.held();
    let only = asked.door.as_deref().and_then(|name| Door::ALL.into_iter().find(|door| door.name() == name));
    let shown: Vec<&Taken> =
        held.messages.iter().rev().filter(|taken| only.is_none() || taken.door == only).take(SHOWN_MAX).collect();
    let place = |door: Option<Door>, lang: Lang| match door {
        Some(door) => format!("/?door={}&lang={}", door.name(), lang.name()),
        None => format!("/?lang={}", lang.name()),
    };
    let body = html! {
        p class="note" { (words::EXPLAINED.get(lang)) }
        p {
            a href=(place(None, lang)) aria-current=[only.is_none().then_some("page")] { (words::ALL.get(lang)) }
            @for door in Door::ALL {
                " · " a href=(place(Some(door), lang)) aria-current=[(only == Some(door)).then_some("page")] { (door.name()) }
            }
        }
        @if shown.is_empty() {
            p { (words::NOTHING.get(lang)) }
        } @else {
            table {
                thead {
                    tr {
                        @for word in [words::AT, words::DOOR, words::KIND, words::TO, words::SUBJECT, words::TOLD] {
                            th scope="col" { (word.get(lang)) }
                        }
                    }
                }
                tbody {
                    @for taken in shown {
                        tr {
                            td { (at(taken)) }
                            td { (taken.door.map_or("", Door::name)) }
                            td { (taken.kind) }
                            td { (recipients(taken, lang)) }
                            td { a href=(format!("/message/{}?lang={}", taken.id, lang.name())) { (preview(taken)) } }
                            td { (told(taken).get(lang)) }
                        }
                    }
                }
            }
        }
        (counts(&held, lang))
        (dials(&held, lang))
    };
    Html(page(lang, words::TITLE.get(lang), &place(only, lang.other()), body).into_string())
}

async fn message(
    State(sink): State<Arc<Sink>>,
    Path(id): Path<u64>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> (StatusCode, Html<String>) {
    let lang = lang(&asked, &headers);
    let held = sink.held();
    let found = held.messages.iter().find(|taken| taken.id == id);
    let back = html! { p { a href=(format!("/?lang={}", lang.name())) { (words::BACK.get(lang)) } } };
    let here = format!("/message/{id}?lang={}", lang.other().name());
    let Some(taken) = found else {
        let body = html! { p { (words::NO_SUCH_MESSAGE.get(lang)) } (back) };
        return (StatusCode::NOT_FOUND, Html(page(lang, words::TITLE.get(lang), &here, body).into_string()));
    };
    let copies = taken.door.and_then(|door| held.counts.get(&door)?.keys.get(&taken.key)).copied().unwrap_or(0);
    let rows: [(Word, String); 7] = [
        (words::DOOR, taken.door.map_or("", Door::name).to_string()),
        (words::KIND, taken.kind.to_string()),
        (words::AT, at(taken)),
        (words::FROM, taken.from.clone()),
        (words::TO, taken.to.join(", ")),
        (words::KEY, taken.key.clone()),
        (words::COPIES, copies.to_string()),
    ];
    let body = html! {
        table {
            tbody {
                @for (word, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
                    tr { th scope="row" { (word.get(lang)) } td { (value) } }
                }
                tr { th scope="row" { (words::TOLD.get(lang)) } td { (told(taken).get(lang)) } }
            }
        }
        h2 { (words::TEXT.get(lang)) }
        pre { (taken.text) }
        @if !taken.head.is_empty() {
            h2 { (words::HEAD.get(lang)) }
            pre { (taken.head) }
        }
        (back)
    };
    (StatusCode::OK, Html(page(lang, &preview(taken), &here, body).into_string()))
}

/// For programs: how often each key was accepted, and what came, without addresses and words.
async fn messages(State(sink): State<Arc<Sink>>) -> Json<serde_json::Value> {
    let held = sink.held();
    let doors: serde_json::Map<String, serde_json::Value> = Door::ALL
        .into_iter()
        .map(|door| {
            let counts = held.counts.get(&door).cloned().unwrap_or_default();
            let rewritten = counts.bodies.values().filter(|bodies| bodies.len() > 1).count();
            let told = json!({
                "asked": counts.asked, "accepted": counts.accepted, "repeated": counts.repeated, "refused": counts.refused,
                "throttled": counts.throttled, "hidden": counts.hidden, "rewritten": rewritten, "keys": counts.keys,
            });
            (door.name().to_string(), told)
        })
        .collect();
    let messages: Vec<serde_json::Value> = held
        .messages
        .iter()
        .map(|taken| {
            json!({
                "id": taken.id, "door": taken.door.map(Door::name), "kind": taken.kind, "key": taken.key, "at": at(taken),
                "recipients": taken.to.len(), "told": format!("{:?}", taken.told).to_lowercase(),
            })
        })
        .collect();
    let receipts: Vec<serde_json::Value> = held
        .receipts
        .iter()
        .map(|((send_id, status), times)| json!({ "send_id": send_id, "status": status, "times": times }))
        .collect();
    Json(json!({ "doors": doors, "messages": messages, "receipts": receipts }))
}

/// `line.refuse=0.2&smtp.down=next:3`: all of them, or none if one is wrong.
async fn turn(State(sink): State<Arc<Sink>>, headers: HeaderMap, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let turned: Result<Vec<_>, String> =
        form.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(name, value)| dial::parse(name, value)).collect();
    match turned {
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
        Ok(turned) => {
            turned.into_iter().for_each(|dial| sink.set(dial));
            // A browser goes back to the page; a program wants to know that it is done.
            let is_browser = headers
                .get(header::ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .is_some_and(|accept| accept.contains("text/html"));
            if is_browser { Redirect::to("/").into_response() } else { StatusCode::NO_CONTENT.into_response() }
        }
    }
}

/// Where Twilio's receipts go when nobody else takes them.
async fn receipt(
    State(sink): State<Arc<Sink>>,
    Query(query): Query<BTreeMap<String, String>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> StatusCode {
    let (Some(send_id), Some(status)) = (query.get("send_id"), form.get("MessageStatus")) else { return StatusCode::BAD_REQUEST };
    *sink.held().receipts.entry((send_id.clone(), status.clone())).or_default() += 1;
    StatusCode::NO_CONTENT
}

fn page(lang: Lang, title: &str, other: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Tsubame dev-sink" }
                link rel="stylesheet" href="/assets/style.css";
                link rel="icon" href="data:,";
            }
            body {
                div class="content" {
                    div class="top" {
                        h1 { (title) }
                        a class="language" href=(other) lang=(lang.other().name()) hreflang=(lang.other().name()) { (words::OTHER_LANGUAGE.get(lang)) }
                    }
                    main id="main" { (body) }
                }
            }
        }
    }
}

fn counts(held: &Held, lang: Lang) -> Markup {
    html! {
        h2 { (words::COUNTS.get(lang)) }
        table {
            thead {
                tr {
                    th scope="col" { (words::DOOR.get(lang)) }
                    @for word in [words::ASKED, words::ACCEPTED, words::REPEATED, words::REFUSED, words::THROTTLED, words::HIDDEN, words::DUPLICATES] {
                        th scope="col" { (word.get(lang)) }
                    }
                }
            }
            tbody {
                @for (door, counts) in &held.counts {
                    tr {
                        th scope="row" { (door.name()) }
                        @let twice = counts.keys.values().filter(|times| **times > 1).count() as u64;
                        @for count in [counts.asked, counts.accepted, counts.repeated, counts.refused, counts.throttled, counts.hidden, twice] {
                            td { (count) }
                        }
                    }
                }
            }
        }
    }
}

fn dials(held: &Held, lang: Lang) -> Markup {
    html! {
        h2 { (words::DIALS.get(lang)) }
        p class="note" { (words::DIALS_EXPLAINED.get(lang)) }
        form method="post" action="/dials" {
            table {
                thead {
                    tr {
                        th scope="col" { (words::DIALS.get(lang)) }
                        @for door in Door::ALL { th scope="col" { (door.name()) } }
                    }
                }
                tbody {
                    @for behaviour in Behaviour::ALL {
                        tr {
                            th scope="row" { (of(behaviour).get(lang)) span class="sub" { (behaviour.name()) } }
                            @for door in Door::ALL {
                                @let name = format!("{}.{}", door.name(), behaviour.name());
                                td { input name=(name) aria-label=(name) size="6" value=(held.dials.get(door, behaviour)); }
                            }
                        }
                    }
                }
            }
            button type="submit" { (words::TURN.get(lang)) }
        }
    }
}

fn of(behaviour: Behaviour) -> Word {
    match behaviour {
        Behaviour::Refuse => words::REFUSE,
        Behaviour::Throttle => words::THROTTLE,
        Behaviour::FailAfter => words::FAIL_AFTER,
        Behaviour::DropAnswer => words::DROP_ANSWER,
        Behaviour::Late => words::LATE,
        Behaviour::Twice => words::TWICE,
        Behaviour::Down => words::DOWN,
    }
}

fn told(taken: &Taken) -> Word {
    match taken.told {
        Told::Accepted => words::TOLD_ACCEPTED,
        Told::Failed => words::TOLD_FAILED,
        Told::Nothing => words::TOLD_NOTHING,
    }
}

fn at(taken: &Taken) -> String {
    model::time::rfc3339(taken.at)
}

fn recipients(taken: &Taken, lang: Lang) -> String {
    match taken.to.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} {}", words::MORE_RECIPIENTS.fill(lang, &[&rest.len().to_string()])),
    }
}

/// The subject, or how the text begins.
fn preview(taken: &Taken) -> String {
    let text = taken.subject.as_deref().filter(|subject| !subject.is_empty()).unwrap_or(taken.text.trim());
    let line = text.lines().next().unwrap_or_default();
    let shown: String = line.chars().take(PREVIEW_CHARS).collect();
    match (shown.is_empty(), shown.len() < line.len()) {
        (true, _) => "–".into(),
        (false, true) => format!("{shown}…"),
        (false, false) => shown,
    }
}

fn lang(asked: &Asked, headers: &HeaderMap) -> Lang {
    let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map_or(Lang::Ja, Lang::accepted);
    asked.lang.as_deref().and_then(Lang::parse).unwrap_or_else(accepted)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::sink::{
        http::tests::{asked, at, sink},
        line,
    };

    /// Status, headers and body in one text.
    async fn ask(sink: &Arc<Sink>, method: &str, target: &str, headers: &str, body: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, sink.clone(), std::future::pending()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let host = if headers.contains("Host: ") { String::new() } else { format!("Host: {address}\r\n") };
        let text = format!(
            "{method} {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        String::from_utf8(heard).unwrap()
    }

    fn with_messages() -> Arc<Sink> {
        let sink = sink(&[]);
        for n in 0..2 {
            let body = json!({ "to": "Ucanary", "messages": [{ "type": "text", "text": format!("<b>やあ {n}") }] }).to_string();
            let headers = [("authorization", "Bearer s3cret"), ("x-line-retry-key", "123e4567-e89b-12d3-a456-426614174000")];
            line::take(&sink, &asked("/v2/bot/message/push", &headers, &body), at(n));
        }
        Arc::new(sink)
    }

    #[tokio::test]
    async fn pages_in_both_languages() {
        let sink = with_messages();
        let check = async |target: &str, status: &str, parts: &[&str]| {
            let heard = ask(&sink, "GET", target, "", "").await;
            for part in [&[status][..], parts].concat() {
                assert!(heard.contains(part), "{target}: no `{part}`\n{heard}");
            }
            assert!(!heard.contains("<b>") && !heard.contains("s3cret") && !heard.contains("https://"), "{target}\n{heard}");
        };
        check("/?lang=ja", "200", &["lang=\"ja\"", "Ucanary", "やあ 0", "受け付けた", "lang=en"]).await;
        check("/?lang=en&door=smtp", "200", &["Nothing has arrived yet.", "aria-current=\"page\">smtp"]).await;
        check("/message/1?lang=en", "200", &["Ucanary", "&lt;b&gt;やあ 0", "x-line-retry-key", "Accepted under this key"]).await;
        check("/message/9?lang=ja", "404", &["このメッセージはありません"]).await;
    }

    #[tokio::test]
    async fn counts_for_programs_have_no_addresses() {
        let sink = with_messages();
        let heard = ask(&sink, "GET", "/messages.json", "", "").await;
        let (_, body) = heard.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let line = &body["doors"]["line"];
        let counted = (line["accepted"].as_u64(), line["repeated"].as_u64(), line["rewritten"].as_u64());
        assert_eq!(counted, (Some(1), Some(1), Some(1)), "{body}");
        assert_eq!(line["keys"]["123e4567e89b12d3a456426614174000"], 1);
        assert_eq!(body["messages"][0]["kind"], "push");
        assert!(!heard.contains("Ucanary") && !heard.contains("やあ"));
    }

    #[tokio::test]
    async fn dials_are_turned_from_this_machine_alone() {
        let sink = Arc::new(sink(&[]));
        let check = async |headers: &str, body: &str, status: &str, refuse: &str| {
            let heard = ask(&sink, "POST", "/dials", headers, body).await;
            assert!(heard.starts_with(&format!("HTTP/1.1 {status}")), "{headers}{body}: {heard}");
            assert_eq!(sink.held().dials.get(Door::Line, Behaviour::Refuse).to_string(), refuse, "{headers}{body}");
        };
        check("", "line.refuse=0.5&smtp.down=", "204", "0.5").await;
        check("", "line.refuse=next:3&line.fly=1", "400", "0.5").await;
        check("Accept: text/html\r\n", "line.refuse=next%3A3", "303", "next:3").await;
        check("Origin: https://evil.example\r\n", "line.refuse=off", "403", "next:3").await;
        check("Host: evil.example:8025\r\n", "line.refuse=off", "403", "next:3").await;
        check("Host: localhost:8025\r\nOrigin: http://localhost:8025\r\n", "line.refuse=off", "204", "off").await;
    }

    #[tokio::test]
    async fn receipts_are_counted() {
        let sink = Arc::new(sink(&[]));
        for _ in 0..2 {
            let heard = ask(&sink, "POST", "/receipts/twilio?send_id=s1", "", "MessageSid=SM1&MessageStatus=delivered").await;
            assert!(heard.starts_with("HTTP/1.1 204"), "{heard}");
        }
        assert_eq!(sink.held().receipts[&("s1".into(), "delivered".into())], 2);
        assert!(ask(&sink, "POST", "/receipts/twilio", "", "x=y").await.starts_with("HTTP/1.1 400"));
    }
}
