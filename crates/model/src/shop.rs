//! A shop's settings, as written in `tsubame.toml`. Everything has a default; a shop states what differs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Channel, CouponMode, Currency, Holdout, Money, Problem, ShopZone,
    cap::Cap,
    season::Season,
    time::{Span, TimeOfDay, parse_duration, parse_time_of_day},
};

const CALLS_AT_ONCE_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shop {
    pub name: String,
    pub timezone: ShopZone,
    pub currency: Currency,
    /// `ja` or `en`: what pages show before anybody chooses.
    pub language: String,
    /// Where the tables are: empty for `data/lake` in the shop's folder, else an `object_store` URL (`s3://bucket/prefix`).
    pub lake: String,
    /// Facts that arrive up to this late still count for a decision.
    pub grace: Span,
    pub caps: Vec<Cap>,
    pub quiet: Quiet,
    /// People kept out of everything that advertises, to measure the whole.
    pub holdout: Option<Holdout>,
    /// The year's campaigns and seasons, by which scenarios and templates may go.
    pub seasons: Vec<Season>,
    pub attribution: Attribution,
    pub senders: Vec<SenderSettings>,
    /// What one message costs, by channel name.
    pub cost: BTreeMap<String, Money>,
    /// How the provider of a channel sells a month of messages, by channel name: what replays and calendars reckon with.
    pub plans: BTreeMap<String, Plan>,
    /// Messages a month that the provider of a channel takes, by channel name: what is planned beyond them is stopped.
    pub quota: BTreeMap<String, u64>,
    /// Shown in messages, as the law on commercial e-mail asks.
    pub legal: Legal,
    /// Segments exported each night.
    pub exports: Vec<Export>,
    /// Doors by which facts come in over HTTP.
    pub sources: Vec<Source>,
    /// Domains of relay addresses beside the known malls': an address there is never written to and never merges people.
    pub relay_domains: Vec<String>,
    /// What analysts' own SQL may use.
    pub sql: Sql,
    /// What the shop means by its figures: its own defaults of the library's parameters, by name (`dormant_days = 150`).
    pub definitions: BTreeMap<String, toml::Value>,
    /// What a second account looks at before it is sent.
    pub approval: ApprovalRule,
}

/// What one question in SQL may use, over HTTP and the Postgres wire. Each is answered by a process of its own, which ends when it takes more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sql {
    /// Memory; what does not fit is sorted, grouped and joined on disk.
    pub memory_mb: u64,
    /// Disk, for what does not fit.
    pub spill_mb: u64,
    /// Time until it is stopped.
    pub seconds: u64,
    /// Rows of an answer.
    pub rows: u64,
    /// Size of an answer.
    pub answer_mb: u64,
    /// Questions that are answered at once; others wait for a few seconds.
    pub at_once: u32,
    /// Where the Postgres wire listens (`127.0.0.1:5433`), for psql, drivers and BI tools; empty for nowhere.
    pub pg: String,
}

/// A month of messages as a provider sells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    pub fee: Money,
    /// Messages within the fee.
    pub included: u64,
    /// What those beyond cost, step by step.
    pub steps: Vec<PlanStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// So many of them; the last step needs none, and is for all that are left.
    #[serde(default)]
    pub messages: Option<u64>,
    /// Of one.
    pub price: Money,
}

/// A door by which facts come in over HTTP, and how much of it is believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The `source` of its facts: `[a-z0-9][a-z0-9_-]*`.
    pub name: String,
    pub kind: SourceKind,
    /// Clients name themselves by it. In the open, or `env:NAME`, or `file:PATH` (in the shop's folder) where it must stay secret.
    #[serde(default)]
    pub write_key: String,
    /// Of signatures (and GA4's `api_secret`): several while one is being replaced. `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Pages that may send from a browser (`https://shop.example`); empty means any.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Events per second that are taken in the long run; ten times as many at once.
    #[serde(default = "default_events_per_second")]
    pub events_per_second: u32,
    /// How experiments are told to clients with this key.
    #[serde(default)]
    pub experiments: ServedAs,
    /// `Order Completed`, `Order Updated`, `Order Refunded` and `Order Cancelled` make orders (server sources).
    #[serde(default)]
    pub orders: bool,
    /// Prices contain the tax, as Japanese carts send them.
    #[serde(default = "default_tax_included")]
    pub tax_included: bool,
    /// Shopify: `my-shop.myshopify.com`.
    #[serde(default)]
    pub shop_domain: String,
    /// Shopify: the Admin API's token, for pulling what webhooks missed. `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub admin_token: String,
    /// Where the pull asks instead of `https://{shop_domain}`: a proxy, or a test.
    #[serde(default)]
    pub admin_url: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedAs {
    /// With their rules, which the client evaluates.
    #[default]
    Payload,
    /// Evaluated here: rules stay hidden.
    Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Segment and RudderStack clients in browsers. Its key is public: it cannot set addresses, consents or merges.
    Browser,
    /// Segment and RudderStack clients on servers. Its key is a secret.
    Server,
    /// GA4 measurement protocol.
    Ga4,
    Shopify,
    Woocommerce,
    /// Signed JSON from any other cart.
    SignedJson,
    /// The LINE Official Account's webhook: who blocks it, and who adds it again. Its secret is the channel's.
    Line,
}

