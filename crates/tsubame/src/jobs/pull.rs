//! Fetches from the Shopify Admin API what webhooks missed, and says where the shop and we differ. Everything enters as deliveries do, so
//! fetching twice changes nothing; each resource goes on where it stopped, page by page.
//!
//! How far a resource was read is a cursor: from when, since when it is being read, and the next page. Once the last page is in, the next
//! pull begins where this one began, and a little earlier, as clocks differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{NaiveDate, TimeDelta};
use connect::shops::shopify::{Resource, page};
use futures::StreamExt;
use model::{Instant, Source, SourceKind};
use query::{Mode, ParamValue, Params, Value};
use reqwest::{StatusCode, Url, header::HeaderMap};
use serde::{Deserialize, Serialize};
use state::Secret;

use crate::{
    fault::{Exit, Fault},
    jobs::webhooks::{Kept, Known, door, keep},
    secrets,
    workspace::{Workspace, parse_instant},
};

const VERSION: &str = "2025-07";
const PER_PAGE: &str = "250";
/// Items per question about stock levels, by the API.
const ITEMS_PER_QUESTION: usize = 50;
/// A pull begins so much before the last one began.
const OVERLAP_MINUTES: i64 = 10;
/// How often a serving process pulls.
const EVERY_MINUTES: i64 = 60;
/// Pages that a serving process fetches before it looks after other work: the rest waits a minute.
const PAGES_AT_A_TIME: u32 = 20;
const ATTEMPTS_MAX: u32 = 8;
const WAIT_MAX: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 64 << 20;
const DAYS_MAX: i64 = 400;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub pages: u64,
    pub listed: u64,
    pub kept: Kept,
    /// What could not be asked for.
    pub notes: Vec<String>,
    /// Pages are left: the next pull goes on there.
    pub is_unfinished: bool,
}

/// A day on which the shop and we do not have the same orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub day: NaiveDate,
    pub at_shop: usize,
    pub ours: usize,
    pub missing: Vec<String>,
    /// Ours, and not the shop's: deleted there, or of another day.
    pub surplus: Vec<String>,
}

/// How far a resource was read.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// `updated_at_min`; the beginning of time without.
    from: Option<Instant>,
    /// When the pages of now began to be read.
    begun: Option<Instant>,
    /// The next page.
    page_info: Option<String>,
}

/// Pulls customers, products with their stock, and orders, as many pages as there are or `pages_max`. `since` begins anew at a moment.
pub async fn pull(workspace: &Workspace, source: &Source, since: Option<Instant>, pages_max: u32) -> Result<Pulled, Fault> {
    let admin = Admin::open(workspace, source)?;
    let mut pulled = Pulled::default();
    let mut pages_left = pages_max;
    for resource in [Resource::Customers, Resource::Products, Resource::Orders] {
        let done = pull_resource(workspace, source, &admin, resource, since, &mut pages_left, &mut pulled).await;
        match done {
            Ok(()) => {}
            // A token may be good for orders alone, which is all that is needed.
            Err(Refusal::Forbidden) if resource != Resource::Orders => pulled.notes.push(format!(
                "{} may not be read with this token: grant read_{} to have them",
                resource.name(),
                resource.name()
            )),
            Err(refusal) => return Err(refusal.fault(source)),
        }
        if pulled.is_unfinished {
            break;
        }
    }
    Ok(pulled)
}

/// Pulls from every source that can be, if its hour has come. A shop that cannot be asked is no reason to leave other work.
pub async fn pull_due(workspace: &Workspace, at: Instant) -> Result<(), Fault> {
    let sources = workspace.shop().sources.iter();
    for source in sources.filter(|source| source.kind == SourceKind::Shopify && !source.admin_token.is_empty()) {
        let cursor = format!("pulled {}", source.name);
        let last = workspace.state.cursors().get(&cursor).await?.map(|text| parse_instant(&text)).transpose()?;
        if last.is_some_and(|last| at - last < TimeDelta::minutes(EVERY_MINUTES)) {
            continue;
        }
        match pull(workspace, source, None, PAGES_AT_A_TIME).await {
            Ok(pulled) => {
                tracing::info!(source = source.name, pages = pulled.pages, changed = pulled.kept.changed, "pulled");
                if pulled.is_unfinished {
                    continue;
                }
            }
            Err(fault) => tracing::error!(source = source.name, %fault, "could not pull"),
        }
        workspace.state.cursors().set(&cursor, &model::time::rfc3339(at)).await?;
    }
    Ok(())
}

