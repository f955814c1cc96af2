//! The command line: one file per command, each with its help and examples.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    workspace::{Access, Workspace},
};

mod account;
mod approve;
mod attribute;
mod backup;
mod bench;
mod bench_lake;
mod check;
mod customer;
mod demo;
mod dev_sink;
mod dictionary;
mod doctor;
mod experiment;
mod export;
mod functions;
mod identity;
mod import;
mod new;
mod pause;
mod plan;
mod predict;
mod pull;
mod quarantine;
mod query;
mod readout;
mod replay;
mod run;
mod scenario;
mod segment;
mod sends;
mod serve;
mod switch;
mod why;

/// The growth desk of an online shop: orders and events in, answers, audiences and messages out, revenue measured.
#[derive(Debug, Parser)]
#[command(name = "tsubame", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed, try again · 2 wrong usage · 3 a file or setting is wrong · \
4 the data did not pass a check · 5 partly done · 75 another process holds the shop";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    New(new::New),
    Check(check::Check),
    Customer(customer::Customer),
    Identity(identity::Identity),
    Import(import::Import),
    Pull(pull::Pull),
    Query(query::Query),
    Dictionary(dictionary::Dictionary),
    Functions(functions::Functions),
    Run(run::Run),
    Scenario(scenario::Scenario),
    Readout(readout::Readout),
    Replay(replay::Replay),
    Segment(segment::Segment),
    Sends(sends::Sends),
    Why(why::Why),
    Pause(pause::Pause),
    Plan(plan::Plan),
    Apply(plan::Apply),
    Approve(approve::Approve),
    Switch(switch::Switch),
    Resume(pause::Resume),
    Attribute(attribute::Attribute),
    Experiment(experiment::Experiment),
    Predict(predict::Predict),
    Export(export::Export),
    Quarantine(quarantine::Quarantine),
    Serve(serve::Serve),
    DevSink(dev_sink::DevSink),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    BenchLake(bench_lake::BenchLake),
    Account(account::Account),
    Bench(bench::Bench),
    Completions(Completions),
    #[command(hide = true)]
    Worker(crate::sql::worker::Bounds),
}

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame completions bash > ~/.local/share/bash-completion/completions/tsubame\n  tsubame completions fish > ~/.config/fish/completions/tsubame.fish"
)]
struct Completions {
    shell: clap_complete::Shell,
}

/// The language of what is explained; messages are in English.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Language {
    Ja,
    En,
}

impl Language {
    pub fn name(self) -> &'static str {
        match self {
            Language::Ja => "ja",
            Language::En => "en",
        }
    }
}

/// Where the shop is.
#[derive(Debug, Args)]
pub struct ShopFolder {
    /// The shop's folder
    #[arg(long = "shop", global = true, value_name = "FOLDER", default_value = ".", env = "TSUBAME_SHOP")]
    pub folder: PathBuf,
}

impl ShopFolder {
    pub async fn open(&self, access: Access) -> Result<Workspace, Fault> {
        Workspace::open(&self.folder, Clock::Real, access).await
    }
}

impl Cli {
    /// What a SQL worker is started with.
    pub fn worker(&self) -> Option<&crate::sql::worker::Bounds> {
        match &self.command {
            Command::Worker(bounds) => Some(bounds),
            _ => None,
        }
    }

    pub async fn run(self) -> Result<(), Fault> {
        match self.command {
            Command::Demo(command) => command.run().await,
            Command::New(command) => command.run(),
            Command::Check(command) => command.run().await,
            Command::Customer(command) => command.run().await,
            Command::Identity(command) => command.run().await,
            Command::Import(command) => command.run().await,
            Command::Pull(command) => command.run().await,
            Command::Query(command) => command.run().await,
            Command::Dictionary(command) => command.run(),
            Command::Functions(command) => command.run(),
            Command::Run(command) => command.run().await,
            Command::Scenario(command) => command.run().await,
            Command::Readout(command) => command.run().await,
            Command::Replay(command) => command.run().await,
            Command::Segment(command) => command.run().await,
            Command::Sends(command) => command.run().await,
            Command::Why(command) => command.run().await,
            Command::Pause(command) => command.run().await,
            Command::Plan(command) => command.run().await,
            Command::Apply(command) => command.run().await,
            Command::Approve(command) => command.run().await,
            Command::Switch(command) => command.run().await,
            Command::Resume(command) => command.run().await,
            Command::Attribute(command) => command.run().await,
            Command::Experiment(command) => command.run().await,
            Command::Predict(command) => command.run().await,
            Command::Export(command) => command.run().await,
            Command::Quarantine(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::DevSink(command) => command.run().await,
            Command::Doctor(command) => command.run().await,
            Command::Backup(command) => command.run().await,
            Command::BenchLake(command) => command.run().await,
            Command::Account(command) => command.run().await,
            Command::Bench(command) => command.run().await,
            // It ran before there were threads.
            Command::Worker(_) => Ok(()),
            Command::Completions(completions) => {
                clap_complete::generate(completions.shell, &mut Cli::command(), "tsubame", &mut std::io::stdout());
                Ok(())
            }
        }
    }
}

/// What is planned or booked up to a moment is never looked at again, so the moment must be past.
pub fn refuse_future(workspace: &Workspace, at: model::Instant) -> Result<(), Fault> {
    match at > workspace.now() {
        true => Err(Fault::new(Exit::Config, format!("{} lies ahead", model::time::rfc3339(at)))
            .remedy("name a past moment, or leave it out to mean now; a date means its end")),
        false => Ok(()),
    }
}

/// An instant on the command line: RFC 3339, or a date, which means its end in the shop's zone.
pub fn instant(workspace: &Workspace, text: &str) -> Result<model::Instant, Fault> {
    match text.parse::<chrono::NaiveDate>() {
        Ok(day) => Ok(workspace.shop().timezone.start_of(day.succ_opt().unwrap_or(day)) - chrono::TimeDelta::microseconds(1)),
        Err(_) => crate::workspace::parse_instant(text),
    }
}

/// The instant given, as [`instant`] reads it; none means now.
pub fn instant_or_now(workspace: &Workspace, text: Option<&str>) -> Result<model::Instant, Fault> {
    text.map_or_else(|| Ok(workspace.now()), |text| instant(workspace, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_help_with_an_example() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(command.get_about().is_some(), "{}: no words", command.get_name());
            assert!(help.contains("Example"), "{}: no example", command.get_name());
        }
    }
}
