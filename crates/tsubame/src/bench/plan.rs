//! How fast people are planned for, and in how much memory: the same journey for so many members and for a tenth of them, since what a planner
//! owes is that it takes no more of each of many than of each of few. And a broadcast to all of them beside its segment's query, since whoever
//! asked for an audience waits for its messages and not for the query.
//!
//! A look is `jobs::tick` as `serve` and `run` call it, in a process of its own: so its peak of memory is its own too. The shop is an imported one
//! (`members`). The look waits for nobody's message: of the journey nothing is delivered, of the broadcast the first call alone, into a file.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::Ordering,
    time::{Duration, Instant as Stopwatch},
};

use chrono::TimeDelta;
use model::Instant;
use query::{Mode, Params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    members::{self, SEGMENT, at},
    server::{cpu_seconds, peak_mb},
};
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::{
        deliver::deliver,
        flush::flush_if_due,
        tick::{Beat, tick_by_beats},
    },
    workspace::{Access, Workspace},
};

/// What is wanted of a broadcast, in times of its segment's query.
const HANDED_WANTED: f64 = 2.0;
const QUEUED_WANTED: f64 = 5.0;
/// How often the segment is asked after a first time.
const ASKED: usize = 3;
/// Before a look's end: what falls due in it is due at its end.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

const SETTINGS: &str = "\n[[caps]]\nscope = \"all\"\nmax = 3\nper = \"7d\"\n\n[[caps]]\nscope = \"line\"\nmax = 1\nper = \"3d\"\n\n\
    [[senders]]\nchannel = \"email\"\nkind = \"file\"\npath = \"outbox/email.ndjson\"\n\n\
    [[senders]]\nchannel = \"line\"\nkind = \"file\"\npath = \"outbox/line.ndjson\"\n";
const BROADCAST_FILE: &str = "scenarios/broadcast.toml";
const BROADCAST: &str = r#"scenario = "broadcast"
title = { ja = "一斉配信", en = "Broadcast" }

[entry]
segment = "everybody"
once = "2026-07-02T12:00"

[goal]
on = "order_placed"
within = "3d"

[[step]]
id = "news"
send = { purpose = "marketing", try = ["email", "line"], template = "news", on_cap = "skip", on_quiet = "defer" }
"#;
const JOURNEY_FILE: &str = "scenarios/journey.toml";
/// Five steps. Its waits end an hour after its segment is asked, so that looks are either at those who come in or at those who go on.
const JOURNEY: &str = r#"scenario = "journey"
title = { ja = "五つのステップ", en = "Five steps" }
start = "include_current"

[entry]
segment = "everybody"
at = "10:00"
reentry = { rule = "once" }

[[exit]]
on = "order_placed"

[[exit]]
leave = "consent"

[goal]
on = "order_placed"
within = "14d"

[holdout]
percent = 10
salt = "bench-journey"

[[step]]
id = "wait"
wait = { for = "25h" }

[[step]]
id = "split"
branch = [{ when = "net_revenue_top < 0.80", to = "first" }, { else = "pause" }]

[[step]]
id = "first"
send = { purpose = "marketing", try = ["email", "line"], template = "news", valid_for = "1d", on_cap = "skip", on_quiet = "defer" }

[[step]]
id = "pause"
wait = { for = "48h" }

[[step]]
id = "last"
send = { purpose = "marketing", try = ["line", "email"], template = "news", valid_for = "1d", on_cap = "skip", on_quiet = "defer" }
"#;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub members: u64,
    pub rounds: usize,
}

/// What is measured in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    Broadcast,
    Journey,
}

#[derive(Debug, Serialize)]
pub struct Report {
    /// A tenth of the members, and all.
    pub sizes: Vec<Size>,
    /// Of the journey's looks, per member planned for: that of all members by that of a tenth of them.
    pub time_ratio: f64,
    pub cpu_ratio: f64,
    pub memory_ratio: f64,
    /// What each member beyond that tenth adds to the peak of memory.
    pub journey_bytes_per_member: f64,
    pub broadcast_bytes_per_member: f64,
}

#[derive(Debug, Serialize)]
pub struct Size {
    pub members: u64,
    pub broadcast: Broadcast,
    pub journey: Journey,
}

