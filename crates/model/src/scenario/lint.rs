//! What is wrong with a scenario, as far as its own file says: every problem at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;

use crate::{Problem, Purpose, Shop};

use super::{DateEntry, END, Exit, Matching, MessageExperiment, Reentry, Scenario, SendStep, Start, Step, StepCoupon, Wait};

/// How often a segment may be asked on one day.
const EVERY_MIN: Duration = Duration::minutes(15);
const EVERY_MAX: Duration = Duration::hours(12);

/// Collects problems, each with the first line that has its needle.
struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    fn say(&mut self, needle: &str, message: impl Into<String>, remedy: &str) {
        let line = self.text.lines().position(|line| !needle.is_empty() && line.contains(needle)).map_or(0, |index| index + 1);
        self.problems.push(Problem::new(self.file, line, message).with_remedy(remedy));
    }
}

impl Scenario {
    pub(super) fn problems(&self, file: &str, text: &str) -> Vec<Problem> {
        let mut found = Findings { file, text, problems: Vec::new() };
        let name_ok = self.scenario.starts_with(|c: char| c.is_ascii_lowercase())
            && self.scenario.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !name_ok {
            found.say("scenario", format!("`{}` is not a scenario id", self.scenario), "use lower-case letters, digits and `-`");
        }
        self.check_entry(&mut found);
        for exit in &self.exits {
            self.check_exit(exit, &mut found);
        }
        if let Some(holdout) = &self.holdout
            && !(0.0..=50.0).contains(&holdout.percent)
        {
            found.say("percent", format!("a holdout of {} % is outside 0..50", holdout.percent), "5 to 20 is usual");
        }
        self.check_steps(&mut found);
        self.check_ways(&mut found);
        self.check_tests(&mut found);
        self.check_migration(&mut found);
        found.problems
    }

    /// What the scenario names that the shop's settings do not have.
    pub fn problems_in(&self, shop: &Shop, file: &str, text: &str) -> Vec<Problem> {
        let mut found = Findings { file, text, problems: Vec::new() };
        let known: BTreeSet<&str> = shop.seasons.iter().map(|season| season.name.as_str()).collect();
        let named = self.entry.seasons.iter().chain(self.sends().flat_map(|send| send.seasons.keys()));
        for season in named.filter(|season| !known.contains(season.as_str())).collect::<BTreeSet<_>>() {
            let remedy = "add it to tsubame.toml as [[seasons]] with name, first and last";
            found.say(season, format!("the shop has no season `{season}`"), remedy);
        }
        if let Some(holdout) = self.holdout.as_ref().filter(|own| shop.holdout.as_ref().is_some_and(|all| all.salt == own.salt)) {
            let message = format!("the holdout has the salt `{}` of the shop's holdout", holdout.salt);
            found.say(&holdout.salt, message, "give it a salt of its own, or both keep the same people out");
        }
        found.problems
    }

