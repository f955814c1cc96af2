//! What is kept gives the rows that facts give, whatever happened since it was kept; and it is what is read.

use chrono::{Days, NaiveDate, TimeDelta};
use lake::{Lake, ReadView, Tail, TailSegment};
use model::{CustomerId, Event, Fact, Identity, Instant, Money, Order, OrderStatus};
use query::{Desk, Mode, Params, Refreshed, ad_hoc};
use serde_json::{Value, json};

use crate::{at, buyers::defined, desk, noon, order, shown};

/// Whatever reads kept tables.
const QUESTIONS: [&str; 18] = [
    "system/kept/customer_facts",
    "system/kept/purchase_days",
    "rfm_scores",
    "rfm_grid",
    "ltv_by_cohort",
    "f2_by_cohort",
    "f2_total",
    "f_steps",
    "decile",
    "second_purchase_survival",
    "cpm_portfolio",
    "system/kept/session_states",
    "system/kept/cart_states",
    "session_funnel",
    "search_terms",
    "cart_abandoned",
    "cart_abandonment",
    "cart_recovery_by_channel",
];

/// A shop's journal and lake.
struct Shop {
    _folder: tempfile::TempDir,
    lake: Lake,
    journal: Vec<TailSegment>,
    landed: usize,
}

impl Shop {
    async fn new() -> Shop {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(&folder.path().to_string_lossy()).await.expect("a lake");
        Shop { _folder: folder, lake, journal: Vec::new(), landed: 0 }
    }

    fn happens(&mut self, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            self.journal.push(TailSegment {
                table: fact.table.into(),
                first_position: self.journal.len() as i64 + 1,
                rows: 1,
                ingested_at: noon("2026-12-01"),
                payload: fact.row.into_bytes(),
            });
        }
    }

    async fn lands(&mut self) {
        if self.landed < self.journal.len() {
            self.lake.land(&self.journal[self.landed..]).await.expect("landed");
            self.landed = self.journal.len();
        }
    }

    async fn view(&self) -> ReadView {
        self.lake.view(&Tail::of(&self.journal[self.landed..]).expect("rows")).await.expect("a view")
    }

    async fn refreshes(&self, as_of: Instant) -> Refreshed {
        desk(&self.view().await, as_of, Mode::AsKnown).refresh_kept(&self.lake).await.expect("kept")
    }

    /// Asks everything on what is kept and on facts alone.
    async fn agrees(&self, as_of: Instant, mode: Mode, why: &str) {
        let view = self.view().await;
        let kept = desk(&view, as_of, mode);
        assert!(kept.reads_kept().await.expect("kept"), "{why}: kept tables are read");
        let mut facts = desk(&view, as_of, mode);
        facts.view.kept = None;
        assert!(!facts.reads_kept().await.expect("no kept"), "{why}: facts are read");
        for question in QUESTIONS {
            let answer = kept.ask(question, &Params::new()).await.expect(question);
            let expected = facts.ask(question, &Params::new()).await.expect(question);
            assert_eq!(shown(&answer), shown(&expected), "{why}, {mode:?}: {question}");
        }
        let whole = [
            "SELECT * FROM customer_facts ORDER BY customer_id",
            "SELECT * FROM cart_events_identified ORDER BY position",
            "SELECT * FROM cart_changes ORDER BY changed_at, cart_id, next_change_at, customer_id, value, next_order_value",
        ];
        for all in whole {
            let (answer, expected) = (kept.ask_sql(all).await.expect(all), facts.ask_sql(all).await.expect(all));
            assert_eq!(shown(&answer), shown(&expected), "{why}, {mode:?}: {all}");
        }
    }
}

