//! Experiments by hand: what there is, who meets which arm, and how large a test must be before it starts.

use std::io::{BufRead, Write};

use clap::{Args, Subcommand};
use decide::{
    design::{self, MetricBefore, design},
    experiment::assign,
};
use model::{
    Experiment as Definition,
    experiment::{HashKind, Status},
    time::Span,
};
use query::Mode;
use serde_json::{Map, Value, json};

use super::ShopFolder;
use crate::{
    aa::{self, AaFound, AaRow, Drawn},
    definitions,
    fault::{Exit, Fault},
    workspace::{Access, parse_instant, read_files},
};

/// List experiments, tell which arm a unit meets, and plan the size of a test
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame experiment list\n  tsubame experiment new checkout-button > experiments/checkout-button.toml\n  \
    tsubame experiment assign checkout-button m1 m2\n  tsubame experiment assign checkout-button - --attributes '{\"country\":\"JP\"}' < units.txt\n  \
    tsubame experiment versions checkout-button\n  tsubame experiment aa metrics/conversion --splits 500\n  tsubame experiment design --rate 0.05 --lift 0.1 --per-day 2000"
)]
pub struct Experiment {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Every experiment of experiments/, with its state
    List,
    /// The versions of a test that were seen, or one of them as it was defined
    Versions { name: String, version: Option<String> },
    /// Print a definition to start from
    New { name: String },
    /// Print the arm of each unit, a tab between; what meets none has its reason in brackets
    Assign(Assign),
    /// How often metrics find a difference where there is none, by splitting past buyers many times
    ///
    /// Everybody who had bought in the year before --at counts as if they had met a test then in which every arm is the same.
    Aa(Aa),
    /// How many units a test needs, how long that takes, and what a given size can see
    Design(Design),
}

