//! The pages: plain data in, markup out. Nothing here asks a database, the time or the environment, so every page can be drawn in a test.

pub mod broadcasts;
pub mod calendar;
pub mod chart;
pub mod csv;
pub mod dashboard;
pub mod dictionary;
pub mod error;
pub mod experiments;
pub mod format;
pub mod identity;
pub mod import;
pub mod layout;
pub mod login;
pub mod panel;
pub mod parked;
pub mod quarantine;
pub mod readout;
pub mod readout_link;
pub mod replay;
pub mod scenarios;
pub mod segment_form;
pub mod segments;
pub mod sql;
pub mod table;
pub mod test_report;
pub mod why;
pub mod words;

pub use format::Locale;
pub use words::Lang;

/// Served at `/assets/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// Served at `/assets/script.js`. Every page works without it.
pub const SCRIPT: &str = include_str!("script.js");

/// Served at `/assets/sql.js`, for the SQL page alone.
pub const SQL_SCRIPT: &str = include_str!("sql.js");

/// Sent with every page: nothing from another host, no inline script, no inline style.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The hidden field that every form which changes something carries.
pub fn csrf_field(token: &str) -> maud::Markup {
    maud::html! { input type="hidden" name="csrf" value=(token); }
}

/// Percent-encodes everything but unreserved characters, for a path segment or a query value.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_encoded() {
        let check = |raw: &str, expect: &str| assert_eq!(percent_encode(raw), expect);
        check("c-0001", "c-0001");
        check("a b&c=\"d\"", "a%20b%26c%3D%22d%22");
        check("燕", "%E7%87%95");
    }

    #[test]
    fn the_script_is_small_and_nothing_is_loaded_from_elsewhere() {
        assert!(SCRIPT.len() <= 3 * 1024, "{} bytes", SCRIPT.len());
        for text in [STYLE, SCRIPT, SQL_SCRIPT] {
            assert!(!text.replace("http://www.w3.org/2000/svg", "").contains("://"));
        }
    }
}