/// Numbers by chance that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// An event of a session or cart, an order, a later revision of one, a merge or its undoing, a browser and whose it is. What is late happened
/// before what is known already.
fn something(chance: &mut Chance, number: u64, now: Instant) -> Fact {
    let customer = |chance: &mut Chance| format!("c{:02}", chance.below(40));
    let late = TimeDelta::hours(chance.below(24 * 20) as i64);
    let happened = if chance.below(3) == 0 { now - late } else { now };
    if chance.below(2) == 0 {
        let names = [
            "product_viewed",
            "cart_updated",
            "product_added",
            "product_removed",
            "checkout_started",
            "order_completed",
            "products_searched",
            "page_viewed",
        ];
        let event = Event {
            event_id: format!("e{number}"),
            name: names[chance.below(8) as usize].into(),
            session_id: (chance.below(9) > 0).then(|| format!("s{}", chance.below(60))),
            customer_id: (chance.below(3) == 0).then(|| CustomerId::stored(customer(chance))),
            visitor_id: (chance.below(8) > 0).then(|| format!("v{}", chance.below(12))),
            cart_id: (chance.below(4) > 0).then(|| format!("k{}", chance.below(30))),
            order_id: Some(format!("told{number}")),
            value: Some(Money::whole(chance.below(3) as i64 * 100).expect("an amount")),
            properties: json!({"query": format!("term {}", chance.below(3))}),
            ..Event::default()
        };
        return Fact::new(&event, happened, now);
    }
    if chance.below(8) == 0 {
        let of_browser = chance.below(2) == 0;
        let from_id = if of_browser { format!("v{}", chance.below(12)) } else { customer(chance) };
        let survivor = customer(chance);
        let identity = Identity {
            kind: if of_browser { "visitor" } else { "customer" }.into(),
            from_id,
            survivor_id: CustomerId::stored(&survivor),
            rule: "manual".into(),
            linked: chance.below(3) > 0,
            source: "test".into(),
            evidence: None,
            changed_at: happened,
        };
        return Fact::new(&identity, happened, now);
    }
    let day = NaiveDate::from_ymd_opt(2025, 1, 1).expect("a day") + Days::new(chance.below(515));
    let buyer = customer(chance);
    let mut revision = order(&buyer, &day.to_string(), chance.below(40) as i64 * 100);
    revision.order_id = format!("o{}", chance.below(150));
    revision.revision_id = number.to_string();
    revision.customer_id = (chance.below(12) > 0).then(|| CustomerId::stored(&buyer));
    match chance.below(8) {
        0 => revision.status = OrderStatus::Cancelled,
        1 => revision.status = OrderStatus::Returned,
        2 => {
            (revision.refunded, revision.net) = (revision.net, Money::ZERO);
        }
        3 => revision.discount = Money::whole(50).expect("an amount"),
        _ => {}
    }
    Fact::new(&revision, happened, now)
}

#[tokio::test]
async fn kept_tables_and_facts_give_the_same_rows() {
    for seed in [1, 7, 42] {
        let (mut shop, mut chance) = (Shop::new().await, Chance(seed));
        let mut now = at("2026-06-01T09:00:00+09:00");
        let mut number = 0;
        let mut seen = Vec::new();
        for round in 0..12 {
            let count = if round == 0 { 150 } else { chance.below(25) };
            for _ in 0..count {
                number += 1;
                now += TimeDelta::minutes(chance.below(90) as i64);
                shop.happens([something(&mut chance, number, now)]);
            }
            if chance.below(2) == 0 {
                shop.lands().await;
            }
            let why = format!("seed {seed}, round {round}");
            if round > 0 {
                shop.agrees(now, Mode::AsKnown, &format!("{why}, before it is brought up to date")).await;
                shop.agrees(now + TimeDelta::days(3), Mode::AsHappened, &why).await;
            }
            if round == 0 || chance.below(3) > 0 {
                seen.push(shop.refreshes(now).await);
            }
            shop.agrees(now, Mode::AsKnown, &why).await;
            shop.agrees(now + TimeDelta::days(40), Mode::AsKnown, &why).await;
        }
        assert_eq!(seen[0], Refreshed::Rebuilt);
        assert!(seen[1..].iter().any(|refreshed| matches!(refreshed, Refreshed::Folded(_))), "{seen:?}");
    }
}

