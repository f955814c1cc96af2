//! The ready-made scenarios and their messages, as they lie in `fixtures/scenarios`: what there is, what each needs, and how they come into a
//! shop's folder. A file that somebody wrote is never overwritten.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use model::{Scenario, Shop, Text, scenario::SendStep};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::fault::{Exit, Fault};

#[derive(RustEmbed)]
#[folder = "../../fixtures/scenarios"]
struct Files;

/// What each scenario needs, beside the scenarios themselves.
const NEEDS: &str = "needs.toml";

/// One ready-made scenario.
pub struct Ready {
    pub scenario: Scenario,
    /// Its file.
    pub text: String,
    /// The data without which nobody comes in.
    pub needs: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    needs: Text,
    /// The requirements it answers, for whoever looks for one.
    #[serde(rename = "serves")]
    _serves: Vec<String>,
}

static ALL: LazyLock<Vec<Ready>> = LazyLock::new(|| {
    let mut needs: BTreeMap<String, Need> = toml::from_str(&text_of(NEEDS).unwrap_or_default()).expect("what a test reads");
    let files = Files::iter().filter(|file| file.ends_with(".toml") && !file.contains('/') && file != NEEDS);
    let mut all: Vec<Ready> = files
        .map(|file| {
            let text = text_of(&file).unwrap_or_default();
            let scenario = Scenario::parse(&file, &text).unwrap_or_else(|problems| panic!("a test reads {file}: {problems:?}"));
            let need = needs.remove(&scenario.scenario);
            let needs = need.unwrap_or_else(|| panic!("a test reads what {file} needs")).needs;
            Ready { scenario, text, needs }
        })
        .collect();
    all.sort_by(|a, b| a.scenario.scenario.cmp(&b.scenario.scenario));
    all
});

fn text_of(file: &str) -> Option<String> {
    Files::get(file).map(|found| String::from_utf8_lossy(&found.data).into_owned())
}

/// Every ready-made scenario, by name.
pub fn all() -> &'static [Ready] {
    &ALL
}

/// One of them.
pub fn find(name: &str) -> Result<&'static Ready, Fault> {
    all().iter().find(|ready| ready.scenario.scenario == name).ok_or_else(|| {
        let names: Vec<&str> = all().iter().map(|ready| ready.scenario.scenario.as_str()).collect();
        Fault::new(Exit::Config, format!("there is no ready-made scenario `{name}`"))
            .remedy(format!("`tsubame scenario list --ready` tells of each: {}", names.join(", ")))
    })
}

/// A message of a ready-made scenario in `ja` or `en`.
pub fn message(name: &str, language: &str) -> Option<String> {
    let language = if language == "en" { "en" } else { "ja" };
    text_of(&format!("messages/{language}/{name}.toml"))
}

/// The files of these scenarios, as they lie in a shop: path and text, each once.
pub fn files(names: &[String], language: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut files = BTreeMap::new();
    for name in names {
        let ready = find(name)?;
        for template in ready.scenario.sends().flat_map(SendStep::templates) {
            let text = message(template, language)
                .ok_or_else(|| Fault::new(Exit::Config, format!("`{name}` has no message `{template}` in `{language}`")))?;
            files.insert(format!("messages/{template}.toml"), text);
        }
        files.insert(format!("scenarios/{name}.toml"), ready.text.clone());
    }
    Ok(files)
}

/// Adds ready-made scenarios and their messages to a shop, in `language` or the shop's own; the files that were written. Where a file is
/// there already with other words, nothing is written at all.
pub fn add(folder: &Path, names: &[String], language: Option<&str>) -> Result<Vec<String>, Fault> {
    let settings = folder.join("tsubame.toml");
    let text = std::fs::read_to_string(&settings)
        .map_err(|source| Fault::io(format!("could not read {}", settings.display()), source).remedy("name a shop's folder"))?;
    let shop = Shop::parse("tsubame.toml", &text).map_err(|problems| Fault::problems(&problems))?;
    let files = files(names, language.unwrap_or(&shop.language))?;
    let mut missing = Vec::new();
    for (path, text) in &files {
        match std::fs::read(folder.join(path)) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => {
                return Err(Fault::new(Exit::Config, format!("{path} is there already, and is not the ready-made one"))
                    .remedy("rename or remove yours first; nothing was written"));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing.push((path, text)),
            Err(source) => return Err(Fault::io(format!("could not read {path}"), source)),
        }
    }
    for (path, scenario) in of_shop(folder)? {
        let is_ready = names.contains(&scenario.scenario) && !files.contains_key(&path);
        if is_ready {
            return Err(Fault::new(Exit::Config, format!("{path} is of the scenario `{}` already", scenario.scenario))
                .remedy("rename the scenario in that file, or remove it; nothing was written"));
        }
    }
    for (path, text) in &missing {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        // Not over a file that came meanwhile.
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::OpenOptions::new().write(true).create_new(true).open(&path))
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
    }
    Ok(missing.into_iter().map(|(path, _)| path.clone()).collect())
}

