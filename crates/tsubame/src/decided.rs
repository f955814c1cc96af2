//! What tests have decided by themselves, as it was recorded, and the words for it.

use decide::automatic::{Action, Rule, Taken, Why, harm, rollout};
use model::{Decision, Text, automatic::WinnerRule};
use query::{Desk, ParamValue};

use crate::{fault::Fault, jobs::tick::Rows};

pub const QUERY: &str = "system/decided";

/// What a test decided up to the desk's moment, in the order in which it counts; of all tests for an empty name.
pub async fn decided(desk: &Desk, test: &str) -> Result<Vec<Taken>, Fault> {
    let answer = desk.ask(QUERY, &[("test".to_string(), ParamValue::Text(test.into()))].into()).await?;
    let rows = Rows::new(&answer);
    let mut all = Vec::new();
    for row in 0..answer.rows.len() {
        let decision = Decision {
            decision_id: rows.needed(row, "decision_id")?,
            rule: rows.needed(row, "rule")?,
            test: rows.needed(row, "test")?,
            version: rows.needed(row, "version")?,
            decided_at: rows.instant(row, "decided_at")?,
            action: rows.needed(row, "action")?,
            why: rows.needed(row, "why")?,
        };
        match Taken::read(&decision) {
            Some(taken) => all.push(taken),
            // Of a newer program, or of one that had a rule which this one has not.
            None => {
                tracing::warn!(decision = %decision.decision_id, "a decision is left out, because nothing is known of its rule")
            }
        }
    }
    Ok(all)
}

/// Whether it ends its test.
pub fn stops(taken: &Taken) -> bool {
    taken.rule == Rule::StopAtHarm && taken.action == Action::Stop
}

/// What was done.
pub fn done(action: &Action) -> Text {
    match action {
        Action::Stop => Text::new("テストを停止", "stopped the test"),
        Action::SendRest { arm } => Text::new(&format!("残りに {arm} を配信"), &format!("sends {arm} to the rest")),
        Action::SplitRest => Text::new("残りに予定の配分で配信", "sends all arms to the rest"),
        Action::HoldRest => Text::new("残りは保留（人が決める）", "the rest waits for a person"),
        Action::Weigh { weights } => {
            let shares: Vec<String> = weights.iter().map(|of| format!("{} {:.1} %", of.arm, 100.0 * of.weight)).collect();
            Text::new(&format!("配分を変更: {}", shares.join("、")), &format!("set new shares: {}", shares.join(", ")))
        }
        Action::Wait { until } => {
            let until = model::time::rfc3339(*until);
            Text::new(&format!("{until} まで待つ"), &format!("waits until {until}"))
        }
        Action::Keep => Text::new("変更なし", "left all as it is"),
    }
}

/// From what it was seen.
pub fn why(why: &Why) -> Text {
    match why {
        Why::Harm(found) => harmed(found),
        Why::NoHarm => Text::new("ガードレールの悪化は見られません。", "No guardrail shows harm."),
        Why::Won { arm, by } => {
            let Text { ja, en } = arms(by);
            Text::new(
                &format!("{arm} がほかのどの群よりも良いと言えます（{ja}）。"),
                &format!("{arm} is better than each other arm ({en})."),
            )
        }
        Why::NoneShown { by } => {
            let Text { ja, en } = arms(by);
            Text::new(&format!("差は示されませんでした（{ja}）。"), &format!("No arm is shown to be better ({en})."))
        }
        Why::Learned { arms } => {
            let of: Vec<String> = arms.iter().map(|arm| format!("{} {} (n {})", arm.arm, number(arm.mean), arm.units)).collect();
            Text::new(&format!("これまでの結果: {}。", of.join("、")), &format!("So far: {}.", of.join(", ")))
        }
        Why::NotDue => Text::new("まだその時ではありません。", "It is not time yet."),
        Why::TooFew { arm, units, needed } => {
            Text::new(&format!("{arm} は{units}で、{needed}に足りません。"), &format!("{arm} has {units}; {needed} are needed."))
        }
        Why::SplitBroken { p, .. } => Text::new(
            &format!("人数の配分が予定と合いません（p = {p:.1e}）。"),
            &format!("The arms do not have the sizes they were meant to have (p = {p:.1e})."),
        ),
        Why::NotComputable { what } => {
            Text::new(&format!("計算できません（{what}）。"), &format!("It cannot be computed: {what}."))
        }
    }
}

fn harmed(found: &harm::Evidence) -> Text {
    let harm::Evidence { metric, arm, units, mean, p, .. } = found;
    let [control, variant] = mean.map(number);
    let [effect, low, high] = [found.effect, found.low, found.high].map(number);
    let [n_control, n_variant] = units;
    let level = number(found.level);
    Text::new(
        &format!(
            "{arm} でガードレール {metric} が悪化しました。基準 {control}（{n_control}人）に対して {variant}（{n_variant}人）、差 {effect}、\
             いつ見ても有効な区間 {low} 〜 {high}、p = {p:.1e}（水準 {level}）。"
        ),
        &format!(
            "{arm} harms the guardrail {metric}: {variant} (n {n_variant}) against {control} (n {n_control}), a difference of {effect}, \
             between {low} and {high} at any look, p = {p:.1e} (level {level})."
        ),
    )
}

