//! Living the demo shop's month, or several: the past is imported, then each slot of each day collects, plans, delivers and answers, by a
//! logical clock and through the same jobs as a real shop. It can be stopped anywhere and goes on where it was.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::{NaiveTime, TimeDelta};
use model::{Channel, CustomerId, Fact, Instant, Receipt};
use query::{Mode, ParamValue, Params};

use super::{FILES, PlacedOrder, Response, SentMessage, Span, TAIL_DAYS, World};
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::{
        collect, due,
        flush::flush,
        import::{import, mapping_text},
        tick::Rows,
    },
    progress::Progress,
    workspace::{Access, CLOCK, Workspace, parse_instant},
};

/// The cursor that holds the end of the last slot lived.
const LIVED: &str = "demo";
const PAST: [(&str, &str); 3] =
    [("customers.csv", "demo-customers"), ("orders.csv", "demo-orders"), ("events.csv", "demo-events")];
/// Shop times at which scenarios are evaluated; ten minutes of grace after full hours, and the last before the quiet hours.
const SLOTS: [(u32, u32); 8] = [(8, 10), (10, 10), (12, 10), (14, 10), (16, 10), (18, 10), (20, 10), (21, 0)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub customers: u32,
    pub seed: u64,
    /// How many months it lives, of which June 2026 is the last.
    pub months: u32,
    /// Nobody reacts to a message in any way, as if none had come.
    pub ignored: bool,
    /// Scenarios that are switched off.
    pub off: Vec<String>,
}

/// Makes the shop in `folder` if it is not there, and lives what is left of its months.
pub async fn live(folder: &Path, options: Options) -> Result<Workspace, Fault> {
    prepare(folder, &options)?;
    let world = World::new(options.seed, options.customers, Span::months(options.months));
    let past = write_past(folder, &world)?;
    let workspace = Workspace::open(folder, Clock::logical(world.calendar.span.start_at()), Access::Write).await?;
    import_past(&workspace, &past).await?;
    Life { workspace: &workspace, world: &world, ignored: options.ignored, pending: BTreeMap::new() }.run().await?;
    Ok(workspace)
}

/// Writes the shop's own files, and remembers what it was made with.
fn prepare(folder: &Path, options: &Options) -> Result<(), Fault> {
    let could_not = |path: &Path, source| Fault::io(format!("could not write {}", path.display()), source);
    let made_with = made_with(options);
    let marker = folder.join("demo.toml");
    match std::fs::read_to_string(&marker) {
        Ok(text) if text == made_with => {}
        Ok(text) => {
            let text = text.trim().replace('\n', ", ");
            return Err(Fault::new(Exit::Config, format!("{} holds another demo shop ({text})", folder.display()))
                .remedy("remove the folder, name another with --dir, or repeat its --seed and --customers"));
        }
        Err(_) if folder.join("tsubame.toml").exists() => {
            return Err(Fault::new(Exit::Config, format!("{} holds a shop that is no demo", folder.display()))
                .remedy("name another with --dir"));
        }
        Err(_) => {}
    }
    for (name, text) in FILES {
        let is_off = options.off.iter().any(|off| name == format!("scenarios/{off}.toml"));
        // Before the first table, where settings of the scenario itself stand.
        let text = if is_off { text.replacen("\ntitle = ", "\nenabled = false\ntitle = ", 1) } else { text.to_string() };
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)).map_err(|source| could_not(&path, source))?;
    }
    std::fs::write(&marker, made_with).map_err(|source| could_not(&marker, source))
}

/// What tells two shops apart. An option that is as usual is not in it.
fn made_with(options: &Options) -> String {
    let mut text = format!("seed = {}\ncustomers = {}\n", options.seed, options.customers);
    if options.months != 1 {
        text.push_str(&format!("months = {}\n", options.months));
    }
    if options.ignored {
        text.push_str("effect = 0\n");
    }
    if !options.off.is_empty() {
        text.push_str(&format!("off = \"{}\"\n", options.off.join(" ")));
    }
    text
}