/// The scenarios of a shop's folder that can be read, by path.
pub fn of_shop(folder: &Path) -> Result<Vec<(String, Scenario)>, Fault> {
    let Ok(entries) = std::fs::read_dir(folder.join("scenarios")) else { return Ok(Vec::new()) };
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.retain(|name| name.ends_with(".toml"));
    names.sort();
    let mut scenarios = Vec::new();
    for name in names {
        let path = format!("scenarios/{name}");
        let text =
            std::fs::read_to_string(folder.join(&path)).map_err(|source| Fault::io(format!("could not read {path}"), source))?;
        scenarios.extend(Scenario::parse(&path, &text).ok().map(|scenario| (path, scenario)));
    }
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use connect::template::Template;

    use super::*;
    use crate::{lint, segments, workspace::read_files};

    fn new_shop(folder: &Path, language: &str) {
        let settings = include_str!("../../../fixtures/shop/tsubame.toml")
            .replace("language = \"ja\"", &format!("language = \"{language}\""));
        std::fs::write(folder.join("tsubame.toml"), settings).expect("settings");
    }

    fn names() -> Vec<String> {
        all().iter().map(|ready| ready.scenario.scenario.clone()).collect()
    }

    #[test]
    fn every_file_is_read_and_used() {
        let mut messages = BTreeSet::new();
        for ready in all() {
            let scenario = &ready.scenario;
            assert!(
                !scenario.enabled && ready.text.contains("tsubame replay"),
                "{}: a draft that says what to do",
                scenario.scenario
            );
            let texts = [&scenario.title, &scenario.description, &ready.needs];
            assert!(texts.iter().all(|text| !text.ja.is_empty() && !text.en.is_empty()), "{}", scenario.scenario);
            messages.extend(scenario.sends().flat_map(SendStep::templates).cloned());
        }
        let of = |language: &str| -> BTreeSet<String> {
            let folder = format!("messages/{language}/");
            Files::iter().filter_map(|file| Some(file.strip_prefix(&folder)?.strip_suffix(".toml")?.to_string())).collect()
        };
        assert_eq!((of("ja"), of("en")), (messages.clone(), messages));
        let needed: BTreeMap<String, Need> = toml::from_str(&text_of(NEEDS).expect("the file")).expect("TOML");
        assert_eq!(needed.into_keys().collect::<Vec<_>>(), names());
        assert!(all().len() >= 30, "{}", all().len());
    }

    #[test]
    fn a_shop_with_all_of_them_has_no_problem_and_no_warning() {
        for language in ["ja", "en"] {
            let folder = tempfile::tempdir().expect("a folder");
            new_shop(folder.path(), language);
            let written = add(folder.path(), &names(), None).expect("an empty shop");
            assert!(written.len() > 2 * all().len());
            assert_eq!(add(folder.path(), &names(), None).expect("the same again"), Vec::<String>::new());
            let (files, library, problems) = read_files(folder.path()).expect("a shop");
            assert_eq!(problems, [], "{language}");
            assert_eq!(files.scenarios.len(), all().len());
            assert_eq!(lint::warnings(folder.path(), &files, &library, language), [], "{language}");
        }
    }

    #[test]
    fn a_message_asks_for_nothing_that_its_members_may_lack() {
        for ready in all() {
            for send in ready.scenario.sends() {
                for (name, language) in send.templates().flat_map(|name| [(name, "ja"), (name, "en")]) {
                    let text = message(name, language).expect("a message");
                    let template = Template::parse(name, name, &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
                    for channel in &send.channels {
                        let of_date = ready.scenario.entry.date.as_ref().map(|date| date.of.clone());
                        // A coupon that the step itself brings along is always there.
                        let is_brought = |name: &String| send.coupon.as_ref().is_some_and(|coupon| coupon.fills(name));
                        let is_given = |name: &String| of_date.as_ref() == Some(name) || is_brought(name);
                        let needed: Vec<String> = template.needs(*channel).into_iter().filter(|name| !is_given(name)).collect();
                        assert_eq!(needed, Vec::<String>::new(), "{name} {language} {channel}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_in_words() {
        let library = query::Library::load(None).0;
        let mut words = String::new();
        for scenario in all().iter().map(|ready| &ready.scenario) {
            for lang in ["ja", "en"] {
                words.push_str(&format!("{} {lang}\n", scenario.scenario));
                for line in scenario.describe(&|name| segments::titles(&library, name)).lines(lang) {
                    words.push_str(&format!("    {line}\n"));
                }
            }
        }
        assert_eq!(words, include_str!("../../../fixtures/scenarios/described.txt"));
    }

    #[test]
    fn what_somebody_wrote_stays() {
        let check = |path: &str, text: &str, expect: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            new_shop(folder.path(), "ja");
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(&file, text).expect("a file");
            let fault = add(folder.path(), &["cart".to_string()], None).expect_err("a conflict");
            assert_eq!(fault.message, expect);
            assert!(fault.remedy.is_some_and(|remedy| remedy.contains("nothing was written")));
            assert_eq!(std::fs::read_to_string(&file).expect("the file"), text);
            assert!(!folder.path().join("messages/cart-2.toml").exists());
        };
        let other = "is there already, and is not the ready-made one";
        check("scenarios/cart.toml", "# mine\n", &format!("scenarios/cart.toml {other}"));
        check("messages/cart-1.toml", "# mine\n", &format!("messages/cart-1.toml {other}"));
        let same_id = find("cart").expect("a scenario").text.clone();
        check("scenarios/mine.toml", &same_id, "scenarios/mine.toml is of the scenario `cart` already");
        assert!(
            files(&["nothing".to_string()], "ja")
                .is_err_and(|fault| fault.to_string().contains("there is no ready-made scenario `nothing`"))
        );
    }
}