    fn check_entry(&self, found: &mut Findings) {
        let entry = &self.entry;
        let at = "[entry]";
        let ways = [entry.on.is_some(), entry.segment.is_some(), entry.date.is_some()];
        if ways.iter().filter(|is| **is).count() != 1 {
            let message = "an entry is either `on` an event, from a `segment` or by a `date`";
            found.say(at, message, "give exactly one of the three");
        }
        let only = |is_given: bool, is_fitting: bool| is_given && !is_fitting;
        let (of_event, of_segment) = (entry.on.is_some(), entry.segment.is_some());
        for (name, is_wrong, belongs) in [
            (
                "key",
                only(entry.key.is_some(), of_event || (of_segment && entry.once.is_none())),
                "`on` an event or from a `segment`",
            ),
            ("where", only(entry.condition.is_some(), of_event), "`on` an event"),
            ("params", only(!entry.params.is_empty(), of_segment), "from a `segment`"),
            ("at", only(entry.at.is_some(), of_segment || entry.date.is_some()), "from a `segment` or by a `date`"),
            ("weekdays", only(!entry.weekdays.is_empty(), of_segment), "from a `segment`"),
            ("days", only(!entry.days.is_empty(), of_segment), "from a `segment`"),
            ("exclude", only(!entry.exclude.is_empty(), of_segment), "from a `segment`"),
            ("exclude_sent_within", only(entry.exclude_sent_within.is_some(), of_segment), "from a `segment`"),
            ("once", only(entry.once.is_some(), of_segment), "from a `segment`"),
            ("every", only(entry.every.is_some(), of_segment && entry.once.is_none()), "from a `segment` that is asked again"),
        ] {
            if is_wrong {
                found.say(at, format!("`{name}` means nothing to this entry"), &format!("it belongs to an entry {belongs}"));
            }
        }
        let schedule = [entry.once.is_some(), !entry.weekdays.is_empty(), !entry.days.is_empty()];
        if schedule.iter().filter(|is| **is).count() > 1 || (entry.once.is_some() && entry.at.is_some()) {
            let remedy = "`once` has its own time; `weekdays` and `days` go with `at`";
            found.say(at, "an entry has one schedule: `once`, `weekdays` or `days`", remedy);
        }
        if let Some(every) = entry.every.filter(|every| every.0 < EVERY_MIN || every.0 > EVERY_MAX) {
            let message = format!("`every` of {} minutes is outside 15 minutes to 12 hours", every.0.num_minutes());
            found.say("every", message, "write every = \"1h\"; an evaluation asks about everybody");
        }
        if entry.days.iter().any(|day| !(1..=31).contains(day)) {
            found.say("days", "a day of the month is 1 to 31", "31 is the last day of a shorter month, too");
        }
        if let Some(date) = entry.date.as_ref().filter(|date| !DateEntry::NAMES.contains(&date.of.as_str())) {
            let message = format!("`{}` is no date of a customer", date.of);
            found.say(&date.of, message, &format!("use one of {}", DateEntry::NAMES.join(", ")));
        }
        if let Reentry::Cooldown { calendar_days: None, elapsed: None } = entry.reentry {
            found.say("reentry", "a cooldown needs `calendar_days` or `elapsed`", "write calendar_days = 7");
        }
        if self.start == Start::IncludeCurrent && !of_segment {
            found.say("start", "`start` asks for a segment", "remove it: an event or a date lets in when it comes");
        }
    }

    fn check_exit(&self, exit: &Exit, found: &mut Findings) {
        let ways = [exit.on.is_some(), exit.when.is_some(), exit.leave.is_some()];
        if ways.iter().filter(|is| **is).count() != 1 {
            found.say("[[exit]]", "an exit is either `on` an event, `when` something is true, or a `leave`", "give exactly one");
        }
        match exit.leave.as_deref() {
            None | Some("consent") => {}
            Some("audience") if self.entry.key.is_some() && self.entry.segment.is_some() => found.say(
                "audience",
                "nobody can leave the audience of one key: they may be in the segment for another",
                "use an exit `on` an event, or `when`",
            ),
            Some("audience") if self.entry.segment.is_some() && !self.is_broadcast() => {}
            Some("audience") => found.say(
                "audience",
                "nobody can leave the audience: the entry has no segment that is evaluated again",
                "use an exit `on` an event, or `when`",
            ),
            Some(other) => found.say(other, format!("`{other}` cannot be left"), "leave is \"consent\" or \"audience\""),
        }
        if exit.condition.is_some() && exit.on.is_none() {
            found.say("[[exit]]", "an exit's `where` is about its event", "add `on`, or use `when`");
        }
        self.check_matching(exit.matching, "[[exit]]", found);
    }

    fn check_matching(&self, matching: Matching, at: &str, found: &mut Findings) {
        if matching == Matching::Key && self.entry.key.is_none() {
            found.say(at, "match = \"key\" needs a key of the entry", "add key = \"cart_id\" under [entry]");
        }
    }

    fn check_steps(&self, found: &mut Findings) {
        if self.steps.is_empty() {
            found.say("step", "a scenario without steps", "add [[step]]");
        }
        let mut ids = BTreeSet::new();
        for step in &self.steps {
            let at = format!("\"{}\"", step.id);
            if step.id == END || !ids.insert(step.id.as_str()) {
                found.say(&at, format!("step id `{}` is taken", step.id), "rename one of them");
            }
            let kinds = [step.wait.is_some(), step.send.is_some(), step.branch.is_some(), step.split.is_some()];
            if kinds.iter().filter(|is| **is).count() != 1 {
                found.say(
                    &at,
                    format!("step `{}` must be one of wait, send, branch, split", step.id),
                    "split it into several steps",
                );
            }
            if let Some(wait) = &step.wait {
                self.check_wait(step, wait, &at, found);
            }
            if let Some(arms) = &step.branch {
                if !arms.last().is_some_and(|arm| arm.otherwise.is_some() && arm.when.is_none()) {
                    found.say(&at, format!("branch `{}` has no `else`", step.id), "end it with { else = \"STEP\" }");
                }
                let leads = arms.len().saturating_sub(1);
                if arms[..leads].iter().any(|arm| arm.when.is_none() || arm.to.is_none() || arm.otherwise.is_some()) {
                    found.say(
                        &at,
                        format!("branch `{}` has an arm that is not {{ when, to }}", step.id),
                        "only the last has `else`",
                    );
                }
            }
            if (step.branch.is_some() || step.split.is_some()) && step.next.is_some() {
                found.say(&at, format!("the `next` of `{}` is never taken", step.id), "its arms say where it leads");
            }
            if let Some(send) = &step.send {
                self.check_send(step, send, &at, found);
            }
        }
    }

