//! Segments that are data: whatever conditions and texts they hold, they are SQL that plans and runs, mean what they say, and read back.

use std::sync::{Arc, LazyLock};

use lake::{Lake, ReadView, Tail, TailSegment};
use model::{CustomerId, Fact, Money, Profile, ShopZone, Text};
use proptest::prelude::*;
use query::{
    Desk, Library, Mode, Moment, Params,
    form::{ATTRIBUTES, Attribute, Comparison, Condition, Form, FormValue, Holds, Test, attributes::Takes},
    segment::Side,
};

/// Texts that mean something to SQL, to TOML, to a shell or to nobody.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        2 => "['\"\\\\$;\\-\\n\\t ?{}%_a-c\u{3042}]{0,12}",
        1 => prop::sample::select(vec!["'", "''", "\\'", "\\", "'; DROP TABLE orders --", "$today", "$$", "E'\\n'", "/*", "\u{0}", "U&'\\0041'"]).prop_map(String::from),
    ]
}

fn value(holds: Holds) -> BoxedStrategy<FormValue> {
    match holds {
        Holds::Int => (-1_000_000_000_000_000..=1_000_000_000_000_000i64).prop_map(FormValue::Int).boxed(),
        Holds::Money => (-99_999_999_999_999i64..=99_999_999_999_999)
            .prop_map(|scaled| FormValue::Money(Money::from_scaled(scaled).expect("it fits")))
            .boxed(),
        Holds::Rate => (0.0..=1.0f64).prop_map(FormValue::Rate).boxed(),
        Holds::Text => text().prop_map(FormValue::Text).boxed(),
        Holds::Date => (0i32..40_000)
            .prop_map(|days| FormValue::Date(chrono::NaiveDate::from_num_days_from_ce_opt(715_000 + days).expect("a day")))
            .boxed(),
        Holds::Bool => Just(FormValue::Int(0)).boxed(),
    }
}

fn comparison(holds: Holds) -> BoxedStrategy<Comparison> {
    if holds == Holds::Bool {
        return any::<bool>().prop_map(Comparison::Is).boxed();
    }
    let one = || value(holds);
    let list = || prop::collection::vec(value(holds), 1..4);
    let mut all = vec![
        one().prop_map(Comparison::Equals).boxed(),
        list().prop_map(Comparison::OneOf).boxed(),
        list().prop_map(Comparison::NoneOf).boxed(),
        any::<bool>().prop_map(Comparison::Known).boxed(),
    ];
    match holds {
        Holds::Text => {
            all.push(text().prop_map(Comparison::Contains).boxed());
            all.push(text().prop_map(Comparison::StartsWith).boxed());
        }
        Holds::Date => {
            all.truncate(1);
            all.push((0..36_500i64).prop_map(Comparison::DaysAgoAtLeast).boxed());
            all.push((0..36_500i64).prop_map(Comparison::DaysAgoAtMost).boxed());
        }
        _ => {
            all.push(one().prop_map(Comparison::NotEquals).boxed());
            all.push(one().prop_map(Comparison::AtLeast).boxed());
            all.push(one().prop_map(Comparison::LessThan).boxed());
            all.push((one(), one()).prop_map(|(one, other)| between(one, other)).boxed());
        }
    }
    proptest::strategy::Union::new(all).boxed()
}

