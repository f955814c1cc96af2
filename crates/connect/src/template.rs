//! Templates: words with holes, in TOML files `messages/<name>.toml`, and what the law asks of them.
//!
//! ```toml
//! variables = ["ranking"]            # optional: what the entry's context gives beyond the usual
//! [email]
//! subject = "{{ name }}、カートに商品が残っています"
//! body = """
//! {{ name }}
//! 合計 {{ cart_value }} … {{ link }}
//! --
//! {{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }}
//! 配信停止: {{ unsubscribe_url }}
//! """
//! [line]
//! body = "{{ name }}、…"
//! ```
//!
//! `name` is the person's name with 様, or お客様; writing `{{ name }}様` does not double it. A hole without a value is an error, never an empty
//! place. A template cannot load another, cannot run long, and a person's data is never read as a template.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value};
use model::{Channel, Currency, Money, Problem, Purpose, Shop, id::hex, id_bytes};
use serde::Deserialize;

/// Steps a template may take, and bytes it may make.
const FUEL: u64 = 50_000;
const OUTPUT_BYTES_MAX: usize = 200_000;

/// What every template may use. `shop.` is followed by one of [`SHOP_VARIABLES`].
pub const VARIABLES: &[&str] = &["name", "cart_value", "link", "unsubscribe_url", "coupon", "coupon_expires_on", "shop"];
pub const SHOP_VARIABLES: &[&str] = &["name", "sender_name", "postal_address", "contact", "unsubscribe_url"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    /// The file, for messages.
    pub file: String,
    /// 16 hex digits of the file's hash: sends carry it.
    pub version: String,
    pub variables: Vec<String>,
    pub words: BTreeMap<Channel, Words>,
    /// The line each channel's table starts at.
    lines: BTreeMap<Channel, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub subject: Option<String>,
    pub body: String,
}

/// What one person's message is made of.
#[derive(Clone, Default, PartialEq)]
pub struct Variables {
    /// As the shop has it; empty or missing becomes お客様.
    pub name: Option<String>,
    pub cart_value: Option<Money>,
    pub link: Option<String>,
    pub unsubscribe_url: Option<String>,
    pub coupon: Option<String>,
    /// The entry's context: other members, text or numbers. `coupon_expires_on` is the last day of a coupon that the step issued.
    pub more: BTreeMap<String, serde_json::Value>,
}

/// A name is personal.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more: Vec<&String> = self.more.keys().collect();
        write!(f, "Variables(…, {more:?})")
    }
}

/// Words for one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    pub subject: Option<String>,
    pub body: String,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered({} bytes)", self.body.len())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    #[error("{file}: the template has no words for the channel {channel}")]
    NoWords { file: String, channel: Channel },
    /// The engine's own text is not kept: it may quote a value.
    #[error("{file}: [{channel}] {part}, line {line}: {what}")]
    Failed { file: String, channel: Channel, part: &'static str, line: usize, what: &'static str },
    #[error("{file}: [{channel}] the subject would contain a line break")]
    LineBreak { file: String, channel: Channel },
    #[error("{file}: [{channel}] {part} would be longer than {OUTPUT_BYTES_MAX} bytes")]
    TooLong { file: String, channel: Channel, part: &'static str },
}

impl model::Remedy for RenderError {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            RenderError::NoWords { channel, .. } => {
                format!("add [{channel}] with a body, or do not try {channel} with this template")
            }
            RenderError::Failed { what, .. } if *what == UNDEFINED => {
                "guard it: {% if cart_value is defined %} … {% endif %}, or use |default(\"…\")".into()
            }
            RenderError::Failed { .. } => "check the braces and filters of that line".into(),
            RenderError::LineBreak { .. } => "put only values without line breaks into a subject".into(),
            RenderError::TooLong { .. } => "shorten it, or loop over less".into(),
        })
    }
}

const UNDEFINED: &str = "a variable has no value";

