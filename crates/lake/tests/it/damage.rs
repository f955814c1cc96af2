//! What cannot be landed is refused with the table and the place, and takes nothing else with it.

use lake::{LakeError, Tail, TailSegment};
use model::{Event, Fact, Money, Remedy};

use crate::{event, events, noon, open, raw_segment, said, segment};

#[tokio::test]
async fn an_unknown_table_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let error = lake.land(&[raw_segment("horoscopes", 1, 1, "{}\n")]).await.expect_err("refused");
    assert!(matches!(&error, LakeError::UnknownTable(name) if name == "horoscopes"), "{error:?}");
    assert!(error.remedy().is_some(), "{error}");
    assert!(Tail::of(&[raw_segment("horoscopes", 1, 1, "{}\n")]).is_err(), "nor is it read past");
}

#[tokio::test]
async fn damaged_rows_name_the_table_and_the_first_position() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let good = event(1).row;
    let check = async |payload: String, rows: usize, cause: &str| {
        let damaged: TailSegment = raw_segment("events", 41, rows, &payload);
        let error = lake.land(std::slice::from_ref(&damaged)).await.expect_err(&payload);
        assert!(error.to_string().contains("rows 41.. of table `events`"), "{payload}: {error}");
        assert!(said(&error).contains(cause), "{payload}: {}", said(&error));
        assert!(error.remedy().is_some(), "{payload}: {error}");
        assert!(Tail::of(&[damaged]).is_err(), "a read does not skip them: {payload}");
    };
    check(good[..good.len() - 5].to_string(), 1, "").await;
    check(format!("{good}\n{}", &good[..40]), 2, "").await;
    check("not JSON\n".into(), 1, "").await;
    check(format!("{good}\n"), 2, "1 rows where 2 were written").await;
    check(format!("{good}\n{good}\n"), 1, "").await;
    check(good.replace("\"event_id\"", "\"evnt_id\""), 1, "evnt_id").await;
    check(good.replace("\"value\":null", "\"value\":\"a lot\""), 1, "a lot").await;
    check(good.replace("2026-06-01T12", "2026-06-01T99"), 1, "2026-06-01T99").await;
    assert_eq!(lake.land(&[segment(1, &[event(1)])]).await.expect("landed").rows, 1, "nothing of it moved the watermark");
    assert_eq!(events(&lake.view(&Tail::default()).await.expect("a view")).await, ["1 e1"]);
}

#[tokio::test]
async fn money_out_of_range_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let largest = Money::from_scaled(999_999_999_999_999_999).expect("fourteen digits before the point");
    let fact = |value| Fact::new(&Event { event_id: "e".into(), value: Some(value), ..Event::default() }, noon(), noon());
    assert_eq!(
        lake.land(&[segment(1, &[fact(largest), fact(Money::ZERO.minus(largest).expect("its mirror"))])])
            .await
            .expect("landed")
            .rows,
        2
    );
    for value in ["100000000000000", "-100000000000000", "999999999999999999999999999999999999999999"] {
        let row = event(3).row.replace("\"value\":null", &format!("\"value\":\"{value}\""));
        let error = lake.land(&[raw_segment("events", 3, 1, &row)]).await.expect_err(value);
        assert!(error.to_string().contains("rows 3.. of table `events`"), "{value}: {error}");
    }
    assert!(Money::from_scaled(1_000_000_000_000_000_000).is_err() && largest.plus(Money::whole(1).expect("one")).is_err());
}