/// Compares the orders of the last `days` whole shop days with the shop's own.
pub async fn reconcile(workspace: &Workspace, source: &Source, days: i64) -> Result<Vec<Difference>, Fault> {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Fault::new(Exit::Config, format!("{days} days cannot be compared")).remedy(format!("name 1 to {DAYS_MAX}")));
    }
    let admin = Admin::open(workspace, source)?;
    let zone = workspace.shop().timezone;
    let to = zone.day(workspace.now());
    let from = to - TimeDelta::days(days);
    let mut by_day: BTreeMap<NaiveDate, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    let bounds = [zone.start_of(from), zone.start_of(to) - TimeDelta::seconds(1)].map(model::time::rfc3339);
    let first = [
        ("status", "any"),
        ("limit", PER_PAGE),
        ("fields", "id,created_at,processed_at,test"),
        ("processed_at_min", &bounds[0]),
        ("processed_at_max", &bounds[1]),
    ];
    let mut next = Some(first.map(|(name, value)| (name.to_string(), value.to_string())).to_vec());
    while let Some(query) = next.take() {
        let (body, page_info) = admin.get("orders.json", &query).await.map_err(|refusal| refusal.fault(source))?;
        let listed: Listed = serde_json::from_slice(&body).map_err(|_| Refusal::Nonsense.fault(source))?;
        for order in listed.orders.into_iter().filter(|order| !order.test) {
            let placed_at = order.processed_at.or(order.created_at).ok_or_else(|| Refusal::Nonsense.fault(source))?;
            by_day.entry(zone.day(placed_at)).or_default().0.insert(order.id.to_string());
        }
        next = page_info.map(next_page);
    }
    let params: Params = [
        ("source".into(), ParamValue::Text(source.name.clone())),
        ("from".into(), ParamValue::Date(from)),
        ("to".into(), ParamValue::Date(to)),
    ]
    .into();
    let answer = workspace.desk(workspace.now(), Mode::AsHappened).await?.ask("system/orders_by_day", &params).await?;
    for row in 0..answer.rows.len() {
        if let (Some(Value::Text(id)), Some(Value::Date(day))) = (answer.get(row, "order_id"), answer.get(row, "ordered_on")) {
            by_day.entry(*day).or_default().1.insert(id.clone());
        }
    }
    let difference = |(day, (theirs, ours)): (NaiveDate, (BTreeSet<String>, BTreeSet<String>))| {
        (theirs != ours).then(|| Difference {
            day,
            at_shop: theirs.len(),
            ours: ours.len(),
            missing: theirs.difference(&ours).cloned().collect(),
            surplus: ours.difference(&theirs).cloned().collect(),
        })
    };
    Ok(by_day.into_iter().filter_map(difference).collect())
}

async fn pull_resource(
    workspace: &Workspace,
    source: &Source,
    admin: &Admin,
    resource: Resource,
    since: Option<Instant>,
    pages_left: &mut u32,
    pulled: &mut Pulled,
) -> Result<(), Refusal> {
    let cursors = workspace.state.cursors();
    let cursor = format!("pull {} {}", source.name, resource.name());
    let known = cursors.get(&cursor).await.map_err(Fault::from)?;
    let mut progress: Progress = match (since, known) {
        (Some(since), _) => Progress { from: Some(since), ..Progress::default() },
        // One that an older version wrote is begun anew: that costs time alone.
        (None, known) => known.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    };
    // What a shop had before it was connected is its past, as an imported file is.
    let known = if since.is_some() || progress.from.is_none() { Known::AsItHappened } else { Known::Now };
    let begun = *progress.begun.get_or_insert(workspace.now());
    loop {
        if *pages_left == 0 {
            pulled.is_unfinished = true;
            return Ok(());
        }
        *pages_left -= 1;
        let query = match &progress.page_info {
            Some(page_info) => next_page(page_info.clone()),
            None => first_page(resource, progress.from),
        };
        let path = format!("{}.json", resource.name());
        let (body, page_info) = match admin.get(&path, &query).await {
            // Pages do not stay for ever.
            Err(Refusal::BadRequest) if progress.page_info.is_some() => {
                progress.page_info = None;
                continue;
            }
            answered => answered?,
        };
        let received_at = workspace.now();
        let (listed, delivered) = page(&door(workspace, source, received_at), resource, &body).ok_or(Refusal::Nonsense)?;
        let items: Vec<String> = delivered.stock.iter().map(|delta| delta.item_id.clone()).collect();
        pulled.pages += 1;
        pulled.listed += listed as u64;
        let topic = match resource {
            Resource::Customers => "customers/update",
            Resource::Products => "products/update",
            Resource::Orders => "orders/updated",
            Resource::InventoryLevels => "inventory_levels/update",
        };
        pulled.kept.add(&keep(workspace, source, topic, delivered, known).await?);
        match pull_levels(workspace, source, admin, &items, pulled).await {
            Err(Refusal::Forbidden) => {
                let note = "stock levels may not be read with this token: grant read_inventory to have them";
                if !pulled.notes.iter().any(|known| known == note) {
                    pulled.notes.push(note.into());
                }
            }
            done => done?,
        }
        let is_last = page_info.is_none();
        progress = match page_info {
            Some(page_info) => Progress { page_info: Some(page_info), ..progress },
            None => Progress { from: Some(begun - TimeDelta::minutes(OVERLAP_MINUTES)), ..Progress::default() },
        };
        let text = serde_json::to_string(&progress).expect("a cursor is plain JSON");
        cursors.set(&cursor, &text).await.map_err(Fault::from)?;
        if is_last {
            return Ok(());
        }
    }
}