    fn check_wait(&self, step: &Step, wait: &Wait, at: &str, found: &mut Findings) {
        let kinds = [wait.duration.is_some(), wait.until.is_some(), wait.event.is_some(), wait.date.is_some()];
        if kinds.iter().filter(|is| **is).count() != 1 {
            let message = format!("wait `{}` needs `for`, `until`, `event` or `date`", step.id);
            found.say(at, message, "give exactly one of the four");
        }
        if wait.since.is_some() && wait.since_event().is_none() {
            found.say(
                at,
                format!("wait `{}`: `since` is not of the form last(EVENT)", step.id),
                "write since = \"last(cart_updated)\"",
            );
        }
        if wait.since.is_some()
            && wait.duration.is_none()
            && (wait.until.is_some() || wait.event.is_some() || wait.date.is_some())
        {
            found.say(at, format!("wait `{}`: `since` goes with `for`", step.id), "remove it");
        }
        if wait.event.is_some() && wait.timeout.is_none() {
            found.say(at, format!("wait `{}` may never end", step.id), "add timeout = \"3d\"");
        }
        if wait.event.is_none() && (wait.condition.is_some() || wait.matching != Matching::default()) {
            found.say(at, format!("wait `{}`: `match` and `where` go with `event`", step.id), "remove them");
        }
        if wait.date.is_none() && (wait.days != 0 || wait.at.is_some()) {
            found.say(at, format!("wait `{}`: `days` and `at` go with `date`", step.id), "remove them");
        }
        if wait.event.is_none() && wait.date.is_none() && (wait.timeout.is_some() || wait.on_timeout.is_some()) {
            found.say(at, format!("wait `{}` has no `timeout`: it ends by itself", step.id), "remove it");
        }
        self.check_matching(wait.matching, at, found);
    }

    fn check_send(&self, step: &Step, send: &SendStep, at: &str, found: &mut Findings) {
        if send.channels.is_empty() {
            found.say(at, format!("send `{}` tries no channel", step.id), "write try = [\"line\", \"email\"]");
        }
        if send.channels.iter().collect::<BTreeSet<_>>().len() < send.channels.len() {
            found.say(at, format!("send `{}` tries a channel twice", step.id), "name each once, in the order to try");
        }
        if send.purpose == Purpose::Marketing && self.exits.is_empty() && !self.is_broadcast() {
            found.say(
                at,
                format!("marketing send `{}` in a scenario without an exit", step.id),
                "add [[exit]] on = \"order_placed\"",
            );
        }
        if send.counts && send.purpose != Purpose::Transactional {
            found.say(at, format!("send `{}`: `counts` is for transactional messages", step.id), "all others count anyway");
        }
        if send.valid_for.is_some_and(|span| span.0.is_zero()) {
            found.say(at, format!("send `{}` is over before it begins", step.id), "give valid_for more than 0");
        }
        if let Some(coupon) = &send.coupon {
            self.check_coupon(step, coupon, at, found);
        }
        if let Some(test) = &send.experiment {
            self.check_automatic(test, send, found);
        }
    }

    fn check_coupon(&self, step: &Step, coupon: &StepCoupon, at: &str, found: &mut Findings) {
        if coupon.unique == coupon.code.is_some() {
            let message = format!("the coupon of send `{}` is either `unique` or one `code`", step.id);
            found.say(at, message, "write coupon = { unique = true, expires = \"14d\" } or { code = \"SPRING\" }");
        }
        if coupon.code.as_deref().is_some_and(|code| code.trim().is_empty()) {
            found.say(at, format!("the coupon of send `{}` has an empty code", step.id), "write the code that the cart knows");
        }
        if coupon.unique && coupon.expires.is_none() {
            let message = format!("the unique coupon of send `{}` never ends", step.id);
            found.say(at, message, "add expires = \"14d\": until then it credits orders to the send");
        }
    }

