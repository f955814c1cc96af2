//! Which touches an order is credited to, and with how much of it. All models are computed; the shop chooses which one pages
//! show. What a model says is never what messages earned: that is [`crate::readout`], per group.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use model::{
    Channel, CouponMode, CouponUse, Credit, CustomerId, Instant, Money, Order, OrderStatus, ShopZone, Touch, money::MoneyError,
};

mod any;
mod coupon;
mod credit;
mod first;
mod last;
mod linear;
mod position;
mod time_decay;

pub use any::Any;
pub use coupon::coupon_uses;
pub use credit::allocate;
pub use first::First;
pub use last::Last;
pub use linear::Linear;
pub use position::Position;
pub use time_decay::TimeDecay;

/// The touches an order may be credited to, weakest claim first: the last one is the "last touch".
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    pub touches: &'a [&'a Touch],
    pub ordered_at: Instant,
}

/// How a path shares an order out.
pub trait AttributionModel: Sync {
    /// Stable: tables store it, and it is the name of its file.
    fn name(&self) -> &'static str;
    /// Changes whenever the shares do.
    fn version(&self) -> &'static str;
    /// One relative weight per touch; a touch's share is its weight over their sum. Whole numbers, so that shares are exact and
    /// the same on every machine.
    fn shares(&self, path: &Path) -> Vec<u64>;
    /// Whether the credits of an order add up to it. Where they do not, each touch with a weight takes all of it.
    fn is_additive(&self) -> bool {
        true
    }
}

pub static MODELS: [&dyn AttributionModel; 6] = [&Last, &First, &Linear, &TimeDecay, &Position, &Any];

/// One revision of an order, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub at: Instant,
    pub order: Order,
}

/// What decides between touches, and on which day a credit is booked.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    pub zone: ShopZone,
    /// The shop's channels, the preferred one first: the last tie between touches but one.
    pub channels: &'a [Channel],
    /// What an order earns by a code that a send issued to its customer.
    pub coupon: CouponMode,
}

/// An order: what is known of it, what of that is new, and what was booked for what is not.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    pub revisions: Vec<&'a Revision>,
    /// By revision id.
    pub fresh: BTreeSet<&'a str>,
    /// Every row that was written for it before.
    pub booked: Vec<Credit>,
}

impl Known<'_> {
    /// Whose the order is by now: the last revision that names somebody says so.
    pub fn owner(&self) -> Option<&CustomerId> {
        let named = self.revisions.iter().filter(|revision| revision.order.customer_id.is_some());
        named.max_by_key(|revision| revision.at)?.order.customer_id.as_ref()
    }
}

/// The rows to write for what is new of an order, sorted by revision, model and touch.
///
/// The ledger says what each touch has of the net amount of the order's last revision. A row is the change since what was booked, on the shop
/// day of the revision that brought it: so under a model that is additive the rows of an order add up to its net amount (nothing once it is
/// cancelled), and its gross amount is as placed, in whichever order revisions arrive. One that turns out to lie before the last changes
/// nothing. A touch whose share never changes has no row.
///
/// Who is credited is decided once, when the order is first known to be worth something: a touch told of later earns nothing of it, unless the
/// order turns out to be somebody else's. The path is that of the first revision's order time.
///
/// # Errors
/// `Overflow` if a change does not fit.
pub fn credits(
    known: &Known,
    touches: &[Touch],
    uses: &[CouponUse],
    models: &[&dyn AttributionModel],
    settings: Settings,
) -> Result<Vec<Credit>, MoneyError> {
    let mut revisions = known.revisions.clone();
    revisions.sort_by_key(|revision| revision.at);
    let is_fresh = |revision: &Revision| known.fresh.contains(revision.order.revision_id.as_str());
    let Some(first) = revisions.first() else { return Ok(Vec::new()) };
    let ordered_at = first.order.ordered_at;
    let eligible = |touch: &&Touch| touch.touched_at <= ordered_at && ordered_at <= touch.credit_until;
    let (touched, by_code) = (touches.iter().filter(eligible), coupon::touches(uses, &first.order));
    let credited: BTreeSet<&str> = known.booked.iter().map(|credit| credit.touch_id.as_str()).collect();
    let of_credited = touched.clone().chain(&by_code).filter(|touch| credited.contains(touch.touch_id.as_str()));
    let mut path: Vec<&Touch> = of_credited.collect();
    let is_decided = |revision: &&Revision| {
        !is_fresh(revision) && revision.order.customer_id.as_ref() == known.owner() && is_worth_something(&revision.order)
    };
    // Whoever was credited stays, whatever the shop says of coupons by now, as long as the order is its owner's.
    if !revisions.iter().any(is_decided) || (path.is_empty() && !credited.is_empty()) {
        path = match settings.coupon {
            CouponMode::Override if !by_code.is_empty() => by_code.iter().collect(),
            CouponMode::Touch => touched.chain(&by_code).collect(),
            CouponMode::Override | CouponMode::ReportOnly => touched.collect(),
        };
    }
    path.sort_by(|a, b| claim(a, settings.channels).cmp(&claim(b, settings.channels)));
    let path = Path { touches: &path, ordered_at };
    let mut ledger = Ledger::of(known)?;
    let mut rows = Vec::new();
    // The revisions of which the ledger knows, as they become known.
    let mut told: Vec<&Revision> = revisions.iter().copied().filter(|revision| !is_fresh(revision)).collect();
    for revision in revisions.iter().copied().filter(|revision| is_fresh(revision)) {
        told.push(revision);
        told.sort_by_key(|revision| revision.at);
        let (placed, last) = (&told[0].order, &told[told.len() - 1].order);
        for model in models {
            let targets = targets(*model, &path, placed.gross.minus(placed.discount)?, net(last), last.currency.minor_unit());
            rows.extend(ledger.moved(*model, &path, &targets, revision, settings.zone)?);
        }
    }
    Ok(rows)
}

