//! What could not be taken waits here for a person: they see why, mend the cause, and let it in.

use std::io::{IsTerminal, Write};

use clap::{Args, Subcommand};
use state::{Letters, Newest};

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::quarantine::replay,
    workspace::Access,
};

/// List what could not be taken, look at it, take it again or drop it
///
/// Events that a client sent and lines of files that could not be used are kept sealed for 30 days. `replay` lets events through the same
/// door again, in the order they came; what is refused again keeps waiting, and the exit code is 5.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame quarantine list\n  tsubame quarantine show 41\n  tsubame quarantine replay --source web --code not_a_time\n  tsubame quarantine drop 41"
)]
pub struct Quarantine {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// How many wait, by source and code, and the newest of them
    List(Which),
    /// Print one as it came, on a terminal: it may hold addresses
    Show {
        id: i64,
        /// Print it also where the output is no terminal
        #[arg(long)]
        force: bool,
    },
    /// Let them in by the same door again
    Replay(Which),
    /// Throw them away
    Drop(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// One letter
    id: Option<i64>,
    /// Those of one source
    #[arg(long)]
    source: Option<String>,
    /// Those refused for one reason
    #[arg(long)]
    code: Option<String>,
}

impl Which {
    fn letters(&self) -> Letters<'_> {
        Letters { id: self.id, source: self.source.as_deref(), code: self.code.as_deref(), after: 0 }
    }

    fn is_all(&self) -> bool {
        self.id.is_none() && self.source.is_none() && self.code.is_none()
    }
}

const SHOWN: usize = 20;

impl Quarantine {
    pub async fn run(self) -> Result<(), Fault> {
        let access = match self.command {
            Sub::List(_) | Sub::Show { .. } => Access::Read,
            Sub::Replay(_) | Sub::Drop(_) => Access::Write,
        };
        let workspace = self.shop.open(access).await?;
        let (vault, now) = (workspace.state.vault().clone(), workspace.now());
        let done = match self.command {
            Sub::List(which) => {
                let counts = vault.letter_counts(now).await?;
                let named = |name: &Option<String>, of: &str| name.as_deref().is_none_or(|name| name == of);
                for count in counts.iter().filter(|count| named(&which.source, &count.source) && named(&which.code, &count.code))
                {
                    println!("{:>8}  {}  {}", count.letters, count.source, count.code);
                }
                for letter in vault.letters(which.letters(), Newest::First, now, SHOWN).await? {
                    let at = model::time::rfc3339(letter.arrived_at);
                    println!("{:>8}  {at}  {}  {}: {}", letter.id, letter.source, letter.code, letter.reason);
                    if !letter.remedy.is_empty() {
                        println!("          remedy: {}", letter.remedy);
                    }
                }
                println!("{} wait", counts.iter().map(|count| count.letters).sum::<u64>());
                Ok(())
            }
            Sub::Show { id, force } => match vault.reveal(id, now).await? {
                _ if !force && !std::io::stdout().is_terminal() => {
                    Err(Fault::new(Exit::Config, "a letter may hold addresses: it is shown on a terminal alone")
                        .remedy("add --force to write it elsewhere on purpose"))
                }
                Some(raw) => {
                    let shown = if std::io::stdout().is_terminal() { harmless(raw.expose()) } else { raw.expose().clone() };
                    // Whoever reads may have stopped.
                    let _ = std::io::stdout().write_all(&[&shown, &b"\n"[..]].concat());
                    Ok(())
                }
                None => {
                    Err(Fault::new(Exit::Config, format!("there is no letter {id}")).remedy("`tsubame quarantine list` has them"))
                }
            },
            Sub::Replay(which) => {
                let done = replay(&workspace, which.letters()).await?;
                println!("accepted {}, refused again {}, lines of files {}", done.accepted, done.refused, done.of_files);
                match done.refused + done.of_files {
                    0 => Ok(()),
                    left => Err(Fault::new(Exit::Partial, format!("{left} could not be taken"))
                        .remedy("`tsubame quarantine list` says why; a file is to be mended and imported again")),
                }
            }
            Sub::Drop(which) if which.is_all() => {
                Err(Fault::new(Exit::Config, "drop what?").remedy("name a letter's ID, a --source or a --code"))
            }
            Sub::Drop(which) => {
                println!("{} dropped", vault.drop_letters(which.letters()).await?);
                Ok(())
            }
        };
        workspace.state.close().await;
        done
    }
}

/// For a terminal: whoever sent it may have meant to steer it.
fn harmless(raw: &[u8]) -> Vec<u8> {
    let shown = |char: char| match char {
        '\n' | '\t' => char.to_string(),
        char if char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            char.escape_unicode().to_string()
        }
        char => char.to_string(),
    };
    String::from_utf8_lossy(raw).chars().map(shown).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_does_not_steer_the_terminal() {
        let check = |raw: &str, expect: &str| assert_eq!(harmless(raw.as_bytes()), expect.as_bytes());
        check("{\"a\":\n\t\"燕\"}", "{\"a\":\n\t\"燕\"}");
        check("\u{1b}[2J\u{7}\u{202e}x\r", "\\u{1b}[2J\\u{7}\\u{202e}x\\u{d}");
    }
}
