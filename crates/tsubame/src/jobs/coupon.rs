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
