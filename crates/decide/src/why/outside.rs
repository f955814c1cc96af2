//! Why a customer is not in a scenario: everything that keeps them out, what stands first in the way first. The rules are those by which a tick
//! lets people in, so that what is said here is what would happen.

use chrono::{Duration, NaiveDate};
use model::{
    EntryStatus, Instant, Scenario, Text,
    scenario::{Concurrency, DateEntry, Reentry, Start},
};

use super::{Pass, Question, Words, words::both};
use crate::{
    bucket,
    tick::{self, CustomerDate, Window, schedule},
};

/// No evaluation is further away than that.
const AHEAD_MAX: Duration = Duration::days(400);
/// Events that are named one by one.
const EVENTS_MAX: usize = 3;

/// What was found of one customer at a scenario's entrance.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Entry events of the customer, oldest first, from this moment on.
    pub noticed: Vec<Noticed>,
    pub noticed_since: Option<Instant>,
    /// Of the entry's segment, at `asked_at`; of segments it is made of after its own. Empty where no row of what it selects from is theirs.
    pub clauses: Vec<Clause>,
    /// The segment is not one condition on rows, so no clause can be named.
    pub is_whole: bool,
    pub is_member: bool,
    /// When the segment was asked; nothing if the entry has none.
    pub asked_at: Option<Instant>,
    /// The evaluation before had them, too.
    pub was_member_before: bool,
    /// The first of the entry's `exclude` segments that has them.
    pub excluded_by: Option<String>,
    /// Every revision of the entry's date that is known.
    pub dates: Vec<CustomerDate>,
    /// It goes to more people than it may without a second person, and none has approved it.
    pub awaits_approval: bool,
}

#[derive(Debug, Clone)]
pub struct Noticed {
    pub at: Instant,
    pub known_at: Instant,
    /// The entry's `where` is true of it.
    pub lets_in: bool,
}

#[derive(Debug, Clone)]
pub struct Clause {
    pub segment: String,
    pub clause: String,
    pub holds: bool,
    /// What was compared: `recency_days = 12`.
    pub values: String,
}

pub fn tell(question: &Question, words: &Words, scenario: &Scenario, around: &Around) -> Vec<Text> {
    let facts = question.facts;
    let (now, rules) = (question.now, question.rules);
    let mut lines = Vec::new();
    if !scenario.enabled {
        lines.push(Text::new(
            "シナリオは無効（下書き、または停止中）。ファイルの enabled = true で有効になる",
            "The scenario is switched off (a draft, or paused in its file): `enabled = true` in its file switches it on",
        ));
    }
    if let Some(pause) = rules.pauses.iter().find(|pause| pause.covers(&scenario.scenario, now)) {
        let what = match pause.scenario {
            Some(_) => Text::new("シナリオ", "The scenario is"),
            None => Text::new("全配信", "Everything is"),
        };
        lines.push(both!("{}が{}から停止中", "{} paused since {}", what, words.at(pause.from)));
    }
    if around.awaits_approval {
        lines.push(Text::new("シナリオは承認待ち", "The scenario waits for approval"));
    }
    if let Some(at) = facts.erased_at {
        lines.push(both!("{}に個人情報が消去された", "The person was erased on {}", words.at(at)));
    }
    if let Some(holdout) = rules.holdout.as_ref().filter(|_| scenario.is_marketing())
        && bucket::held_out(holdout, &facts.unit)
    {
        lines.push(both!(
            "ショップ全体のホールドアウト（{}%、{}）に入っているため、販促だけのシナリオには入らない",
            "They are in the shop's holdout ({} %, {}): no scenario that only advertises takes them",
            holdout.percent.to_string(),
            holdout.salt
        ));
    }
    if !rules.is_in_season(&scenario.entry.seasons, rules.zone.day(now)) {
        lines.push(both!(
            "今はシーズン（{}）の期間外",
            "It is not the season ({}) in which people come in",
            scenario.entry.seasons.join(", ")
        ));
    }
    let past: Vec<&Pass> = facts.passes.iter().filter(|pass| pass.scenario == scenario.scenario).collect();
    lines.extend(reentry(question, words, scenario, &past));
    let entry = &scenario.entry;
    if entry.on.is_some() {
        lines.extend(by_event(question, words, scenario, around));
    } else if entry.segment.is_some() {
        lines.extend(by_segment(question, words, scenario, around, past.is_empty()));
    } else if let Some(date) = &entry.date {
        lines.push(by_date(question, words, scenario, date, around));
    }
    if scenario.holdout.as_ref().is_some_and(|holdout| bucket::held_out(holdout, &facts.unit)) {
        lines.push(Text::new(
            "入っても、このシナリオのホールドアウトなので何も送られない",
            "Even inside nothing would be sent: they are in the scenario's holdout",
        ));
    }
    lines
}