#[tokio::test]
async fn an_earlier_moment_is_asked_from_facts() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05"), placed("a", "2026-02-05")]);
    assert_eq!(shop.refreshes(noon("2026-03-01")).await, Refreshed::Rebuilt);
    assert_eq!(shop.refreshes(noon("2026-03-02")).await, Refreshed::Current, "nothing has happened since");
    assert_eq!(shop.refreshes(noon("2026-01-06")).await, Refreshed::Current, "it never goes back");
    let check = async |as_of: &str, is_kept: bool, expect: &[&str]| {
        let desk = desk(&shop.view().await, noon(as_of), Mode::AsKnown);
        assert_eq!(desk.reads_kept().await.expect("kept"), is_kept, "{as_of}");
        let answer = desk.ask_sql("SELECT customer_id, orders FROM customer_facts").await.expect("an answer");
        assert_eq!(shown(&answer), expect, "{as_of}");
    };
    check("2026-01-06", false, &["a 1"]).await;
    check("2026-03-01", true, &["a 2"]).await;
    check("2026-04-01", true, &["a 2"]).await;
}

#[tokio::test]
async fn what_becomes_known_later_is_news_without_a_new_row() {
    let mut shop = Shop::new().await;
    let late = order("a", "2026-01-05", 1000);
    shop.happens([Fact::new(&late, late.ordered_at, noon("2026-05-01")), placed("b", "2026-01-06")]);
    shop.lands().await;
    assert_eq!(shop.refreshes(noon("2026-03-01")).await, Refreshed::Rebuilt);
    let check = async |as_of: &str, mode, expect: &[&str]| {
        let desk = desk(&shop.view().await, noon(as_of), mode);
        let answer = desk.ask_sql("SELECT customer_id FROM customer_facts ORDER BY customer_id").await.expect("an answer");
        assert_eq!(shown(&answer), expect, "{as_of} {mode:?}");
    };
    check("2026-03-02", Mode::AsKnown, &["b"]).await;
    check("2026-03-02", Mode::AsHappened, &["a", "b"]).await;
    check("2026-05-02", Mode::AsKnown, &["a", "b"]).await;
}

#[tokio::test]
async fn a_shop_that_says_itself_what_a_purchase_is_is_asked_from_facts() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05")]);
    shop.refreshes(noon("2026-03-01")).await;
    let mut own = desk(&shop.view().await, noon("2026-03-01"), Mode::AsKnown);
    let mut library = (*own.library).clone();
    let purchases = library.queries.get_mut("system/views/purchases").expect("a view");
    purchases.sql = purchases.sql.replace("net > 0", "net > 5000");
    own.library = library.into();
    assert_eq!(own.refresh_kept(&shop.lake).await.expect("nothing to do"), Refreshed::Undefined);
    let (_, rows) = own.batches(&ad_hoc("SELECT customer_id FROM customer_facts"), &Params::new()).await.expect("an answer");
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
}

#[tokio::test]
async fn kept_tables_outlive_the_process_and_their_own_loss() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05")]);
    shop.lands().await;
    shop.refreshes(noon("2026-03-01")).await;
    let folder = shop._folder.path().to_string_lossy().into_owned();
    let reopened = Lake::open(&folder).await.expect("a lake");
    let ask = async |lake: &Lake| {
        let desk = desk(&lake.view(&Tail::default()).await.expect("a view"), noon("2026-03-01"), Mode::AsKnown);
        let answer = desk.ask_sql("SELECT customer_id FROM customer_facts").await.expect("an answer");
        (desk.reads_kept().await.expect("kept"), shown(&answer))
    };
    assert_eq!(ask(&reopened).await, (true, vec!["a".to_string()]));
    let base = std::fs::read_dir(shop._folder.path().join("kept")).expect("the folder of kept tables");
    for file in base.map(|file| file.expect("a file").path()).filter(|path| path.to_string_lossy().contains("customer_facts-")) {
        std::fs::remove_file(file).expect("removed");
    }
    let reopened = Lake::open(&folder).await.expect("a lake");
    assert_eq!(ask(&reopened).await, (false, vec!["a".to_string()]), "asked from facts until it is made again");
}

