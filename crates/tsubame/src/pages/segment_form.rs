//! A segment as a list of conditions to be filled in: works without a script, for each button sends the whole form.

use maud::{Markup, html};
use query::form::{ATTRIBUTES, Attribute, Holds, attributes::Takes, comparisons};

use super::{
    Lang, Locale, csrf_field,
    panel::{self, PanelError},
    words::{self, Word},
};

/// Conditions with the same letter belong together.
pub const GROUPS: [&str; 4] = ["A", "B", "C", "D"];

#[derive(Debug, Clone, Default)]
pub struct Editor {
    pub csrf: String,
    pub name: String,
    pub title_ja: String,
    pub title_en: String,
    pub description_ja: String,
    pub description_en: String,
    /// Any of the conditions is enough; otherwise all must hold.
    pub is_any: bool,
    pub rows: Vec<Row>,
    /// What keeps it from being a segment: what is wrong and what to do.
    pub problems: Vec<(String, Option<String>)>,
    pub preview: Option<Preview>,
    /// The file it was saved as.
    pub saved_as: Option<String>,
    /// The segment the form was opened with, and the hash of its file then; empty for a new one.
    pub started: String,
    pub may_save: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub attribute: &'static Attribute,
    pub is_not: bool,
    /// One of [`GROUPS`], or empty.
    pub group: String,
    pub comparison: String,
    pub value: String,
    /// In the order in which the attribute declares them.
    pub scopes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Preview {
    pub sql: String,
    pub members: Result<u64, PanelError>,
}

/// Posts to `/segment-form`, with `action` saying which button it was.
pub fn draw(locale: &Locale, editor: &Editor) -> Markup {
    let lang = locale.lang;
    html! {
        p class="intro" { (words::SEGMENT_FORM_INTRO.get(lang)) }
        @if let Some(file) = &editor.saved_as {
            section class="card card-wide" role="status" { p { (words::SEGMENT_FORM_SAVED.fill(lang, &[file])) } }
        }
        @if !editor.problems.is_empty() {
            section class="card card-wide failed" role="alert" {
                ul {
                    @for (problem, remedy) in &editor.problems {
                        li { (problem) @if let Some(remedy) = remedy { " — " strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                    }
                }
            }
        }
        form method="post" action="/segment-form" {
            (csrf_field(&editor.csrf))
            input type="hidden" name="started" value=(editor.started);
            // Enter in a field is the first button of a form.
            button type="submit" name="action" value="preview" hidden {}
            section class="card card-wide" {
                div class="filters" {
                    (field(words::SEGMENT_FORM_NAME.get(lang), "name", &editor.name))
                    (field(words::SEGMENT_FORM_TITLE_JA.get(lang), "title_ja", &editor.title_ja))
                    (field(words::SEGMENT_FORM_TITLE_EN.get(lang), "title_en", &editor.title_en))
                    (field(words::SEGMENT_FORM_DESCRIPTION_JA.get(lang), "description_ja", &editor.description_ja))
                    (field(words::SEGMENT_FORM_DESCRIPTION_EN.get(lang), "description_en", &editor.description_en))
                    label {
                        span { (words::SEGMENT_FORM_MATCH.get(lang)) }
                        select name="match" {
                            option value="all" selected[!editor.is_any] { (words::SEGMENT_FORM_ALL.get(lang)) }
                            option value="any" selected[editor.is_any] { (words::SEGMENT_FORM_ANY.get(lang)) }
                        }
                    }
                }
                @for (index, row) in editor.rows.iter().enumerate() { (condition(lang, index, row)) }
                div class="filters" {
                    label {
                        span { (words::SEGMENT_FORM_ATTRIBUTE.get(lang)) }
                        select name="new_attribute" {
                            @for attribute in ATTRIBUTES { option value=(attribute.name) { (label(lang, attribute)) } }
                        }
                    }
                    button type="submit" name="action" value="add" { (words::SEGMENT_FORM_ADD.get(lang)) }
                    button type="submit" name="action" value="preview" { (words::SEGMENT_FORM_PREVIEW.get(lang)) }
                    @if editor.may_save { button type="submit" name="action" value="save" { (words::SEGMENT_FORM_SAVE.get(lang)) } }
                }
                p class="note" { (words::SEGMENT_FORM_NOTE.get(lang)) }
            }
        }
        @if let Some(preview) = &editor.preview {
            section class="card card-wide" aria-labelledby="preview" {
                h2 id="preview" { (words::SEGMENT_FORM_PREVIEW.get(lang)) }
                @match &preview.members {
                    Ok(members) => { p role="status" { strong { (words::SEGMENT_FORM_COUNT.fill(lang, &[&locale.count(*members)])) } } },
                    Err(error) => { (panel::failed(locale, error)) },
                }
                pre tabindex="0" { code { (preview.sql) } }
            }
        }
    }
}

fn condition(lang: Lang, index: usize, row: &Row) -> Markup {
    let name = |part: &str| format!("{part}_{index}");
    html! {
        fieldset class="filters" {
            legend { (label(lang, row.attribute)) }
            input type="hidden" name=(name("attribute")) value=(row.attribute.name);
            label {
                span { (words::SEGMENT_FORM_GROUP.get(lang)) }
                select name=(name("group")) {
                    option value="" { "—" }
                    @for group in GROUPS { option value=(group) selected[row.group == group] { (group) } }
                }
            }
            label {
                span { (words::SEGMENT_FORM_NOT.get(lang)) }
                input type="checkbox" name=(name("not")) value="1" checked[row.is_not];
            }
            @for (place, (scope, value)) in row.attribute.scopes.iter().zip(&row.scopes).enumerate() {
                label {
                    span { (if lang == Lang::Ja { scope.ja } else { scope.en }) }
                    @match scope.takes {
                        Takes::Word(words) => {
                            select name=(name(&format!("scope{place}"))) {
                                @if !scope.required { option value="" { "—" } }
                                @for word in words { option value=(word) selected[value == word] { (word) } }
                            }
                        },
                        Takes::Days => { input type="number" min="1" name=(name(&format!("scope{place}"))) value=(value); },
                        Takes::Text | Takes::Segment => { input type="text" name=(name(&format!("scope{place}"))) value=(value); },
                    }
                }
            }
            label {
                span { (words::SEGMENT_FORM_COMPARISON.get(lang)) }
                select name=(name("comparison")) {
                    @for comparison in comparisons(row.attribute.holds) {
                        option value=(comparison) selected[row.comparison == *comparison] { (comparison_word(comparison).get(lang)) }
                    }
                }
            }
            label {
                span { (words::SEGMENT_FORM_VALUE.get(lang)) }
                @if row.attribute.holds == Holds::Bool {
                    select name=(name("value")) {
                        option value="true" selected[row.value != "false"] { (words::YES.get(lang)) }
                        option value="false" selected[row.value == "false"] { (words::NO.get(lang)) }
                    }
                } @else {
                    input type="text" name=(name("value")) value=(row.value);
                }
            }
            button type="submit" name="action" value={ "remove_" (index) } { (words::SEGMENT_FORM_REMOVE.get(lang)) }
        }
    }
}

fn field(label: &str, name: &str, value: &str) -> Markup {
    html! { label { span { (label) } input type="text" name=(name) value=(value); } }
}

fn label(lang: Lang, attribute: &Attribute) -> &'static str {
    if lang == Lang::Ja { attribute.ja } else { attribute.en }
}

fn comparison_word(name: &str) -> Word {
    match name {
        "is" => words::COMPARE_IS,
        "equals" => words::COMPARE_EQUALS,
        "not_equals" => words::COMPARE_NOT_EQUALS,
        "at_least" => words::COMPARE_AT_LEAST,
        "at_most" => words::COMPARE_AT_MOST,
        "more_than" => words::COMPARE_MORE_THAN,
        "less_than" => words::COMPARE_LESS_THAN,
        "between" => words::COMPARE_BETWEEN,
        "one_of" => words::COMPARE_ONE_OF,
        "none_of" => words::COMPARE_NONE_OF,
        "contains" => words::COMPARE_CONTAINS,
        "starts_with" => words::COMPARE_STARTS_WITH,
        "days_ago_at_least" => words::COMPARE_DAYS_AGO_AT_LEAST,
        "days_ago_at_most" => words::COMPARE_DAYS_AGO_AT_MOST,
        _ => words::COMPARE_KNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;

    #[test]
    fn what_was_filled_in_is_kept() {
        let rows = ATTRIBUTES.iter().map(|attribute| Row {
            attribute,
            is_not: true,
            group: "B".into(),
            comparison: comparisons(attribute.holds)[0].into(),
            value: "\"><script>".into(),
            scopes: vec!["\"><script>".into(); attribute.scopes.len()],
        });
        let editor = Editor {
            csrf: "t0ken".into(),
            name: "\"><script>".into(),
            is_any: true,
            rows: rows.collect(),
            problems: vec![("<script>".into(), Some("<script>".into()))],
            preview: Some(Preview { sql: "SELECT '<script>'".into(), members: Ok(1200) }),
            may_save: true,
            ..Editor::default()
        };
        for (lang, words) in [
            (Lang::Ja, ["1,200人が該当します", "条件を追加", "以上"]),
            (Lang::En, ["1,200 customers are in it", "Add a condition", "at least"]),
        ] {
            let page = draw(&locale(lang), &editor).into_string();
            words.iter().for_each(|word| assert!(page.contains(word), "{word}: {page}"));
            assert!(page.contains("value=\"t0ken\"") && page.contains("<option value=\"any\" selected>"), "{page}");
            assert_eq!(page.matches("<option value=\"B\" selected>").count(), ATTRIBUTES.len());
            assert!(!page.contains("<script>"), "{page}");
        }
    }
}