/// Gross and net of each touch of a path.
fn targets(model: &dyn AttributionModel, path: &Path, gross: Money, net: Money, minor: Money) -> Vec<(Money, Money)> {
    if path.touches.is_empty() {
        return Vec::new();
    }
    let weights = model.shares(path);
    let shared = |amount: Money| match model.is_additive() {
        true => allocate(amount, minor, &weights),
        false => weights.iter().map(|weight| if *weight > 0 { amount } else { Money::ZERO }).collect(),
    };
    shared(gross).into_iter().zip(shared(net)).collect()
}

/// What each touch has, by model and version.
struct Ledger(BTreeMap<(String, String), BTreeMap<String, Credit>>);

impl Ledger {
    fn of(known: &Known) -> Result<Ledger, MoneyError> {
        let mut ledger: BTreeMap<(String, String), BTreeMap<String, Credit>> = BTreeMap::new();
        for credit in &known.booked {
            let of_model = ledger.entry((credit.model.clone(), credit.model_version.clone())).or_default();
            match of_model.get_mut(&credit.touch_id) {
                Some(sum) => (sum.gross, sum.net) = (sum.gross.plus(credit.gross)?, sum.net.plus(credit.net)?),
                None => _ = of_model.insert(credit.touch_id.clone(), credit.clone()),
            }
        }
        Ok(Ledger(ledger))
    }

