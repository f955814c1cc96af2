//! Switching a scenario on and off: one word of its own file, the rest of which stays as it is byte for byte.

use model::Scenario;
use state::{Act, Subject};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::approval;
use crate::{
    fault::{Exit, Fault},
    shop_file::{self, NotSaved, ShopFile},
    workspace::Workspace,
};

/// Switches it on. Refused while approval is missing, and while the file says something else than what is in force. The caller reads the shop's files
/// again; whether the file was changed.
pub async fn switch_on(workspace: &Workspace, name: &str, by: &str) -> Result<bool, NotSaved> {
    let approval = approval::status(workspace, name).await?;
    if !approval.lets_send() {
        let fault = Fault::new(Exit::Data, format!("{name} is not switched on: {}", approval.said()));
        let remedy = format!("ask for it (`tsubame approve {name} --by ACCOUNT --ask`), and let a second account give it");
        return Err(fault.remedy(remedy).into());
    }
    switch(workspace, name, by, true).await
}

/// Switches it off: nobody enters, and who is in it waits where they are.
pub async fn switch_off(workspace: &Workspace, name: &str, by: &str) -> Result<bool, NotSaved> {
    switch(workspace, name, by, false).await
}

async fn switch(workspace: &Workspace, name: &str, by: &str, on: bool) -> Result<bool, NotSaved> {
    let scenario = workspace.scenario(name)?;
    let file = ShopFile::of_scenario(name)?;
    let Some(text) = file.read(&workspace.folder)? else { return Err(NotSaved::Conflict { file, theirs: None }) };
    // What was approved, and is shown, is what is in force.
    if Scenario::parse(file.as_str(), &text).ok().as_ref() != Some(scenario) {
        return Err(NotSaved::Conflict { file, theirs: Some(text) });
    }
    let Some(switched) = with_enabled(&text, on) else { return Ok(false) };
    shop_file::save(&workspace.folder, &file, Some(&shop_file::hash(&text)), &switched).await?;
    let act = if on { Act::SwitchedOn } else { Act::SwitchedOff };
    approval::note(workspace, name, act, by, Subject::default(), None).await?;
    Ok(true)
}

/// The text of a scenario with `enabled` as wanted; `None` where it is so already.
pub fn with_enabled(text: &str, on: bool) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let find = |name: &str| document.get_ref().iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value);
    let word = if on { "true" } else { "false" };
    if let Some(value) = find("enabled") {
        let is_so = matches!(value.get_ref(), DeValue::Boolean(known) if *known == on);
        let span = value.span();
        return (!is_so).then(|| format!("{}{word}{}", &text[..span.start], &text[span.end..]));
    }
    // Without the word it is on.
    if on {
        return None;
    }
    let name: &Spanned<DeValue<'_>> = find("scenario")?;
    let end = text[name.span().end..].find('\n').map_or(text.len(), |at| name.span().end + at);
    let (before, after) = text.split_at(end);
    let (before, newline) = before.strip_suffix('\r').map_or((before, "\n"), |before| (before, "\r\n"));
    let after = if newline == "\r\n" { format!("\r{after}") } else { after.to_string() };
    Some(format!("{before}{newline}enabled = {word}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_changes_and_nothing_else() {
        let check = |text: &str, on: bool, expect: Option<&str>| {
            let switched = with_enabled(text, on);
            assert_eq!(switched.as_deref(), expect, "{text:?}");
            if let Some(switched) = switched {
                let read: toml::Table = toml::from_str(&switched).expect("TOML");
                assert_eq!(read["enabled"].as_bool(), Some(on), "{switched:?}");
                assert_eq!(with_enabled(&switched, on), None, "{switched:?}");
            }
        };
        check("scenario = \"s\"\n[entry]\n", true, None);
        check("scenario = \"s\"\n[entry]\n", false, Some("scenario = \"s\"\nenabled = false\n[entry]\n"));
        check("scenario = \"s\" # ours\n\n[entry]\n", false, Some("scenario = \"s\" # ours\nenabled = false\n\n[entry]\n"));
        check("scenario = \"s\"\r\n[entry]\r\n", false, Some("scenario = \"s\"\r\nenabled = false\r\n[entry]\r\n"));
        check("scenario = \"s\"", false, Some("scenario = \"s\"\nenabled = false"));
        let off = "# note\nenabled   =  false # until spring\nscenario = \"s\"\n";
        check(off, true, Some("# note\nenabled   =  true # until spring\nscenario = \"s\"\n"));
        check(off, false, None);
        check("scenario = \"s\"\nenabled = true\n", false, Some("scenario = \"s\"\nenabled = false\n"));
        check("\"enabled\" = false\nscenario = \"s\"\n", true, Some("\"enabled\" = true\nscenario = \"s\"\n"));
        // Words in a text, a comment or a table of the same name are not the switch.
        let hidden =
            "description = \"\"\"\nenabled = false\n[x]\n\"\"\"\n# enabled = false\nscenario = \"s\"\n[quiet]\nenabled = false\n";
        check(hidden, true, None);
        let expect = hidden.replace("scenario = \"s\"\n", "scenario = \"s\"\nenabled = false\n");
        check(hidden, false, Some(&expect));
        // What is no TOML is left alone.
        check("scenario = ", false, None);
    }
}