/// What each arm did, and by what they were compared.
fn arms(by: &rollout::Evidence) -> Text {
    let said = |chance: &str| {
        let of = by.arms.iter().map(|arm| {
            let sure = arm.chance.map_or(String::new(), |sure| format!(", {chance} {:.1} %", 100.0 * sure));
            format!("{} {} (n {}{sure})", arm.arm, number(arm.mean), arm.units)
        });
        of.collect::<Vec<_>>().join(", ")
    };
    let pairs = by.pairs.iter().map(|pair| format!("{} > {}: p = {:.1e}", pair.better, pair.worse, pair.p));
    let pairs = pairs.collect::<Vec<_>>().join(", ");
    let pairs = if pairs.is_empty() { pairs } else { format!("; {pairs}") };
    let threshold = number(by.threshold);
    match by.rule {
        WinnerRule::Significant => Text::new(
            &format!("{}{pairs}、水準 {threshold}", said("最良の確率")),
            &format!("{}{pairs}; level {threshold}", said("chance to be best")),
        ),
        WinnerRule::Likeliest => Text::new(
            &format!("{}、必要な確率 {threshold}", said("最良の確率")),
            &format!("{}; {threshold} is asked for", said("chance to be best")),
        ),
    }
}

/// Four digits behind the point, or none for what is large.
fn number(number: f64) -> String {
    let text = if number.abs() >= 1_000.0 { format!("{number:.0}") } else { format!("{number:.4}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use decide::automatic::{Weight, bandit::Learned};

    use super::*;

    #[test]
    fn a_decision_is_said_with_its_numbers() {
        let check = |action: Action, because: Why, done_en: &str, why_en: &str| {
            let (done, why) = (done(&action), why(&because));
            assert_eq!((done.en.as_str(), why.en.as_str()), (done_en, why_en));
            assert!(!done.ja.is_empty() && !why.ja.is_empty() && done.ja != done.en && why.ja != why.en, "{done:?} {why:?}");
        };
        let harm = harm::Evidence {
            metric: "metrics/net_revenue".into(),
            arm: "b".into(),
            units: [5_000, 5_001],
            mean: [1_000.0, 980.5],
            effect: -19.5,
            low: -25.25,
            high: -14.0,
            p: 1e-9,
            level: 0.05,
        };
        check(
            Action::Stop,
            Why::Harm(harm),
            "stopped the test",
            "b harms the guardrail metrics/net_revenue: 980.5 (n 5001) against 1000 (n 5000), a difference of -19.5, between -25.25 and \
             -14 at any look, p = 1.0e-9 (level 0.05).",
        );
        let arm = |arm: &str, mean, chance| rollout::ArmEvidence { arm: arm.into(), units: 200, mean, chance };
        let pair = rollout::Pair { better: "b".into(), worse: "a".into(), gain: 0.3, p: 2e-6 };
        let significant = rollout::Evidence {
            rule: WinnerRule::Significant,
            threshold: 0.05,
            arms: vec![arm("a", 0.1, None), arm("b", 0.4, None)],
            pairs: vec![pair],
        };
        check(
            Action::SendRest { arm: "b".into() },
            Why::Won { arm: "b".into(), by: significant },
            "sends b to the rest",
            "b is better than each other arm (a 0.1 (n 200), b 0.4 (n 200); b > a: p = 2.0e-6; level 0.05).",
        );
        let likeliest = rollout::Evidence {
            rule: WinnerRule::Likeliest,
            threshold: 0.95,
            arms: vec![arm("a", 0.1, Some(0.25)), arm("b", 0.125, Some(0.75))],
            pairs: Vec::new(),
        };
        check(
            Action::SplitRest,
            Why::NoneShown { by: likeliest },
            "sends all arms to the rest",
            "No arm is shown to be better (a 0.1 (n 200, chance to be best 25.0 %), b 0.125 (n 200, chance to be best 75.0 %); 0.95 is asked for).",
        );
        let learned =
            Learned { arm: "a".into(), units: 9, mean: 1_234.5, se: 1.0, chance_best: 1.0, chance_second: 0.0, weight: 1.0 };
        check(
            Action::Weigh { weights: vec![Weight { arm: "a".into(), weight: 0.95 }, Weight { arm: "b".into(), weight: 0.05 }] },
            Why::Learned { arms: vec![learned] },
            "set new shares: a 95.0 %, b 5.0 %",
            "So far: a 1234 (n 9).",
        );
        check(
            Action::Wait { until: DateTime::UNIX_EPOCH },
            Why::TooFew { arm: "b".into(), units: 3, needed: 30 },
            "waits until 1970-01-01T00:00:00.000000Z",
            "b has 3; 30 are needed.",
        );
    }
}
