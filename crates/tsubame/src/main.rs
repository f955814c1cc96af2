//! Everything that happens: clock, HTTP, transport, jobs, command line.

mod aa;
mod analysis;
mod bench;
mod broadcasts;
mod cli;
mod clock;
mod conditions;
mod conventions;
mod decided;
mod definitions;
mod demo;
mod fault;
mod http;
mod jobs;
mod lint;
mod pages;
mod pg;
mod pinned;
mod point;
mod processors;
mod progress;
mod reachable;
mod readout;
mod readout_link;
mod ready;
mod replayed;
mod secrets;
mod segments;
mod serving;
mod shop_file;
mod sink;
mod sql;
mod toml_text;
mod transport;
mod workspace;
mod zones;

use std::process::ExitCode;

use clap::Parser;

/// Many small objects on many threads: what arrives and what is planned.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans of nested views recurse deeply in an unoptimised build: threads get a larger stack than is usual.
const THREAD_STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    // Two TLS providers are linked; the first to be asked would panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TSUBAME_LOG")
        .unwrap_or_else(|_| "warn,tsubame=info,buoyant_kernel=off,datafusion_common::pruning=error".into());
    // A line that cannot be written (the log's disk is full) is lost; told of on stderr, it would panic and cost an answer.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false).init();
    let cli = cli::Cli::parse();
    // A SQL worker bounds itself before it has a second thread.
    if let Some(bounds) = cli.worker() {
        return match bounds.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => ExitCode::from(fault.exit as u8),
        };
    }
    if let Err(fault) = point::arm() {
        eprintln!("{fault}");
        return ExitCode::from(fault.exit as u8);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(THREAD_STACK_BYTES).build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async { tokio::spawn(cli.run()).await }),
        Err(error) => {
            eprintln!("could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(fault)) => {
            eprintln!("{fault}");
            ExitCode::from(fault.exit as u8)
        }
        Err(panic) => {
            eprintln!("stopped by a defect: {panic}");
            ExitCode::FAILURE
        }
    }
}
