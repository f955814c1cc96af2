//! Segments by name: what there is, the SQL of one, why a customer is in it, what changed, and how it would have done.

use std::{fs::File, io::Write, path::PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use query::{
    Answer, Mode, Params, format,
    segment::{Clauses, Side, difference, explain},
};
use serde_json::json;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::{
        back_test::{Asked, Report, back_test, nights},
        identity,
    },
    progress::Progress,
    segments,
    workspace::{Access, Workspace},
};

/// List segments, show their SQL, explain a member, tell two answers apart, or test one on the past
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame segment list\n  tsubame segment sql dormant_top_ltv\n  tsubame segment explain dormant_top_ltv C000123\n  tsubame segment diff dormant_top_ltv --from 2026-06-01 --to 2026-06-30\n  tsubame segment back-test dormant_top_ltv --from 2025-07-01 --to 2026-06-30"
)]
pub struct Segment {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every segment, what it is made of, and what uses it
    #[command(after_help = "Examples:\n  tsubame segment list\n  tsubame segment list --format json")]
    List {
        #[command(flatten)]
        out: Out,
    },
    /// The SQL a segment runs: of a form, what it stands for
    #[command(after_help = "Example:\n  tsubame segment sql lapsed_without_subscription")]
    Sql { name: String },
    /// Why a customer is in a segment or is not: clause by clause, with the values compared
    #[command(after_help = "Example:\n  tsubame segment explain dormant_top_ltv C000123 --as-of 2026-06-30")]
    Explain {
        name: String,
        customer: String,
        #[command(flatten)]
        asked: Question,
        /// What was known at this moment: a time, or a date, which means its end
        #[arg(long, value_name = "TIME")]
        as_of: Option<String>,
        #[command(flatten)]
        out: Out,
    },
    /// Who is only in one of two answers, and the clause that tells them apart
    ///
    /// Of two segments at one moment, or of one segment at two moments.
    #[command(
        override_usage = "tsubame segment diff [OPTIONS] <NAME> <OTHER>\n       tsubame segment diff [OPTIONS] <NAME> --from <TIME> --to <TIME>",
        after_help = "Examples:\n  tsubame segment diff dormant_top_ltv lapsed_without_subscription --as-of 2026-06-30\n  tsubame segment diff dormant_top_ltv --from 2026-06-01 --to 2026-06-30 --format csv"
    )]
    Diff {
        name: String,
        /// Another segment; without it, --from and --to
        #[arg(required_unless_present_all = ["from", "to"], conflicts_with_all = ["from", "to"])]
        other: Option<String>,
        /// The moment at which two segments are asked
        #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
        as_of: Option<String>,
        /// The earlier moment: a time, or a date, which means its end
        #[arg(long, value_name = "TIME", requires = "to")]
        from: Option<String>,
        /// The later moment
        #[arg(long, value_name = "TIME", requires = "from")]
        to: Option<String>,
        #[command(flatten)]
        asked: Question,
        #[command(flatten)]
        out: Out,
    },
    /// A segment over past nights: size, churn, overlap, and what its members bought in the time after
    ///
    /// A night is 03:00 of its date, when audiences are exported: `tsubame query NAME --as-of 2026-06-01T03:00:00+09:00` gives the members
    /// of one. Members are compared with everybody else the shop knew that night; that is no lift.
    #[command(
        after_help = "Examples:\n  tsubame segment back-test dormant_top_ltv --from 2026-04-01 --to 2026-06-30\n  tsubame segment back-test dormant_top_ltv --from 2025-07-01 --to 2026-06-30 --window 60 --format csv > nights.csv"
    )]
    BackTest {
        name: String,
        /// The first night
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// The last night
        #[arg(long, value_name = "DATE")]
        to: NaiveDate,
        /// For how many days after each night it is counted what members bought
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        window: i64,
        /// Ask only what was known each night, and not what had happened: half the time
        #[arg(long)]
        as_known_only: bool,
        /// Look for the last night's members in every segment, and not only in those that are in use
        #[arg(long)]
        overlaps_all: bool,
        /// Ask each night by itself, as `tsubame query --as-of` does, and compare the members: slow
        #[arg(long)]
        verify: bool,
        /// A parameter of the segment, as name=value
        #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
        #[command(flatten)]
        out: Out,
    },
}

