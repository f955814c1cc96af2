//! For whoever watches: `/healthz` says whether the shop can be served, `/metrics` has Prometheus numbers. Both are open to programs on
//! this machine; from elsewhere (also through a proxy here, by its `X-Forwarded-For`) `/metrics` needs a signed-in reader.

use std::{fmt::Write, sync::Arc};

use axum::{
    Extension, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{App, Shared, errors::Failed, visit::Visit};

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/metrics", get(metrics))
}

/// 200 while the state can be read.
async fn healthz(State(app): Shared) -> Result<&'static str, Failed> {
    let workspace = app.workspace();
    workspace.state.journal().last_position().await?;
    Ok("ok\n")
}

async fn metrics(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    if !visit.address.is_loopback() && visit.session.is_none() {
        return Err(Failed::SignIn);
    }
    let workspace = &app.workspace();
    let pending = workspace.state.journal().bytes_after(workspace.landed_from().await?).await?;
    let sends = workspace.state.ledger().counts().await?;
    let tables = workspace.lake.status().await.map_err(crate::fault::Fault::from)?;
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, values: &[(String, u64)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    metric("tsubame_up", "1 while the process answers.", &[(String::new(), 1)]);
    metric("tsubame_journal_pending_bytes", "Bytes of accepted facts that wait for the lake.", &[(String::new(), pending)]);
    let sends: Vec<_> = sends.iter().map(|(state, count)| (format!("{{state=\"{}\"}}", state.name()), *count)).collect();
    metric("tsubame_sends", "Sends in the ledger by state.", &sends);
    let rows: Vec<_> = tables.iter().map(|table| (format!("{{table=\"{}\"}}", table.table), table.rows.max(0) as u64)).collect();
    metric("tsubame_table_rows", "Rows of the lake tables.", &rows);
    app.deliveries.write(&mut text);
    app.collecting.meters.write(&mut text);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