impl Template {
    /// Reads `messages/<name>.toml`; every problem at once.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Template, Vec<Problem>> {
        let at = |span: Option<std::ops::Range<usize>>| span.map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        let document: BTreeMap<toml::Spanned<String>, toml::Spanned<toml::Value>> = toml::from_str(text).map_err(|error| {
            vec![
                Problem::new(file, at(error.span()), error.message().to_string())
                    .with_remedy("a template is TOML: [email] subject = \"…\", body = \"\"\"…\"\"\""),
            ]
        })?;
        let mut problems = Vec::new();
        let (mut words, mut lines, mut variables) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (key, value) in &document {
            let (key_text, line) = (key.get_ref().as_str(), at(Some(key.span())));
            if key_text == "variables" {
                match value.get_ref().clone().try_into::<Vec<String>>() {
                    Ok(names) => variables = names,
                    Err(_) => problems.push(
                        Problem::new(file, line, "`variables` is not a list of names")
                            .with_remedy("write variables = [\"ranking\"]"),
                    ),
                }
                continue;
            }
            let Some(channel) = Channel::parse(key_text) else {
                let names: Vec<&str> = Channel::ALL.iter().map(|channel| channel.name()).collect();
                let message = format!("`{key_text}` is no channel");
                problems
                    .push(Problem::new(file, line, message).with_remedy(format!("use [{}] or variables", names.join("], ["))));
                continue;
            };
            match value.get_ref().clone().try_into::<Words>() {
                Ok(one) => {
                    words.insert(channel, one);
                    lines.insert(channel, line);
                }
                Err(error) => problems.push(
                    Problem::new(file, line, format!("[{channel}]: {}", error.message()))
                        .with_remedy("a channel has `body`, and `subject` for e-mail"),
                ),
            }
        }
        if words.is_empty() && problems.is_empty() {
            problems.push(Problem::new(file, 0, "the template has no words").with_remedy("add [email] with subject and body"));
        }
        let version = hex(&id_bytes(text)[..8]);
        let template = Template { name: name.into(), file: file.into(), version, variables, words, lines };
        for (channel, words) in &template.words {
            template.check_words(*channel, words, &mut problems);
        }
        if problems.is_empty() { Ok(template) } else { Err(problems) }
    }

    /// What stands against sending it for `purpose` on `channels`: missing words, and what the law asks of marketing (特定電子メール法).
    pub fn check(&self, purpose: Purpose, channels: &[Channel], shop: &Shop) -> Vec<Problem> {
        let mut problems = Vec::new();
        for channel in channels {
            if !self.words.contains_key(channel) {
                let message = format!("the template `{}` has no words for the channel {channel}", self.name);
                problems.push(Problem::new(&self.file, 0, message).with_remedy(format!("add [{channel}] with a body")));
            }
        }
        if purpose != Purpose::Marketing {
            return problems;
        }
        let fields: [(&str, &str, &str); 4] = [
            ("sender_name", &shop.legal.sender_name, "{{ shop.sender_name }}"),
            ("postal_address", &shop.legal.postal_address, "{{ shop.postal_address }}"),
            ("contact", &shop.legal.contact, "{{ shop.contact }}"),
            ("unsubscribe_url", "", "{{ unsubscribe_url }}"),
        ];
        let mut marked = Shop::default();
        let mark = |field: &str| format!("\u{e000}{field}\u{e001}");
        marked.legal.sender_name = mark("sender_name");
        marked.legal.postal_address = mark("postal_address");
        marked.legal.contact = mark("contact");
        marked.legal.unsubscribe_url = mark("shop_unsubscribe_url");
        let mut sample = self.sample();
        sample.unsubscribe_url = Some(mark("unsubscribe_url"));
        for channel in channels {
            // An SMS is short: name and way out stand in it, address and contact behind its link.
            let needed: &[&str] = match channel {
                Channel::Email => &["sender_name", "postal_address", "contact", "unsubscribe_url"],
                Channel::Sms => &["sender_name", "unsubscribe_url"],
                _ => continue,
            };
            let Ok(rendered) = self.render(*channel, &sample, &marked) else { continue }; // Reported by `parse`.
            let line = self.lines.get(channel).copied().unwrap_or(0);
            for (field, value, hole) in fields.iter().filter(|(field, ..)| needed.contains(field)) {
                if !rendered.body.contains(&mark(field)) {
                    let message = format!("marketing on {channel} must show {field} (特定電子メール法)");
                    problems.push(
                        Problem::new(&self.file, line, message).with_remedy(format!("put {hole} into the body of [{channel}]")),
                    );
                }
                if *field != "unsubscribe_url" && value.trim().is_empty() {
                    let message = format!("[legal] {field} is empty, and marketing on {channel} must show it");
                    let problem =
                        Problem::new("tsubame.toml", 0, message).with_remedy(format!("add {field} = \"…\" under [legal]"));
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
        problems
    }

    /// Of what the entry's context gives, the variables without which the words for a channel cannot be filled in: those that are used
    /// without a fallback (`{% if … is defined %}`, `|default(…)`).
    pub fn needs(&self, channel: Channel) -> Vec<String> {
        let (sample, shop) = (self.sample(), Shop::default());
        let is_needed = |name: &String| {
            let mut without = sample.clone();
            match name.as_str() {
                "cart_value" => without.cart_value = None,
                "coupon" => without.coupon = None,
                _ => _ = without.more.remove(name),
            }
            matches!(self.render(channel, &without, &shop), Err(RenderError::Failed { what: UNDEFINED, .. }))
        };
        let usual = ["cart_value", "coupon", "coupon_expires_on"].map(String::from);
        self.variables.iter().chain(&usual).filter(|name| is_needed(name)).cloned().collect()
    }

    /// The line on which a channel's words begin.
    pub fn line(&self, channel: Channel) -> usize {
        self.lines.get(&channel).copied().unwrap_or(0)
    }

    pub fn render(&self, channel: Channel, variables: &Variables, shop: &Shop) -> Result<Rendered, RenderError> {
        let words = self.words.get(&channel).ok_or_else(|| RenderError::NoWords { file: self.file.clone(), channel })?;
        let (context, name) = context(variables, shop);
        let subject = match &words.subject {
            Some(source) => Some(self.fill(channel, "subject", source, &context, &name)?),
            None => None,
        };
        if subject.as_ref().is_some_and(|subject| subject.contains(['\r', '\n'])) {
            return Err(RenderError::LineBreak { file: self.file.clone(), channel });
        }
        Ok(Rendered { subject, body: self.fill(channel, "body", &words.body, &context, &name)? })
    }

    fn fill(
        &self,
        channel: Channel,
        part: &'static str,
        source: &str,
        context: &Value,
        name: &str,
    ) -> Result<String, RenderError> {
        let failed = |error: minijinja::Error| {
            let what = match error.kind() {
                minijinja::ErrorKind::UndefinedError => UNDEFINED,
                minijinja::ErrorKind::SyntaxError => "it is not a template",
                minijinja::ErrorKind::OutOfFuel => "it runs too long",
                minijinja::ErrorKind::UnknownFilter
                | minijinja::ErrorKind::UnknownFunction
                | minijinja::ErrorKind::UnknownTest => "it uses a filter, function or test that does not exist",
                minijinja::ErrorKind::TemplateNotFound => "it loads another template",
                _ => "it cannot be filled in",
            };
            RenderError::Failed { file: self.file.clone(), channel, part, line: error.line().unwrap_or(0), what }
        };
        let environment = environment();
        let template = environment.template_from_named_str("words.txt", source).map_err(failed)?;
        let mut output = Capped { bytes: Vec::new() };
        match template.render_captured_to(context.clone(), &mut output) {
            Ok(_) => {}
            Err(_) if output.bytes.len() > OUTPUT_BYTES_MAX => {
                return Err(RenderError::TooLong { file: self.file.clone(), channel, part });
            }
            Err(error) => return Err(failed(error)),
        }
        let text = String::from_utf8_lossy(&output.bytes).into_owned();
        // 様 once: `{{ name }}様` is how people write it.
        Ok(["様", " 様", "　様", "さま"].iter().fold(text, |text, honorific| text.replace(&format!("{name}{honorific}"), name)))
    }

    fn check_words(&self, channel: Channel, words: &Words, problems: &mut Vec<Problem>) {
        let line = self.lines.get(&channel).copied().unwrap_or(0);
        if channel == Channel::Email && words.subject.as_ref().is_none_or(|subject| subject.trim().is_empty()) {
            problems.push(Problem::new(&self.file, line, "[email] has no subject").with_remedy("add subject = \"…\""));
        }
        let parts = [("subject", words.subject.as_deref().unwrap_or("")), ("body", &words.body)];
        let environment = environment();
        for (part, source) in parts {
            match environment.template_from_named_str("words.txt", source) {
                Ok(template) => {
                    let mut unknown: Vec<String> =
                        template.undeclared_variables(true).into_iter().filter(|name| !self.allows(name)).collect();
                    unknown.sort();
                    for name in unknown {
                        let message = format!("[{channel}] {part}: there is no variable `{name}`");
                        let shop: Vec<String> = SHOP_VARIABLES.iter().map(|name| format!("shop.{name}")).collect();
                        let known: Vec<&str> = VARIABLES.iter().copied().filter(|name| *name != "shop").collect();
                        let remedy =
                            format!("use {}, {}, or declare it: variables = [\"{name}\"]", known.join(", "), shop.join(", "));
                        problems.push(Problem::new(&self.file, line, message).with_remedy(remedy));
                    }
                }
                Err(error) => {
                    let detail = error.detail().unwrap_or("it is not a template");
                    let message = format!("[{channel}] {part}, line {}: {detail}", error.line().unwrap_or(0));
                    problems.push(Problem::new(&self.file, line, message).with_remedy("check the braces of that line"));
                    return;
                }
            }
        }
        if problems.is_empty()
            && let Err(error) = self.render(channel, &self.sample(), &Shop::default())
        {
            let remedy = model::Remedy::remedy(&error).unwrap_or_default();
            problems.push(Problem::new(&self.file, line, error.to_string()).with_remedy(remedy));
        }
    }

    /// The variables that the words of a channel name, in order of name.
    pub fn holes(&self, channel: Channel) -> Vec<String> {
        let Some(words) = self.words.get(&channel) else { return Vec::new() };
        let environment = environment();
        let mut holes: Vec<String> = [words.subject.as_deref().unwrap_or(""), &words.body]
            .into_iter()
            .filter_map(|source| environment.template_from_named_str("words.txt", source).ok())
            .flat_map(|template| template.undeclared_variables(true))
            .collect();
        holes.sort();
        holes.dedup();
        holes
    }

    fn allows(&self, variable: &str) -> bool {
        match variable.split_once('.') {
            Some(("shop", member)) => SHOP_VARIABLES.contains(&member),
            Some((root, _)) => self.variables.iter().any(|name| name == root),
            None => VARIABLES.contains(&variable) || self.variables.iter().any(|name| name == variable),
        }
    }

    /// A value for every hole, so that a check fills all of them, and a test message has words.
    pub fn sample(&self) -> Variables {
        Variables {
            name: Some("山田太郎".into()),
            cart_value: Some(Money::whole(12_300).expect("a small amount")),
            link: Some("https://shop.example/r/0".into()),
            unsubscribe_url: Some("https://shop.example/u/0".into()),
            coupon: Some("COUPON".into()),
            more: [("coupon_expires_on".to_string(), "2026-12-31".into())]
                .into_iter()
                .chain(self.variables.iter().map(|name| (name.clone(), serde_json::Value::from("1"))))
                .collect(),
        }
    }
}

/// `12,300円` in Japanese, `¥12,300` in English; other currencies by their code.
pub fn money_text(money: Money, currency: &Currency, language: &str) -> String {
    let plain = money.to_string();
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_whole = currency.minor_unit().scaled() >= model::money::SCALE;
    let number = match (fraction.is_empty(), is_whole) {
        (true, true) => format!("{sign}{grouped}"),
        _ => format!("{sign}{grouped}.{fraction:0<2}"),
    };
    match (currency.as_str(), language) {
        ("JPY", "ja") => format!("{number}円"),
        ("JPY", _) => format!("¥{number}"),
        (code, _) => format!("{number} {code}"),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}

/// The holes' values, and the name as it stands in the text. What is not known is left undefined.
fn context(variables: &Variables, shop: &Shop) -> (Value, String) {
    let japanese = shop.language != "en";
    let name =
        variables.name.as_deref().map(|name| name.trim().trim_end_matches(['様']).trim_end()).filter(|name| !name.is_empty());
    let name = match (name, japanese) {
        (Some(name), true) => format!("{}様", single_line(name)),
        (Some(name), false) => single_line(name),
        (None, true) => "お客様".into(),
        (None, false) => "Customer".into(),
    };
    let mut values: BTreeMap<String, Value> =
        variables.more.iter().map(|(name, value)| (name.clone(), json_value(value, shop))).collect();
    values.insert("name".into(), Value::from(name.clone()));
    if let Some(money) = variables.cart_value {
        values.insert("cart_value".into(), Value::from(money_text(money, &shop.currency, &shop.language)));
    }
    for (key, value) in
        [("link", &variables.link), ("unsubscribe_url", &variables.unsubscribe_url), ("coupon", &variables.coupon)]
    {
        if let Some(value) = value {
            values.insert(key.into(), Value::from(value.clone()));
        }
    }
    let members = [
        ("name", &shop.name),
        ("sender_name", &shop.legal.sender_name),
        ("postal_address", &shop.legal.postal_address),
        ("contact", &shop.legal.contact),
        ("unsubscribe_url", &shop.legal.unsubscribe_url),
    ];
    let members: BTreeMap<String, Value> =
        members.into_iter().map(|(key, value)| (key.into(), Value::from(value.clone()))).collect();
    values.insert("shop".into(), Value::from(members));
    (Value::from(values), name)
}

/// A value of the entry's context as a template has it. An amount (`{"money": "1200"}`) and a day (`2026-03-05`) are written as people write
/// them in the shop's language.
fn json_value(json: &serde_json::Value, shop: &Shop) -> Value {
    match json {
        serde_json::Value::Null => Value::UNDEFINED,
        serde_json::Value::Bool(yes) => Value::from(*yes),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, number) => Value::from(number.unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::from(day_text(text, &shop.language).unwrap_or_else(|| text.clone())),
        serde_json::Value::Array(list) => Value::from(list.iter().map(|one| json_value(one, shop)).collect::<Vec<Value>>()),
        serde_json::Value::Object(members) => match amount(members) {
            Some(money) => Value::from(money_text(money, &shop.currency, &shop.language)),
            None => Value::from(
                members.iter().map(|(name, value)| (name.clone(), json_value(value, shop))).collect::<BTreeMap<String, Value>>(),
            ),
        },
    }
}

/// The member under which an amount of money stands in a context.
pub const MONEY: &str = "money";

fn amount(members: &serde_json::Map<String, serde_json::Value>) -> Option<Money> {
    let only = members.get(MONEY).filter(|_| members.len() == 1)?;
    Money::parse(only.as_str()?).ok()
}

/// `2026年3月5日` or `5 March 2026` for a text that is a day (`2026-03-05`).
fn day_text(text: &str, language: &str) -> Option<String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    Some(day.format(if language == "en" { "%-d %B %Y" } else { "%Y年%-m月%-d日" }).to_string())
}

/// A name never breaks a line.
fn single_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Refuses to grow past the limit.
struct Capped {
    bytes: Vec<u8>,
}

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend(bytes);
        if self.bytes.len() > OUTPUT_BYTES_MAX { Err(std::io::Error::other("too long")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOOTER: &str = "{{ shop.sender_name }}\\n{{ shop.postal_address }}\\n{{ shop.contact }}\\n{{ unsubscribe_url }}";

    fn shop() -> Shop {
        let mut shop = Shop::default();
        shop.legal.sender_name = "燕商店".into();
        shop.legal.postal_address = "新潟県燕市1-2-3".into();
        shop.legal.contact = "0120-000-000".into();
        shop
    }

    fn template(body: &str) -> Template {
        let text = format!("[email]\nsubject = \"{{{{ name }}}}へ\"\nbody = \"{body}\"\n");
        Template::parse("t", "messages/t.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    #[test]
    fn holes_are_filled() {
        let check = |body: &str, variables: Variables, expect: &str| {
            let rendered = template(body).render(Channel::Email, &variables, &shop());
            let got = rendered.map(|rendered| rendered.body).unwrap_or_else(|error| error.to_string());
            assert_eq!(got, expect, "{body}");
        };
        let name = |name: &str| Variables { name: Some(name.into()), ..Variables::default() };
        check("{{ name }}", name("山田 太郎"), "山田 太郎様");
        check("{{ name }}様", name("山田"), "山田様");
        check("{{ name }} 様、こんにちは", name("山田様"), "山田様、こんにちは");
        check("{{ name }}様", name("  "), "お客様");
        check("{{ name }}", Variables::default(), "お客様");
        check("{{ name }}", name("{{ shop.name }}"), "{{ shop.name }}様");
        check(
            "{{ cart_value }}",
            Variables { cart_value: Some(Money::whole(1_234_567).unwrap()), ..Variables::default() },
            "1,234,567円",
        );
        check("{{ link }}", Variables::default(), "messages/t.toml: [email] body, line 1: a variable has no value");
    }

    #[test]
    fn holes_are_named() {
        let check = |body: &str, expect: &[&str]| assert_eq!(template(body).holes(Channel::Email), expect, "{body}");
        // The subject names the person.
        check("hello", &["name"]);
        check(
            "{{ cart_value }} {% if coupon is defined %}{{ coupon }}{% endif %} {{ shop.name }}",
            &["cart_value", "coupon", "name", "shop.name"],
        );
        assert_eq!(template("hello").holes(Channel::Line), Vec::<String>::new());
    }

    #[test]
    fn amounts_and_days_of_the_context_are_written_as_people_do() {
        let check = |value: serde_json::Value, language: &str, expect: &str| {
            let text = "variables = [\"x\"]\n[line]\nbody = \"{{ x|default('none') }}\"\n";
            let template = Template::parse("t", "t.toml", text).unwrap();
            let variables = Variables { more: [("x".to_string(), value)].into(), ..Variables::default() };
            let shop = Shop { language: language.into(), ..shop() };
            assert_eq!(template.render(Channel::Line, &variables, &shop).unwrap().body, expect);
        };
        check(serde_json::json!({"money": "1980"}), "ja", "1,980円");
        check(serde_json::json!({"money": "1980"}), "en", "¥1,980");
        check("2026-03-05".into(), "ja", "2026年3月5日");
        check("2026-03-05".into(), "en", "5 March 2026");
        check("2026-03-0".into(), "ja", "2026-03-0");
        check("煎茶".into(), "ja", "煎茶");
        check(serde_json::Value::Null, "ja", "none");
    }

    #[test]
    fn a_variable_without_a_fallback_is_needed() {
        let check = |body: &str, expect: &[&str]| {
            let text = format!("variables = [\"item\", \"left\"]\n[line]\nbody = \"{body}\"\n");
            let template = Template::parse("t", "t.toml", &text).unwrap();
            assert_eq!(template.needs(Channel::Line), expect, "{body}");
            assert_eq!(template.line(Channel::Line), 2);
        };
        check("{{ item }} {{ name }} {{ link }}", &["item"]);
        check("{{ item|default('it') }}", &[]);
        check("{% if item is defined %}{{ item }}{% endif %}", &[]);
        check("{% if item is defined %}{{ item }}, {{ left }}{% endif %}{{ cart_value }}", &["left", "cart_value"]);
        check("{% if coupon is defined %}{{ coupon }}{% endif %}", &[]);
        check("{{ coupon }} {{ coupon_expires_on }}", &["coupon", "coupon_expires_on"]);
    }

    #[test]
    fn a_template_cannot_run_long() {
        let nested = ["{% for a in list %}"; 8].concat() + "x" + &["{% endfor %}"; 8].concat();
        let text = format!("variables = [\"list\"]\n[line]\nbody = \"{nested}\"\n");
        let template = Template::parse("t", "t.toml", &text).unwrap();
        let list: Vec<i64> = (0..50).collect();
        let variables = Variables { more: [("list".to_string(), list.into())].into(), ..Variables::default() };
        let error = template.render(Channel::Line, &variables, &shop()).unwrap_err();
        assert!(error.to_string().ends_with("it runs too long"), "{error}");
    }

    #[test]
    fn a_subject_holds_no_line_break() {
        let text = "variables = [\"item\"]\n[email]\nsubject = \"{{ item }}\"\nbody = \"x\"\n";
        let template = Template::parse("t", "t.toml", text).unwrap();
        let variables = Variables { more: [("item".to_string(), "a\r\nBcc: x@y.example".into())].into(), ..Variables::default() };
        let error = template.render(Channel::Email, &variables, &shop()).unwrap_err();
        assert_eq!(error, RenderError::LineBreak { file: "t.toml".into(), channel: Channel::Email });
    }

    #[test]
    fn a_template_is_checked_whole() {
        let text =
            "[email]\nbody = \"{{ nmae }} {{ shop.fax }}\"\n[fax]\nbody = \"\"\n[line]\nbody = \"{% if %}\"\n[sms]\nwords = 1\n";
        let problems = Template::parse("t", "t.toml", text).unwrap_err();
        let messages: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
        assert_eq!(problems.len(), 6, "{messages:#?}");
        assert!(problems.iter().all(|problem| problem.remedy.is_some() && problem.line > 0), "{messages:#?}");
        assert!(Template::parse("t", "t.toml", "[email]\nsubject = \"a\"\nbody = \"{% include 'x' %}\"\n").is_err());
    }

    #[test]
    fn marketing_must_say_who_where_and_how_to_stop() {
        let check = |body: &str, purpose, channel, shop: &Shop, expect: usize| {
            let problems = template(body).check(purpose, &[channel], shop);
            assert_eq!(problems.len(), expect, "{body}: {problems:#?}");
        };
        check(FOOTER, Purpose::Marketing, Channel::Email, &shop(), 0);
        check("hello", Purpose::Marketing, Channel::Email, &shop(), 4);
        check("hello", Purpose::Transactional, Channel::Email, &shop(), 0);
        check(FOOTER, Purpose::Marketing, Channel::Email, &Shop::default(), 3);
        check(FOOTER, Purpose::Marketing, Channel::Line, &shop(), 1);
    }

    #[test]
    fn money_reads_as_people_write_it() {
        let check = |raw: &str, code: &str, language: &str, expect: &str| {
            assert_eq!(money_text(Money::parse(raw).unwrap(), &Currency::parse(code).unwrap(), language), expect);
        };
        check("1234567", "JPY", "ja", "1,234,567円");
        check("-1200", "JPY", "en", "¥-1,200");
        check("12.5", "USD", "en", "12.50 USD");
        check("999", "GBP", "en", "999.00 GBP");
    }
}