fn default_events_per_second() -> u32 {
    1_000
}

fn default_tax_included() -> bool {
    true
}

/// No sends from `from` until `until` where the customer lives, else shop time; may cross midnight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quiet {
    pub enabled: bool,
    pub from: TimeOfDay,
    pub until: TimeOfDay,
    /// Sends put off to the end of the quiet hours are spread over this long after it, by a hash of the subject.
    pub spread: Span,
    /// Channels with hours of their own, by name.
    pub channels: BTreeMap<String, ChannelQuiet>,
}

/// `[quiet.channels.sms]`: what is not given is as for all channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelQuiet {
    pub enabled: Option<bool>,
    pub from: Option<TimeOfDay>,
    pub until: Option<TimeOfDay>,
}

impl Quiet {
    /// The quiet hours of a channel: from, until. `None` if it has none.
    pub fn hours(&self, channel: Channel) -> Option<(TimeOfDay, TimeOfDay)> {
        let own = self.channels.get(channel.name());
        let enabled = own.and_then(|own| own.enabled).unwrap_or(self.enabled);
        let from = own.and_then(|own| own.from).unwrap_or(self.from);
        let until = own.and_then(|own| own.until).unwrap_or(self.until);
        enabled.then_some((from, until))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attribution {
    /// The model pages show: `last`, `linear`, ….
    pub default_model: String,
    /// Window of a click, by channel name; a channel that is missing earns by clicks for 5 days.
    pub click_window: BTreeMap<String, Span>,
    /// Window of an opening by a person, by channel name; a channel that is missing earns nothing by being opened.
    pub opened_window: BTreeMap<String, Span>,
    /// Window of a delivery, by channel name; a channel that is missing earns nothing by delivery.
    pub delivered_window: BTreeMap<String, Span>,
    /// From when on the windows of clicks and openings count: from the `touch`, or from the `delivery` of the message.
    pub clock: CreditClock,
    /// What a unique code that its own customer uses earns its send: `override` (all of the order), `touch` or `report_only`.
    pub coupon: CouponMode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditClock {
    #[default]
    Touch,
    Delivery,
}

/// A configured provider on a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenderSettings {
    pub channel: Channel,
    /// `file`, `line`, `smtp`, `twilio`.
    pub kind: String,
    /// Calls under way at the same time, and so those of unknown outcome when the program dies. A file takes a whole batch in one.
    #[serde(default = "calls_at_once")]
    pub at_once: usize,
    /// The kind's own settings (`host`, `port`, `from`, `path`, `token`).
    #[serde(default, flatten)]
    pub options: BTreeMap<String, toml::Value>,
}

/// When a scenario or broadcast needs the approval of a second account. Without `above` none does; with it those do, too, that run already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalRule {
    /// When it goes to more people than this; 0 is everything that sends.
    pub above: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Legal {
    pub sender_name: String,
    pub postal_address: String,
    pub contact: String,
    pub unsubscribe_url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Also a folder's name: `[a-z0-9][a-z0-9_-]*`.
    pub name: String,
    pub segment: String,
    /// The share of the last audience that may come and go since: more is taken for a mistake, and nothing leaves.
    #[serde(default)]
    pub change_max: Option<f64>,
    /// How long ago the newest order, event or customer may have come in, of those that the shop has at all.
    #[serde(default)]
    pub age_max: Option<Span>,
}

fn calls_at_once() -> usize {
    16
}

fn span(text: &str) -> Span {
    Span(parse_duration(text).expect("defaults are durations"))
}

impl Default for Shop {
    fn default() -> Self {
        let cost = [(Channel::Email, "0.3"), (Channel::Line, "3"), (Channel::Sms, "9")];
        Shop {
            name: "My shop".into(),
            timezone: ShopZone::tokyo(),
            currency: Currency::jpy(),
            language: "ja".into(),
            lake: String::new(),
            grace: span("10m"),
            caps: vec![Cap::rolling("all", 3, span("7d"))],
            quiet: Quiet::default(),
            holdout: None,
            seasons: Vec::new(),
            attribution: Attribution::default(),
            senders: Vec::new(),
            cost: cost.map(|(channel, yen)| (channel.name().into(), Money::parse(yen).expect("an amount"))).into(),
            plans: [(Channel::Line.name().into(), Plan::line_standard())].into(),
            quota: BTreeMap::new(),
            legal: Legal::default(),
            exports: Vec::new(),
            sources: Vec::new(),
            relay_domains: Vec::new(),
            sql: Sql::default(),
            definitions: BTreeMap::new(),
            approval: ApprovalRule::default(),
        }
    }
}

impl Plan {
    /// LINE's standard plan in Japan.
    fn line_standard() -> Plan {
        let yen = |text: &str| Money::parse(text).expect("defaults are amounts");
        let step = |messages, price: &str| PlanStep { messages, price: yen(price) };
        Plan { fee: yen("15000"), included: 30_000, steps: vec![step(Some(50_000), "3.0"), step(None, "2.8")] }
    }
}

impl Default for Sql {
    fn default() -> Self {
        Sql { memory_mb: 1024, spill_mb: 8192, seconds: 60, rows: 1_000_000, answer_mb: 512, at_once: 2, pg: String::new() }
    }
}

impl Sql {
    fn problems(&self, file: &str) -> Vec<Problem> {
        let bounds = [
            ("memory_mb", self.memory_mb, 64, 1 << 20),
            ("spill_mb", self.spill_mb, 1, 1 << 24),
            ("seconds", self.seconds, 1, 3_600),
            ("rows", self.rows, 1, 1_000_000_000),
            ("answer_mb", self.answer_mb, 1, 1 << 16),
            ("at_once", u64::from(self.at_once), 1, 32),
        ];
        let outside = bounds.into_iter().filter(|(_, value, least, most)| value < least || value > most);
        outside
            .map(|(name, value, least, most)| {
                Problem::new(file, 0, format!("`{name}` under [sql] is {value}"))
                    .with_remedy(format!("give a number from {least} to {most}"))
            })
            .collect()
    }
}

impl Default for Quiet {
    fn default() -> Self {
        let at = |text: &str| TimeOfDay(parse_time_of_day(text).expect("defaults are times"));
        Quiet { enabled: true, from: at("21:00"), until: at("08:00"), spread: span("0m"), channels: BTreeMap::new() }
    }
}

impl Default for Attribution {
    fn default() -> Self {
        let clicks = [Channel::Email, Channel::Line, Channel::Sms].map(|channel| (channel.name().into(), span("5d")));
        Attribution {
            default_model: "last".into(),
            click_window: clicks.into(),
            opened_window: [Channel::WebPush, Channel::AppPush].map(|channel| (channel.name().into(), span("24h"))).into(),
            delivered_window: [(Channel::Sms.name().into(), span("12h"))].into(),
            clock: CreditClock::default(),
            coupon: CouponMode::default(),
        }
    }
}

impl SenderSettings {
    fn problem(&self, file: &str) -> Option<Problem> {
        let message = format!("`at_once` of the sender `{}` is {}", self.kind, self.at_once);
        let wrong = || Problem::new(file, 0, message).with_remedy(format!("give a number from 1 to {CALLS_AT_ONCE_MAX}"));
        (!(1..=CALLS_AT_ONCE_MAX).contains(&self.at_once)).then(wrong)
    }
}

impl Shop {
    pub fn parse(file: &str, text: &str) -> Result<Shop, Vec<Problem>> {
        let shop: Shop = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1).unwrap_or(0);
            vec![
                Problem::new(file, line, error.message().to_string())
                    .with_remedy("`tsubame new` writes a file with every setting"),
            ]
        })?;
        let mut problems = Vec::new();
        for cap in shop.caps.iter().filter(|cap| !cap.is_known()) {
            problems.push(
                Problem::new(file, 0, format!("a cap's scope `{}` is no channel", cap.scope))
                    .with_remedy("use `all`, a channel name or `tag:NAME`"),
            );
        }
        for (index, season) in shop.seasons.iter().enumerate() {
            if season.is_odd() {
                problems.push(
                    Problem::new(file, 0, format!("season `{}` has no days", season.name))
                        .with_remedy("give both ends with a year or both without, the first before the last"),
                );
            }
            if shop.seasons[..index].iter().any(|earlier| earlier.name == season.name) {
                problems.push(
                    Problem::new(file, 0, format!("two seasons are named `{}`", season.name)).with_remedy("rename one of them"),
                );
            }
        }
        if let Some(holdout) = shop.holdout.as_ref().filter(|holdout| !(0.0..=50.0).contains(&holdout.percent)) {
            problems.push(
                Problem::new(file, 0, format!("a holdout of {} % is outside 0..50", holdout.percent)).with_remedy("5 is usual"),
            );
        }
        let credited = &shop.attribution;
        let windows = credited.click_window.keys().chain(credited.opened_window.keys()).chain(credited.delivered_window.keys());
        let named =
            shop.cost.keys().chain(shop.plans.keys()).chain(shop.quota.keys()).chain(shop.quiet.channels.keys()).chain(windows);
        for name in named.filter(|name| Channel::parse(name).is_none()) {
            problems.push(
                Problem::new(file, 0, format!("`{name}` is no channel"))
                    .with_remedy("email, line, sms, web_push, app_push or webhook"),
            );
        }
        for export in shop.exports.iter().filter(|export| !is_plain_name(&export.name)) {
            problems.push(
                Problem::new(file, 0, format!("an export cannot be named `{}`: its files' folder has that name", export.name))
                    .with_remedy("use a-z, 0-9, `_` and `-`, and begin with a letter or a digit"),
            );
        }
        for export in shop.exports.iter().filter(|export| export.change_max.is_some_and(|max| max.is_nan() || max < 0.0)) {
            problems.push(
                Problem::new(file, 0, format!("`change_max` of the export `{}` is no share", export.name))
                    .with_remedy("0.5 holds an audience of which more than half as many came and went"),
            );
        }
        problems.extend(shop.source_problems(file));
        problems.extend(shop.senders.iter().filter_map(|sender| sender.problem(file)));
        problems.extend(shop.sql.problems(file));
        if problems.is_empty() { Ok(shop) } else { Err(problems) }
    }

    fn source_problems(&self, file: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |message: String, remedy: &str| problems.push(Problem::new(file, 0, message).with_remedy(remedy));
        for (index, source) in self.sources.iter().enumerate() {
            let name = &source.name;
            if !is_plain_name(name) {
                wrong(
                    format!("a source cannot be named `{name}`"),
                    "use a-z, 0-9, `_` and `-`, and begin with a letter or a digit",
                );
            }
            let earlier = &self.sources[..index];
            if earlier.iter().any(|other| other.name == *name) {
                wrong(format!("two sources are named `{name}`"), "rename one: facts are told apart by it");
            }
            let by_key = matches!(source.kind, SourceKind::Browser | SourceKind::Server | SourceKind::Ga4);
            if by_key && source.write_key.is_empty() {
                wrong(format!("source `{name}` has no write_key"), "give it a long random one; clients send it with every event");
            }
            if by_key && earlier.iter().any(|other| !other.write_key.is_empty() && other.write_key == source.write_key) {
                wrong(format!("source `{name}` has the write_key of another source"), "give each source its own");
            }
            if source.kind == SourceKind::Server && !is_reference(&source.write_key) {
                wrong(
                    format!("the write_key of the server source `{name}` stands in the open"),
                    "write `env:NAME` or `file:secrets/NAME`: who has this key can set addresses and consents",
                );
            }
            if !by_key && source.secrets.is_empty() {
                wrong(
                    format!("source `{name}` has no secret"),
                    "its deliveries are signed: list the secret as `env:NAME` or `file:secrets/NAME`",
                );
            }
            if source
                .secrets
                .iter()
                .chain([&source.admin_token].into_iter().filter(|token| !token.is_empty()))
                .any(|secret| !is_reference(secret))
            {
                wrong(format!("a secret of source `{name}` stands in the open"), "write `env:NAME` or `file:secrets/NAME`");
            }
            if source.events_per_second == 0 {
                wrong(format!("source `{name}` takes no events"), "set events_per_second to 1 or more, or remove the source");
            }
        }
        problems
    }

    pub fn cost_of(&self, channel: Channel) -> Money {
        self.cost.get(channel.name()).copied().unwrap_or(Money::ZERO)
    }

    /// Of a calendar month in shop time; `None` where there is no hard limit.
    pub fn quota_of(&self, channel: Channel) -> Option<u64> {
        self.quota.get(channel.name()).copied()
    }

    pub fn sender(&self, channel: Channel) -> Option<&SenderSettings> {
        self.senders.iter().find(|sender| sender.channel == channel)
    }
}

