//! Which pages an experiment is limited to, and where a variation sends a browser instead. Patterns are compared part by part, as GrowthBook's SDKs
//! do: host, path, the parameters that the pattern names, and the fragment if it names one; `*` is anything.

use serde_json::Value;

/// The parts of an address. What has no host is taken for a path of any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    path: String,
    /// With its `?`; empty without.
    search: String,
    /// With its `#`; empty without.
    fragment: String,
}

/// Stands for the host of what has none.
const ANY_HOST: &str = "_";

impl Address {
    fn read(text: &str, host: &str) -> Address {
        let text = text.trim();
        let (text, fragment) = text.split_once('#').map_or((text, ""), |(text, fragment)| (text, fragment));
        let (text, search) = text.split_once('?').map_or((text, ""), |(text, search)| (text, search));
        let (scheme, host, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (scheme.to_lowercase(), rest[..end].to_lowercase(), rest[end..].to_string())
            }
            None => ("https".into(), host.into(), text.to_string()),
        };
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let with = |sign: &str, part: &str| if part.is_empty() { String::new() } else { format!("{sign}{part}") };
        let host = host.rsplit('@').next().unwrap_or_default();
        let usual = if scheme == "http" { ":80" } else { ":443" };
        let host = host.strip_suffix(usual).unwrap_or(host).to_string();
        Address { scheme, host, path, search: with("?", search), fragment: with("#", fragment) }
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    fn after_origin(&self) -> String {
        format!("{}{}{}", self.path, self.search, self.fragment)
    }

    /// Name and value of each parameter, decoded.
    fn parameters(&self) -> Vec<(String, String)> {
        let pairs = self.search.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect()
    }
}

/// `%E8%8C%B6+%20` as it was before it was put into an address.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b' ' => "+".into(),
        b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Whether a page is among those of an experiment. An empty list has no page.
pub fn is_targeted(url: &str, targets: &[Value]) -> bool {
    let page = Address::read(url, ANY_HOST);
    let (mut names_pages, mut is_named) = (false, false);
    for target in targets {
        let matches = match target["type"].as_str() {
            Some("regex") => matches_regex(&page, target["pattern"].as_str().unwrap_or_default()),
            Some("simple") => matches_simple(&page, target["pattern"].as_str().unwrap_or_default()),
            _ => false,
        };
        if target["include"] == Value::Bool(false) {
            if matches {
                return false;
            }
        } else {
            names_pages = true;
            is_named |= matches;
        }
    }
    !targets.is_empty() && (is_named || !names_pages)
}

/// A pattern that cannot be read, or that looks around, matches nothing.
fn matches_regex(page: &Address, pattern: &str) -> bool {
    let after = page.after_origin();
    regex::Regex::new(pattern)
        .is_ok_and(|pattern| pattern.is_match(&format!("{}{after}", page.origin())) || pattern.is_match(&after))
}

/// In a pattern, where SDKs cannot have a `*`.
const ANYTHING: &str = "_____";

fn matches_simple(page: &Address, pattern: &str) -> bool {
    // `shop.example/cart` begins with a host, though it has no scheme.
    let first = pattern.find([':', '/', '?', '.']);
    let has_host = first.is_some_and(|place| pattern[place..].starts_with('.'));
    let pattern = if has_host { format!("https://{pattern}") } else { pattern.into() };
    let wanted = Address::read(&pattern.replace('*', ANYTHING), ANYTHING);
    let parameters = page.parameters();
    let parameter = |name: &str| parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    matches_part(&page.host, &wanted.host, false)
        && matches_part(&page.path, &wanted.path, true)
        && (wanted.fragment.is_empty() || matches_part(&page.fragment, &wanted.fragment, false))
        && wanted.parameters().iter().all(|(name, value)| matches_part(parameter(name), value, false))
}

/// A path may end in a slash or not, and so may its pattern.
fn matches_part(actual: &str, pattern: &str, is_path: bool) -> bool {
    let pattern = if is_path {
        let inner = pattern.strip_prefix('/').unwrap_or(pattern);
        inner.strip_suffix('/').unwrap_or(inner)
    } else {
        pattern
    };
    let escaped = regex::escape(pattern).replace(ANYTHING, ".*");
    let escaped = if is_path { format!("/?{escaped}/?") } else { escaped };
    let whole = regex::RegexBuilder::new(&format!("^{escaped}$")).case_insensitive(true).build();
    whole.is_ok_and(|whole| whole.is_match(actual))
}

