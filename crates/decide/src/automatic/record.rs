//! A decision as a fact and back. What was done and why are texts of JSON there: a page and SQL read them as the rule said them, and a rule of
//! another kind needs no column.

use model::Decision;

use super::{Rule, Taken};

impl Taken {
    pub fn decision(&self) -> Decision {
        let text = |told: serde_json::Result<String>| told.expect("a decision is plain JSON");
        Decision {
            decision_id: self.id.clone(),
            rule: self.rule.name().into(),
            test: self.test.clone(),
            version: self.version.clone(),
            decided_at: self.at,
            action: text(serde_json::to_string(&self.action)),
            why: text(serde_json::to_string(&self.why)),
        }
    }

    /// `None` where it says what no rule of this program says.
    pub fn read(decision: &Decision) -> Option<Taken> {
        Some(Taken {
            id: decision.decision_id.clone(),
            rule: Rule::parse(&decision.rule)?,
            test: decision.test.clone(),
            version: decision.version.clone(),
            at: decision.decided_at,
            action: serde_json::from_str(&decision.action).ok()?,
            why: serde_json::from_str(&decision.why).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::automatic::{Action, Weight, Why, harm};

    #[test]
    fn a_decision_is_read_back() {
        let at = DateTime::parse_from_rfc3339("2026-11-29T03:00:00+09:00").expect("an instant").to_utc();
        let check = |rule: Rule, action: Action, why: Why, parts: [&str; 2]| {
            let taken = Taken::new(rule, "subject", "v1", at, action, why);
            let decision = taken.decision();
            assert!(decision.action.contains(parts[0]) && decision.why.contains(parts[1]), "{decision:?}");
            assert_eq!(Taken::read(&decision), Some(taken));
        };
        let weights = vec![Weight { arm: "a".into(), weight: 0.25 }, Weight { arm: "b".into(), weight: 0.75 }];
        let harm = harm::Evidence {
            metric: "metrics/net_revenue".into(),
            arm: "b".into(),
            units: [5_000, 5_001],
            mean: [1_000.0, 980.5],
            effect: -19.5,
            low: -25.0,
            high: -14.0,
            p: 1e-9,
            level: 0.05,
        };
        check(Rule::StopAtHarm, Action::Stop, Why::Harm(harm), ["\"do\":\"stop\"", "\"why\":\"harm\""]);
        check(Rule::Bandit, Action::Weigh { weights }, Why::Learned { arms: Vec::new() }, ["\"weight\":0.75", "learned"]);
        check(Rule::Rollout, Action::Wait { until: at }, Why::NotDue, ["2026-11-28T18:00:00", "not_due"]);
        let other = Taken::new(Rule::Rollout, "subject", "v1", at, Action::Keep, Why::NoHarm).decision();
        assert_eq!(Taken::read(&Decision { rule: "guess".into(), ..other.clone() }), None);
        assert_eq!(Taken::read(&Decision { why: "{\"why\":\"mood\"}".into(), ..other }), None);
    }
}
