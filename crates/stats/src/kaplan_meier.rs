//! How many have bought again by day h, when some were not yet followed that long. Reading it as buyers over everybody is biased
//! down while a cohort is young. F26: Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53:
//! on each day with events S ← S(1 - d/n), events before censorings at ties; Greenwood's variance S² Σ d/(n(n-d)); interval on
//! log(-log S) (Kalbfleisch and Prentice). Conversion = 1 - S(h), only if someone was followed to h.

use std::collections::BTreeMap;

use crate::{Alpha, Interval, NotComputable};

/// How many had the event, and how many were last seen without it, `day` days after their start. The sufficient statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    pub day: u32,
    pub events: u64,
    pub censored: u64,
}

/// One day on which the curve falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub day: u32,
    /// Followed to this day without the event before it.
    pub at_risk: u64,
    pub events: u64,
    /// Last seen on this day, after its events.
    pub censored: u64,
    /// S after this day.
    pub survival: f64,
    /// Σ d/(n(n-d)) to this day; not computable once nobody is left.
    greenwood: Option<f64>,
}

/// The share that has converted by `horizon` days, in shares of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    pub horizon: u32,
    pub converted: f64,
    /// Followed beyond the horizon without the event.
    pub at_risk_after: u64,
    /// Greenwood's; `NobodyLeft` once the curve is at 0.
    pub se: Result<f64, NotComputable>,
    /// On log(-log S); `NoEvent` before the first event, `NobodyLeft` once the curve is at 0.
    pub interval: Result<Interval, NotComputable>,
}

/// The product-limit curve of one cohort.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanMeier {
    n: u64,
    events: u64,
    longest: u32,
    steps: Vec<Step>,
    /// By day, how many are followed beyond it without the event.
    at_risk_after: BTreeMap<u32, u64>,
}

impl KaplanMeier {
    /// From counts per day, in any order; a day may come more than once.
    ///
    /// # Errors
    /// `Empty` without anybody, `Overflow` if the counts do not fit.
    pub fn new(counts: impl IntoIterator<Item = DayCount>) -> Result<Self, NotComputable> {
        let mut days: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let (mut n, mut events) = (0u64, 0u64);
        for count in counts {
            let people = count.events.checked_add(count.censored).and_then(|people| n.checked_add(people));
            n = people.ok_or(NotComputable::Overflow { what: "count" })?;
            events += count.events;
            if count.events > 0 || count.censored > 0 {
                let day = days.entry(count.day).or_default();
                *day = (day.0 + count.events, day.1 + count.censored);
            }
        }
        let Some((&longest, _)) = days.last_key_value() else { return Err(NotComputable::Empty) };

        let (mut at_risk, mut survival, mut greenwood) = (n, 1.0, Some(0.0));
        let (mut steps, mut at_risk_after) = (Vec::new(), BTreeMap::new());
        for (day, (events, censored)) in days {
            if events > 0 {
                let left = at_risk - events;
                survival *= left as f64 / at_risk as f64;
                greenwood = greenwood.filter(|_| left > 0).map(|sum| sum + events as f64 / at_risk as f64 / left as f64);
                steps.push(Step { day, at_risk, events, censored, survival, greenwood });
            }
            at_risk -= events + censored;
            at_risk_after.insert(day, at_risk);
        }
        Ok(Self { n, events, longest, steps, at_risk_after })
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last day anybody was followed to.
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// The days with events, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The share converted by `horizon`.
    ///
    /// # Errors
    /// `NotFollowed`, with the share reached so far, if nobody was followed that long and someone had not converted.
    pub fn conversion_at(&self, horizon: u32, alpha: Alpha) -> Result<Conversion, NotComputable> {
        let step = self.steps.iter().rev().find(|step| step.day <= horizon);
        let survival = step.map_or(1.0, |step| step.survival);
        if horizon > self.longest && survival > 0.0 {
            return Err(NotComputable::NotFollowed { horizon, longest: self.longest, at_least: 1.0 - survival });
        }
        let at_risk_after = self.at_risk_after.range(..=horizon).next_back().map_or(self.n, |(_, &left)| left);
        let (se, interval) = match step {
            None => (Ok(0.0), Err(NotComputable::NoEvent { horizon })),
            Some(Step { greenwood: None, .. }) => {
                (Err(NotComputable::NobodyLeft { horizon }), Err(NotComputable::NobodyLeft { horizon }))
            }
            Some(Step { greenwood: Some(greenwood), .. }) => {
                (Ok(survival * greenwood.sqrt()), Ok(log_log_interval(survival, *greenwood, alpha)?))
            }
        };
        Ok(Conversion { horizon, converted: 1.0 - survival, at_risk_after, se, interval })
    }

    /// The first day by which half have converted.
    ///
    /// # Errors
    /// `MedianNotReached` if the curve stays above one half.
    pub fn median(&self) -> Result<u32, NotComputable> {
        // The product of 9/10, 8/9, … may be one bit above the half it stands for.
        let half = 0.5 + 1e-12;
        let reached = self.steps.iter().find(|step| step.survival <= half).map(|step| step.day);
        let converted = 1.0 - self.steps.last().map_or(1.0, |step| step.survival);
        reached.ok_or(NotComputable::MedianNotReached { longest: self.longest, converted })
    }
}

/// Of the conversion 1 - S: S to the power exp(±z·se(log(-log S))).
fn log_log_interval(survival: f64, greenwood: f64, alpha: Alpha) -> Result<Interval, NotComputable> {
    let log_survival = survival.ln();
    let factor = (alpha.z()? * greenwood.sqrt() / -log_survival).exp();
    Ok(Interval { low: -(log_survival / factor).exp_m1(), high: -(log_survival * factor).exp_m1() })
}
