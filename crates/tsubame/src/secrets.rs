//! Settings are kept in git, so they name their secrets (`env:NAME`, `file:PATH`) and do not hold them. Here a name becomes what it names.

use std::path::Path;

use model::{Problem, Shop, Source, shop::SenderSettings};
use state::Secret;

use crate::fault::{Exit, Fault};

/// The secret behind a reference. What is no reference stands for itself: a browser's write key is public. Files are looked for in the
/// shop's folder; a trailing line break is no part of a secret, and nobody proves anything with an empty one.
pub fn resolve(folder: &Path, reference: &str) -> Result<Secret, Fault> {
    let (text, remedy) = match reference.split_once(':') {
        Some(("env", name)) => {
            let remedy = format!("set the environment variable {name} where the server is started");
            let text = std::env::var(name).map_err(|error| {
                let why = match error {
                    std::env::VarError::NotPresent => "is not set",
                    std::env::VarError::NotUnicode(_) => "is not UTF-8",
                };
                Fault::new(Exit::Config, format!("the environment variable {name} {why}")).remedy(&remedy)
            })?;
            (text, remedy)
        }
        Some(("file", path)) => {
            let path = folder.join(path);
            let remedy = format!("write the secret into {}, readable for the server alone", path.display());
            let text = std::fs::read_to_string(&path).map_err(|source| Fault {
                exit: Exit::Config,
                ..Fault::io(format!("could not read the secret file {}", path.display()), source).remedy(&remedy)
            })?;
            (text, remedy)
        }
        _ => (reference.to_string(), "name it as `env:NAME` or `file:secrets/NAME`".to_string()),
    };
    match text.trim_end_matches(['\r', '\n']) {
        empty if empty.trim().is_empty() => {
            // A reference is a name and may be shown; anything else that is empty has nothing to show.
            Err(Fault::new(Exit::Config, format!("the secret `{reference}` is empty")).remedy(remedy))
        }
        secret => Ok(Secret::new(secret.to_string())),
    }
}

/// What a source's clients or deliveries prove themselves by.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `None` for sources without (webhooks).
    pub write_key: Option<Secret>,
    pub secrets: Vec<Secret>,
}

/// All secrets of a source but the token of its pull, or what is wrong with the first that is not there.
pub fn of_source(folder: &Path, source: &Source) -> Result<Keys, Fault> {
    let named = |reference: &String| resolve(folder, reference).map_err(|fault| fault.of_source(&source.name));
    Ok(Keys {
        write_key: Some(&source.write_key).filter(|key| !key.is_empty()).map(named).transpose()?,
        secrets: source.secrets.iter().map(named).collect::<Result<_, _>>()?,
    })
}

/// Every secret that a start would miss.
pub fn problems(folder: &Path, shop: &Shop) -> Vec<Problem> {
    let of = |source: &Source| {
        let references = [&source.write_key, &source.admin_token].into_iter().chain(&source.secrets);
        references
            .filter(|reference| !reference.is_empty())
            .filter_map(|reference| resolve(folder, reference).err())
            .map(|fault| {
                let problem = Problem::new("tsubame.toml", 0, format!("source `{}`: {}", source.name, fault.message));
                problem.with_remedy(fault.remedy.unwrap_or_default())
            })
            .collect::<Vec<_>>()
    };
    let of_sender = |sender: &SenderSettings| {
        let fault = resolve(folder, sender.options.get("token")?.as_str()?).err()?;
        let problem =
            Problem::new("tsubame.toml", 0, format!("sender `{}` on {}: {}", sender.kind, sender.channel, fault.message));
        Some(problem.with_remedy(fault.remedy.unwrap_or_default()))
    };
    shop.sources.iter().flat_map(of).chain(shop.senders.iter().filter_map(of_sender)).collect()
}

impl Fault {
    fn of_source(mut self, name: &str) -> Fault {
        self.message = format!("source `{name}` cannot be served: {}", self.message);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_its_secret_or_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        for (name, text) in [("key", "k3y\r\n"), ("empty", " \n"), ("inner", " a b \n")] {
            std::fs::write(folder.path().join("secrets").join(name), text).unwrap();
        }
        let check = |reference: &str, expect: Result<&str, (&str, &str)>| match (resolve(folder.path(), reference), expect) {
            (Ok(secret), Ok(expect)) => assert_eq!(secret.expose(), expect, "{reference}"),
            (Err(fault), Err((message, remedy))) => {
                assert_eq!(fault.exit, Exit::Config, "{reference}");
                let shown = fault.to_string();
                assert!(shown.contains(message) && fault.remedy.unwrap_or_default().contains(remedy), "{reference}: {shown}");
            }
            (got, _) => panic!("{reference}: {got:?}"),
        };
        check("file:secrets/key", Ok("k3y"));
        check("file:secrets/inner", Ok(" a b "));
        check("file:secrets/empty", Err(("is empty", "write the secret into")));
        check("file:secrets/none", Err(("could not read the secret file", "secrets/none")));
        check("env:CARGO_PKG_NAME", Ok("tsubame"));
        check("env:TSUBAME_NOT_SET", Err(("TSUBAME_NOT_SET is not set", "set the environment variable TSUBAME_NOT_SET")));
        check("public-key", Ok("public-key"));
        check("", Err(("is empty", "env:NAME")));
    }

    #[test]
    fn a_start_misses_the_tokens_of_senders_too() {
        let folder = tempfile::tempdir().unwrap();
        let check = |token: &str, expect: Option<&str>| {
            let text = format!("[[senders]]\nchannel = \"line\"\nkind = \"line\"\ntoken = \"{token}\"\n");
            let found = problems(folder.path(), &Shop::parse("tsubame.toml", &text).unwrap());
            assert_eq!(found.first().map(|problem| problem.message.as_str()), expect, "{token}");
        };
        check("env:CARGO_PKG_NAME", None);
        check("env:TSUBAME_NOT_SET", Some("sender `line` on line: the environment variable TSUBAME_NOT_SET is not set"));
    }
}
