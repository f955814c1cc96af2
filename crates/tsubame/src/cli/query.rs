//! Asks a question without a page: for scripts, for files, and for one's own SQL.

use std::{fs::File, io::Write, path::PathBuf};

use clap::{Args, ValueEnum};
use query::{Header, Mode, ParamKind, Params, QueryError, ad_hoc, format, sql::params_of};

use super::ShopFolder;
use crate::{fault::Fault, workspace::Access};

/// Ask a question: a query of the library by name, or your own SQL
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame query --list\n  tsubame query f2_by_cohort\n  tsubame query dormant_top_ltv -p days=180 --format csv > dormant.csv\n  tsubame query --sql 'SELECT count(*) FROM orders' --as-of 2026-06-01\n  tsubame query --sql 'SELECT * FROM orders WHERE net >= $least' -p least=3000"
)]
pub struct Query {
    /// A query's name (reports/rfm_grid, or rfm_grid)
    #[arg(required_unless_present_any = ["sql", "list"], conflicts_with = "sql")]
    name: Option<String>,
    /// SQL over the shop's relations
    #[arg(long)]
    sql: Option<String>,
    /// List all queries
    #[arg(long)]
    list: bool,
    /// A parameter, as name=value
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// What was known at this moment: a time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// With --as-of: what happened up to then, with all that arrived later
    #[arg(long, requires = "as_of")]
    as_happened: bool,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write to a file instead of the terminal
    #[arg(long, short)]
    output: Option<PathBuf>,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Ndjson,
    Parquet,
}

impl Query {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        if self.list {
            for query in workspace.library.queries.values().filter(|query| !query.name.starts_with("system/")) {
                let params: Vec<String> =
                    query.header.params.iter().map(|param| format!("{}:{}", param.name, param.kind.name())).collect();
                println!(
                    "{:<34} {}{}",
                    query.name,
                    query.header.title,
                    if params.is_empty() { String::new() } else { format!("  ({})", params.join(", ")) }
                );
            }
            return Ok(());
        }
        let as_of = super::instant_or_now(&workspace, self.as_of.as_deref())?;
        let mode = if self.as_happened { Mode::AsHappened } else { Mode::AsKnown };
        let desk = workspace.desk(as_of, mode).await?;
        let query = match (&self.sql, &self.name) {
            (Some(sql), _) => own(sql, &self.params),
            (None, name) => desk.query(name.as_deref().unwrap_or_default())?.clone(),
        };
        let params = params(&query, &self.params)?;
        let (schema, batches) = desk.batches(&query, &params).await?;
        let format = match self.format {
            Format::Table => format::Format::Table,
            Format::Csv => format::Format::Csv,
            Format::Json => format::Format::Json,
            Format::Ndjson => format::Format::Ndjson,
            Format::Parquet => format::Format::Parquet,
        };
        match &self.output {
            Some(path) => {
                let mut file =
                    File::create(path).map_err(|source| Fault::io(format!("could not create {}", path.display()), source))?;
                if let Err(error) = format::write(format, &schema, &batches, &mut file) {
                    // Half a file is none.
                    let _ = std::fs::remove_file(path);
                    return Err(error.into());
                }
            }
            None => {
                let mut out = Vec::new();
                format::write(format, &schema, &batches, &mut out)?;
                // A reader that has seen enough (`| head`) is no failure.
                let _ = std::io::stdout().write_all(&out);
            }
        }
        Ok(())
    }
}

/// An own text, with its parameters as its header declares them, or as the values look.
fn own(sql: &str, given: &[String]) -> query::Query {
    let given = given.iter().filter_map(|text| text.split_once('='));
    let typed: Vec<(String, String)> = given.map(|(name, raw)| (name.into(), raw.into())).collect();
    let params = params_of(sql, &typed, None).into_iter().map(|(param, _)| param).collect();
    let query = ad_hoc(sql);
    query::Query { header: Header { params, ..query.header }, ..query }
}

pub(super) fn params(query: &query::Query, given: &[String]) -> Result<Params, Fault> {
    let mut params = Params::new();
    for text in given {
        let (name, raw) = text.split_once('=').ok_or_else(|| {
            Fault::new(crate::fault::Exit::Config, format!("`{text}` is not a parameter")).remedy("write it as -p name=value")
        })?;
        let kind = query.header.params.iter().find(|param| param.name == name).map_or(ParamKind::Text, |param| param.kind);
        let value =
            kind.read(raw).ok_or_else(|| QueryError::ParamValue { name: name.into(), kind: kind.name(), raw: raw.into() })?;
        params.insert(name.into(), value);
    }
    Ok(params)
}
