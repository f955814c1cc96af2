//! What was refused, for those who mend it: counts, the newest letters with reason and remedy, and a button that takes them again. The
//! bytes stay sealed; a page shows their shape, as it may stand on a screen that others see.

use std::sync::Arc;

use axum::{
    Extension, Form, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;
use state::{Letters, Newest};

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    jobs::quarantine::replay,
    pages::{
        percent_encode,
        quarantine::{self, Group, Letter, Quarantine},
        words,
    },
};

const SHOWN: usize = 50;
const PREVIEW_CHARS: usize = 160;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/quarantine", get(page)).route("/quarantine/replay", post(again))
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let (vault, now) = (workspace.state.vault(), workspace.now());
    let groups = vault.letter_counts(now).await?.into_iter().map(|count| Group {
        source: count.source,
        code: count.code,
        letters: count.letters,
        last_arrived_at: count.last_arrived_at,
    });
    let mut letters = Vec::new();
    for letter in vault.letters(Letters::default(), Newest::First, now, SHOWN).await? {
        let raw = vault.reveal(letter.id, now).await?;
        letters.push(Letter {
            id: letter.id,
            arrived_at: letter.arrived_at,
            source: letter.source,
            code: letter.code,
            reason: letter.reason,
            remedy: letter.remedy,
            preview: raw.map(|raw| masked(raw.expose())).unwrap_or_default(),
        });
    }
    let number = |name: &str| visit.param(name).and_then(|text| text.parse().ok());
    let done = match (number("accepted"), number("refused"), number("of_files")) {
        (Some(accepted), Some(refused), Some(of_files)) => Some((accepted, refused, of_files)),
        _ => None,
    };
    let drawn = Quarantine { csrf: visit.csrf().into(), groups: groups.collect(), letters, done };
    let title = words::QUARANTINE_TITLE.get(visit.locale.lang);
    Ok(app.page(&visit, title, quarantine::draw(&visit.locale, &drawn)).await?.into_response())
}

#[derive(Deserialize)]
struct Again {
    #[serde(default)]
    csrf: String,
    source: Option<String>,
    code: Option<String>,
}

async fn again(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Form(form): Form<Again>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    if !visit.is_own_form(&form.csrf) {
        return Err(Failed::Forbidden);
    }
    let which = Letters { source: form.source.as_deref(), code: form.code.as_deref(), ..Letters::default() };
    let done = match replay(&workspace, which).await {
        Ok(done) => done,
        // A source that is gone: the reader can do something about it.
        Err(fault) if fault.exit == crate::fault::Exit::Config => {
            return Err(Failed::bad_as_said(&fault.message, fault.remedy.as_deref()));
        }
        Err(fault) => return Err(fault.into()),
    };
    let numbers = [("accepted", done.accepted), ("refused", done.refused), ("of_files", done.of_files)];
    let query: Vec<String> =
        numbers.iter().map(|(name, count)| format!("{name}={}", percent_encode(&count.to_string()))).collect();
    Ok(Redirect::to(&format!("/quarantine?{}", query.join("&"))).into_response())
}

/// The shape of what came: names and kinds, no content.
fn masked(raw: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(raw) {
        Ok(value) => {
            let mut out = String::new();
            mask(&value, &mut out);
            out
        }
        // A line of a file, or a body cut short.
        Err(_) => {
            let mut out = String::new();
            for char in String::from_utf8_lossy(raw).chars().take(4 * PREVIEW_CHARS) {
                match char {
                    ',' | ';' | '\t' | '{' | '}' | '[' | ']' => out.push(char),
                    _ if out.ends_with('•') => {}
                    _ => out.push('•'),
                }
            }
            out
        }
    };
    match text.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn mask(value: &Value, out: &mut String) {
    if out.len() > 8 * PREVIEW_CHARS {
        return;
    }
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number(_) => out.push('#'),
        Value::String(text) => out.push_str(if text.is_empty() { "\"\"" } else { "•••" }),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                mask(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, item)) in members.iter().enumerate() {
                // A name may be anything, an address too: only what looks like a name is shown.
                let is_name = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_$".contains(&byte));
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(if is_name { name } else { "•••" });
                out.push(':');
                mask(item, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shape_is_shown() {
        let check = |raw: &str, expect: &str| assert_eq!(masked(raw.as_bytes()), expect);
        check(
            r#"{"type":"track","userId":"taro@example.jp","n":1.5,"x":[true,null,""],"taro@example.jp":"a","090":1}"#,
            r#"{type:•••,userId:•••,n:#,x:[true,null,""],•••:•••,•••:#}"#,
        );
        check("C-1,taro@example.jp,090-1234", "•,•,•");
        check("{\"email\":\"taro@example.jp", "{•");
        check("", "");
        let long = masked(format!("[{}1]", "1,".repeat(500)).as_bytes());
        assert!(long.ends_with('…') && long.chars().count() == PREVIEW_CHARS + 1, "{long}");
    }
}
