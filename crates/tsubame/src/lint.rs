//! What is wrong, or may be, between a scenario, its messages and the segment that lets people in: fields that members lack, and words that a
//! law may have something against. The rest of a scenario's mistakes is found in its own file (`model::scenario`).

use std::path::Path;

use connect::{template::Template, wording};
use model::{
    Channel, Problem, Scenario, Text,
    scenario::{DateEntry, SendStep},
};
use query::Library;

use crate::{segments::named, workspace::ShopFiles};

/// Whether what lets somebody into a scenario gives a variable of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Always,
    /// Some members lack it.
    Sometimes,
    Never,
}

/// Dates that waits know beside those of entries.
const DATES_OF_SHIPMENTS: [&str; 2] = ["shipped", "delivered"];

/// What stops every message of a step, or lets nobody in.
pub fn problems(files: &ShopFiles, library: &Library) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, scenario) in files.scenarios.iter().enumerate() {
        let file = format!("scenarios/{}.toml", scenario.scenario);
        if files.scenarios[..index].iter().any(|earlier| earlier.scenario == scenario.scenario) {
            problems.push(
                Problem::new(&file, 0, format!("two files are of the scenario `{}`", scenario.scenario))
                    .with_remedy("give one of them another id, or remove it"),
            );
        }
        let segment = scenario.entry.segment.as_deref().and_then(|segment| named(library, segment));
        if let (Some(segment), Some(key)) = (segment, &scenario.entry.key)
            && !segment.header.columns.iter().any(|column| column.name == *key)
        {
            let columns: Vec<&str> = segment.header.columns.iter().map(|column| column.name.as_str()).collect();
            problems.push(
                Problem::new(&file, 0, format!("the entry's key `{key}` is no column of its segment"))
                    .with_remedy(format!("use one of {}", columns.join(", "))),
            );
        }
        for (template, channel, name) in needed(files, scenario) {
            if given(scenario, library, &name) == Given::Never {
                let message = format!("[{channel}] needs `{name}`, which nothing that lets into `{}` gives", scenario.scenario);
                let remedy = match columns(scenario, library) {
                    columns if columns.is_empty() => format!("leave it out, or give a fallback: {{{{ {name}|default(\"…\") }}}}"),
                    columns => format!("use a column of its segment ({columns}), or {{{{ {name}|default(\"…\") }}}}"),
                };
                problems.push(Problem::new(&template.file, template.line(channel), message).with_remedy(remedy));
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// What may be wrong, in `ja` or `en`: a shop works with it.
pub fn warnings(folder: &Path, files: &ShopFiles, library: &Library, language: &str) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for scenario in &files.scenarios {
        for (template, channel, name) in needed(files, scenario) {
            if given(scenario, library, &name) == Given::Sometimes {
                let message = Text::new(
                    &format!("[{channel}] `{name}` がない人には送られません（シナリオ {}）", scenario.scenario),
                    &format!(
                        "[{channel}] nobody without `{name}` is sent to, and members of `{}` may lack it",
                        scenario.scenario
                    ),
                );
                let remedy = Text::new(
                    &format!("{{{{ {name}|default(\"…\") }}}} か {{% if {name} is defined %}} … {{% endif %}} と書く"),
                    &format!("write {{{{ {name}|default(\"…\") }}}}, or {{% if {name} is defined %}} … {{% endif %}}"),
                );
                let problem = Problem::new(&template.file, template.line(channel), message.get(language));
                warnings.push(problem.with_remedy(remedy.get(language)));
            }
        }
        for (step, date) in scenario.steps.iter().filter_map(|step| Some((step, step.wait.as_ref()?.date.as_deref()?))) {
            let is_known = DateEntry::NAMES.contains(&date) || DATES_OF_SHIPMENTS.contains(&date);
            if !is_known && given(scenario, library, date) == Given::Never {
                let message = Text::new(
                    &format!("ステップ `{}` が待つ日付 `{date}` は、この入り口からは分かりません", step.id),
                    &format!("step `{}` waits for the date `{date}`, which nothing that lets in tells", step.id),
                );
                let remedy = Text::new("セグメントかイベントにその列を持たせる", "let the segment or the event have it");
                let file = format!("scenarios/{}.toml", scenario.scenario);
                warnings.push(Problem::new(&file, 0, message.get(language)).with_remedy(remedy.get(language)));
            }
        }
        for send in scenario.sends() {
            for template in templates(files, send) {
                let text = std::fs::read_to_string(folder.join(&template.file)).unwrap_or_default();
                warnings.extend(wording::warnings(template, &text, send.purpose, &send.channels, language));
                warnings.extend(untold_coupon(scenario, send, template, language));
            }
        }
    }
    warnings.sort();
    warnings.dedup();
    warnings
}

/// Words that leave out the code that their step brings along.
fn untold_coupon(scenario: &Scenario, send: &SendStep, template: &Template, language: &str) -> Vec<Problem> {
    let leaves_out = |channel: &&Channel| {
        template.words.contains_key(*channel) && !template.holes(**channel).iter().any(|hole| hole == "coupon")
    };
    let channels = send.channels.iter().filter(|_| send.coupon.is_some()).filter(leaves_out);
    channels
        .map(|channel| {
            let message = Text::new(
                &format!("[{channel}] クーポンのコードが本文にありません（シナリオ {}）", scenario.scenario),
                &format!("[{channel}] does not tell the coupon that comes with it in `{}`", scenario.scenario),
            );
            let remedy = Text::new("{{ coupon }} と書く", "write {{ coupon }}");
            let problem = Problem::new(&template.file, template.line(*channel), message.get(language));
            problem.with_remedy(remedy.get(language))
        })
        .collect()
}

fn templates<'a>(files: &'a ShopFiles, send: &'a SendStep) -> impl Iterator<Item = &'a Template> {
    send.templates().filter_map(|name| files.templates.get(name))
}

/// Each variable that a message of the scenario cannot do without, and where.
fn needed<'a>(files: &'a ShopFiles, scenario: &'a Scenario) -> Vec<(&'a Template, Channel, String)> {
    let mut needed = Vec::new();
    for send in scenario.sends() {
        for (template, channel) in templates(files, send).flat_map(|one| send.channels.iter().map(move |channel| (one, *channel)))
        {
            // A coupon that the step itself brings along is always there.
            let is_open = |name: &String| send.coupon.as_ref().is_none_or(|coupon| !coupon.fills(name));
            needed.extend(template.needs(channel).into_iter().filter(is_open).map(|name| (template, channel, name)));
        }
    }
    needed
}

fn given(scenario: &Scenario, library: &Library, name: &str) -> Given {
    let entry = &scenario.entry;
    if let Some(event) = &entry.on {
        let asks_value = entry.condition.as_deref().is_some_and(|condition| condition.contains("value"));
        return match name == "cart_value" && (asks_value || event == "order_placed") {
            true => Given::Always,
            // What an event carries is the site's affair.
            false => Given::Sometimes,
        };
    }
    if let Some(date) = &entry.date {
        return match name {
            _ if name == date.of => Given::Always,
            "key" => Given::Sometimes,
            _ => Given::Never,
        };
    }
    let Some(segment) = entry.segment.as_deref().and_then(|segment| named(library, segment)) else { return Given::Sometimes };
    match segment.header.columns.iter().any(|column| column.name == name) {
        true if entry.key.as_deref() == Some(name) || name == "customer_id" => Given::Always,
        true => Given::Sometimes,
        false => Given::Never,
    }
}

fn columns(scenario: &Scenario, library: &Library) -> String {
    let segment = scenario.entry.segment.as_deref().and_then(|segment| named(library, segment));
    let columns = segment.into_iter().flat_map(|segment| &segment.header.columns);
    columns.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::read_files;

    const SHOP: &str = include_str!("../../../fixtures/shop/tsubame.toml");

    /// The messages of what `read_files` and the warnings say of a scenario with one LINE message.
    fn found(entry: &str, steps: &str, body: &str) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: String| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write("tsubame.toml", SHOP.to_string());
        let variables = "variables = [\"product_name\", \"birthday\", \"gone\"]\n";
        write("messages/m.toml", format!("{variables}[line]\nbody = \"{body} {{{{ link }}}}\"\n"));
        // The last step is the usual send, if the given ones have none.
        let send = match steps.contains("send = ") {
            true => "",
            false => "[[step]]\nid = \"s\"\nsend = { try = [\"line\"], template = \"m\" }\n",
        };
        let head = "scenario = \"s\"\ntitle = { ja = \"s\", en = \"s\" }\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n[[exit]]\non = \"order_placed\"\n";
        write("scenarios/s.toml", format!("{head}[entry]\n{entry}\n{steps}{send}"));
        let (files, library, problems) = read_files(folder.path()).expect("a shop");
        let messages = |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.message).collect();
        (messages(problems), messages(warnings(folder.path(), &files, &library, "en")))
    }

    #[test]
    fn fields_that_members_lack() {
        let check = |entry: &str, steps: &str, body: &str, problems: &[&str], warnings: &[&str]| {
            let (found_problems, found_warnings) = found(entry, steps, body);
            assert_eq!((found_problems, found_warnings), (texts(problems), texts(warnings)), "{entry} {body}");
        };
        let texts_of = |name: &str| format!("[line] needs `{name}`, which nothing that lets into `s` gives");
        let lacks = |name: &str| format!("[line] nobody without `{name}` is sent to, and members of `s` may lack it");
        let segment = "segment = \"f2_step\"";
        check(segment, "", "{{ product_name }}", &[], &[&lacks("product_name")]);
        check(segment, "", "{{ product_name|default('it') }}", &[], &[]);
        check(segment, "", "{% if product_name is defined %}{{ product_name }}{% endif %}", &[], &[]);
        check(segment, "", "{{ gone }}", &[&texts_of("gone")], &[]);
        check(segment, "", "{{ cart_value }}", &[&texts_of("cart_value")], &[]);
        let coupon = "{{ coupon }} {{ coupon_expires_on }}";
        let with = |coupon: &str| {
            format!("[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"m\", coupon = {{ {coupon} }} }}\n")
        };
        check(segment, "", coupon, &[&texts_of("coupon_expires_on"), &texts_of("coupon")], &[]);
        check(segment, &with("unique = true, expires = \"14d\""), coupon, &[], &[]);
        check(segment, &with("code = \"SPRING\""), coupon, &[&texts_of("coupon_expires_on")], &[]);
        let untold_coupon = "[line] does not tell the coupon that comes with it in `s`";
        check(segment, &with("code = \"SPRING\""), "x", &[], &[untold_coupon]);
        check("on = \"cart_updated\"", "", "{{ coupon }}", &[], &[&lacks("coupon")]);
        check("date = { of = \"birthday\" }", "", "{{ birthday }}", &[], &[]);
        check("date = { of = \"birthday\" }", "", "{{ product_name }}", &[&texts_of("product_name")], &[]);
        check("on = \"cart_updated\"\nwhere = \"value > 0\"", "", "{{ cart_value }}", &[], &[]);
        check("on = \"cart_updated\"", "", "{{ cart_value }}", &[], &[&lacks("cart_value")]);
        check("on = \"cart_updated\"", "", "{{ gone }}", &[], &[&lacks("gone")]);
        check("segment = \"price_drop\"\nkey = \"product_id\"", "", "x", &[], &[]);
        check(
            "segment = \"price_drop\"\nkey = \"cart_id\"",
            "",
            "x",
            &["the entry's key `cart_id` is no column of its segment"],
            &[],
        );
        let wait = |date: &str| format!("[[step]]\nid = \"w\"\nwait = {{ date = \"{date}\" }}\n");
        check("segment = \"points_about_to_expire\"", &wait("expires_on"), "x", &[], &[]);
        check("segment = \"f2_step\"", &wait("delivered"), "x", &[], &[]);
        let untold = "step `w` waits for the date `expires_on`, which nothing that lets in tells";
        check("segment = \"f2_step\"", &wait("expires_on"), "x", &[], &[untold]);
        check(
            "segment = \"f2_step\"",
            "",
            "本日限定",
            &[],
            &[
                "[line] “本日限定”: Premiums and Representations Act (景品表示法): a limit in time that is not real misleads about how good the offer is",
            ],
        );
    }

    #[test]
    fn two_files_of_one_scenario() {
        let scenario = crate::ready::find("vip").expect("a scenario").scenario.clone();
        let files = ShopFiles { scenarios: vec![scenario.clone(), scenario], ..ShopFiles::default() };
        let found: Vec<String> = problems(&files, &Library::load(None).0).into_iter().map(|found| found.message).collect();
        assert_eq!(found, ["two files are of the scenario `vip`"]);
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }
}
