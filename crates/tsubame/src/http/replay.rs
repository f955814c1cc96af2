//! Replays on a page. One runs at a time, apart from the request that began it: a quarter takes longer than a request may. The last one
//! stays, so that its page and its CSV are the same numbers.

use std::sync::{Arc, Mutex};

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{Datelike, NaiveDate, TimeDelta};
use maud::Markup;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs::replay::{Asked, DAYS_MAX, Report, replay},
    pages::{
        Locale,
        chart::{Chart, ChartSpec},
        csv,
        panel::{self, Content, PanelError},
        replay::{self as page, Shown},
        words,
    },
    replayed,
    workspace::Workspace,
};

const REFRESH: (HeaderName, &str) = (HeaderName::from_static("refresh"), "3");
/// What the form offers.
const QUARTER: TimeDelta = TimeDelta::days(91);

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/scenarios/replay", get(show)).route("/scenarios/replay/sends.csv", get(sends))
}

/// The replay that runs, or the last one.
#[derive(Clone, Default)]
pub struct Replaying(Arc<Mutex<Option<Slot>>>);

struct Slot {
    what: What,
    state: Stands,
}

/// The same question of the same definition has the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct What {
    scenario: String,
    version: String,
    from: NaiveDate,
    to: NaiveDate,
}

#[derive(Clone)]
enum Stands {
    /// Per cent that are done.
    Running(u64),
    Done(Arc<Report>),
    Failed(PanelError),
}

/// What the slot says to somebody who asks.
enum Found {
    Running(u64),
    Busy(String, u64),
    Done(Arc<Report>),
    Failed(PanelError),
    /// It is theirs from now on.
    Free,
}

impl Replaying {
    /// Looks, and takes the slot if it is free; what failed may be tried again once it was told.
    fn ask(&self, what: &What) -> Found {
        let mut slot = self.0.lock().expect("nobody panics while holding it");
        match slot.as_ref() {
            Some(Slot { what: known, state }) if known == what => match state.clone() {
                Stands::Running(share) => return Found::Running(share),
                Stands::Done(report) => return Found::Done(report),
                Stands::Failed(error) => {
                    *slot = None;
                    return Found::Failed(error);
                }
            },
            Some(Slot { what: other, state: Stands::Running(share) }) => return Found::Busy(other.scenario.clone(), *share),
            _ => {}
        }
        *slot = Some(Slot { what: what.clone(), state: Stands::Running(0) });
        Found::Free
    }

    fn done(&self, what: &What) -> Option<Arc<Report>> {
        let slot = self.0.lock().expect("nobody panics while holding it");
        match slot.as_ref() {
            Some(Slot { what: known, state: Stands::Done(report) }) if known == what => Some(report.clone()),
            _ => None,
        }
    }

    fn set(&self, what: &What, state: Stands) {
        let mut slot = self.0.lock().expect("nobody panics while holding it");
        if let Some(slot) = slot.as_mut().filter(|slot| slot.what == *what) {
            slot.state = state;
        }
    }

    fn begin(&self, workspace: Arc<Workspace>, asked: Asked, what: What) {
        let replaying = self.clone();
        tokio::spawn(async move {
            let told = Told { replaying: replaying.clone(), what: what.clone() };
            let progress = |done: u64, total: u64| told.replaying.set(&told.what, Stands::Running(100 * done / total.max(1)));
            let state = match replay(&workspace, &asked, &progress).await {
                Ok(report) => Stands::Done(Arc::new(report)),
                Err(fault) => {
                    if !is_the_readers(&fault) {
                        tracing::error!(scenario = %what.scenario, %fault, "a replay failed");
                    }
                    Stands::Failed(said(&fault))
                }
            };
            replaying.set(&what, state);
        });
    }
}

/// Frees the slot of a replay that ended without a word, as by a bug.
struct Told {
    replaying: Replaying,
    what: What,
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut slot = self.replaying.0.lock().expect("nobody panics while holding it");
        if slot.as_ref().is_some_and(|slot| slot.what == self.what && matches!(slot.state, Stands::Running(_))) {
            *slot = None;
        }
    }
}

async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let today = workspace.shop().timezone.day(workspace.now());
    let text = |name: &str| visit.param(name).unwrap_or_default().to_string();
    let scenarios = &workspace.files.scenarios;
    let mut shown = Shown {
        scenarios: scenarios.iter().map(|known| (known.scenario.clone(), known.title.get(lang.name()).to_string())).collect(),
        scenario: text("scenario"),
        from: (today - QUARTER).to_string(),
        to: today.to_string(),
        ..Shown::default()
    };
    let mut waits = false;
    if visit.param("from").is_some() {
        let what = what(&workspace, &visit)?;
        (shown.from, shown.to) = (what.from.to_string(), what.to.to_string());
        let scenario = workspace.scenario(&what.scenario)?.clone();
        let asked = Asked { scenario, from: what.from, to: what.to, as_ticked: false };
        shown.toml = std::fs::read_to_string(workspace.path(&format!("scenarios/{}.toml", what.scenario))).ok();
        shown.state = match app.replaying.ask(&what) {
            Found::Running(share) => page::State::Running(share),
            Found::Busy(other, share) => page::State::Busy(other, share),
            Found::Failed(error) if error.message.is_empty() => page::State::Failed(PanelError {
                message: words::REPLAY_FAILED.get(lang).into(),
                remedy: Some(words::REPLAY_AGAIN.get(lang).into()),
            }),
            Found::Failed(error) => page::State::Failed(error),
            Found::Done(report) => page::State::Done { notes: replayed::notes(&report), cards: cards(&visit.locale, &report) },
            Found::Free => {
                app.replaying.begin(workspace.clone(), asked, what);
                page::State::Running(0)
            }
        };
        waits = matches!(shown.state, page::State::Running(_) | page::State::Busy(..));
    }
    let page = app.page(&visit, words::REPLAY.get(lang), page::draw(&visit.locale, &shown)).await?;
    Ok(if waits { ([REFRESH], page).into_response() } else { page.into_response() })
}