fn test_of(attribute: &'static Attribute) -> BoxedStrategy<Condition> {
    let scopes: Vec<BoxedStrategy<(&'static str, FormValue)>> = attribute
        .scopes
        .iter()
        .map(|scope| {
            let name = scope.name;
            let value = match scope.takes {
                Takes::Days => (1..36_500i64).prop_map(FormValue::Int).boxed(),
                Takes::Text => text().prop_filter("a text", |text| !text.is_empty()).prop_map(FormValue::Text).boxed(),
                Takes::Word(words) => prop::sample::select(words).prop_map(|word| FormValue::Text(word.to_string())).boxed(),
                Takes::Segment => Just(FormValue::Text("f1_without_f2".into())).boxed(),
            };
            value.prop_map(move |value| (name, value)).boxed()
        })
        .collect();
    (scopes, comparison(attribute.holds))
        .prop_map(move |(scope, comparison)| Condition::Is(Test { attribute, scope, comparison }))
        .boxed()
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop::sample::select((0..ATTRIBUTES.len()).collect::<Vec<_>>()).prop_flat_map(|index| test_of(&ATTRIBUTES[index]));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

/// From the lower to the higher, as a form wants it.
fn between(one: FormValue, other: FormValue) -> Comparison {
    let is_sorted = match (&one, &other) {
        (FormValue::Int(one), FormValue::Int(other)) => one <= other,
        (FormValue::Money(one), FormValue::Money(other)) => one <= other,
        (FormValue::Rate(one), FormValue::Rate(other)) => one <= other,
        (FormValue::Date(one), FormValue::Date(other)) => one <= other,
        _ => true,
    };
    if is_sorted { Comparison::Between(one, other) } else { Comparison::Between(other, one) }
}

fn form() -> impl Strategy<Value = Form> {
    let words = || (text(), text()).prop_map(|(ja, en)| Text { ja, en });
    (words().prop_filter("a title", |title| *title != Text::default()), words(), condition())
        .prop_map(|(title, description, condition)| Form { title, description, condition })
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .expect("a runtime")
});
static LIBRARY: LazyLock<Arc<Library>> = LazyLock::new(|| Arc::new(Library::load(None).0));

fn members(view: ReadView, form: &Form) -> Vec<String> {
    let as_of = chrono::DateTime::from_timestamp(1_780_000_000, 0).expect("an instant");
    let desk = Desk::new(LIBRARY.clone(), view, Moment { as_of, mode: Mode::AsKnown, zone: ShopZone::tokyo() });
    let query = form.query("segments/form", "form.toml");
    let asked = RUNTIME.block_on(async { (Side { desk: &desk, query: &query, params: &Params::new() }).members().await });
    asked.unwrap_or_else(|error| panic!("{error}\n{}", query.sql)).into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_form_plans_runs_and_reads_back(form in form()) {
        prop_assert_eq!(members(ReadView::empty(), &form), Vec::<String>::new());
        let text = form.toml();
        let back = Form::parse("form.toml", &text);
        prop_assert_eq!(back.as_ref(), Ok(&form), "{}", text);
    }

    #[test]
    fn a_text_is_itself_and_nothing_else(wanted in text(), other in text()) {
        let attribute = ATTRIBUTES.iter().find(|attribute| attribute.name == "prefecture").expect("it is there");
        let people = RUNTIME.block_on(living(&[("wanted", &wanted), ("other", &other)]));
        let mut expect = vec!["wanted".to_string()];
        if wanted == other {
            expect.insert(0, "other".into());
        }
        for comparison in [Comparison::Equals(FormValue::Text(wanted.clone())), Comparison::OneOf(vec![FormValue::Text(wanted.clone())])] {
            let condition = Condition::Is(Test { attribute, scope: Vec::new(), comparison });
            let form = Form { title: Text::new("x", "x"), description: Text::default(), condition };
            prop_assert_eq!(&members(people.clone(), &form), &expect, "{}", form.toml());
        }
    }
}

/// People who live somewhere.
async fn living(people: &[(&str, &str)]) -> ReadView {
    let at = chrono::DateTime::from_timestamp(1_770_000_000, 0).expect("an instant");
    let segments = people.iter().zip(1..).map(|((customer, place), first_position)| {
        let profile = Profile {
            customer_id: CustomerId::stored(*customer),
            revision_id: "1".into(),
            source: "test".into(),
            birthday: None,
            gender: None,
            prefecture: Some(place.to_string()),
            registered_on: None,
            acquisition: None,
            attributes: serde_json::Value::Null,
        };
        let fact = Fact::new(&profile, at, at);
        TailSegment { table: fact.table.into(), first_position, rows: 1, ingested_at: at, payload: fact.row.into_bytes() }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy()).await.expect("a lake");
    lake.view(&Tail::of(&segments.collect::<Vec<_>>()).expect("rows")).await.expect("a view")
}