/// Whether earlier passes keep them out, and until when.
fn reentry(question: &Question, words: &Words, scenario: &Scenario, past: &[&Pass]) -> Option<Text> {
    let entry = &scenario.entry;
    let last = past.iter().max_by_key(|pass| pass.entered_at)?;
    let keyed = entry.key.is_some() || entry.date.is_some();
    if past.iter().any(|pass| pass.status == EntryStatus::Waiting) && entry.concurrency == Concurrency::OnePerSubject {
        return Some(Text::new(
            "すでに進行中で、同時に入れるのは1つだけ",
            "They are under way in it, and may be so once at a time",
        ));
    }
    match &entry.reentry {
        Reentry::Once if keyed => Some(both!(
            "同じキーでは1度だけ。前回は{}（キー {}）",
            "Each key comes in once; the last was on {} (key {})",
            words.at(last.entered_at),
            last.entry_key
        )),
        // A segment's passes are told apart by the run's date, and still nobody enters twice.
        Reentry::Once => Some(both!("入るのは1度だけ。前回は{}", "They come in once, and did on {}", words.at(last.entered_at))),
        Reentry::Rematch => Some(both!(
            "対象から一度外れて再び該当すると入る。前回は{}",
            "They come in again after having been outside the segment; last on {}",
            words.at(last.entered_at)
        )),
        Reentry::Cooldown { calendar_days, elapsed } => {
            let zone = question.rules.zone;
            let day = calendar_days
                .and_then(|days| zone.day(last.entered_at).checked_add_signed(Duration::days(days)))
                .map(|day| zone.start_of(day));
            let free = day.into_iter().chain(elapsed.map(|span| last.entered_at + span.0)).max()?;
            (free > question.now).then(|| {
                both!(
                    "前回は{}。次に入れるのは{}から",
                    "Last on {}; they may come in again from {}",
                    words.at(last.entered_at),
                    words.at(free)
                )
            })
        }
    }
}

fn by_event(question: &Question, words: &Words, scenario: &Scenario, around: &Around) -> Vec<Text> {
    let name = scenario.entry.on.as_deref().unwrap_or_default();
    let since = around.noticed_since.map(|at| words.day(at)).unwrap_or_default();
    let Some(last) = around.noticed.last() else {
        return vec![both!(
            "きっかけのイベント「{}」が{}以降ない",
            "Not triggered: no `{}` of theirs is known since {}",
            name,
            since
        )];
    };
    let (fitting, others): (Vec<&Noticed>, Vec<&Noticed>) = around.noticed.iter().partition(|noticed| noticed.lets_in);
    let times = |events: &[&Noticed]| {
        let shown: Vec<String> = events.iter().rev().take(EVENTS_MAX).map(|event| words.at(event.at)).collect();
        shown.join(", ")
    };
    let condition = scenario.entry.condition.as_deref().unwrap_or_default();
    if fitting.is_empty() {
        return vec![both!(
            "イベント「{}」はあった（{}）が、条件「{}」を満たさない",
            "There was `{}` ({}), but not such that `{}`",
            name,
            times(&others),
            condition
        )];
    }
    let decided = last.at.max(last.known_at - question.grace) + question.grace;
    let mut lines = vec![both!("条件に合うイベント「{}」：{}", "`{}` that lets in: {}", name, times(&fitting))];
    if decided > question.now {
        lines.push(both!("{}に判定される", "It is decided on {}", words.at(decided)));
    } else {
        lines.push(Text::new(
            "その時点でシナリオが動いていなかったか、上の理由で入らなかった",
            "The scenario did not run at that time, or what stands above kept them out",
        ));
    }
    lines
}

