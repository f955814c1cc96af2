//! Codes that go with messages. A unique one follows from its send under a key of the shop, so that it is the same however often the message is
//! tried, and nobody guesses another's.

use chrono::NaiveDate;
use connect::template::Variables;
use decide::tick::TRIAL;
use model::{Coupon, Fact, Scenario, Send, coupon::code, scenario::StepCoupon};
use serde_json::json;
use state::Signer;

use crate::{jobs::tick::versions, workspace::Workspace};

/// What the signature of a send is for.
const PURPOSE: &str = "coupon";
/// In place of a unique code where nothing is sent.
const SAMPLE: &str = "COUPON";

/// What a message says of its coupon.
pub struct Told {
    code: String,
    expires_on: Option<NaiveDate>,
    /// To be kept, so that an order placed with it is known again. A trial's is not.
    pub issued: Option<Fact>,
}

impl Told {
    /// Goes before what was told when the customer came in.
    pub fn fill(&self, variables: &mut Variables) {
        variables.coupon = Some(self.code.clone());
        if let Some(day) = self.expires_on {
            variables.more.insert("coupon_expires_on".into(), json!(day));
        }
    }
}

/// The coupon of a send, if its step has one.
pub fn of_send(workspace: &Workspace, scenarios: &[Scenario], send: &Send) -> Option<Told> {
    let step = step_of(scenarios, send)?;
    let expires_on = step.expires_on(send.due_at, workspace.shop().timezone);
    let code = match &step.code {
        Some(code) => code.clone(),
        None => unique(workspace.state.signer(), &send.send_id),
    };
    let coupon = expires_on.filter(|_| step.unique && !send.scenario.ends_with(TRIAL)).map(|expires_on| Coupon {
        code: code.clone(),
        send_id: send.send_id.clone(),
        scenario: send.scenario.clone(),
        step: send.step.clone(),
        customer_id: send.customer_id.clone(),
        channel: send.channel,
        issued_at: send.due_at,
        expires_on,
    });
    let issued = coupon.map(|coupon| Fact::new(&coupon, coupon.issued_at, workspace.now()));
    Some(Told { code, expires_on, issued })
}

/// What a message would say if it were due now.
pub fn sample(workspace: &Workspace, step: &StepCoupon) -> Told {
    let code = step.code.clone().unwrap_or_else(|| SAMPLE.into());
    Told { code, expires_on: step.expires_on(workspace.now(), workspace.shop().timezone), issued: None }
}

fn step_of<'a>(scenarios: &'a [Scenario], send: &Send) -> Option<&'a StepCoupon> {
    let name = send.scenario.strip_suffix(TRIAL).unwrap_or(&send.scenario);
    let of_version = |scenario: &&Scenario| scenario.scenario == name && scenario.version == send.scenario_version;
    let scenario = scenarios.iter().find(of_version).or_else(|| versions::current(scenarios, name))?;
    scenario.step(&send.step)?.send.as_ref()?.coupon.as_ref()
}

fn unique(signer: &Signer, send_id: &str) -> String {
    let signature = signer.sign(PURPOSE, send_id.as_bytes());
    code(u64::from_str_radix(&signature[..16], 16).expect("a signature is hex digits"))
}

#[cfg(test)]
mod tests {
    use decide::attribution::MODELS;
    use model::{CustomerId, Money, Order};
    use query::{Mode, Params};

    use super::*;
    use crate::{
        jobs::{
            attribute::attribute,
            deliver::deliver,
            made::{MEMBERS, MESSAGE, at, customer, shop, sign_up},
            tick::{Rows, tick},
        },
        workspace::deep,
    };

    const SALE: &str = "scenario = \"sale\"\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
        entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\n\
        step = [{ id = \"s\", send = { try = [\"email\"], template = \"code\", coupon = { unique = true, expires = \"14d\" } } }]\n";

    fn order(number: &str, by: CustomerId, coupon: &str) -> Fact {
        let yen = Money::whole(3_000).unwrap();
        let order = Order {
            customer_id: Some(by),
            gross: yen,
            net: yen,
            coupon: Some(coupon.into()),
            ..Order::new("made", number, at("14:00"))
        };
        Fact::new(&order, at("14:00"), at("14:00"))
    }

    #[test]
    fn a_code_is_told_used_and_leaked() {
        deep(async {
            let message = MESSAGE.replace("body = \"", "body = \"{{ coupon }} {{ coupon_expires_on }} ");
            let files = [
                ("scenarios/sale.toml", SALE),
                ("queries/segments/members.sql", MEMBERS),
                ("messages/code.toml", message.as_str()),
            ];
            let (folder, workspace) = shop(|own| own.into(), &files, at("09:00")).await;
            sign_up(&workspace, 2, 2).await;
            workspace.clock.set(at("12:20"));
            assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 2);
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 2);

            let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
            let answer = desk.ask("system/attribution_coupons", &Params::new()).await.unwrap();
            let rows = Rows::new(&answer);
            let is_of_first = |row: &usize| rows.text(*row, "customer_id").as_deref() == Some(customer(0).as_str());
            let row = (0..answer.rows.len()).find(is_of_first).expect("a code");
            let told = rows.needed(row, "code").unwrap();
            assert_eq!(told, unique(workspace.state.signer(), &rows.needed(row, "send_id").unwrap()));
            assert_eq!((answer.rows.len(), rows.date(row, "expires_on")), (2, Some("2026-07-15".parse().unwrap())));
            let outbox = std::fs::read_to_string(folder.path().join("outbox/email.ndjson")).unwrap();
            assert!(outbox.contains(&format!("{told} 2026年7月15日")), "{outbox}");

            workspace.clock.set(at("15:00"));
            let orders = vec![order("1", customer(0), &told.to_lowercase()), order("2", customer(1), &told)];
            workspace.state.journal().append(orders, workspace.now()).await.unwrap();
            assert_eq!(attribute(&workspace, at("15:00")).await.unwrap().credits, MODELS.len() as u64);
            let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
            let answer = desk.ask("reports/coupons_by_scenario", &Params::new()).await.unwrap();
            let rows = Rows::new(&answer);
            let counted = ["issued", "used", "late", "coupon_leak"].map(|column| rows.int(0, column).unwrap());
            assert_eq!((answer.rows.len(), counted), (1, [2, 1, 0, 1]));
            let answer = desk.ask("reports/coupons_issued", &Params::new()).await.unwrap();
            let rows = Rows::new(&answer);
            let used: Vec<bool> = (0..answer.rows.len()).map(|row| rows.is_true(row, "used_by_owner")).collect();
            assert_eq!(used.iter().filter(|used| **used).count(), 1, "{used:?}");
        });
    }
}
