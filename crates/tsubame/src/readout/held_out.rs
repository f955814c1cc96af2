//! A shop with a holdout and a planted effect: the read-out finds it, by intention, and says so when there is no holdout.

use chrono::TimeDelta;
use model::{CustomerId, Exposure, Fact, Order};
use query::Mode;

use super::*;
use crate::{
    jobs::made::{demo_settings, now, shop_of},
    workspace::{Workspace, deep},
};

async fn shop(settings: &str) -> (tempfile::TempDir, Workspace) {
    let settings = format!("{settings}{}", demo_settings());
    shop_of(&[("tsubame.toml", settings.as_str())], now()).await
}

/// That somebody met the holdout's boundary 40 days ago, and their order of 3,000 yen two days later if they bought.
fn met(index: usize, arm: &str, bought: bool) -> Vec<Fact> {
    let customer_id = Some(CustomerId::stored(format!("c{index:04}")));
    let at = now() - TimeDelta::days(40);
    let exposure = Exposure {
        experiment: "global".into(),
        version: "v".into(),
        unit: format!("c{index:04}"),
        customer_id: customer_id.clone(),
        arm: arm.into(),
        scenario: Some("welcome".into()),
        step: None,
        send_id: None,
        source: "scenario".into(),
    };
    let yen = Money::whole(3_000).unwrap();
    let order = Order { customer_id, gross: yen, net: yen, ..Order::new("made", format!("o{index}"), at + TimeDelta::days(2)) };
    let order = Fact::new(&order, order.ordered_at, order.ordered_at);
    [Fact::new(&exposure, at, at)].into_iter().chain(bought.then_some(order)).collect()
}

#[test]
fn the_shops_holdout_is_read_out() {
    deep(async {
        let (_folder, workspace) = shop("holdout = { percent = 20, salt = \"global\" }\n").await;
        // Of eight treated four bought, of ten held out one.
        let buys = |index: &usize| !index.is_multiple_of(5) && matches!(index % 10, 1..=3 | 6);
        let facts = (0..1_000).flat_map(|index| match index % 5 {
            0 => met(index, "holdout", index / 5 % 10 == 0),
            _ => met(index, "treated", buys(&index)),
        });
        workspace.state.journal().append(facts.collect(), now() - TimeDelta::days(1)).await.unwrap();
        let desk = workspace.desk(now(), Mode::AsKnown).await.unwrap();
        let view = holdout(&desk, workspace.shop(), HOLDOUT_DAYS).await.unwrap();
        let bought = (0..1_000).filter(buys).count();
        let [conversion, revenue] = view.effects.as_slice() else { panic!("{:?}", view.effects) };
        let shown =
            |effect: &Effect| (effect.treated.people, effect.held_out.people, effect.treated.total, effect.held_out.total);
        assert_eq!(shown(conversion), (800, 200, bought as f64, 20.0), "{conversion:?}");
        assert_eq!(shown(revenue), (800, 200, bought as f64 * 3_000.0, 60_000.0), "{revenue:?}");
        let difference = conversion.difference.expect("it can be said");
        assert!((difference - (bought as f64 / 800.0 - 0.1)).abs() < 1e-9, "{conversion:?}");
        assert_eq!((conversion.name.as_str(), conversion.verdict), ("global/treated", "better"));
        // A window that is not over says nothing yet.
        let early = holdout(&desk, workspace.shop(), 60).await.unwrap();
        assert_eq!((early.effects[0].difference, early.effects[0].treated.immature), (None, 800), "{:?}", early.effects);

        let (_folder, without) = shop("").await;
        let desk = without.desk(now(), Mode::AsKnown).await.unwrap();
        let fault = holdout(&desk, without.shop(), HOLDOUT_DAYS).await.unwrap_err();
        assert!(fault.exit == Exit::Config && fault.to_string().contains("the shop has no holdout"), "{fault}");
    });
}