#[tokio::test]
async fn a_damaged_kept_file_is_made_again() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05")]);
    shop.lands().await;
    shop.refreshes(noon("2026-03-01")).await;
    for file in std::fs::read_dir(shop._folder.path().join("kept")).expect("the folder of kept tables") {
        let path = file.expect("a file").path();
        if path.to_string_lossy().contains("customer_facts-") {
            let mut bytes = std::fs::read(&path).expect("read");
            bytes[20] ^= 1;
            std::fs::write(&path, bytes).expect("written");
        }
    }
    // Another process: this one has read the file and knows it.
    shop.lake = Lake::open(&shop._folder.path().to_string_lossy()).await.expect("a lake");
    assert!(matches!(shop.refreshes(noon("2026-03-01")).await, Refreshed::Rebuilt), "nothing is new, and yet it is made again");
    shop.agrees(noon("2026-03-01"), Mode::AsKnown, "made again").await;
}

#[tokio::test]
async fn a_cart_is_whose_browser_was_next_identified() {
    let mut shop = Shop::new().await;
    let seen = |event: &str, name: &str, visitor: &str, customer: Option<&str>, day: &str| {
        let event = Event {
            event_id: event.into(),
            name: name.into(),
            visitor_id: Some(visitor.into()),
            customer_id: customer.map(CustomerId::stored),
            value: Some(Money::whole(100).expect("an amount")),
            ..Event::default()
        };
        Fact::new(&event, noon(day), noon(day))
    };
    let linked = |kind: &str, from_id: &str, survivor: &str, day: &str, known: &str| {
        let identity = Identity {
            kind: kind.into(),
            from_id: from_id.into(),
            survivor_id: CustomerId::stored(survivor),
            rule: "identify".into(),
            linked: true,
            source: "test".into(),
            evidence: None,
            changed_at: noon(day),
        };
        Fact::new(&identity, noon(day), noon(known))
    };
    let check = async |shop: &Shop, as_of: &str, expect: &[&str]| {
        let desk = desk(&shop.view().await, noon(as_of), Mode::AsKnown);
        assert!(desk.reads_kept().await.expect("kept"), "{as_of}");
        let owners = "SELECT cart_id, coalesce(customer_id, 'nobody') AS owner FROM cart_changes ORDER BY cart_id";
        assert_eq!(shown(&desk.ask_sql(owners).await.expect("an answer")), expect, "{as_of}");
    };
    shop.happens(["v1", "v2"].map(|visitor| seen(visitor, "cart_updated", visitor, None, "2026-03-01")));
    assert_eq!(shop.refreshes(noon("2026-03-02")).await, Refreshed::Rebuilt);
    check(&shop, "2026-03-02", &["v1 nobody", "v2 nobody"]).await;
    let steps = [
        (seen("later", "page_viewed", "v1", Some("a"), "2026-03-10"), "2026-03-11", ["v1 a", "v2 nobody"]),
        // It came in late, and happened sooner.
        (linked("visitor", "v1", "b", "2026-03-05", "2026-03-12"), "2026-03-13", ["v1 b", "v2 nobody"]),
        (linked("customer", "b", "c", "2026-03-14", "2026-03-14"), "2026-03-15", ["v1 c", "v2 nobody"]),
        // More than 30 days after.
        (seen("late", "page_viewed", "v2", Some("a"), "2026-04-02"), "2026-04-03", ["v1 c", "v2 nobody"]),
    ];
    for (fact, as_of, expect) in steps {
        shop.happens([fact]);
        check(&shop, as_of, &expect).await;
        assert!(matches!(shop.refreshes(noon(as_of)).await, Refreshed::Folded(_)), "{as_of}");
        check(&shop, as_of, &expect).await;
    }
}