fn by_segment(question: &Question, words: &Words, scenario: &Scenario, around: &Around, is_new: bool) -> Vec<Text> {
    let entry = &scenario.entry;
    let segment = entry.segment.as_deref().unwrap_or_default();
    let asked_at = around.asked_at.unwrap_or(question.now);
    let mut lines = Vec::new();
    if let Some(excluded) = &around.excluded_by {
        lines.push(both!("除外セグメント「{}」に該当する", "The excluded segment `{}` has them", excluded));
    }
    if !around.is_member {
        let failing: Vec<&Clause> = around.clauses.iter().filter(|clause| !clause.holds).collect();
        match failing.as_slice() {
            [] => lines.push(match around.is_whole {
                true => both!(
                    "{}の時点でセグメント「{}」に該当しない（1つの条件に分けられない定義）",
                    "On {} the segment `{}` does not have them (its definition is not one condition, so no clause can be named)",
                    words.at(asked_at),
                    segment
                ),
                false => both!(
                    "{}の時点でセグメント「{}」の元のデータに記録がない",
                    "On {} nothing that the segment `{}` selects from is of them",
                    words.at(asked_at),
                    segment
                ),
            }),
            failing => {
                lines.push(both!(
                    "{}の時点でセグメント「{}」に該当しない。満たさない条件：",
                    "On {} the segment `{}` does not have them. What fails:",
                    words.at(asked_at),
                    segment
                ));
                for clause in failing {
                    lines.push(match clause.values.as_str() {
                        "" => both!("・{}：{}", "· {}: {}", clause.segment, clause.clause),
                        values => both!("・{}：{}（{}）", "· {}: {} ({})", clause.segment, clause.clause, values),
                    });
                }
            }
        }
        return lines;
    }
    if is_new && scenario.start == Start::FutureOnly && !scenario.is_broadcast() && around.was_member_before {
        lines.push(both!(
            "シナリオの開始前からセグメント「{}」に該当していた。以後に新しく該当した会員だけが入る（start = \"include_current\"で全員）",
            "The segment `{}` had them before, and only who comes into it anew enters (`start = \"include_current\"` takes everybody)",
            segment
        ));
    }
    let next = schedule::evaluations(entry, question.rules.zone, question.now - question.grace, question.now + AHEAD_MAX);
    lines.push(match next.first() {
        Some(at) => both!(
            "セグメント「{}」に該当する。次の判定は{}",
            "The segment `{}` has them; it is evaluated next on {}",
            segment,
            words.at(*at + question.grace)
        ),
        None => both!(
            "セグメント「{}」に該当するが、もう判定は行われない",
            "The segment `{}` has them, but it is not evaluated any more",
            segment
        ),
    });
    lines
}

fn by_date(question: &Question, words: &Words, scenario: &Scenario, date: &DateEntry, around: &Around) -> Text {
    let mut known: Vec<NaiveDate> =
        around.dates.iter().filter(|known| known.name == date.of).filter_map(|known| known.on).collect();
    known.sort();
    known.dedup();
    let Some(last) = known.last() else {
        return both!("日付「{}」がわからない", "Their date `{}` is not known", date.of);
    };
    let (from, to) = (question.now - question.grace, question.now + AHEAD_MAX);
    let window = Window { run_id: String::new(), from, to, grace: question.grace };
    let comes = tick::by_date(&around.dates, std::slice::from_ref(scenario), question.rules.zone, &window);
    match comes.iter().map(|trigger| trigger.at).min() {
        Some(at) => both!(
            "日付「{}」（{}）により、{}に入る",
            "By their date `{}` ({}) they come in on {}",
            date.of,
            last.to_string(),
            words.at(at + question.grace)
        ),
        None => {
            both!("日付「{}」（{}）からは、もう入らない", "Their date `{}` ({}) lets them in no more", date.of, last.to_string())
        }
    }
}