/// The past as CSV files, written whole or not at all.
fn write_past(folder: &Path, world: &World) -> Result<PathBuf, Fault> {
    let past = folder.join("history");
    if past.is_dir() {
        return Ok(past);
    }
    let part = folder.join("history.part");
    let could_not = |source| Fault::io(format!("could not write {}", part.display()), source);
    if part.exists() {
        std::fs::remove_dir_all(&part).map_err(could_not)?;
    }
    std::fs::create_dir_all(&part).map_err(could_not)?;
    let progress = Progress::new("making the past", "%", 100);
    let mut shown = 0;
    let mut of = String::new();
    let written = world.write_history(&part, &mut |file, share| {
        if of != file {
            of = file.into();
            shown = 0;
        }
        let now = (share * 25.0) as u64;
        progress.add(now.saturating_sub(shown));
        shown = shown.max(now);
    })?;
    std::fs::rename(&part, &past).map_err(could_not)?;
    progress.finish(&format!("{} customers, {} orders, {} events", written.customers, written.orders, written.events));
    Ok(past)
}

async fn import_past(workspace: &Workspace, past: &Path) -> Result<(), Fault> {
    for (file, mapping) in PAST {
        let key = format!("demo.{file}");
        if workspace.state.cursors().get(&key).await?.is_some() {
            continue;
        }
        let (name, text) = mapping_text(&workspace.folder, mapping)?;
        let progress = Progress::new(&format!("importing {file}"), "rows", 0);
        let report = import(workspace, &past.join(file), &name, &text, &progress).await?;
        progress.finish(&format!("{} rows, {} new facts, {} rejected", report.rows, report.stored, report.rejected));
        workspace.state.cursors().set(&key, "done").await?;
    }
    Ok(())
}

struct Life<'a> {
    workspace: &'a Workspace,
    world: &'a World,
    /// Messages change nothing.
    ignored: bool,
    /// What customers will do in answer to messages, by time.
    pending: BTreeMap<Instant, Vec<Response>>,
}