async fn pull_levels(
    workspace: &Workspace,
    source: &Source,
    admin: &Admin,
    items: &[String],
    pulled: &mut Pulled,
) -> Result<(), Refusal> {
    for some in items.chunks(ITEMS_PER_QUESTION) {
        let mut next = Some(vec![("limit".into(), PER_PAGE.into()), ("inventory_item_ids".into(), some.join(","))]);
        while let Some(query) = next.take() {
            let (body, page_info) = admin.get("inventory_levels.json", &query).await?;
            let door = door(workspace, source, workspace.now());
            let (_, delivered) = page(&door, Resource::InventoryLevels, &body).ok_or(Refusal::Nonsense)?;
            pulled.pages += 1;
            pulled.kept.add(&keep(workspace, source, "inventory_levels/update", delivered, Known::Now).await?);
            next = page_info.map(next_page);
        }
    }
    Ok(())
}

type Query = Vec<(String, String)>;

fn first_page(resource: Resource, from: Option<Instant>) -> Query {
    let mut query = vec![("limit".to_string(), PER_PAGE.to_string())];
    if resource == Resource::Orders {
        query.push(("status".into(), "any".into()));
    }
    query.extend(from.map(|from| ("updated_at_min".into(), model::time::rfc3339(from))));
    query
}

/// A page by its name has no other filter: the name stands for them.
fn next_page(page_info: String) -> Query {
    vec![("limit".into(), PER_PAGE.into()), ("page_info".into(), page_info)]
}

#[derive(Deserialize)]
struct Listed {
    orders: Vec<ListedOrder>,
}

#[derive(Deserialize)]
struct ListedOrder {
    id: serde_json::Number,
    created_at: Option<Instant>,
    processed_at: Option<Instant>,
    #[serde(default)]
    test: bool,
}

/// The Admin API of one shop.
struct Admin {
    client: reqwest::Client,
    base: Url,
    token: Secret,
    /// Doubled by every attempt that failed.
    first_wait: Duration,
}

/// Why a page could not be had.
#[derive(Debug)]
enum Refusal {
    Unauthorized,
    Forbidden,
    BadRequest,
    Status(StatusCode),
    Nonsense,
    /// After so many attempts; the last failure, which names no address.
    Unreachable(String),
    Ours(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Ours(fault)
    }
}

impl Refusal {
    fn fault(self, source: &Source) -> Fault {
        let could_not = format!("could not pull from {}", source.name);
        match self {
            Refusal::Ours(fault) => fault,
            Refusal::Unauthorized | Refusal::Forbidden => {
                Fault::new(Exit::Config, format!("{could_not}: the shop does not accept the token")).remedy(
                    "put a token with read_orders, read_customers, read_products and read_inventory where admin_token names it",
                )
            }
            Refusal::BadRequest => Fault::new(Exit::Failed, format!("{could_not}: the shop does not understand the question")),
            Refusal::Status(status) => Fault::new(Exit::Failed, format!("{could_not}: the shop answered {status}"))
                .remedy("check shop_domain, and try again later"),
            Refusal::Nonsense => Fault::new(Exit::Failed, format!("{could_not}: the answer has not the shape of the Admin API"))
                .remedy("check admin_url: something else may answer there"),
            Refusal::Unreachable(cause) => Fault {
                causes: vec![cause],
                ..Fault::new(Exit::Failed, format!("{could_not}: no answer after {ATTEMPTS_MAX} attempts"))
            }
            .remedy("try again later: it goes on where it stopped"),
        }
    }
}

