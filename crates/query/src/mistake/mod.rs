//! What is wrong with an SQL text, said again for the person who wrote it: where, what, and what to do. The engine's own words are for those
//! who build engines; every door (command, page, API, `check`) shows these instead.

use datafusion::sql::sqlparser::tokenizer::Span;

pub(crate) mod dialect;
pub(crate) mod japanese;
pub(crate) mod planning;
pub(crate) mod reading;
pub(crate) mod running;

/// Something wrong at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    pub message: String,
    pub remedy: String,
    /// The line and a caret beneath the place; empty where there is nothing to show.
    pub excerpt: String,
}

/// Part of a line; both count from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub width: usize,
}

impl Place {
    /// A whole line.
    pub fn line(line: usize) -> Place {
        Place { line, column: 0, width: 0 }
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Place {
        let (from, to) = (span.start, span.end);
        let width = if to.line == from.line { to.column.saturating_sub(from.column) } else { 1 };
        Place { line: from.line as usize, column: from.column as usize, width: width.max(1) as usize }
    }
}

impl From<datafusion::common::Span> for Place {
    fn from(span: datafusion::common::Span) -> Place {
        let (from, to) = (span.start, span.end);
        let width = if to.line == from.line { to.column.saturating_sub(from.column) } else { 1 };
        Place { line: from.line as usize, column: from.column as usize, width: width.max(1) as usize }
    }
}

impl Mistake {
    pub(crate) fn new(place: Place, message: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        Mistake { place, message: message.into(), remedy: remedy.into(), excerpt: String::new() }
    }

    /// With the line it is on.
    pub(crate) fn within(mut self, text: &str) -> Mistake {
        self.excerpt = excerpt(text, self.place);
        self
    }
}

/// Longer lines are shown around the place.
const SHOWN_MAX: usize = 100;

/// The line of a place with a caret beneath; nothing where the place is a whole line or is not there.
pub(crate) fn excerpt(text: &str, place: Place) -> String {
    let Some(line) = text.lines().nth(place.line.saturating_sub(1)).filter(|_| place.column > 0) else { return String::new() };
    let letters: Vec<char> = line.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    let at = (place.column - 1).min(letters.len());
    let from = if letters.len() > SHOWN_MAX { at.saturating_sub(SHOWN_MAX / 2) } else { 0 };
    let shown: String = letters.iter().skip(from).take(SHOWN_MAX).collect();
    let wide = |letters: &[char]| letters.iter().map(|letter| if is_wide(*letter) { 2 } else { 1 }).sum::<usize>();
    let end = (at + place.width).min(letters.len()).max(at);
    let carets = wide(&letters[at..end]).clamp(1, SHOWN_MAX);
    let number = place.line.to_string();
    format!(
        "{number} | {}\n{} | {}{}",
        shown.trim_end(),
        " ".repeat(number.len()),
        " ".repeat(wide(&letters[from..at])),
        "^".repeat(carets)
    )
}

/// Letters that take two columns of a terminal.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

/// The candidate that somebody who typed `wrong` most likely meant: few letters apart for its length, or the one it begins.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let lower = candidate.to_lowercase();
        let apart = match transposed(&wrong, &lower) {
            true => 1,
            false => datafusion::common::utils::datafusion_strsim::levenshtein(&wrong, &lower),
        };
        let plain = |text: &str| text.replace('_', "");
        let apart = if plain(&wrong) == plain(&lower) { 1 } else { apart };
        let most = (wrong.chars().count().max(lower.chars().count()) / 3).max(1);
        if apart <= most && best.is_none_or(|(least, known)| (apart, candidate) < (least, known)) {
            best = Some((apart, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Two neighbouring letters have changed places.
fn transposed(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let differ: Vec<usize> = (0..a.len().min(b.len())).filter(|&at| a[at] != b[at]).collect();
    a.len() == b.len()
        && matches!(differ[..], [first, second] if second == first + 1 && a[first] == b[second] && a[second] == b[first])
}

/// Names as a sentence lists them, the first few.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_under_the_caret() {
        let check = |text: &str, line, column, width, expect: &str| {
            assert_eq!(excerpt(text, Place { line, column, width }), expect, "{text}");
        };
        check("SELECT nett\nFROM orders", 1, 8, 4, "1 | SELECT nett\n  |        ^^^^");
        check("SELECT 会員, nett", 1, 12, 4, "1 | SELECT 会員, nett\n  |              ^^^^");
        check("SELECT\tx", 1, 8, 1, "1 | SELECT x\n  |        ^");
        check("SELECT x", 1, 9, 1, "1 | SELECT x\n  |         ^");
        check("SELECT x", 3, 1, 1, "");
        check("SELECT x", 1, 0, 0, "");
    }

    #[test]
    fn the_nearest_name_is_meant() {
        let columns = ["net", "gross", "customer_id", "ordered_at", "order_id", "orders"];
        let check = |wrong: &str, expect: Option<&str>| assert_eq!(nearest(wrong, columns), expect, "{wrong}");
        check("nett", Some("net"));
        check("custmer_id", Some("customer_id"));
        check("customerid", Some("customer_id"));
        check("ordres", Some("orders"));
        check("orderd_at", Some("ordered_at"));
        check("horoscope", None);
        check("x", None);
    }
}