/// Where a browser is sent: with the parameters that it came with and the new address does not have, where the experiment wants that.
pub fn redirect(url: &str, to: &str, keeps_parameters: bool) -> String {
    if !keeps_parameters || !url.contains("://") || !to.contains("://") {
        return to.into();
    }
    let mut target = Address::read(to, ANY_HOST);
    for (name, value) in Address::read(url, ANY_HOST).parameters() {
        if target.parameters().iter().any(|(known, _)| *known == name) {
            continue;
        }
        let sign = if target.search.is_empty() { "?" } else { "&" };
        target.search.push_str(&format!("{sign}{}={}", encoded(&name), encoded(&value)));
    }
    format!("{}{}", target.origin(), target.after_origin())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_compared_part_by_part() {
        let check = |url: &str, pattern: &str, expect: bool| {
            let targets = [json!({"type": "simple", "include": true, "pattern": pattern})];
            assert_eq!(is_targeted(url, &targets), expect, "{url} by {pattern}");
        };
        check("https://shop.example/cart", "/cart", true);
        check("https://shop.example/cart/", "/cart", true);
        check("https://shop.example/cart", "cart/", true);
        check("https://shop.example/cart/2", "/cart", false);
        check("https://shop.example/cart/2", "/cart/*", true);
        check("https://shop.example/CART", "/cart", true);
        check("https://shop.example/cart", "https://shop.example/cart", true);
        check("http://shop.example/cart", "https://shop.example/cart", true);
        check("https://shop.example/cart", "shop.example/cart", true);
        check("https://other.example/cart", "shop.example/cart", false);
        check("https://m.shop.example/cart", "*.shop.example/cart", true);
        check("https://shop.example/item?id=7&color=red", "/item?color=red", true);
        check("https://shop.example/item?id=7", "/item?color=red", false);
        check("https://shop.example/item?id=7", "/item?id=*", true);
        check("https://shop.example/item?q=%E8%8C%B6", "/item?q=茶", true);
        check("https://shop.example/item#reviews", "/item#reviews", true);
        check("https://shop.example/item#reviews", "/item", true);
        check("https://shop.example/item", "/item#reviews", false);
        check("https://shop.example/a.b", "/a.b", true);
        check("https://shop.example/aXb", "/a.b", false);
        check("", "/", true);
    }

    #[test]
    fn pages_are_named_and_left_out() {
        let simple = |include: bool, pattern: &str| json!({"type": "simple", "include": include, "pattern": pattern});
        let regex = |pattern: &str| json!({"type": "regex", "include": true, "pattern": pattern});
        let check = |url: &str, targets: &[Value], expect: bool| {
            assert_eq!(is_targeted(url, targets), expect, "{url} {targets:?}");
        };
        check("https://a.example/x", &[], false);
        check("https://a.example/x", &[simple(false, "/y")], true);
        check("https://a.example/y", &[simple(false, "/y")], false);
        check("https://a.example/x/y", &[simple(true, "/x/*"), simple(false, "/x/y")], false);
        check("https://a.example/x/z", &[simple(true, "/x/*"), simple(false, "/x/y")], true);
        check("https://a.example/item/12", &[regex(r"^/item/\d+$")], true);
        check("https://a.example/item/12", &[regex(r"a\.example/item")], true);
        check("https://a.example/item/x", &[regex(r"^/item/\d+$")], false);
        check("https://a.example/item/x", &[regex("(")], false);
        check("https://a.example/x", &[json!({"type": "another", "pattern": "/x"})], false);
    }

    #[test]
    fn parameters_go_along() {
        let check = |url: &str, to: &str, expect: &str| assert_eq!(redirect(url, to, true), expect, "{url} to {to}");
        check("https://a.example/", "https://a.example/new", "https://a.example/new");
        check("https://a.example/?x=1&y=a b", "https://a.example/new?x=2#end", "https://a.example/new?x=2&y=a+b#end");
        check("https://a.example/?q=%E8%8C%B6", "https://a.example/new", "https://a.example/new?q=%E8%8C%B6");
        check("/old?x=1", "https://a.example/new", "https://a.example/new");
        assert_eq!(redirect("https://a.example/?x=1", "https://a.example/new", false), "https://a.example/new");
    }
}