    /// The rows that bring each touch to what it should have, those that are credited no more after those that are.
    fn moved(
        &mut self,
        model: &dyn AttributionModel,
        path: &Path,
        targets: &[(Money, Money)],
        revision: &Revision,
        zone: ShopZone,
    ) -> Result<Vec<Credit>, MoneyError> {
        let of_model = self.0.entry((model.name().into(), model.version().into())).or_default();
        let row = |touch_id: &str, send_id: &str, customer_id: &CustomerId, scenario: &str, channel: Channel| Credit {
            order_id: revision.order.order_id.clone(),
            revision_id: revision.order.revision_id.clone(),
            touch_id: touch_id.into(),
            send_id: send_id.into(),
            customer_id: customer_id.clone(),
            scenario: scenario.into(),
            channel,
            model: model.name().into(),
            model_version: model.version().into(),
            gross: Money::ZERO,
            net: Money::ZERO,
            booked_on: zone.day(revision.at),
            ordered_at: path.ordered_at,
        };
        let mut wanted: Vec<(Credit, Money, Money)> = Vec::new();
        for (touch, (gross, net)) in path.touches.iter().zip(targets) {
            let credit = row(&touch.touch_id, &touch.send_id, &touch.customer_id, &touch.scenario, touch.channel);
            wanted.push((credit, *gross, *net));
        }
        let gone = of_model.values().filter(|had| path.touches.iter().all(|touch| touch.touch_id != had.touch_id));
        for had in gone {
            let credit = row(&had.touch_id, &had.send_id, &had.customer_id, &had.scenario, had.channel);
            wanted.push((credit, Money::ZERO, Money::ZERO));
        }
        let mut rows = Vec::new();
        for (credit, gross, net) in wanted {
            let had = of_model.entry(credit.touch_id.clone()).or_insert_with(|| credit.clone());
            let row = Credit { gross: gross.minus(had.gross)?, net: net.minus(had.net)?, ..credit };
            (had.gross, had.net) = (gross, net);
            if (row.gross, row.net) != (Money::ZERO, Money::ZERO) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// Whether there was something to credit: where there was not, no row tells who was decided on.
fn is_worth_something(order: &Order) -> bool {
    order.gross != order.discount || net(order) != Money::ZERO
}

/// What an order brought: nothing once it is cancelled or wholly returned.
fn net(order: &Order) -> Money {
    if order.status == OrderStatus::Completed { order.net } else { Money::ZERO }
}

/// Later is stronger; at one time coupon, click, open, delivered; then the later send, the preferred channel, the smaller send
/// key.
fn claim<'a>(touch: &'a Touch, channels: &[Channel]) -> impl Ord + use<'a> {
    let preference = channels.iter().position(|channel| *channel == touch.channel).unwrap_or(channels.len());
    (touch.touched_at, touch.kind, touch.sent_at, Reverse(preference), Reverse(&touch.send_id), Reverse(&touch.touch_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Coupon, TouchKind};
    use proptest::prelude::*;

    const CHANNELS: [Channel; 3] = [Channel::Line, Channel::Email, Channel::Sms];

    fn at(text: &str) -> Instant {
        ShopZone::tokyo().instant(format!("2026-01-{text}:00").parse().expect("a local time"))
    }

    fn touch(channel: Channel, kind: TouchKind, touched: &str, sent: &str, days: i64) -> Touch {
        Touch {
            touch_id: format!("{channel}-{}-{touched}", kind.name()),
            customer_id: CustomerId::stored("c-0001"),
            send_id: format!("{channel}-{sent}"),
            scenario: "s".into(),
            channel,
            kind,
            touched_at: at(touched),
            sent_at: at(sent),
            credit_until: at(touched) + chrono::Duration::days(days),
        }
    }

    fn click(channel: Channel, touched: &str) -> Touch {
        touch(channel, TouchKind::Clicked, touched, touched, 7)
    }

    fn revision(at: Instant, ordered_at: Instant, status: OrderStatus, net: i64) -> Revision {
        let yen = |amount| Money::whole(amount).expect("an amount");
        let order = Order {
            revision_id: format!("{status:?}{net}"),
            customer_id: Some(CustomerId::stored("c-0001")),
            status,
            gross: yen(10_500),
            discount: yen(500),
            refunded: yen(10_000 - net),
            net: yen(net),
            ..Order::new("shop", "o1", ordered_at)
        };
        Revision { at, order }
    }

    fn settings() -> Settings<'static> {
        Settings { zone: ShopZone::tokyo(), channels: &CHANNELS, coupon: CouponMode::default() }
    }

    /// The credits of orders of which everything becomes known in one night.
    fn all_at_once(
        revisions: &[Revision],
        touches: &[Touch],
        uses: &[CouponUse],
        models: &[&dyn AttributionModel],
        settings: Settings,
    ) -> Result<Vec<Credit>, MoneyError> {
        let fresh = revisions.iter().map(|revision| revision.order.revision_id.as_str()).collect();
        credits(&Known { revisions: revisions.iter().collect(), fresh, booked: Vec::new() }, touches, uses, models, settings)
    }

    /// Night after night, each with the revisions that arrived then and the touches that are told of by then.
    fn night_by_night(nights: &[(&[&Revision], &[Touch])]) -> Vec<Credit> {
        let (mut known, mut rows): (Vec<&Revision>, Vec<Credit>) = (Vec::new(), Vec::new());
        for (arrived, touches) in nights {
            known.extend(*arrived);
            let fresh = arrived.iter().map(|revision| revision.order.revision_id.as_str()).collect();
            let booked = rows.clone();
            let new = credits(&Known { revisions: known.clone(), fresh, booked }, touches, &[], &MODELS, settings());
            rows.extend(new.expect("it fits"));
        }
        rows
    }

    /// What each touch has under each model.
    fn sums(rows: &[Credit]) -> Vec<Credit> {
        let mut sums: BTreeMap<(String, String), Credit> = BTreeMap::new();
        for row in rows {
            let key = (row.model.clone(), row.touch_id.clone());
            let sum = sums.entry(key).or_insert_with(|| Credit { gross: Money::ZERO, net: Money::ZERO, ..row.clone() });
            sum.gross = sum.gross.plus(row.gross).expect("it fits");
            sum.net = sum.net.plus(row.net).expect("it fits");
        }
        sums.into_values().collect()
    }

    /// `channel gross net` of what each touch has in the end.
    fn in_the_end(rows: &[Credit], model: &str) -> Vec<String> {
        let sums = sums(rows);
        let of_model = sums.iter().filter(|sum| sum.model == model && (sum.gross, sum.net) != (Money::ZERO, Money::ZERO));
        of_model.map(|sum| format!("{} {} {}", sum.channel, sum.gross, sum.net)).collect()
    }

    #[test]
    fn revisions_may_arrive_in_any_order() {
        let touches = [click(Channel::Email, "03T12:00"), click(Channel::Sms, "05T12:00")];
        let ordered = at("06T12:00");
        let placed = revision(ordered, ordered, OrderStatus::Completed, 10_000);
        let refunded = revision(at("20T12:00"), ordered, OrderStatus::Completed, 8_000);
        let cancelled = revision(at("21T12:00"), ordered, OrderStatus::Cancelled, 8_000);
        let check = |nights: &[&[&Revision]], model: &str, expect: &[&str]| {
            let nights: Vec<(&[&Revision], &[Touch])> = nights.iter().map(|arrived| (*arrived, &touches[..])).collect();
            assert_eq!(in_the_end(&night_by_night(&nights), model), expect, "{model} {nights:?}");
        };
        for nights in [
            &[&[&placed][..], &[&refunded], &[&cancelled]][..],
            &[&[&placed, &cancelled], &[&refunded]],
            &[&[&cancelled], &[&placed], &[&refunded]],
            &[&[&cancelled, &refunded, &placed]],
        ] {
            check(nights, "last", &["sms 10000 0"]);
            check(nights, "linear", &["email 5000 0", "sms 5000 0"]);
        }
        check(&[&[&refunded], &[&placed]], "last", &["sms 10000 8000"]);
    }

    #[test]
    fn who_is_credited_is_decided_once() {
        let ordered = at("06T12:00");
        let placed = revision(ordered, ordered, OrderStatus::Completed, 10_000);
        let refunded = revision(at("20T12:00"), ordered, OrderStatus::Completed, 7_000);
        let (told, late) = (click(Channel::Sms, "05T12:00"), click(Channel::Email, "03T12:00"));
        let both = [told.clone(), late.clone()];
        let rows = night_by_night(&[(&[&placed], std::slice::from_ref(&told)), (&[&refunded], &both)]);
        for model in ["last", "first", "linear", "any"] {
            assert_eq!(in_the_end(&rows, model), ["sms 10000 7000"], "{model}");
        }
        // Nobody had a claim when it became known.
        assert_eq!(night_by_night(&[(&[&placed], &[]), (&[&refunded], &both)]), []);
        // A revision that names nobody leaves it whose it was; one that was nobody's is credited when it becomes somebody's.
        let of_nobody = |revision: &Revision| {
            let mut revision = revision.clone();
            revision.order.customer_id = None;
            revision
        };
        let (nobodys, cancelled) = (of_nobody(&placed), of_nobody(&refunded));
        let rows = night_by_night(&[(&[&placed], std::slice::from_ref(&told)), (&[&cancelled], &both)]);
        assert_eq!(in_the_end(&rows, "linear"), ["sms 10000 7000"]);
        let rows = night_by_night(&[(&[&nobodys], &[]), (&[&refunded], std::slice::from_ref(&told))]);
        assert_eq!(in_the_end(&rows, "linear"), ["sms 10000 7000"]);
        // It turns out to be somebody else's, who has a touch of their own.
        let theirs = Touch { customer_id: CustomerId::stored("c-0002"), ..late };
        let mut moved = refunded.clone();
        moved.order.customer_id = Some(theirs.customer_id.clone());
        let rows = night_by_night(&[(&[&placed], std::slice::from_ref(&told)), (&[&moved], std::slice::from_ref(&theirs))]);
        for model in ["last", "first", "linear", "any"] {
            assert_eq!(in_the_end(&rows, model), ["email 10000 7000"], "{model}");
        }
    }

    /// `model channel net`, in the order of the path.
    fn shown(revisions: &[Revision], touches: &[Touch], model: &str) -> Vec<String> {
        let credits = all_at_once(revisions, touches, &[], &MODELS, settings()).expect("it fits");
        let of_model = credits.iter().filter(|credit| credit.model == model);
        of_model
            .map(|credit| format!("{} {} {} {}", credit.booked_on.format("%d"), credit.channel, credit.gross, credit.net))
            .collect()
    }

    #[test]
    fn the_list_is_the_folder() {
        let mut names: Vec<String> = MODELS.iter().map(|model| model.name().into()).collect();
        names.extend(["coupon", "credit"].map(String::from)); // What they share.
        names.sort();
        assert_eq!(names, crate::gates::tests::modules("src/attribution"));
    }

    #[test]
    fn t22_three_clicks_and_every_model() {
        let touches = [click(Channel::Sms, "10T00:00"), click(Channel::Email, "03T12:00"), click(Channel::Line, "08T12:00")];
        let placed = [revision(at("10T12:00"), at("10T12:00"), OrderStatus::Completed, 10_000)];
        let check = |model: &str, expect: &[&str]| assert_eq!(shown(&placed, &touches, model), expect, "{model}");
        check("last", &["10 sms 10000 10000"]);
        check("first", &["10 email 10000 10000"]);
        check("linear", &["10 email 3333 3333", "10 line 3333 3333", "10 sms 3334 3334"]);
        check("time_decay", &["10 email 2201 2201", "10 line 3610 3610", "10 sms 4189 4189"]);
        check("position", &["10 email 4000 4000", "10 line 2000 2000", "10 sms 4000 4000"]);
        check("any", &["10 email 10000 10000", "10 line 10000 10000", "10 sms 10000 10000"]);
    }

    #[test]
    fn t27_and_the_other_ties() {
        let (clicked, opened, coupon) = (TouchKind::Clicked, TouchKind::Opened, TouchKind::Coupon);
        let placed = [revision(at("10T12:00"), at("10T12:00"), OrderStatus::Completed, 10_000)];
        let check = |touches: [Touch; 2], expect: Channel| {
            let [a, b] = touches;
            for touches in [[a.clone(), b.clone()], [b, a]] {
                assert_eq!(shown(&placed, &touches, "last"), [format!("10 {expect} 10000 10000")]);
            }
        };
        let (email, line) = (Channel::Email, Channel::Line);
        let one = |channel, kind, sent: &str| touch(channel, kind, "10T10:00", sent, 7);
        check([one(email, clicked, "10T09:00"), one(line, clicked, "10T09:05")], line); // T27: the later send.
        check([one(email, clicked, "10T09:05"), one(line, clicked, "10T09:00")], email);
        check([one(email, clicked, "10T09:00"), one(line, opened, "10T09:05")], email);
        check([one(email, clicked, "10T09:05"), one(line, coupon, "10T09:00")], line);
        check([one(email, clicked, "10T09:00"), one(line, clicked, "10T09:00")], line); // The shop prefers LINE.
    }

    /// Send X told c-0001 its code on D0, the first of the month; it is good to the end of D14.
    fn issued() -> BTreeMap<String, Coupon> {
        let coupon = Coupon {
            code: "K7MQ2".into(),
            send_id: "X".into(),
            scenario: "s".into(),
            step: "c".into(),
            customer_id: CustomerId::stored("c-0001"),
            channel: Channel::Line,
            issued_at: at("01T12:00"),
            expires_on: "2026-01-15".parse().expect("a day"),
        };
        BTreeMap::from([(coupon.code.clone(), coupon)])
    }

    /// An order of a customer with such a coupon text.
    fn with_coupon(customer: &str, text: &str, ordered: &str) -> (Vec<Revision>, Vec<CouponUse>) {
        let mut placed = revision(at(ordered), at(ordered), OrderStatus::Completed, 10_000);
        (placed.order.customer_id, placed.order.coupon) = (Some(CustomerId::stored(customer)), Some(text.into()));
        let revisions = vec![placed];
        let uses = coupon_uses(&revisions, &issued(), ShopZone::tokyo());
        (revisions, uses)
    }

    #[test]
    fn t28_a_unique_code_used_by_its_own_subject() {
        use CouponMode::{Override, ReportOnly, Touch as AsTouch};
        let clicked = Touch { send_id: "Y".into(), ..click(Channel::Email, "12T12:00") };
        let check = |text: &str, ordered: &str, coupon: CouponMode, model: &str, expect: &[&str]| {
            let (revisions, uses) = with_coupon("c-0001", text, ordered);
            let settings = Settings { coupon, ..settings() };
            let credits = all_at_once(&revisions, std::slice::from_ref(&clicked), &uses, &MODELS, settings).expect("it fits");
            let of_model = credits.iter().filter(|credit| credit.model == model);
            let shown: Vec<String> = of_model.map(|credit| format!("{} {}", credit.send_id, credit.net)).collect();
            assert_eq!(shown, expect, "{text} {ordered} {coupon:?} {model}");
        };
        let d12 = "13T12:00";
        check("K7MQ2", d12, Override, "last", &["X 10000"]);
        check("K7MQ2", d12, Override, "linear", &["X 10000"]);
        check("K7MQ2", d12, AsTouch, "linear", &["Y 5000", "X 5000"]);
        check("K7MQ2", d12, AsTouch, "last", &["X 10000"]);
        check("K7MQ2", d12, AsTouch, "first", &["Y 10000"]);
        check("K7MQ2", d12, ReportOnly, "last", &["Y 10000"]);
        // At one time the coupon is the stronger touch.
        check("K7MQ2", "12T12:00", AsTouch, "last", &["X 10000"]);
        // However it was typed, beside another code, and to the end of its last day.
        check("spring, ｋ７mq2", d12, Override, "last", &["X 10000"]);
        check("K7MQ2", "15T23:59", Override, "last", &["X 10000"]);
        check("K7MQ2", "16T00:00", Override, "last", &["Y 10000"]);
        // A static code earns nothing by itself.
        check("SPRING", d12, Override, "last", &["Y 10000"]);
        // Any window: the click's is over, the code's is not.
        let late = |text: &str, ordered: &str| {
            let (revisions, uses) = with_coupon("c-0001", text, ordered);
            all_at_once(&revisions, &[], &uses, &MODELS, settings()).expect("it fits").len()
        };
        assert_eq!((late("K7MQ2", "14T12:00"), late("SPRING", "14T12:00")), (MODELS.len(), 0));
    }

    #[test]
    fn t29_a_code_used_by_another_subject() {
        let check = |customer: &str, coupon: CouponMode, credited: usize, leaks: usize| {
            let (revisions, uses) = with_coupon(customer, "K7MQ2", "13T12:00");
            let credits = all_at_once(&revisions, &[], &uses, &MODELS, Settings { coupon, ..settings() }).expect("it fits");
            let leaked = uses.iter().filter(|used| !used.by_owner).count();
            assert_eq!((credits.len(), leaked), (credited, leaks), "{customer} {coupon:?}");
        };
        check("c-0002", CouponMode::Override, 0, 1);
        check("c-0002", CouponMode::Touch, 0, 1);
        check("c-0002", CouponMode::ReportOnly, 0, 1);
        check("c-0001", CouponMode::Override, MODELS.len(), 0);
    }

    #[test]
    fn a_code_is_that_of_the_first_revision() {
        let (mut revisions, _) = with_coupon("c-0001", "K7MQ2", "13T12:00");
        let refunded = revision(at("20T12:00"), at("13T12:00"), OrderStatus::Completed, 7_000);
        revisions.insert(0, refunded);
        let uses = coupon_uses(&revisions, &issued(), ShopZone::tokyo());
        let credits = all_at_once(&revisions, &[], &uses, &[&Last], settings()).expect("it fits");
        let net: Vec<String> = credits.iter().map(|credit| credit.net.to_string()).collect();
        assert_eq!(net, ["10000", "-3000"]);
    }

    #[test]
    fn a_code_is_its_owners_by_the_last_word_on_whose_the_order_is() {
        let check = |customers: [&str; 2], expect: &[&str]| {
            let (mut revisions, _) = with_coupon(customers[0], "K7MQ2", "13T12:00");
            let mut moved = revision(at("20T12:00"), at("13T12:00"), OrderStatus::Completed, 7_000);
            moved.order.customer_id = Some(CustomerId::stored(customers[1]));
            revisions.push(moved);
            let clicked =
                Touch { customer_id: CustomerId::stored(customers[1]), send_id: "T".into(), ..click(Channel::Email, "12T12:00") };
            let mut rows: Vec<Credit> = Vec::new();
            for night in 0..2 {
                let known: Vec<&Revision> = revisions[..=night].iter().collect();
                let uses = coupon_uses(&revisions[..=night], &issued(), ShopZone::tokyo());
                let touches = if night == 1 { std::slice::from_ref(&clicked) } else { &[] };
                let fresh = [revisions[night].order.revision_id.as_str()].into();
                let known = Known { revisions: known, fresh, booked: rows.clone() };
                rows.extend(credits(&known, touches, &uses, &[&Last], settings()).expect("it fits"));
            }
            let shown: Vec<String> = rows.iter().map(|row| format!("{} {}", row.send_id, row.net)).collect();
            assert_eq!(shown, expect, "{customers:?}");
        };
        check(["c-0001", "c-0001"], &["X 10000", "X -3000"]);
        check(["c-0001", "c-0002"], &["X 10000", "T 7000", "X -10000"]);
        check(["c-0002", "c-0001"], &["X 7000"]);
    }

    /// What the shop says of coupons is for orders to come.
    #[test]
    fn whoever_was_credited_stays_when_the_shop_says_something_else_of_coupons() {
        use CouponMode::{Override, ReportOnly, Touch as AsTouch};
        let clicked = Touch { send_id: "Y".into(), ..click(Channel::Email, "12T12:00") };
        let check = |before: CouponMode, after: CouponMode, expect: &[&str]| {
            let (mut revisions, uses) = with_coupon("c-0001", "K7MQ2", "13T12:00");
            let book = |known: Known, coupon: CouponMode| {
                credits(&known, std::slice::from_ref(&clicked), &uses, &[&Linear], Settings { coupon, ..settings() })
                    .expect("it fits")
            };
            let fresh = [revisions[0].order.revision_id.as_str()].into();
            let mut rows = book(Known { revisions: vec![&revisions[0]], fresh, booked: Vec::new() }, before);
            revisions.push(revision(at("20T12:00"), at("13T12:00"), OrderStatus::Completed, 7_000));
            let fresh = [revisions[1].order.revision_id.as_str()].into();
            rows.extend(book(Known { revisions: revisions.iter().collect(), fresh, booked: rows.clone() }, after));
            let shown: Vec<String> = rows.iter().map(|row| format!("{} {}", row.send_id, row.net)).collect();
            assert_eq!(shown, expect, "{before:?} {after:?}");
        };
        for after in [Override, ReportOnly, AsTouch] {
            check(Override, after, &["X 10000", "X -3000"]);
            check(ReportOnly, after, &["Y 10000", "Y -3000"]);
            check(AsTouch, after, &["Y 5000", "X 5000", "Y -1500", "X -1500"]);
        }
    }

    #[test]
    fn an_order_is_decided_on_when_it_is_worth_something() {
        let ordered = at("06T12:00");
        let mut free = revision(ordered, ordered, OrderStatus::Completed, 0);
        (free.order.discount, free.order.refunded) = (free.order.gross, Money::ZERO);
        let paid = revision(at("07T12:00"), ordered, OrderStatus::Completed, 3_000);
        let touches = [click(Channel::Sms, "05T12:00")];
        let rows = night_by_night(&[(&[&free], &touches), (&[&paid], &touches)]);
        assert_eq!(in_the_end(&rows, "last"), ["sms 0 3000"]);
    }

    #[test]
    fn a_touch_earns_until_its_limit_and_not_after_the_order() {
        let check = |ordered: &str, expect: usize| {
            let placed = [revision(at(ordered), at(ordered), OrderStatus::Completed, 10_000)];
            assert_eq!(shown(&placed, &[click(Channel::Email, "03T12:00")], "last").len(), expect, "{ordered}");
        };
        check("03T11:59", 0);
        check("03T12:00", 1);
        check("10T12:00", 1);
        check("10T12:01", 0);
    }

    #[test]
    fn t31_refunds_and_cancellations_are_booked_when_they_happen() {
        let touches = [click(Channel::Email, "03T12:00"), click(Channel::Line, "04T12:00"), click(Channel::Sms, "05T12:00")];
        let ordered = at("06T12:00");
        let placed = revision(ordered, ordered, OrderStatus::Completed, 10_000);
        let refunded = revision(at("20T12:00"), ordered, OrderStatus::Completed, 7_000);
        let again = revision(at("21T12:00"), ordered, OrderStatus::Completed, 7_000);
        let cancelled = revision(at("25T12:00"), ordered, OrderStatus::Cancelled, 7_000);
        let check = |revisions: &[&Revision], model: &str, expect: &[&str]| {
            let revisions: Vec<Revision> = revisions.iter().map(|revision| (*revision).clone()).collect();
            assert_eq!(shown(&revisions, &touches, model), expect);
        };
        check(&[&placed, &refunded, &again, &cancelled], "last", &["06 sms 10000 10000", "20 sms 0 -3000", "25 sms 0 -7000"]);
        check(
            &[&cancelled, &placed, &refunded],
            "linear",
            &[
                "06 email 3333 3333",
                "06 line 3333 3333",
                "06 sms 3334 3334",
                "20 email 0 -1000",
                "20 line 0 -1000",
                "20 sms 0 -1000",
                "25 email 0 -2333",
                "25 line 0 -2333",
                "25 sms 0 -2334",
            ],
        );
        // Known only as cancelled: gross as it was placed, nothing net.
        check(&[&cancelled], "last", &["25 sms 10000 0"]);
        check(
            &[&placed, &cancelled],
            "any",
            &[
                "06 email 10000 10000",
                "06 line 10000 10000",
                "06 sms 10000 10000",
                "25 email 0 -10000",
                "25 line 0 -10000",
                "25 sms 0 -10000",
            ],
        );
    }

    proptest! {
        #[test]
        fn the_ledger_adds_up_whenever_what_arrives(
            nets in prop::collection::vec(-20_000i64..20_000, 1..5),
            arrival in prop::collection::vec(0usize..4, 5),
            days in prop::collection::vec((0usize..3, 1u32..9), 0..6),
        ) {
            let clicked = |(channel, day): &(usize, u32)| click(CHANNELS[*channel], &format!("{day:02}T12:00"));
            let mut touches: Vec<Touch> = days.iter().map(clicked).collect();
            touches.sort_by(|a, b| a.touch_id.cmp(&b.touch_id));
            touches.dedup_by(|a, b| a.touch_id == b.touch_id);
            let ordered = at("09T12:00");
            let dated = |(index, net): (usize, &i64)| {
                let mut revision = revision(ordered + chrono::Duration::days(index as i64), ordered, OrderStatus::Completed, *net);
                revision.order.revision_id = index.to_string();
                revision
            };
            let revisions: Vec<Revision> = nets.iter().enumerate().map(dated).collect();
            let of_night = |night: usize| -> Vec<&Revision> {
                revisions.iter().enumerate().filter(|(index, _)| arrival[*index] == night).map(|(_, revision)| revision).collect()
            };
            let nights: Vec<Vec<&Revision>> = (0..4).map(of_night).collect();
            let nights: Vec<(&[&Revision], &[Touch])> = nights.iter().map(|arrived| (&arrived[..], &touches[..])).collect();
            let rows = night_by_night(&nights);
            let reached = touches.iter().filter(|touch| touch.credit_until >= ordered).count() as i64;
            for model in MODELS {
                let times = if model.is_additive() { reached.min(1) } else { reached };
                let sum = |amount: fn(&Credit) -> Money| Money::sum(rows.iter().filter(|row| row.model == model.name()).map(amount));
                prop_assert_eq!(sum(|row| row.net), Money::whole(nets[nets.len() - 1] * times));
                prop_assert_eq!(sum(|row| row.gross), Money::whole(10_000 * times));
            }
            // A row is one of its revision, model and touch: repeated, it is the same fact.
            let keys: BTreeSet<(&str, &str, &str)> = rows.iter().map(|row| (row.revision_id.as_str(), row.model.as_str(), row.touch_id.as_str())).collect();
            prop_assert_eq!(keys.len(), rows.len());
        }
    }
}