/// One tick.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Look {
    pub name: String,
    /// Members that it planned for.
    pub members: u64,
    /// Moves of entries.
    pub moves: u64,
    pub sends: u64,
    pub ghosts: u64,
    pub stops: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Queries.
    pub gathering_seconds: f64,
    /// The pure planner.
    pub deciding_seconds: f64,
    /// The ledger: chunks laid aside, and the sealed plan moved into it and into the journal.
    pub recording_seconds: f64,
    #[serde(skip)]
    run_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Journey {
    pub looks: Vec<Look>,
    pub peak_mb: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Broadcast {
    /// The segment alone, as the planner asks it: the middle of some, after a first one.
    pub query_seconds: f64,
    pub look: Look,
    /// From the end of the look until the first call is over.
    pub handing_seconds: f64,
    pub peak_mb: f64,
}

impl Broadcast {
    /// From asking to the first message handed over, in times of the query.
    fn handed(&self) -> f64 {
        (self.look.seconds + self.handing_seconds) / self.query_seconds
    }

    /// From asking until every message is durably in the ledger, in times of the query.
    fn queued(&self) -> f64 {
        self.look.seconds / self.query_seconds
    }
}

impl Journey {
    /// All looks as one.
    fn sum(&self) -> Look {
        let mut sum = Look { name: "all looks".into(), ..Look::default() };
        for look in &self.looks {
            sum.members += look.members;
            sum.moves += look.moves;
            sum.sends += look.sends;
            sum.ghosts += look.ghosts;
            sum.stops += look.stops;
            sum.seconds += look.seconds;
            sum.cpu_seconds += look.cpu_seconds;
            sum.gathering_seconds += look.gathering_seconds;
            sum.deciding_seconds += look.deciding_seconds;
            sum.recording_seconds += look.recording_seconds;
        }
        sum
    }
}

pub async fn run(folder: &Path, options: &Options) -> Result<Report, Fault> {
    let mut sizes = Vec::new();
    for members in [options.members / 10, options.members] {
        sizes.push(size(&folder.join(members.to_string()), members, options.rounds).await?);
    }
    let ratio = |of: fn(&Size) -> f64| of(&sizes[1]) / of(&sizes[0]);
    let added = |of: fn(&Size) -> f64| {
        let more_members = sizes[1].members - sizes[0].members;
        (of(&sizes[1]) - of(&sizes[0])) * f64::from(1 << 20) / more_members as f64
    };
    Ok(Report {
        time_ratio: ratio(|size| per_member(&size.journey, |look| look.seconds)),
        cpu_ratio: ratio(|size| per_member(&size.journey, |look| look.cpu_seconds)),
        memory_ratio: ratio(|size| size.journey.peak_mb),
        journey_bytes_per_member: added(|size| size.journey.peak_mb),
        broadcast_bytes_per_member: added(|size| size.broadcast.peak_mb),
        sizes,
    })
}

fn per_member(journey: &Journey, of: fn(&Look) -> f64) -> f64 {
    let sum = journey.sum();
    of(&sum) / sum.members as f64
}

/// Makes the shop, and measures it: each round but the last a copy of it.
async fn size(folder: &Path, members: u64, rounds: usize) -> Result<Size, Fault> {
    let made = folder.join("shop");
    // Eight of ten by e-mail and half of those by LINE too, one by LINE alone, one not at all.
    let consents = |member: u64| match member % 10 {
        0 => [false, false, false],
        1 => [false, true, false],
        digit => [true, digit < 6, false],
    };
    members::make(&made, members, consents, SETTINGS, &[(BROADCAST_FILE.into(), BROADCAST.into())]).await?;
    let mut measured = Vec::new();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds} over {members} members");
        let shop = if round == rounds { made.clone() } else { folder.join("copy") };
        let could_not = |source| Fault::io(format!("could not prepare {}", shop.display()), source);
        if round != rounds {
            copy(&made, &shop).map_err(could_not)?;
        }
        let broadcast: Broadcast = apart(&shop, "broadcast")?;
        std::fs::remove_file(shop.join(BROADCAST_FILE)).map_err(could_not)?;
        members::write(&shop, JOURNEY_FILE, JOURNEY)?;
        let journey: Journey = apart(&shop, "journey")?;
        if round != rounds {
            std::fs::remove_dir_all(&shop).map_err(could_not)?;
        }
        measured.push(Size { members, broadcast, journey });
    }
    measured.sort_by(|one, other| one.journey.sum().seconds.total_cmp(&other.journey.sum().seconds));
    Ok(measured.swap_remove(measured.len() / 2))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Runs a part in a process of its own.