#[derive(Debug, Args)]
struct Question {
    /// A parameter of the (first) segment, as name=value
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// What happened up to the moment, with all that arrived later
    #[arg(long)]
    as_happened: bool,
}

impl Question {
    fn mode(&self) -> Mode {
        if self.as_happened { Mode::AsHappened } else { Mode::AsKnown }
    }
}

#[derive(Debug, Args)]
struct Out {
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write to a file instead of the terminal
    #[arg(long, short)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

impl Segment {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        match self.what {
            What::List { out } => out.write(&segments::list(&workspace)?),
            What::Sql { name } => {
                let sql = &segments::find(&workspace.library, &name)?.sql;
                let _ = writeln!(std::io::stdout(), "{}", sql.trim_end());
                Ok(())
            }
            What::Explain { name, customer, asked, as_of, out } => {
                let query = segments::find(&workspace.library, &name)?.clone();
                let params = super::query::params(&query, &asked.params)?;
                let desk = workspace.desk(super::instant_or_now(&workspace, as_of.as_deref())?, asked.mode()).await?;
                let customer = identity::known_as(&workspace, &customer).await?;
                let explained = explain(&desk, &query, &params, customer.as_str()).await?;
                if explained.clauses.is_none() {
                    eprintln!("{}: {NOT_ONE_CONDITION}", explained.segment);
                }
                out.write(&segments::explained(&explained))
            }
            What::Diff { name, other, as_of, from, to, asked, out } => {
                let query = segments::find(&workspace.library, &name)?.clone();
                let params = super::query::params(&query, &asked.params)?;
                let (first_at, second_at, second, gone, came) = match (&other, &from, &to) {
                    (None, Some(from), Some(to)) => {
                        let (from_at, to_at) = (super::instant(&workspace, from)?, super::instant(&workspace, to)?);
                        if from_at > to_at {
                            return Err(Fault::new(Exit::Config, format!("--from {from} is after --to {to}"))
                                .remedy("write the earlier moment after --from"));
                        }
                        (from_at, to_at, query.clone(), "left".to_string(), "came".to_string())
                    }
                    (other, ..) => {
                        let at = super::instant_or_now(&workspace, as_of.as_deref())?;
                        let second = segments::find(&workspace.library, other.as_deref().unwrap_or_default())?.clone();
                        let (one, two) = match short(&query.name) == short(&second.name) {
                            true => ("with these parameters", "with its own"),
                            false => (short(&query.name), short(&second.name)),
                        };
                        (at, at, second.clone(), format!("only {one}"), format!("only {two}"))
                    }
                };
                let desk = workspace.desk(first_at, asked.mode()).await?;
                let mut later = desk.clone();
                later.moment.as_of = second_at;
                let none = Params::new();
                let second_params = if other.is_some() { &none } else { &params };
                let first = Side { desk: &desk, query: &query, params: &params };
                let (changes, both) = difference(first, Side { desk: &later, query: &second, params: second_params }).await?;
                let only_second = changes.iter().filter(|change| change.came).count();
                eprintln!("{} {gone}, {only_second} {came}, {both} in both", changes.len() - only_second);
                for query in [&query, &second] {
                    if Clauses::read(query)?.is_none() {
                        eprintln!("{}: {NOT_ONE_CONDITION}", short(&query.name));
                    }
                }
                out.write(&segments::changes(&changes, &gone, &came))
            }
            What::BackTest { name, from, to, window, as_known_only, overlaps_all, verify, params, out } => {
                let query = segments::find(&workspace.library, &name)?.clone();
                let params = super::query::params(&query, &params)?;
                let count = nights(&workspace, from, to)?.len() as u64;
                let as_happened = !as_known_only;
                let asked = Asked {
                    segment: short(&query.name).into(),
                    params,
                    from,
                    to,
                    window_days: window,
                    as_happened,
                    overlaps_all,
                };
                let progress = Progress::new("back-test", "nights", if as_happened { 2 * count } else { count });
                let report = back_test(&workspace, &asked, &|| progress.add(1)).await?;
                progress.finish(&format!("{count} nights"));
                if verify {
                    verified(&workspace, &asked, &query).await?;
                }
                write_report(&report, &out)
            }
        }
    }
}