#[derive(Debug, Args)]
struct Assign {
    name: String,
    /// Units, or `-` to read one per line
    #[arg(required = true)]
    units: Vec<String>,
    /// What targeting looks at, as a JSON object
    #[arg(long, default_value = "{}")]
    attributes: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame experiment aa metrics/conversion metrics/net_revenue\n  \
    tsubame experiment aa metrics/net_revenue --splits 1000 --within 30d --at 2026-06-01T00:00:00+09:00 --json")]
struct Aa {
    /// Queries of queries/metrics
    #[arg(required = true, value_name = "METRIC")]
    metrics: Vec<String>,
    #[arg(long, default_value_t = aa::SPLITS, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    splits: u32,
    /// How long each buyer is followed
    #[arg(long, default_value = "14d")]
    within: String,
    /// When they would have met the test; so long ago that everybody was followed to the end, unless told otherwise
    #[arg(long)]
    at: Option<String>,
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// What the salts begin with
    #[arg(long, default_value = "aa")]
    salt: String,
    /// Print a line of JSON per metric
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Design {
    /// The control's conversion rate, 0..1
    #[arg(long, conflicts_with = "mean", required_unless_present = "mean")]
    rate: Option<f64>,
    /// The control's mean, of a metric that is no rate
    #[arg(long, requires = "sd")]
    mean: Option<f64>,
    /// Its standard deviation
    #[arg(long)]
    sd: Option<f64>,
    /// The smallest relative change worth knowing
    #[arg(long, default_value_t = 0.1)]
    lift: f64,
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    #[arg(long, default_value_t = 0.8)]
    power: f64,
    /// Units in the variant per unit in the control
    #[arg(long, default_value_t = 1.0)]
    ratio: f64,
    /// Correlation of the metric with itself before the test, taken off by CUPED
    #[arg(long, default_value_t = 0.0)]
    correlation: f64,
    /// Units that come in per day, both arms together
    #[arg(long)]
    per_day: Option<f64>,
    /// Tell what this many units, both arms together, can see
    #[arg(long)]
    units: Option<u64>,
}

impl Experiment {
    pub async fn run(self) -> Result<(), Fault> {
        match self.command {
            Sub::List => list(&definitions(&self.shop)?),
            Sub::Versions { name, version } => versions(&self.shop, &name, version.as_deref()).await,
            Sub::New { name } => {
                print!("{}", example(&name)?);
                Ok(())
            }
            Sub::Assign(of) => assigned(&definitions(&self.shop)?, &of),
            Sub::Aa(of) => split(&self.shop, &of).await,
            Sub::Design(design) => designed(&design),
        }
    }
}

fn definitions(shop: &ShopFolder) -> Result<Vec<Definition>, Fault> {
    let (files, _, problems) = read_files(&shop.folder)?;
    let own: Vec<_> = problems.into_iter().filter(|problem| problem.file.contains("experiments/")).collect();
    if own.is_empty() { Ok(files.experiments) } else { Err(Fault::problems(&own)) }
}

fn list(experiments: &[Definition]) -> Result<(), Fault> {
    if experiments.is_empty() {
        println!("no experiments: `tsubame experiment new NAME > experiments/NAME.toml` makes one");
    }
    for test in experiments {
        let state = match test.status {
            Status::Draft => "draft",
            Status::Running => "running",
            Status::Stopped => "stopped",
        };
        let arms: Vec<String> = test.arms.iter().map(|arm| format!("{} {}", arm.id, arm.weight)).collect();
        println!("{}\t{state}\t{}\t{}", test.experiment, arms.join(", "), test.title.en);
    }
    Ok(())
}

fn assigned(experiments: &[Definition], of: &Assign) -> Result<(), Fault> {
    let known = || experiments.iter().map(|test| test.experiment.as_str()).collect::<Vec<_>>().join(", ");
    let test = experiments.iter().find(|test| test.experiment == of.name).ok_or_else(|| {
        Fault::new(Exit::Config, format!("there is no experiment `{}`", of.name)).remedy(format!("experiments/ has: {}", known()))
    })?;
    let attributes: Map<String, Value> = serde_json::from_str(&of.attributes).map_err(|error| {
        Fault::new(Exit::Config, format!("--attributes is not a JSON object: {error}"))
            .remedy("write it as '{\"country\":\"JP\"}'")
    })?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let stdin = std::io::stdin();
    let lines = stdin.lock().lines();
    let from_stdin = of.units.iter().any(|unit| unit == "-");
    let given = of.units.iter().filter(|unit| *unit != "-").cloned().map(Ok);
    let all: Box<dyn Iterator<Item = std::io::Result<String>>> =
        if from_stdin { Box::new(given.chain(lines)) } else { Box::new(given) };
    let mut asked = Value::Object(attributes);
    for unit in all {
        let unit = unit.map_err(|source| Fault::io("could not read the units", source))?;
        asked[&test.attribute] = json!(unit);
        let arm = match assign(test, &unit, &asked) {
            Ok(arm) => arm.id.clone(),
            Err(why) => format!("({why})"),
        };
        if writeln!(out, "{unit}\t{arm}").is_err() {
            // Whoever read it has seen enough.
            return Ok(());
        }
    }
    out.flush().map_err(|source| Fault::io("could not print the arms", source))
}

async fn versions(shop: &ShopFolder, name: &str, version: Option<&str>) -> Result<(), Fault> {
    let workspace = shop.open(Access::Read).await?;
    let Some(version) = version else {
        let seen = definitions::versions(&workspace, name).await?;
        if seen.is_empty() {
            println!("no version of `{name}` was seen yet: they are kept when `tsubame serve` starts, and every night");
        }
        for seen in seen {
            println!("{}\t{}", seen.version, model::time::rfc3339(seen.at));
        }
        return Ok(());
    };
    let test = definitions::version(&workspace, name, version).await?.ok_or_else(|| {
        Fault::new(Exit::Config, format!("there is no version {version} of experiment `{name}`"))
            .remedy(format!("`tsubame experiment versions {name}` lists them"))
    })?;
    println!("{}", serde_json::to_string_pretty(&test).expect("an experiment is plain JSON"));
    Ok(())
}

async fn split(shop: &ShopFolder, of: &Aa) -> Result<(), Fault> {
    let within = model::time::parse_duration(&of.within).map_err(|why| {
        Fault::new(Exit::Config, format!("--within {}: {why}", of.within)).remedy("write it as 14d, 36h or 90m")
    })?;
    let workspace = shop.open(Access::Read).await?;
    let now = workspace.now();
    let at = of.at.as_deref().map(parse_instant).transpose()?.unwrap_or(now - within);
    let desk = workspace.desk(now, Mode::AsHappened).await?;
    let drawn = Drawn { salt: &of.salt, hash: HashKind::Sha256, splits: of.splits, alpha: of.alpha };
    for metric in &of.metrics {
        let row = aa::of_past(&desk, metric, at, Span(within), drawn).await?;
        match of.json {
            true => println!("{}", serde_json::to_string(&row).expect("a row is plain JSON")),
            false => println!("{}", aa_words(&row)),
        }
    }
    Ok(())
}

fn aa_words(row: &AaRow) -> String {
    let AaRow { metric, units, alpha, .. } = row;
    match (&row.found, &row.not_computable) {
        (Some(AaFound { splits, significant, rate, low, high, verdict }), _) => format!(
            "{metric}: {significant} of {splits} splits of {units} buyers differ at {alpha}: {:.1} % ({:.1} .. {:.1}): {}",
            100.0 * rate,
            100.0 * low,
            100.0 * high,
            match *verdict {
                "too_many" => "too many: this metric cries wolf",
                "too_few" => "too few: true differences may be missed",
                _ => "as many as there should be",
            }
        ),
        (None, why) => format!("{metric}: cannot be said: {}", why.as_deref().unwrap_or("there is nobody")),
    }
}

fn designed(given: &Design) -> Result<(), Fault> {
    let metric = match (given.rate, given.mean, given.sd) {
        (Some(rate), ..) => MetricBefore::Rate(rate),
        (None, Some(mean), Some(sd)) => MetricBefore::Mean { mean, sd },
        _ => return Err(Fault::new(Exit::Config, "give --rate, or --mean with --sd")),
    };
    let Design { lift, alpha, power, ratio, correlation, per_day, units, .. } = *given;
    let designed = design(&design::Design { metric, lift, alpha, power, ratio, correlation, per_day, units })
        .map_err(|why| Fault::new(Exit::Config, format!("the test cannot be planned: {why}")))?;
    println!(
        "to see a change of {:.1} %: {} units in the control, {} in the variant, {} in all",
        100.0 * lift,
        designed.control,
        designed.variant,
        designed.total
    );
    if let (Some(per_day), Some(days), Some(weeks)) = (per_day, designed.days, designed.weeks) {
        println!("at {per_day} units per day: {days} days; run it {weeks} whole weeks");
    }
    if let (Some(units), Some(seen)) = (units, designed.seen) {
        match seen.relative {
            Ok(lift) => {
                println!("{units} units see a change of {:.1} % or more ({:.6} of the metric)", 100.0 * lift, seen.absolute)
            }
            Err(why) => println!("{units} units see no relative change: {why}"),
        }
    }
    Ok(())
}

fn example(name: &str) -> Result<String, Fault> {
    let text = include_str!("experiment.toml").replace("NAME", name);
    match Definition::parse(&format!("experiments/{name}.toml"), &text) {
        Ok(_) => Ok(text),
        Err(problems) => Err(Fault::problems(&problems)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_cries_wolf_is_named() {
        let check = |verdict: Option<&'static str>, expect: &str| {
            let found =
                verdict.map(|verdict| AaFound { splits: 200, significant: 30, rate: 0.15, low: 0.107, high: 0.206, verdict });
            let not_computable = found.is_none().then(|| "nobody".to_string());
            let row = AaRow { metric: "m".into(), title: "M".into(), units: 9, alpha: 0.05, found, not_computable };
            assert!(aa_words(&row).ends_with(expect), "{}", aa_words(&row));
        };
        check(Some("sound"), "15.0 % (10.7 .. 20.6): as many as there should be");
        check(Some("too_many"), "cries wolf");
        check(Some("too_few"), "may be missed");
        check(None, "cannot be said: nobody");
    }

    #[test]
    fn the_example_is_an_experiment() {
        let text = example("checkout-button").expect("an example that can be read");
        assert!(text.contains("checkout-button"));
        assert!(example("Checkout").is_err());
    }
}