impl Admin {
    fn open(workspace: &Workspace, source: &Source) -> Result<Admin, Fault> {
        let wrong = |what: &str| Fault::new(Exit::Config, format!("source `{}` cannot be pulled from: {what}", source.name));
        if source.kind != SourceKind::Shopify {
            return Err(wrong("it is not of kind shopify"));
        }
        if source.admin_token.is_empty() {
            return Err(wrong("it has no admin_token").remedy("name it as `env:NAME` or `file:secrets/NAME` in tsubame.toml"));
        }
        let text = match (source.admin_url.as_str(), source.shop_domain.as_str()) {
            ("", "") => return Err(wrong("it has no shop_domain").remedy("set shop_domain = \"my-shop.myshopify.com\"")),
            ("", domain) => format!("https://{domain}"),
            (url, _) => url.to_string(),
        };
        let base = Url::parse(&format!("{}/admin/api/{VERSION}/", text.trim_end_matches('/')))
            .map_err(|_| wrong("its address is no URL").remedy("shop_domain is a name without https://"))?;
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            return Err(wrong("the token would travel unencrypted").remedy("use https in admin_url"));
        }
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            // A token goes where it was meant to go.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("tsubame")
            .build()
            .map_err(|_| Fault::new(Exit::Failed, "could not set up an HTTP client"))?;
        let token = secrets::resolve(&workspace.folder, &source.admin_token)?;
        let first_wait = Duration::from_millis(if is_loopback(&base) { 10 } else { 500 });
        Ok(Admin { client, base, token, first_wait })
    }

    /// A page and the name of the one after it. Waits as long as the shop asks, and tries again what may pass.
    async fn get(&self, path: &str, query: &Query) -> Result<(Vec<u8>, Option<String>), Refusal> {
        let mut url = self.base.join(path).map_err(|_| Refusal::Nonsense)?;
        url.query_pairs_mut().extend_pairs(query);
        let mut last = String::new();
        for attempt in 0..ATTEMPTS_MAX {
            let wait = match self.ask(url.clone()).await {
                Ok(Asked::Page(body, next)) => return Ok((body, next)),
                Ok(Asked::Later(wait, status)) => {
                    last = format!("the shop answered {status}");
                    wait
                }
                Err(Failed::Refused(refusal)) => return Err(refusal),
                Err(Failed::Broken(cause)) => {
                    last = cause;
                    None
                }
            };
            let backoff = self.first_wait * 2_u32.pow(attempt);
            tokio::time::sleep(wait.unwrap_or(backoff).min(WAIT_MAX)).await;
        }
        Err(Refusal::Unreachable(last))
    }

    async fn ask(&self, url: Url) -> Result<Asked, Failed> {
        // The words of the error would repeat the address, and with it a name of the shop; the kind is enough.
        let broken = |error: reqwest::Error| {
            Failed::Broken(if error.is_timeout() { "it took too long".into() } else { "the connection broke".into() })
        };
        let request = self.client.get(url).header("X-Shopify-Access-Token", self.token.expose().as_str());
        let response = request.send().await.map_err(broken)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(Failed::Refused(Refusal::Unauthorized)),
            StatusCode::FORBIDDEN => return Err(Failed::Refused(Refusal::Forbidden)),
            StatusCode::BAD_REQUEST => return Err(Failed::Refused(Refusal::BadRequest)),
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                return Ok(Asked::Later(retry_after(response.headers()), status));
            }
            status => return Err(Failed::Refused(Refusal::Status(status))),
        }
        let next = page_info_of(response.headers());
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            body.extend_from_slice(&part.map_err(broken)?);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Failed::Refused(Refusal::Nonsense));
            }
        }
        Ok(Asked::Page(body, next))
    }
}

enum Asked {
    Page(Vec<u8>, Option<String>),
    Later(Option<Duration>, StatusCode),
}

enum Failed {
    Refused(Refusal),
    Broken(String),
}

/// Seconds, which Shopify writes with a fraction.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// `Link: <https://…?page_info=…>; rel="previous", <https://…?page_info=…>; rel="next"`. Of the address only the page's name is used: the
/// token goes nowhere else.
fn page_info_of(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    let next = links.map(str::trim).find(|link| link.contains("rel=\"next\"") || link.contains("rel=next"))?;
    let url = Url::parse(next.strip_prefix('<')?.split('>').next()?).ok()?;
    url.query_pairs().find(|(name, _)| name == "page_info").map(|(_, value)| value.into_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