const NOT_ONE_CONDITION: &str =
    "its definition is not one condition on rows (a union, a grouping or a limit), so no clause can be named";

fn short(name: &str) -> &str {
    name.strip_prefix("segments/").unwrap_or(name)
}

/// Each night asked by itself: what the back-test must be equal to.
async fn verified(workspace: &Workspace, asked: &Asked, query: &query::Query) -> Result<(), Fault> {
    let nights = nights(workspace, asked.from, asked.to)?;
    let mut desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let modes = if asked.as_happened { vec![Mode::AsKnown, Mode::AsHappened] } else { vec![Mode::AsKnown] };
    let progress = Progress::new("each night by itself", "nights", (modes.len() * nights.len()) as u64);
    let mut differing = 0;
    for mode in modes {
        desk.moment.mode = mode;
        let rosters = desk.rosters(query, &asked.params, &nights, &|| {}).await?;
        for (night, as_of) in nights.iter().enumerate() {
            let mut by_itself = desk.clone();
            by_itself.moment.as_of = *as_of;
            let members = Side { desk: &by_itself, query, params: &asked.params }.members().await?;
            differing += usize::from(members.iter().map(String::as_str).ne(rosters.members(night)));
            progress.add(1);
        }
    }
    progress.finish(&format!("{differing} differ"));
    match differing {
        0 => Ok(()),
        _ => Err(Fault::new(Exit::Failed, format!("{differing} nights differ from the same nights asked one by one"))
            .remedy("this is a defect: report it with the segment's SQL")),
    }
}

fn write_report(report: &Report, out: &Out) -> Result<(), Fault> {
    match out.format {
        Format::Csv => out.write(&report.nights_table()),
        Format::Json => {
            let rows = |answer: Answer| -> Result<serde_json::Value, Fault> {
                let mut bytes = Vec::new();
                format::write_answer(format::Format::Json, &answer, &mut bytes)?;
                Ok(serde_json::from_slice(&bytes).unwrap_or_default())
            };
            let whole = json!({
                "segment": report.segment, "window_days": report.window_days, "customers_ever": report.ever,
                "outcome": rows(report.outcome_table())?, "overlaps": rows(report.overlaps_table())?, "nights": rows(report.nights_table())?,
            });
            out.put(format!("{whole:#}\n").as_bytes())
        }
        Format::Table => {
            let mut bytes = Vec::new();
            let (first, last) =
                (report.nights.first().map_or(0, |night| night.members), report.nights.last().map_or(0, |night| night.members));
            let _ = writeln!(
                bytes,
                "{}: {first} members on the first night, {last} on the last; {} customers were in it on a night",
                report.segment, report.ever
            );
            let _ = writeln!(
                bytes,
                "\nThe {} days after each night (no lift: members differ from others in other ways too)",
                report.window_days
            );
            if report.pooled.is_some() {
                format::write_answer(format::Format::Table, &report.outcome_table(), &mut bytes)?;
            } else {
                let _ = writeln!(bytes, "cannot be said yet: no night's window has passed");
            }
            let _ = writeln!(bytes, "\nOverlap on the last night");
            format::write_answer(format::Format::Table, &report.overlaps_table(), &mut bytes)?;
            let _ = writeln!(bytes, "\nNight by night");
            format::write_answer(format::Format::Table, &report.nights_table(), &mut bytes)?;
            out.put(&bytes)
        }
    }
}

impl Out {
    fn write(&self, answer: &Answer) -> Result<(), Fault> {
        let format = match self.format {
            Format::Table => format::Format::Table,
            Format::Csv => format::Format::Csv,
            Format::Json => format::Format::Json,
        };
        let mut bytes = Vec::new();
        format::write_answer(format, answer, &mut bytes)?;
        self.put(&bytes)
    }

    fn put(&self, bytes: &[u8]) -> Result<(), Fault> {
        match &self.output {
            Some(path) => File::create(path)
                .and_then(|mut file| file.write_all(bytes))
                .map_err(|source| Fault::io(format!("could not write {}", path.display()), source)),
            None => {
                // A reader that has seen enough (`| head`) is no failure.
                let _ = std::io::stdout().write_all(bytes);
                Ok(())
            }
        }
    }
}
