//! The demo shop's own folder: settings, scenarios, messages and a segment, as in `fixtures/shop`.

/// Path in the shop's folder, and content.
pub const FILES: [(&str, &str); 10] = [
    (".gitignore", include_str!("../../../../fixtures/shop/gitignore")),
    ("tsubame.toml", include_str!("../../../../fixtures/shop/tsubame.toml")),
    ("scenarios/cart-recovery.toml", include_str!("../../../../fixtures/shop/scenarios/cart-recovery.toml")),
    ("scenarios/f2-followup.toml", include_str!("../../../../fixtures/shop/scenarios/f2-followup.toml")),
    ("messages/cart_1.toml", include_str!("../../../../fixtures/shop/messages/cart_1.toml")),
    ("messages/cart_2.toml", include_str!("../../../../fixtures/shop/messages/cart_2.toml")),
    ("messages/f2_a.toml", include_str!("../../../../fixtures/shop/messages/f2_a.toml")),
    ("messages/f2_b.toml", include_str!("../../../../fixtures/shop/messages/f2_b.toml")),
    ("queries/segments/f1_on_day.sql", include_str!("../../../../fixtures/shop/queries/segments/f1_on_day.sql")),
    ("README.md", include_str!("../../../../fixtures/shop/README.md")),
];

#[cfg(test)]
mod tests {
    use connect::template::Template;
    use model::{Channel, Scenario, Shop};

    use super::*;
    use crate::demo::respond::{CART_SCENARIO, CART_STEP, FOLLOW_UP_SCENARIO};

    fn text(path: &str) -> &'static str {
        FILES.iter().find(|file| file.0 == path).map(|file| file.1).expect(path)
    }

    #[test]
    fn the_shop_and_its_scenarios_are_read() {
        let shop = Shop::parse("tsubame.toml", text("tsubame.toml")).unwrap();
        for channel in [Channel::Email, Channel::Line, Channel::Sms] {
            assert_eq!(shop.sender(channel).unwrap().kind, "file");
        }
        assert_eq!(shop.exports.iter().map(|export| export.segment.as_str()).collect::<Vec<_>>(), ["dormant_top_ltv"]);
        for name in [CART_SCENARIO, FOLLOW_UP_SCENARIO] {
            let path = format!("scenarios/{name}.toml");
            let scenario = Scenario::parse(&path, text(&path)).unwrap();
            assert_eq!(scenario.scenario, name);
            for send in scenario.steps.iter().filter_map(|step| step.send.as_ref()) {
                let arms = send.experiment.iter().flat_map(|experiment| &experiment.arms);
                for name in arms.filter_map(|arm| arm.template.as_ref()).chain([&send.template]) {
                    let path = format!("messages/{name}.toml");
                    let template = Template::parse(name, &path, text(&path)).unwrap();
                    assert_eq!(template.check(send.purpose, &send.channels, &shop), [], "{path}");
                }
            }
        }
        let cart = Scenario::parse("x", text("scenarios/cart-recovery.toml")).unwrap();
        let first_send = cart.steps.iter().find(|step| step.send.is_some()).unwrap();
        assert_eq!((first_send.id.as_str(), cart.holdout.unwrap().percent), (CART_STEP, 30.0));
    }
}
