//! What SQL here can compute beyond PostgreSQL's own functions, in a terminal.

use clap::Args;
use query::functions::{self, Function};
use serde_json::{Value, json};

use super::Language;
use crate::fault::{Exit, Fault};

/// List the SQL functions of the shop, or explain one
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame functions\n  tsubame functions kaplan_meier\n  tsubame functions --json | jq -r '.[].signature'"
)]
pub struct Functions {
    /// A function's name
    name: Option<String>,
    /// The language of the explanations
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long)]
    json: bool,
}

impl Functions {
    pub fn run(self) -> Result<(), Fault> {
        let shown: Vec<&Function> = match &self.name {
            None => functions::all().collect(),
            Some(name) => vec![functions::find(name).ok_or_else(|| unknown(name))?],
        };
        let lang = self.lang.name();
        if self.json {
            let list: Vec<Value> = shown.iter().map(|function| described(function)).collect();
            println!("{}", serde_json::to_string_pretty(&list).expect("descriptions are plain JSON"));
        } else if self.name.is_some() {
            shown.iter().for_each(|function| print!("{}", page(function, lang)));
        } else {
            let width = shown.iter().map(|function| function.name.len()).max().unwrap_or(0);
            for function in shown {
                println!("{:<width$}  {}", function.name, function.says.get(lang));
            }
            println!("\n`tsubame functions NAME` explains one; those of PostgreSQL are there too.");
        }
        Ok(())
    }
}

fn unknown(name: &str) -> Fault {
    let remedy = match functions::nearest(name) {
        Some(near) => format!("did you mean {near}?"),
        None => "`tsubame functions` lists them; those of PostgreSQL are there too".into(),
    };
    Fault::new(Exit::Config, format!("the shop has no function `{name}` of its own")).remedy(remedy)
}

fn page(function: &Function, lang: &str) -> String {
    let mut page = format!("{}\n\n  {}\n\n", function.signature(), function.says.get(lang));
    let names = function.takes.iter().map(|arg| arg.name);
    let members = function.gives.members();
    let width = names.chain(members.iter().map(|member| member.name)).map(str::len).max().unwrap_or(0);
    for arg in function.takes {
        let default = arg.default.map_or(String::new(), |default| format!(" [{default}]"));
        page.push_str(&format!("  {:<width$}  {}: {}{default}\n", arg.name, arg.of.name(), arg.says.get(lang)));
    }
    if !members.is_empty() {
        page.push_str(&format!("\n  {}(…)['…'] {}:\n", function.name, if lang == "en" { "has" } else { "の値" }));
        for member in members {
            page.push_str(&format!("  {:<width$}  {}: {}\n", member.name, member.of.name(), member.says.get(lang)));
        }
    }
    page.push_str(&format!("\n  {}\n  {}\n\n", function.nulls.get(lang), function.source));
    for example in function.examples {
        let answer = if example.answer.is_empty() { "NULL" } else { example.answer };
        page.push_str(&format!("  {}\n    → {}\n", example.sql, answer.replace('\n', "\n      ")));
    }
    page
}

fn described(function: &Function) -> Value {
    let words = |words: functions::Words| json!({ "ja": words.ja, "en": words.en });
    let args: Vec<Value> = function
        .takes
        .iter()
        .map(|arg| json!({ "name": arg.name, "type": arg.of.name(), "says": words(arg.says), "default": arg.default }))
        .collect();
    let member =
        |member: &functions::Member| json!({ "name": member.name, "type": member.of.name(), "says": words(member.says) });
    let members: Vec<Value> = function.gives.members().iter().map(member).collect();
    let examples: Vec<Value> =
        function.examples.iter().map(|example| json!({ "sql": example.sql, "answer": example.answer })).collect();
    json!({
        "name": function.name,
        "kind": function.kind.name(),
        "signature": function.signature(),
        "says": words(function.says),
        "args": args,
        "members": members,
        "nulls": words(function.nulls),
        "source": function.source,
        "examples": examples,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_explained() {
        let page = |name: &str, lang: &str| page(functions::find(name).expect("a function"), lang);
        let check = |name: &str, lang: &str, parts: &[&str]| {
            let page = page(name, lang);
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}\n{page}"));
        };
        check(
            "days_between",
            "en",
            &[
                "days_between(a date, b date) → int",
                "Null if an argument is null.",
                "days_between('2026-06-01', '2026-07-01')\n    → 30",
            ],
        );
        check("kaplan_meier", "ja", &["カプラン・マイヤー", "survival_low", "STATISTICS F26"]);
        check("rfm_score", "en", &["rfm_score() OVER (ORDER BY …) → int", "9 | 4"]);
        assert!(unknown("kaplan_meyer").remedy.unwrap_or_default().contains("kaplan_meier"));
    }
}
