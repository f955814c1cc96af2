//! The report for people.

use super::{
    Line, Report,
    beside::Beside,
    files::{Files, Opened},
    goals::{Goal, met},
    growth::{Grown, Growth},
    kept::Refresh,
    memory::Memory,
    questions,
};

pub fn table(report: &Report) -> String {
    let mut lines = vec![format!("{} threads; processor and wall time are medians, warm\n", report.threads)];
    lines.extend(answers("from raw Parquet", &report.raw));
    lines.extend(answers("beside ClickHouse", &report.clickhouse));
    lines.extend(answers("screens from kept tables", &report.kept));
    lines.extend(answers("from the shop's tables", &report.lake));
    lines.extend(report.refresh.iter().flat_map(refreshed));
    lines.extend(report.grown.iter().flat_map(grown));
    lines.extend(report.files.iter().flat_map(files));
    lines.extend(report.memory.iter().flat_map(memory));
    lines.extend(report.beside.iter().flat_map(beside));
    lines.extend(goals(&report.goals));
    let [funnel] = &questions::CLICKHOUSE;
    if report.clickhouse.is_empty() && report.raw.iter().any(|line| line.name == funnel.name) {
        lines.push(
            "the 24-hour funnel was not asked of ClickHouse: python3 has no package `chdb`, or the data are somebody's".into(),
        );
    }
    lines.join("\n") + "\n"
}

fn answers(title: &str, part: &[Line]) -> Vec<String> {
    if part.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{title:<26} {:>6} {:>19} {:>7} {:>19} {:>7} {:>19} {:>15} {:>5} {:>4}  met",
        "rows", "cpu ms us/them", "ratio", "wall ms us/them", "ratio", "cold cpu us/them", "peak MB", "must", "aim"
    )];
    for line in part {
        let Line { name, rows, ours, theirs, cpu_ratio, wall_ratio, must, aim, .. } = line;
        lines.push(format!(
            "  {name:<24} {rows:>6} {:>19} {cpu_ratio:>7.2} {:>19} {wall_ratio:>7.2} {:>19} {:>15} {must:>5} {aim:>4}  {}",
            pair(ours.cpu_ms, theirs.cpu_ms),
            pair(ours.wall_ms, theirs.wall_ms),
            pair(ours.cold_cpu_ms, theirs.cold_cpu_ms),
            pair(ours.peak_mb, theirs.peak_mb),
            match &line.wrong {
                Some(_) => "WRONG",
                None => met(*cpu_ratio, *must, *aim),
            },
        ));
        lines.extend(line.wrong.iter().map(|why| format!("    {why}")));
    }
    lines.push(String::new());
    lines
}

fn pair(a: f64, b: f64) -> String {
    format!("{a:.0} / {b:.0}")
}

fn refreshed(refresh: &Refresh) -> Vec<String> {
    let Refresh { orders, anew_cpu_ms, refresh_cpu_ms, differing_rows, .. } = refresh;
    vec![
        format!(
            "kept tables of {orders} orders made anew in {anew_cpu_ms:.0} ms of processor time; brought up to date after 1 % new orders in \
             {refresh_cpu_ms:.0} ms"
        ),
        format!("rows of the screens that differ from those of facts alone: {differing_rows}\n"),
    ]
}

fn grown(grown: &Grown) -> Vec<String> {
    let mut lines =
        vec![format!("{:<26} {:>19} {:>11} {:>11}", "of three times the data", "cpu ms us/duckdb", "times ours", "duckdb's")];
    for Growth { line, ours, duckdb } in grown.all() {
        let wrong = match (&line.wrong, line.failed) {
            (None, _) => "",
            (Some(_), true) => "  FAILED",
            (Some(_), false) => "  WRONG",
        };
        let times = pair(line.ours.cpu_ms, line.theirs.cpu_ms);
        lines.push(format!("  {:<24} {times:>19} {ours:>11.2} {duckdb:>11.2}{wrong}", line.name));
        lines.extend(line.wrong.iter().map(|why| format!("    {why}")));
    }
    lines.push(String::new());
    lines
}

fn files(files: &Files) -> Vec<String> {
    let Files { few, many, .. } = files;
    let mut lines = vec![format!("{:<26} {:>11} {:>11} {:>11}", "files of one table", "opening ms", "planning ms", "asking ms")];
    for Opened { files, opening_ms, planning_ms, asking_ms } in [few, many] {
        lines.push(format!("  {files:<24} {opening_ms:>11.1} {planning_ms:>11.1} {asking_ms:>11.1}"));
    }
    lines.push(format!(
        "  {:<24} {:>11.2} {:>11.2} {:>11.2}\n",
        "times",
        many.opening_ms / few.opening_ms,
        many.planning_ms / few.planning_ms,
        many.asking_ms / few.asking_ms
    ));
    lines
}

fn memory(memory: &Memory) -> Vec<String> {
    let Memory { idle_server_mb, idle_worker_mb, answered_mb } = memory;
    vec![format!(
        "held in memory: {idle_server_mb:.0} MB by the server of a new shop, {idle_worker_mb:.0} MB by the SQL worker that waits beside it, \
         {answered_mb:.0} MB by us after all questions\n"
    )]
}

fn beside(beside: &Beside) -> Vec<String> {
    let Beside { landed_events, capacity_per_second, beside_per_second, before_ms, beside_ms, after_ms, .. } = beside;
    vec![
        format!(
            "a question of {landed_events} events and those that come in: {before_ms:.0} ms before, {after_ms:.0} ms after them"
        ),
        format!(
            "beside {beside_per_second:.0} events/s: {beside_ms:.0} ms, the median of {}; as fast as they are taken, {capacity_per_second:.0} \
             events/s\n",
            beside.asked_beside
        ),
    ]
}

fn goals(goals: &[Goal]) -> Vec<String> {
    let width = goals.iter().map(|goal| goal.name.len()).max().unwrap_or(0);
    let line = |Goal { name, found, must, aim }: &Goal| {
        format!("{name:<width$} {found:>8.3}  must {must:>4}  aim {aim:>4}  {}", met(*found, *must, *aim))
    };
    goals.iter().map(line).collect()
}