    /// What a test of messages declares to decide by itself.
    fn check_automatic(&self, test: &MessageExperiment, send: &SendStep, found: &mut Findings) {
        let (name, arms) = (&test.name, test.arms.len());
        let rollout = test.rollout.iter().flat_map(|rollout| rollout.problems(name, arms));
        for (message, remedy) in rollout.chain(test.bandit.iter().flat_map(|bandit| bandit.problems(name, arms))) {
            found.say(name, message, remedy);
        }
        if let (Some(rollout), Some(valid_for)) = (&test.rollout, send.valid_for)
            && valid_for.0 <= rollout.wait.0
        {
            let message = format!("the rest of the roll-out of `{name}` expires before it is decided");
            found.say(name, message, "let `valid_for` be longer than the roll-out's `wait`");
        }
        if test.rollout.is_some() && test.bandit.is_some() {
            let remedy = "a message that is sent once has a roll-out, one that is sent for ever a bandit";
            found.say(name, format!("experiment `{name}` has a roll-out and a bandit"), remedy);
        }
    }

    /// Where steps lead: to steps that there are, to all of them, and never in a circle without a wait.
    fn check_ways(&self, found: &mut Findings) {
        for step in &self.steps {
            for follower in self.followers(&step.id) {
                if follower != END && self.step(follower).is_none() {
                    found.say(
                        &format!("\"{follower}\""),
                        format!("step `{}` leads to `{follower}`, which does not exist", step.id),
                        "name a step of this file, or `end`",
                    );
                }
            }
        }
        let reachable = self.reachable();
        for unreachable in self.steps.iter().filter(|step| !reachable.contains(step.id.as_str())) {
            found.say(
                &format!("\"{}\"", unreachable.id),
                format!("step `{}` cannot be reached", unreachable.id),
                "remove it or lead to it",
            );
        }
        for step in &self.steps {
            if self.loops_without_wait(&step.id) {
                found.say(
                    &format!("\"{}\"", step.id),
                    format!("step `{}` loops back to itself without a wait", step.id),
                    "put a wait into the loop",
                );
            }
        }
    }

    /// Tests with two arms or more whose shares are the whole, and salts that keep them apart.
    fn check_tests(&self, found: &mut Findings) {
        let mut salts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        if let Some(holdout) = &self.holdout {
            *salts.entry(&holdout.salt).or_default() += 1;
        }
        let tests = self.tests();
        for test in &tests {
            let (name, arms) = (&test.name, &test.arms);
            let total: f64 = arms.iter().map(|arm| arm.weight).sum();
            if arms.len() < 2 || (total - 1.0).abs() > 1e-9 || arms.iter().any(|arm| arm.weight <= 0.0) {
                let message = format!("experiment `{name}` needs two arms or more whose weights sum to 1");
                found.say(name, message, "e.g. 0.5 and 0.5");
            }
            if arms.iter().map(|arm| &arm.id).collect::<BTreeSet<_>>().len() < arms.len() {
                found.say(name, format!("experiment `{name}` has two arms of one id"), "rename one of them");
            }
            *salts.entry(&test.salt).or_default() += 1;
            *names.entry(name).or_default() += 1;
        }
        for (salt, _) in salts.into_iter().filter(|(_, times)| *times > 1) {
            let message = format!("the salt `{salt}` is used twice: both would pick the same people");
            found.say(salt, message, "give each holdout and experiment its own");
        }
        for (name, _) in names.into_iter().filter(|(_, times)| *times > 1) {
            found.say(name, format!("two experiments are named `{name}`"), "rename one: exposures are told apart by it");
        }
    }

    fn check_migration(&self, found: &mut Findings) {
        let targets = self.migrate.iter().flat_map(|migrate| migrate.step_map.values());
        for target in targets.filter(|target| *target != END && self.step(target).is_none()) {
            found.say(
                &format!("\"{target}\""),
                format!("`migrate` leads to `{target}`, which does not exist"),
                "name a step of this file, or `end`",
            );
        }
    }

    fn reachable(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.steps.first().map(|step| step.id.as_str()).into_iter().collect();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.followers(id));
            }
        }
        seen
    }

    fn loops_without_wait(&self, start: &str) -> bool {
        let is_wait = |id: &str| self.step(id).is_some_and(|step| step.wait.is_some());
        let mut seen = BTreeSet::new();
        let mut open = if is_wait(start) { Vec::new() } else { self.followers(start) };
        while let Some(id) = open.pop() {
            if id == start {
                return true;
            }
            if !is_wait(id) && seen.insert(id) {
                open.extend(self.followers(id));
            }
        }
        false
    }
}
