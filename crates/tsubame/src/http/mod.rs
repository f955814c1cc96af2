//! The pages over HTTP. Every resource says who may see it where it is listed; what is not listed does not exist. A request is gathered
//! once (language, session, address) and handlers answer from that; what they cannot answer becomes a page by one rule.

mod assets;
mod auth;
mod broadcasts;
mod calendar;
mod collect;
mod dashboards;
mod dictionary;
mod errors;
mod experiment_pages;
mod experiments;
mod health;
mod identity;
mod import;
mod memory;
mod quarantine;
mod readout_links;
mod replay;
mod scenarios;
mod segment_form;
mod segments;
mod sends;
mod sql;
mod sql_page;
mod tag;
mod visit;
mod webhooks;
mod why;

use std::{
    future::Future,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use maud::Markup;
use model::{Instant, Text};
use query::{Mode, Params, Value};
use state::Role;
use tokio::{net::TcpListener, sync::Semaphore};
use tower_http::compression::CompressionLayer;

use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    pages::{
        CONTENT_SECURITY_POLICY,
        layout::{self, NavItem, Shell, User},
    },
    sql::SqlDoor,
    workspace::{Current, Workspace},
};
pub use auth::Attempts;
use errors::Failed;
use visit::Visit;

/// A page that takes longer than this is given up; an import may take longer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
const IMPORT_TIME_MAX: Duration = Duration::from_secs(600);
const BODY_BYTES_MAX: usize = 1 << 20;
const PANELS_AT_ONCE: usize = 4;

/// What handlers share.
pub struct App {
    /// The shop as it is now.
    current: Current,
    deliveries: webhooks::Deliveries,
    collecting: collect::Collecting,
    experiments: experiments::Experiments,
    attempts: auth::Attempts,
    /// Whoever proves a password to the door of SQL.
    proving: tokio::sync::Mutex<()>,
    /// Messages sent to see how they look.
    tests: crate::jobs::test_send::Tests,
    /// Imports run one at a time: two would only wait for each other's writes.
    importing: tokio::sync::Mutex<()>,
    /// One replay at a time.
    replaying: replay::Replaying,
    /// Analysts' own SQL.
    sql: Arc<SqlDoor>,
    /// How many panels of all pages are asked at once: many readers wait for each other, and do not take all memory.
    asking: Semaphore,
    /// Pages with a read-out, and read-outs, as they were worked out last.
    read_pages: memory::Memory<dashboards::Answers>,
    reports: memory::Memory<crate::analysis::Report>,
    /// When the newest fact came in, and the end of the journal for which that is known.
    newest: Mutex<Option<(i64, Option<Instant>)>>,
}

/// Who may see a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Everybody,
    SignedIn,
    /// This role and those above it.
    AtLeast(Role),
    /// The shop's own programs and its customers' browsers, which prove themselves to the handler or need not. Nothing that pages need is
    /// done for them.
    Clients,
}

struct Resource {
    access: Access,
    routes: fn() -> Router<Arc<App>>,
}

/// Every resource, one per file of this folder.
const RESOURCES: &[Resource] = &[
    Resource { access: Access::Everybody, routes: assets::routes },
    Resource { access: Access::Everybody, routes: auth::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: broadcasts::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: calendar::routes },
    Resource { access: Access::Clients, routes: collect::routes },
    Resource { access: Access::SignedIn, routes: dashboards::routes },
    Resource { access: Access::Clients, routes: experiments::routes },
    Resource { access: Access::SignedIn, routes: experiment_pages::routes },
    Resource { access: Access::SignedIn, routes: dictionary::routes },
    // Its metrics are for loopback, or for those who signed in: it checks that itself.
    Resource { access: Access::Everybody, routes: health::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: identity::routes },
    Resource { access: Access::AtLeast(Role::Analyst), routes: import::routes },
    Resource { access: Access::AtLeast(Role::Analyst), routes: quarantine::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: replay::routes },
    Resource { access: Access::Everybody, routes: readout_links::routes },
    Resource { access: Access::AtLeast(Role::Analyst), routes: readout_links::managing },
    // Programs prove themselves to the handler.
    Resource { access: Access::Everybody, routes: sql::routes },
    Resource { access: Access::AtLeast(Role::Analyst), routes: sql_page::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: scenarios::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: segment_form::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: segments::routes },
    Resource { access: Access::AtLeast(Role::Admin), routes: sends::routes },
    Resource { access: Access::Clients, routes: tag::routes },
    Resource { access: Access::Clients, routes: webhooks::routes },
    Resource { access: Access::AtLeast(Role::Marketer), routes: why::routes },
];