async fn sends(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let what = what(&workspace, &visit)?;
    let report = app.replaying.done(&what).ok_or_else(|| {
        Failed::bad_with(
            "このリプレイの結果は残っていません。",
            "The result of this replay is not there any more.",
            "ページでもう一度実行してから保存してください。",
            "Replay it on the page again, then save it.",
        )
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"replay-{}-{}-{}.csv\"", what.scenario, what.from, what.to)),
    ];
    Ok((headers, csv::csv(&replayed::sends(&report))).into_response())
}

/// What is asked for, if it can be.
fn what(workspace: &Workspace, visit: &Visit) -> Result<What, Failed> {
    let name = visit.param("scenario").unwrap_or_default();
    let scenario = workspace.files.scenarios.iter().find(|known| known.scenario == name).ok_or_else(|| {
        Failed::bad_with(
            "そのシナリオはありません。",
            "There is no such scenario.",
            "一覧から選んでください。",
            "Choose one of the list.",
        )
    })?;
    let day = |name: &str| {
        visit.param(name).and_then(|text| text.parse::<NaiveDate>().ok()).filter(|day| (1970..=2999).contains(&day.year()))
    };
    let (Some(from), Some(to)) = (day("from"), day("to")) else {
        return Err(Failed::bad_with(
            "期間が読み取れません。",
            "The days cannot be read.",
            "日付は2026-06-01の形で入力してください。",
            "Write dates as 2026-06-01.",
        ));
    };
    if from >= to || (to - from).num_days() > DAYS_MAX {
        return Err(Failed::bad_with(
            &format!("{from} から {to} は試せません。"),
            &format!("{from} to {to} cannot be replayed."),
            &format!("開始日を終了日より前にし、{DAYS_MAX}日以内にしてください。"),
            &format!("Choose a first day before the other, and {DAYS_MAX} days at most."),
        ));
    }
    Ok(What { scenario: scenario.scenario.clone(), version: scenario.version.clone(), from, to })
}

fn cards(locale: &Locale, report: &Report) -> Vec<Markup> {
    let lang = locale.lang;
    let card = |spec: ChartSpec, answer: &query::Answer| {
        panel::draw(&panel::Panel {
            spec,
            description: None,
            link: None,
            csv_href: None,
            sql: None,
            content: Content::Answer(answer),
        })
    };
    let daily = ChartSpec {
        x: Some("day"),
        value: Some("sends"),
        series: Some("channel"),
        wide: true,
        ..ChartSpec::new("daily", Chart::Bar, words::REPLAY_DAILY.get(lang), locale)
    };
    let mut cards = vec![card(daily, &replayed::days(report))];
    for (index, (title, table)) in replayed::tables(report, lang.name()).into_iter().enumerate() {
        if !table.rows.is_empty() {
            let id = format!("table-{index}");
            cards.push(card(ChartSpec::new(&id, Chart::Table, title.get(lang.name()), locale), &table));
        }
    }
    cards
}

/// Whether the reader can do something about it.
fn is_the_readers(fault: &Fault) -> bool {
    matches!(fault.exit, Exit::Config | Exit::Data)
}

/// What is none of the reader's is in the log, and has no words here.
fn said(fault: &Fault) -> PanelError {
    match is_the_readers(fault) {
        true => PanelError { message: fault.message.clone(), remedy: fault.remedy.clone() },
        false => PanelError { message: String::new(), remedy: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(scenario: &str) -> What {
        let day = |day| NaiveDate::from_ymd_opt(2026, 6, day).expect("a day");
        What { scenario: scenario.into(), version: "v".into(), from: day(1), to: day(9) }
    }

    #[test]
    fn one_runs_at_a_time_and_the_last_stays() {
        let replaying = Replaying::default();
        let check = |name: &str, expect: &str| {
            let found = match replaying.ask(&what(name)) {
                Found::Running(share) => format!("running {share}"),
                Found::Busy(other, share) => format!("busy {other} {share}"),
                Found::Done(_) => "done".into(),
                Found::Failed(error) => format!("failed {}", error.message),
                Found::Free => "free".into(),
            };
            assert_eq!(found, expect, "{name}");
        };
        check("a", "free");
        check("a", "running 0");
        replaying.set(&what("a"), Stands::Running(30));
        check("b", "busy a 30");
        // Nobody else's word counts.
        replaying.set(&what("b"), Stands::Running(90));
        check("a", "running 30");
        replaying.set(&what("a"), Stands::Failed(PanelError { message: "no".into(), remedy: None }));
        check("a", "failed no");
        check("a", "free");
        replaying.set(&what("a"), Stands::Done(Arc::new(replayed::tests::report())));
        check("a", "done");
        assert!(replaying.done(&what("a")).is_some() && replaying.done(&what("b")).is_none());
        check("b", "free");
        // One that ends without a word leaves the slot free.
        drop(Told { replaying: replaying.clone(), what: what("b") });
        check("a", "free");
    }
}
