//! Data that others made, as the rows of a test. It may not be copied here, so a test that needs it says `skipped: …` where it is not there.

use std::{io::Read, path::PathBuf};

use chrono::NaiveDate;
use decide::analysis::{Analysis, Counted, MetricCounted, NotComputable, PairedMoments, Row, analyse};
use model::Experiment;

/// Money and rates are added up in this many decimals, as in the lake.
const UNIT: i128 = 10_000;

/// The rows of a gzipped CSV file of `TSUBAME_DATA_DIR`; `None` where it is not there.
pub fn rows(file: &str) -> Option<Vec<csv::StringRecord>> {
    let folder = std::env::var_os("TSUBAME_DATA_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(file);
    let Ok(packed) = std::fs::File::open(&path) else {
        println!("skipped: {} is not there (TSUBAME_DATA_DIR names the folder)", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("gzip");
    let read = csv::Reader::from_reader(text.as_bytes()).into_records().collect::<Result<Vec<_>, _>>();
    Some(read.expect("rows of a CSV file"))
}

/// A number with at most four decimals, exactly.
pub fn units(text: &str) -> i128 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.len() <= 4, "{text}");
    whole.parse::<i128>().expect("a number") * UNIT + format!("{decimals:0<4}").parse::<i128>().expect("decimals")
}

/// A test by its arms and the lines after them.
pub fn experiment(arms: &[&str], goal: &str, lines: &str) -> Experiment {
    let arms: String =
        arms.iter().map(|id| format!("[[arm]]\nid = \"{id}\"\nweight = {:?}\n", 1.0 / arms.len() as f64)).collect();
    let text = format!(
        "experiment = \"published\"\ntitle = {{ ja = \"公開データ\", en = \"Published\" }}\nstatus = \"running\"\n\
         start = 2008-03-01T00:00:00Z\ngoal = {{ metric = \"{goal}\" }}\n{arms}{lines}"
    );
    Experiment::parse("published.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A metric with its past, per arm.
pub fn metric(name: &str, is_rate: bool, arms: &[PairedMoments]) -> MetricCounted {
    MetricCounted {
        metric: name.into(),
        is_rate,
        arms: arms.iter().map(PairedMoments::paired).collect(),
        immature: vec![0; arms.len()],
        slices: Vec::new(),
    }
}

/// Everybody seen on one day.
pub fn read_out(experiment: &Experiment, exposed: Vec<u64>, metrics: Vec<MetricCounted>) -> Result<Analysis, NotComputable> {
    let today = NaiveDate::from_ymd_opt(2026, 11, 29).expect("a date");
    let exposed_by_day = vec![exposed.clone()];
    analyse(experiment, &Counted { exposed, exposed_by_day, contaminated: 0, per_day: None, today, metrics })
}

pub fn row<'a>(analysis: &'a Analysis, metric: &str, arm: &str) -> &'a Row {
    analysis.rows.iter().find(|row| row.metric == metric && row.variant == arm).expect("a row")
}

/// As many digits as were published.
pub fn near(what: &str, got: f64, published: f64, digits: i32) {
    assert!((got - published).abs() <= 0.500_001 * 10f64.powi(-digits), "{what}: {got} is not {published}");
}