/// A secret is named, not written: settings are kept in git.
fn is_reference(secret: &str) -> bool {
    ["env:", "file:"].iter().any(|scheme| secret.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['_', '-'])
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shop_does_not_say_has_a_default() {
        let shop = Shop::parse(
            "tsubame.toml",
            "name = \"燕商店\"\n[[senders]]\nchannel = \"email\"\nkind = \"smtp\"\nhost = \"localhost\"\n",
        )
        .unwrap();
        assert_eq!((shop.name.as_str(), shop.timezone.name()), ("燕商店", "Asia/Tokyo"));
        assert_eq!(shop.sender(Channel::Email).unwrap().options["host"].as_str(), Some("localhost"));
        assert_eq!(shop.cost_of(Channel::Line).to_string(), "3");
        let quota =
            |text: &str| Shop::parse("tsubame.toml", text).map(|shop| shop.quota_of(Channel::Line)).map_err(|found| found.len());
        assert_eq!(quota(""), Ok(None));
        assert_eq!(quota("quota = { line = 5000 }"), Ok(Some(5000)));
        assert_eq!(quota("quota = { fax = 5000 }"), Err(1));
        let problems = Shop::parse("tsubame.toml", "\ntimezone = \"Mars\"\n").unwrap_err();
        assert_eq!((problems[0].line, problems[0].message.contains("Mars")), (2, true));
        let sql = |line: &str| Shop::parse("tsubame.toml", &format!("[sql]\n{line}\n")).map_err(|found| found[0].message.clone());
        assert_eq!(sql("memory_mb = 64").map(|shop| (shop.sql.memory_mb, shop.sql.seconds)), Ok((64, 60)));
        assert_eq!(sql("at_once = 0").unwrap_err(), "`at_once` under [sql] is 0");
        let at_once = |line: &str| {
            let text = format!("[[senders]]\nchannel = \"sms\"\nkind = \"twilio\"\n{line}\n");
            Shop::parse("tsubame.toml", &text).map(|shop| shop.senders[0].at_once).map_err(|found| found[0].message.clone())
        };
        assert_eq!(at_once(""), Ok(16));
        assert_eq!(at_once("at_once = 64"), Ok(64));
        assert_eq!(at_once("at_once = 65"), Err("`at_once` of the sender `twilio` is 65".into()));
        assert_eq!(at_once("at_once = 0"), Err("`at_once` of the sender `twilio` is 0".into()));
        assert!(at_once("at_once = \"8\"").unwrap_err().starts_with("invalid type: string \"8\", expected"));
        let coupon = |line: &str| {
            let shop = Shop::parse("tsubame.toml", &format!("[attribution]\n{line}\n"));
            shop.map(|shop| shop.attribution.coupon).map_err(|found| found[0].message.clone())
        };
        assert_eq!(coupon(""), Ok(CouponMode::Override));
        assert_eq!(coupon("coupon = \"report_only\""), Ok(CouponMode::ReportOnly));
        let wrong = "unknown variant `all`, expected one of `override`, `touch`, `report_only`";
        assert_eq!(coupon("coupon = \"all\""), Err(wrong.into()));
        let approval = |line: &str| Shop::parse("tsubame.toml", line).ok().map(|shop| shop.approval.above);
        let rules = ["", "[approval]\n", "[approval]\nabove = 0\n", "[approval]\nabove = -1\n", "[approval]\nbelow = 1\n"];
        assert_eq!(rules.map(approval), [Some(None), Some(None), Some(Some(0)), None, None]);
        let export =
            |name: &str| Shop::parse("tsubame.toml", &format!("[[exports]]\nname = \"{name}\"\nsegment = \"s\"\n")).is_ok();
        let names = ["dormant-top", "7_days", "", "-a", "A", "../up", "a/b"];
        assert_eq!(names.map(export), [true, true, false, false, false, false, false]);
        let limit =
            |line: &str| Shop::parse("tsubame.toml", &format!("[[exports]]\nname = \"a\"\nsegment = \"s\"\n{line}\n")).is_ok();
        let limits = ["change_max = 0.5\nage_max = \"2d\"", "change_max = 0", "change_max = -0.1", "age_max = 2"];
        assert_eq!(limits.map(limit), [true, true, false, false]);
    }
}