#[tokio::test]
async fn what_a_shop_says_is_a_purchase_is_one_in_what_is_kept() {
    let mut shop = Shop::new().await;
    let free = |day: &str| crate::placed(&Order { net: Money::ZERO, ..order("a", day, 1000) });
    shop.happens([free("2026-01-05"), placed("a", "2026-01-10")]);
    let on = |view: ReadView, as_of: &str, count_free: &str| {
        let moment = desk(&view, noon(as_of), Mode::AsKnown).moment;
        Desk::new(defined(&json!({"count_free_orders": count_free})), view, moment)
    };
    let check = async |shop: &Shop, as_of: &str, count_free: &str, is_kept: bool, expect: &str| {
        let desk = on(shop.view().await, as_of, count_free);
        assert_eq!(desk.reads_kept().await.expect("kept"), is_kept, "{as_of} {count_free}");
        let found = desk.ask_sql("SELECT orders, first_ordered_on FROM customer_facts").await.expect("an answer");
        assert_eq!(shown(&found), [expect], "{as_of} {count_free}");
    };
    assert_eq!(shop.refreshes(noon("2026-02-01")).await, Refreshed::Rebuilt);
    check(&shop, "2026-02-01", "false", true, "1 2026-01-10").await;
    check(&shop, "2026-02-01", "true", false, "2 2026-01-05").await;
    let refreshed = on(shop.view().await, "2026-02-01", "true").refresh_kept(&shop.lake).await.expect("kept");
    assert_eq!(refreshed, Refreshed::Rebuilt, "another definition");
    check(&shop, "2026-02-01", "true", true, "2 2026-01-05").await;
    shop.happens([free("2026-02-02")]);
    check(&shop, "2026-02-03", "true", true, "3 2026-01-05").await;
    check(&shop, "2026-02-03", "false", false, "1 2026-01-10").await;
}

/// Whoever bought, they are few; what is kept of their orders must not grow beside the base for ever.
#[tokio::test]
async fn many_orders_that_touch_few_customers_are_made_anew() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05")]);
    assert_eq!(shop.refreshes(noon("2026-02-01")).await, Refreshed::Rebuilt);
    let guests = |from: usize, day: &str| {
        let guest = Order { customer_id: None, ..order("guest", day, 1000) };
        (from..from + 1_100)
            .map(|number| crate::placed(&Order { order_id: format!("g{number}"), ..guest.clone() }))
            .collect::<Vec<_>>()
    };
    shop.happens(guests(0, "2026-02-02"));
    assert_eq!(shop.refreshes(noon("2026-02-03")).await, Refreshed::Folded(0));
    shop.happens(guests(2_000, "2026-02-04"));
    assert_eq!(shop.refreshes(noon("2026-02-05")).await, Refreshed::Rebuilt);
}

#[tokio::test]
async fn rows_with_the_columns_of_another_version_are_left_aside() {
    let mut shop = Shop::new().await;
    shop.happens([placed("a", "2026-01-05")]);
    shop.refreshes(noon("2026-03-01")).await;
    shop.happens([placed("a", "2026-03-02")]);
    assert!(matches!(shop.refreshes(noon("2026-03-03")).await, Refreshed::Folded(_)));
    shop.lands().await;
    let file = shop._folder.path().join("kept/kept.json");
    let mut manifest: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("a manifest")).expect("JSON");
    manifest["overlay"]["purchase_days"] = manifest["overlay"]["customer_facts"].clone();
    std::fs::write(&file, manifest.to_string()).expect("written");
    let reopened = Lake::open(&shop._folder.path().to_string_lossy()).await.expect("a lake");
    let desk = desk(&reopened.view(&Tail::default()).await.expect("a view"), noon("2026-03-04"), Mode::AsKnown);
    assert!(!desk.reads_kept().await.expect("no kept"), "asked from facts until it is made again");
    assert_eq!(shown(&desk.ask_sql("SELECT orders FROM customer_facts").await.expect("an answer")), ["2"]);
}

fn placed(customer: &str, day: &str) -> Fact {
    let placed: Order = order(customer, day, 1000);
    crate::placed(&placed)
}
