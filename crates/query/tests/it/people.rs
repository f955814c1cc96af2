//! What is known of a person when several sources each know a part.

use model::{Channel, Consent, ConsentState, CustomerId, Fact, Identity, Profile, Purpose, Suppression};
use query::{Mode, ParamValue, Params};
use serde_json::Value;

use crate::{columns, desk, noon, shown, view};

pub fn profile(customer: &str, day: &str, birthday: Option<&str>, prefecture: Option<&str>) -> Fact {
    let profile = Profile {
        customer_id: CustomerId::stored(customer),
        revision_id: day.into(),
        source: "test".into(),
        birthday: birthday.map(|day| day.parse().expect("a day")),
        gender: None,
        prefecture: prefecture.map(Into::into),
        registered_on: None,
        acquisition: None,
        attributes: Value::Null,
    };
    Fact::new(&profile, noon(day), noon(day))
}

pub fn merged(from: &str, into: &str, day: &str) -> Fact {
    let identity = Identity {
        kind: "customer".into(),
        from_id: from.into(),
        survivor_id: CustomerId::stored(into),
        rule: "manual".into(),
        linked: true,
        source: "test".into(),
        evidence: None,
        changed_at: noon(day),
    };
    Fact::new(&identity, noon(day), noon(day))
}

#[tokio::test]
async fn a_member_is_what_was_last_said_of_it() {
    let facts = [
        profile("a", "2026-01-01", Some("1985-04-03"), Some("京都府")),
        profile("a", "2026-01-05", None, Some("東京都")),
        profile("b", "2026-01-02", Some("1990-01-01"), Some("大阪府")),
        profile("b", "2026-01-09", None, None),
        profile("m", "2026-01-08", Some("2000-02-29"), Some("北海道")),
        profile("s", "2026-01-03", None, Some("沖縄県")),
        merged("m", "s", "2026-01-20"),
    ];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, expect: &[&str]| {
        let sql = "SELECT customer_id, birthday, prefecture FROM customers ORDER BY customer_id";
        let answer = desk(&view, noon(as_of), Mode::AsKnown).ask_sql(sql).await.expect("an answer");
        assert_eq!(shown(&answer), expect, "{as_of}");
    };
    check("2026-01-04", &["a 1985-04-03 京都府", "b 1990-01-01 大阪府", "s  沖縄県"]).await;
    // A source that leaves a member out takes nothing back.
    check("2026-01-19", &["a 1985-04-03 東京都", "b 1990-01-01 大阪府", "m 2000-02-29 北海道", "s  沖縄県"]).await;
    // The survivor's own word first, then the others'.
    check("2026-01-21", &["a 1985-04-03 東京都", "b 1990-01-01 大阪府", "s 2000-02-29 沖縄県"]).await;
}

#[tokio::test]
async fn a_timeline_is_that_of_the_whole_person() {
    let said = |customer: &str, day: &str, state: ConsentState| {
        let consent = Consent {
            customer_id: CustomerId::stored(customer),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            state,
            source: "test".into(),
            wording: None,
            evidence: None,
            changed_at: noon(day),
        };
        Fact::new(&consent, noon(day), noon(day))
    };
    let bounced = Suppression {
        customer_id: CustomerId::stored("m"),
        channel: Channel::Email,
        reason: "bounced".into(),
        active: true,
        source: "test".into(),
        changed_at: noon("2026-01-06"),
    };
    let facts = [
        said("m", "2026-01-05", ConsentState::Granted),
        Fact::new(&bounced, noon("2026-01-06"), noon("2026-01-06")),
        said("s", "2026-01-07", ConsentState::Revoked),
        said("other", "2026-01-08", ConsentState::Granted),
        merged("m", "s", "2026-01-20"),
    ];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, expect: &[&str]| {
        let of: Params = [("customer".to_string(), ParamValue::Text("s".into()))].into();
        let answer = desk(&view, noon(as_of), Mode::AsKnown).ask("customer_timeline", &of).await.expect("an answer");
        assert_eq!(columns(&answer, &["kind", "what_en"]), expect, "{as_of}");
    };
    check("2026-01-19", &["consent Consent withdrawn: marketing"]).await;
    check(
        "2026-01-21",
        &["consent Consent given: marketing", "consent Consent withdrawn: marketing", "suppression Suppressed: bounced"],
    )
    .await;
}