/// Answers until `shutdown`, then finishes what it has begun.
pub async fn serve(
    listener: TcpListener,
    shop: impl Into<Current>,
    sql: Arc<SqlDoor>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Fault> {
    let current: Current = shop.into();
    crate::jobs::automatic::remember_stops(&current.workspace()).await?;
    let app = Arc::new(App::open(current, sql)?);
    import::remove_old(&app);
    tokio::spawn(crate::serving::Serving::watch(app.experiments.watched()));
    axum::serve(listener, router(app).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(|source| Fault::io("the server stopped", source))
}

pub fn router(app: Arc<App>) -> Router {
    let (mut all, mut clients) = (Router::new(), Router::new());
    for resource in RESOURCES {
        let access = resource.access;
        if access == Access::Clients {
            clients = clients.merge((resource.routes)());
            continue;
        }
        let guard = move |request: Request, next: Next| auth::guard(access, request, next);
        all = all.merge((resource.routes)().route_layer(from_fn(guard)));
    }
    all.fallback(errors::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(app.clone(), errors::as_pages))
        .layer(from_fn_with_state(app.clone(), visit::gather))
        .layer(CompressionLayer::new())
        .layer(from_fn(secured))
        .merge(clients)
        .with_state(app)
}

impl App {
    /// Refuses a shop of which a secret is missing.
    pub fn open(shop: impl Into<Current>, sql: Arc<SqlDoor>) -> Result<App, Fault> {
        let current = shop.into();
        let workspace = current.workspace();
        Ok(App {
            collecting: collect::Collecting::open(&workspace)?,
            experiments: experiments::Experiments::open(&workspace),
            current,
            deliveries: webhooks::Deliveries::default(),
            attempts: auth::Attempts::default(),
            proving: tokio::sync::Mutex::default(),
            tests: crate::jobs::test_send::Tests::default(),
            importing: tokio::sync::Mutex::default(),
            replaying: replay::Replaying::default(),
            sql,
            asking: Semaphore::new(PANELS_AT_ONCE),
            read_pages: memory::Memory::default(),
            reports: memory::Memory::default(),
            newest: Mutex::default(),
        })
    }

    /// The shop's files and data as they are now. A request takes it once, so that it is answered from one state of the files.
    pub fn workspace(&self) -> Arc<Workspace> {
        self.current.workspace()
    }

    /// After a page saved a file: what comes from here on goes by it. With a problem in the files nothing changes.
    pub async fn reload(&self) -> Result<(), Fault> {
        self.current.reload().await
    }

    /// People's time, for sessions: a demo shop's own clock stands still.
    fn wall(&self) -> Instant {
        Clock::Real.now()
    }

    /// A page with the navigation around it.
    async fn page(&self, visit: &Visit, title: &str, body: Markup) -> Result<Markup, Failed> {
        let last_import = self.newest().await?;
        let workspace = self.workspace();
        let nav = navigation(&workspace);
        let user = visit
            .session
            .as_ref()
            .map(|session| User { name: session.account.name.clone(), role: session.account.role.name().into() });
        Ok(layout::page(&shell(&workspace, visit, title, &nav, user.as_ref(), last_import), body))
    }

    /// A page without: sign-in, and what goes wrong before it.
    fn bare(&self, visit: &Visit, title: &str, body: Markup) -> Markup {
        layout::bare(&shell(&self.workspace(), visit, title, &[], None, None), body)
    }

    /// When the newest fact came in. Asked again only after the journal has grown.
    async fn newest(&self) -> Result<Option<Instant>, Failed> {
        let workspace = self.workspace();
        let journal = workspace.state.journal();
        let end = journal.last_position().await?;
        let known = *self.newest.lock().expect("nobody panics while holding it");
        if let Some((at, newest)) = known
            && at == end
        {
            return Ok(newest);
        }
        let newest = match journal.tail(end - 1).await?.last() {
            _ if end == 0 => None,
            Some(segment) => Some(segment.ingested_at),
            // It is in the lake already.
            None => {
                let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
                match desk.ask("system/newest", &Params::new()).await?.get(0, "ingested_at") {
                    Some(Value::Instant(at)) => Some(*at),
                    _ => None,
                }
            }
        };
        *self.newest.lock().expect("nobody panics while holding it") = Some((end, newest));
        Ok(newest)
    }
}

fn shell<'a>(
    workspace: &'a Workspace,
    visit: &'a Visit,
    title: &'a str,
    nav: &'a [NavItem],
    user: Option<&'a User>,
    last_import: Option<Instant>,
) -> Shell<'a> {
    Shell {
        locale: &visit.locale,
        shop: &workspace.shop().name,
        title,
        nav,
        path: &visit.path,
        query: &visit.query,
        user,
        csrf: visit.session.as_ref().map_or("", |session| &session.csrf),
        last_import,
        now: workspace.now(),
    }
}

fn navigation(workspace: &Workspace) -> Vec<NavItem> {
    let mut listed: Vec<(i64, &str, &Text)> =
        workspace.library.dashboards.values().filter_map(|page| Some((page.order?, page.name.as_str(), &page.title))).collect();
    listed.sort_by_key(|(order, name, _)| (*order, *name));
    listed.into_iter().map(|(_, name, title)| NavItem { title: title.clone(), href: dashboards::href(name) }).collect()
}

/// Gives up on what takes too long, so that a slow page cannot hold a connection for ever; a bug in one page costs that page alone.
async fn in_time(request: Request, next: Next) -> Response {
    let most = if request.uri().path().starts_with("/import") { IMPORT_TIME_MAX } else { REQUEST_TIME_MAX };
    let path = visit::said(request.uri().path());
    let answered = tokio::time::timeout(most, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let fault = match answered {
        Ok(Ok(response)) => return response,
        // The panic's own words are in the log already.
        Ok(Err(_)) => Fault::new(Exit::Failed, format!("the handler of {path} panicked")),
        Err(_) => Fault::new(Exit::Failed, format!("{path} took longer than {} s", most.as_secs())),
    };
    Failed::from(fault).into_response()
}

/// Headers on every answer. What a page shows is its reader's alone, so nothing but the assets is kept by caches.
async fn secured(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The header by which a browser shows its session.
pub fn session_cookie(id: &str) -> String {
    format!("{}={id}", auth::COOKIE)
}

/// The shared state as handlers take it.
type Shared = State<Arc<App>>;

#[cfg(test)]
mod tests;