fn apart<T: DeserializeOwned>(shop: &Path, part: &str) -> Result<T, Fault> {
    let failed = |source| Fault::io("could not start the planner to be measured", source);
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["bench", "plan-part", "--part", part, "--folder"]).arg(shop);
    let ended = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(failed)?;
    if !ended.status.success() {
        return Err(Fault::new(Exit::Failed, format!("the planner to be measured ended with {}", ended.status)));
    }
    serde_json::from_slice(&ended.stdout)
        .map_err(|error| Fault::new(Exit::Failed, format!("what the planner measured cannot be read: {error}")))
}

/// The other side of that: prints what it measured as a line of JSON.
pub async fn part(shop: &Path, part: Part) -> Result<(), Fault> {
    let workspace = Workspace::open(shop, Clock::logical(at(1, 9, 0)), Access::Write).await?;
    let said = match part {
        Part::Broadcast => serde_json::to_string(&broadcast(&workspace).await?),
        Part::Journey => serde_json::to_string(&journey(&workspace).await?),
    };
    workspace.state.close().await;
    println!("{}", said.expect("numbers are plain JSON"));
    Ok(())
}

async fn journey(workspace: &Workspace) -> Result<Journey, Fault> {
    let mut looks = Vec::new();
    for (name, end) in
        [("everybody comes in", at(20, 10, 0)), ("branch, first message", at(21, 11, 0)), ("last message", at(23, 11, 0))]
    {
        looks.push(look(workspace, name, end).await?);
        // As `serve` does after a round: what was written down is read from the lake by the next look, and not held in memory.
        flush_if_due(workspace, workspace.now()).await?;
    }
    Ok(Journey { looks, peak_mb: peak_mb("self") })
}

async fn broadcast(workspace: &Workspace) -> Result<Broadcast, Fault> {
    let end = at(2, 12, 0);
    let mut asked = Vec::new();
    for _ in 0..=ASKED {
        let watch = Stopwatch::now();
        let desk = workspace.desk(end + workspace.shop().grace.0, Mode::AsKnown).await?;
        desk.ask(SEGMENT, &Params::new()).await?;
        asked.push(watch.elapsed().as_secs_f64());
    }
    let mut warm = asked.split_off(1);
    warm.sort_by(f64::total_cmp);
    let look = look(workspace, "broadcast", end).await?;
    let handing_seconds = hand_first(workspace, &look.run_id).await?;
    Ok(Broadcast { query_seconds: warm[warm.len() / 2], look, handing_seconds, peak_mb: peak_mb("self") })
}

async fn look(workspace: &Workspace, name: &str, end: Instant) -> Result<Look, Fault> {
    workspace.clock.set(end + workspace.shop().grace.0);
    let mut look = Look { name: name.into(), ..Look::default() };
    let (watch, cpu) = (Stopwatch::now(), cpu_seconds("self"));
    let mut since = watch;
    let mut ended = |beat: Beat| {
        let took = since.elapsed().as_secs_f64();
        since = Stopwatch::now();
        match beat {
            Beat::Gathered => look.gathering_seconds += took,
            Beat::Decided => look.deciding_seconds += took,
            Beat::Recorded => look.recording_seconds += took,
        }
    };
    let report = tick_by_beats(workspace, end - WINDOW, end, &mut ended).await?;
    look.seconds = watch.elapsed().as_secs_f64();
    look.cpu_seconds = cpu_seconds("self") - cpu;
    (look.members, look.moves, look.sends) = (report.customers, report.entries, report.sends);
    (look.ghosts, look.stops, look.run_id) = (report.ghosts, report.stops, report.run_id);
    match look.members {
        0 => Err(Fault::new(Exit::Data, format!("nobody was planned for: {name}"))),
        _ => Ok(look),
    }
}

