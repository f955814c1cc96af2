//! The same questions of three times the data: how much longer each takes, of our side and of DuckDB, and which cannot be answered any more within
//! the memory of one question. What takes more than three times as long has a ceiling.

use std::path::Path;

use serde::Serialize;

use super::{Answers, Line, Options, Report, Wanted, made};
use crate::fault::Fault;

const TIMES: f64 = 3.0;

#[derive(Debug, Serialize)]
pub struct Grown {
    /// That of the data which are asked here.
    pub scale: f64,
    pub raw: Vec<Growth>,
    pub kept: Vec<Growth>,
    pub lake: Vec<Growth>,
}

impl Grown {
    pub fn all(&self) -> impl Iterator<Item = &Growth> {
        self.raw.iter().chain(&self.kept).chain(&self.lake)
    }
}

/// One question, asked again.
#[derive(Debug, Serialize)]
pub struct Growth {
    pub line: Line,
    /// Our processor time by that at the first scale. Of what could not be run there is none.
    pub ours: f64,
    /// DuckDB's.
    pub duckdb: f64,
}

/// Asks all again that a report tells of.
pub async fn measure(folder: &Path, options: &Options, wanted: &Wanted, report: &Report) -> Result<Grown, Fault> {
    let scale = TIMES * options.scale;
    let setup = made(folder, scale, options)?;
    let Answers { raw, kept, lake, .. } = wanted.ask(folder, setup, options.rounds).await?;
    let (raw, kept, lake) = (growths(&report.raw, raw), growths(&report.kept, kept), growths(&report.lake, lake));
    Ok(Grown { scale, raw, kept, lake })
}

fn growths(before: &[Line], after: Vec<Line>) -> Vec<Growth> {
    let growth = |line: Line| {
        let before = before.iter().find(|before| before.name == line.name)?;
        let is_run = !before.failed && !line.failed;
        let ours = if is_run { line.ours.cpu_ms / before.ours.cpu_ms } else { f64::NAN };
        let duckdb = line.theirs.cpu_ms / before.theirs.cpu_ms;
        Some(Growth { line, ours, duckdb })
    };
    after.into_iter().filter_map(growth).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Side;
    use super::*;

    #[test]
    fn a_question_is_compared_with_itself() {
        let line = |name: &str, cpu_ms: f64, failed: bool| Line {
            name: name.into(),
            ours: Side { cpu_ms, ..Side::default() },
            theirs: Side { cpu_ms: 2.0 * cpu_ms, ..Side::default() },
            failed,
            ..Line::default()
        };
        let before = [line("a", 10.0, false), line("b", 5.0, false), line("c", 1.0, true)];
        let check = |after: Line, expect: &[(&str, f64)]| {
            let found = growths(&before, vec![after]);
            let found: Vec<(&str, f64)> = found.iter().map(|growth| (growth.line.name.as_str(), growth.ours)).collect();
            assert_eq!(format!("{found:?}"), format!("{expect:?}"));
        };
        check(line("a", 25.0, false), &[("a", 2.5)]);
        check(line("b", 20.0, false), &[("b", 4.0)]);
        check(line("b", 20.0, true), &[("b", f64::NAN)]);
        check(line("c", 3.0, false), &[("c", f64::NAN)]);
        check(line("d", 3.0, false), &[]);
    }
}
