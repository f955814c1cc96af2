//! Why messages of a scenario were not sent: as a chart, a table, a file, and the SQL that answers it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use maud::Markup;
use model::Scenario;
use query::{Answer, ParamValue, Params};
use state::Role;

use super::{App, Failed, Shared, Visit, dashboards, named, said, title};
use crate::{
    fault::Fault,
    pages::{
        Lang,
        chart::{Chart, ChartSpec},
        csv,
        panel::{self, Content, Panel, PanelError},
        percent_encode,
        scenarios::stops as pages,
        words,
    },
};

const REPORT: &str = "reports/scenario_stops";

pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let scenario = named(&workspace, &visit)?;
    let lang = visit.locale.lang;
    let name = scenario.scenario.as_str();
    let title = words::DESK_STOPS_TITLE.fill(lang, &[&title(scenario, &visit)]);
    let csv_href = format!("/scenarios/stops.csv?name={}", percent_encode(name));
    let sql = workspace.library.find(REPORT).map(|query| query.sql.clone());
    let answer = ask(&app, scenario, lang).await;
    let content = match &answer {
        Ok(answer) => Content::Answer(answer),
        Err(fault) => Content::Failed(PanelError { message: fault.message.clone(), remedy: fault.remedy.clone() }),
    };
    let drawn = panel::draw(&Panel {
        spec: ChartSpec {
            x: Some("reason"),
            series: Some("channel"),
            value: Some("stops"),
            wide: true,
            ..ChartSpec::new("stops", Chart::Bar, words::DESK_STOPS.get(lang), &visit.locale)
        },
        description: Some(words::DESK_STOPS_NOTE.get(lang)),
        link: None,
        csv_href: answer.is_ok().then_some(csv_href.as_str()),
        sql: sql.as_deref(),
        content,
    });
    let is_analyst = visit.session.as_ref().is_some_and(|session| session.account.role >= Role::Analyst);
    let sql_href = sql.filter(|_| is_analyst).map(|sql| format!("/sql?sql={}", percent_encode(&sql)));
    app.page(&visit, &title, pages::draw(lang, name, drawn, sql_href.as_deref())).await
}

pub async fn file(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = named(&workspace, &visit)?;
    let answer = ask(&app, scenario, visit.locale.lang).await.map_err(said)?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"stops-{}.csv\"", scenario.scenario)),
    ];
    Ok((headers, csv::csv(&answer)).into_response())
}

async fn ask(app: &App, scenario: &Scenario, lang: Lang) -> Result<Answer, Fault> {
    let desk = dashboards::desk(app).await?;
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let params = Params::from([("scenario".to_string(), ParamValue::Text(scenario.scenario.clone()))]);
    Ok(dashboards::in_language(desk.ask(REPORT, &params).await?, lang))
}