/// Delivers until something has left; how long that took.
async fn hand_first(workspace: &Workspace, run_id: &str) -> Result<f64, Fault> {
    let (outbox, stopping) = (workspace.path("outbox"), workspace.stopping.clone());
    let watch = Stopwatch::now();
    let watcher = tokio::spawn(async move {
        while !has_left(&outbox) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stopping.store(true, Ordering::SeqCst);
        watch.elapsed().as_secs_f64()
    });
    let report = deliver(workspace, Some(run_id)).await;
    if !matches!(&report, Ok(report) if report.accepted > 0) {
        watcher.abort();
        report?;
        return Err(Fault::new(Exit::Data, "no message left"));
    }
    watcher.await.map_err(|defect| Fault::new(Exit::Failed, format!("the watcher ended: {defect}")))
}

fn has_left(outbox: &Path) -> bool {
    let Ok(files) = std::fs::read_dir(outbox) else { return false };
    files.filter_map(Result::ok).any(|file| file.metadata().is_ok_and(|data| data.len() > 0))
}

/// The report for people.
pub fn table(report: &Report) -> String {
    let mut lines = Vec::new();
    for Size { members, broadcast, journey } in &report.sizes {
        lines.push(format!("a journey of five steps, {members} members"));
        lines.push(format!(
            "  {:<22} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>10} {:>10} {:>9} {:>10}",
            "", "members", "moves", "messages", "stops", "wall s", "cpu s", "members/s", "gathering", "deciding", "recording"
        ));
        for look in journey.looks.iter().chain([&journey.sum()]) {
            let Look { name, members, moves, stops, seconds, cpu_seconds, .. } = look;
            lines.push(format!(
                "  {name:<22} {members:>9} {moves:>9} {:>9} {stops:>9} {seconds:>8.2} {cpu_seconds:>8.2} {:>10.0} {:>10.2} {:>9.2} {:>10.2}",
                look.sends + look.ghosts,
                *members as f64 / seconds,
                look.gathering_seconds,
                look.deciding_seconds,
                look.recording_seconds,
            ));
        }
        lines.push(format!("  peak memory {:.0} MB", journey.peak_mb));
        lines.push(format!(
            "a broadcast to {members} members, {} messages; its segment's query takes {:.3} s, and it {:.0} MB",
            broadcast.look.sends, broadcast.query_seconds, broadcast.peak_mb
        ));
        lines.push(format!(
            "  the first message handed over after {:.2} s: {:.1} times the query (wanted: {HANDED_WANTED:.0} at most)",
            broadcast.look.seconds + broadcast.handing_seconds,
            broadcast.handed()
        ));
        lines.push(format!(
            "  all of it durably queued after {:.2} s: {:.1} times the query (wanted: {QUEUED_WANTED:.0} at most); gathering {:.2}, deciding {:.2}, \
             recording {:.2}\n",
            broadcast.look.seconds,
            broadcast.queued(),
            broadcast.look.gathering_seconds,
            broadcast.look.deciding_seconds,
            broadcast.look.recording_seconds,
        ));
    }
    lines.push(format!(
        "per member, ten times as many: {:.2} times the wall time, {:.2} times the processor time (linear is 1.0); {:.1} times the peak memory",
        report.time_ratio, report.cpu_ratio, report.memory_ratio
    ));
    lines.push(format!(
        "each member more adds {:.0} bytes to the peak of memory in the journey, {:.0} in the broadcast",
        report.journey_bytes_per_member, report.broadcast_bytes_per_member
    ));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_add_up_and_a_broadcast_is_measured_by_its_query() {
        let look = |members, seconds| Look { members, seconds, cpu_seconds: 2.0 * seconds, ..Look::default() };
        let journey = Journey { looks: vec![look(10, 1.0), look(20, 2.0)], peak_mb: 1.0 };
        assert_eq!(per_member(&journey, |look| look.seconds), 0.1);
        assert_eq!(per_member(&journey, |look| look.cpu_seconds), 0.2);
        let broadcast = Broadcast { query_seconds: 0.5, look: look(10, 2.0), handing_seconds: 0.25, peak_mb: 1.0 };
        assert_eq!((broadcast.handed(), broadcast.queued()), (4.5, 4.0));
    }

    #[test]
    fn its_scenarios_are_sound() {
        for (file, text) in [(BROADCAST_FILE, BROADCAST), (JOURNEY_FILE, JOURNEY)] {
            let scenario = model::Scenario::parse(file, text);
            assert!(scenario.is_ok(), "{scenario:?}");
        }
    }
}