impl Life<'_> {
    async fn run(mut self) -> Result<(), Fault> {
        let cursors = self.workspace.state.cursors();
        let span = self.world.calendar.span;
        let start = span.start_at();
        if cursors.get(due::TICKED).await?.is_none() {
            cursors.set(due::TICKED, &model::time::rfc3339(start - self.workspace.shop().grace.0)).await?;
        }
        let mut lived = match cursors.get(LIVED).await? {
            Some(text) => parse_instant(&text)?,
            None => start,
        };
        // Answers to what was accepted before an interruption, those of the unfinished slot included.
        self.expect_answers(start).await?;
        self.pending = self.pending.split_off(&(lived + TimeDelta::microseconds(1)));
        let slots = slots(self.workspace, self.world);
        let what = if span == Span::MONTH { "living the month" } else { "living the months" };
        let progress = Progress::new(what, "slots", slots.len() as u64);
        progress.add(slots.iter().filter(|slot| slot.at <= lived).count() as u64);
        let mut today: Option<(u32, Vec<Natural>)> = None;
        for slot in slots.iter().filter(|slot| slot.at > lived).copied().collect::<Vec<_>>() {
            self.workspace.clock.set(slot.at);
            if today.as_ref().is_none_or(|(day, _)| *day != slot.day) {
                today = Some((slot.day, natural(self.world, slot.day)));
            }
            self.collect(lived, slot.at, today.as_ref().map_or(&[], |(_, natural)| natural)).await?;
            match slot.is_tail {
                true => due::nights(self.workspace, slot.at, &mut due::Report::default()).await?,
                false => {
                    due::run(self.workspace, slot.at).await?;
                    self.expect_answers(slot.at).await?;
                }
            }
            cursors.set(LIVED, &model::time::rfc3339(slot.at)).await?;
            lived = slot.at;
            progress.add(1);
        }
        flush(self.workspace).await?;
        cursors.set(CLOCK, &model::time::rfc3339(lived)).await?;
        self.workspace.clock.set(lived);
        progress.finish(&format!("{} days with messages and {} to see what came of them", span.days(), TAIL_DAYS));
        Ok(())
    }

    /// What happened in `(from, to]`: by itself, and in answer.
    async fn collect(&mut self, from: Instant, to: Instant, natural: &[Natural]) -> Result<(), Fault> {
        let mut facts: Vec<Fact> = natural
            .iter()
            .filter(|natural| natural.at > from && natural.at <= to)
            .flat_map(|natural| natural.facts.clone())
            .collect();
        let mut receipts: Vec<(Instant, Receipt)> = Vec::new();
        let later = self.pending.split_off(&(to + TimeDelta::microseconds(1)));
        for (_, responses) in std::mem::replace(&mut self.pending, later) {
            for response in responses {
                match response {
                    Response::Receipt(at, receipt) => receipts.push((at, receipt)),
                    Response::Event(at, event) => facts.push(Fact::new(&event, at, at)),
                    Response::Order(placed) => facts.extend(order_facts(&placed)),
                }
            }
        }
        collect::facts(self.workspace, facts).await?;
        collect::receipts(self.workspace, &receipts).await?;
        Ok(())
    }

    /// Hands every message accepted since `from` to its reader.
    async fn expect_answers(&mut self, from: Instant) -> Result<(), Fault> {
        if self.ignored {
            return Ok(());
        }
        // Later than anything: an interrupted slot has accepted messages after the time that is set now.
        let span = self.world.calendar.span;
        let end = span.start_at() + TimeDelta::days(span.days() + TAIL_DAYS);
        let desk = self.workspace.desk(end, Mode::AsHappened).await?;
        let params: Params = [("from_at".to_string(), ParamValue::Instant(from))].into();
        let answer = desk.ask("system/accepted_since", &params).await?;
        let rows = Rows::new(&answer);
        for row in 0..answer.rows.len() {
            let channel = rows.needed(row, "channel")?;
            let message = SentMessage {
                send_id: rows.needed(row, "send_id")?,
                customer_id: CustomerId::stored(rows.needed(row, "customer_id")?),
                scenario: rows.needed(row, "scenario")?,
                step: rows.needed(row, "step")?,
                arm: rows.text(row, "arm"),
                channel: Channel::parse(&channel).ok_or_else(|| Fault::new(Exit::Data, format!("`{channel}` is no channel")))?,
                sent_at: rows.instant(row, "accepted_at")?,
                accepted: true,
            };
            for response in self.world.respond(&message) {
                self.pending.entry(response.at()).or_default().push(response);
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    at: Instant,
    day: u32,
    /// After what is lived: nothing is sent any more.
    is_tail: bool,
}

fn slots(workspace: &Workspace, world: &World) -> Vec<Slot> {
    let zone = workspace.shop().timezone;
    let at = |day: u32, time: NaiveTime| zone.instant(world.date(day).and_time(time));
    let days = world.calendar.span.days();
    let mut slots = Vec::new();
    for day in 0..days as u32 {
        let times = SLOTS.iter().filter_map(|(hour, minute)| NaiveTime::from_hms_opt(*hour, *minute, 0));
        slots.extend(times.map(|time| Slot { at: at(day, time), day, is_tail: false }));
        // The last of the day collects what is left of it; the night after it is worked by the first slot of the next.
        slots.push(Slot { at: at(day + 1, NaiveTime::MIN) - TimeDelta::microseconds(1), day, is_tail: true });
    }
    for day in days as u32..(days + TAIL_DAYS) as u32 {
        slots.push(Slot { at: at(day + 1, NaiveTime::MIN) - TimeDelta::microseconds(1), day, is_tail: true });
    }
    slots
}

/// Facts of one moment that no message caused.
struct Natural {
    at: Instant,
    facts: Vec<Fact>,
}

fn natural(world: &World, day: u32) -> Vec<Natural> {
    let activity = world.day(day);
    let events = activity.events.iter().map(|(at, event)| Natural { at: *at, facts: vec![Fact::new(event, *at, *at)] });
    let orders = activity
        .orders
        .iter()
        .chain(&activity.revisions)
        .map(|placed| Natural { at: placed.occurred_at, facts: order_facts(placed) });
    events.chain(orders).collect()
}

fn order_facts(placed: &PlacedOrder) -> Vec<Fact> {
    let at = placed.occurred_at;
    let lines = placed.lines.iter().map(|line| Fact::new(line, at, at));
    std::iter::once(Fact::new(&placed.order, at, at)).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_remembers_what_it_was_made_with() {
        let check = |months: u32, ignored: bool, off: &[&str], expect: &str| {
            let off = off.iter().map(|name| name.to_string()).collect();
            let options = Options { customers: 600, seed: 7, months, ignored, off };
            assert_eq!(made_with(&options), format!("seed = 7\ncustomers = 600\n{expect}"), "{options:?}");
        };
        check(1, false, &[], "");
        check(3, false, &[], "months = 3\n");
        check(1, true, &["cart-recovery", "f2-followup"], "effect = 0\noff = \"cart-recovery f2-followup\"\n");
        check(3, true, &["f2-followup"], "months = 3\neffect = 0\noff = \"f2-followup\"\n");
    }
}
