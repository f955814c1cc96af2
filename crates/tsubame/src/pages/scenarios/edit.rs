//! The form over a scenario's files, the files themselves below it, and what is asked when somebody else changed one meanwhile. It works without a
//! script.

use maud::{Markup, html};
use model::Problem;

use super::{Place, ways};
use crate::pages::{
    Lang, Locale, csrf_field, percent_encode,
    words::{self, Word},
};

#[derive(Debug, Default)]
pub struct Editor<'a> {
    pub csrf: &'a str,
    pub name: &'a str,
    /// What the scenario does, in words.
    pub description: Vec<String>,
    pub groups: Vec<Group>,
    pub files: Vec<FileText>,
    pub problems: Vec<Problem>,
    /// What may be wrong: it works all the same.
    pub warnings: Vec<Problem>,
    pub notice: Option<Word>,
}

/// Fields that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub title: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    /// The hidden field that says what it was.
    pub was: String,
    pub label: String,
    pub kind: Kind,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Line,
    Lines,
    Choice(Vec<(&'static str, Word)>),
}

/// A file as it stands in the form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileText {
    pub path: String,
    /// Of the text on which it was opened.
    pub hash: String,
    pub text: String,
    /// What the form's values were when it was opened, where `text` has changes already.
    pub before: Option<Vec<Group>>,
}

/// A file that somebody else changed while it was edited here.
#[derive(Debug, Clone)]
pub struct Conflict {
    pub path: String,
    /// Of the text as it is now; empty if the file is gone.
    pub hash: String,
    pub theirs: Option<String>,
    pub mine: String,
}

/// Rows of a text area: as many as its text, within reason.
const ROWS: std::ops::RangeInclusive<usize> = 3..=28;

pub fn draw(locale: &Locale, editor: &Editor) -> Markup {
    let lang = locale.lang;
    let action = format!("/scenarios/edit?name={}", percent_encode(editor.name));
    html! {
        (ways(lang, editor.name, Place::Edit))
        @if let Some(notice) = editor.notice {
            section class="card card-wide" role="status" { p { strong { (notice.get(lang)) } } }
        }
        (super::problems(lang, &editor.problems))
        @if !editor.warnings.is_empty() {
            section class="card card-wide" {
                h2 { (words::DESK_WARNINGS.get(lang)) }
                ul {
                    @for warning in &editor.warnings {
                        li {
                            code { (warning.file) @if warning.line > 0 { ":" (warning.line) } } " " (warning.message)
                            @if let Some(remedy) = &warning.remedy { " — " strong { (words::REMEDY.get(lang)) ": " } (remedy) }
                        }
                    }
                }
            }
        }
        @if !editor.description.is_empty() {
            section class="card card-wide" {
                h2 { (words::DESK_WHAT_IT_DOES.get(lang)) }
                ul { @for line in &editor.description { li { (line) } } }
            }
        }
        @if !editor.groups.is_empty() {
            form class="scenario-form" method="post" action=(action) {
                (csrf_field(editor.csrf))
                input type="hidden" name="action" value="fields";
                @for file in &editor.files { (hash(&file.path, &file.hash)) }
                p class="note" { (words::DESK_FORM_NOTE.get(lang)) }
                @for group in &editor.groups { (fieldset(lang, group, &editor.files)) }
                div class="actions" { button class="primary" type="submit" { (words::DESK_SAVE.get(lang)) } }
            }
        }
        section class="card card-wide" {
            h2 { (words::DESK_AS_FILES.get(lang)) }
            p class="note" { (words::DESK_AS_FILES_NOTE.get(lang)) }
            @for (index, file) in editor.files.iter().enumerate() {
                details open[editor.groups.is_empty()] {
                    summary { code { (file.path) } }
                    form class="sql-form" method="post" action=(action) {
                        (csrf_field(editor.csrf))
                        input type="hidden" name="action" value="texts";
                        (hash(&file.path, &file.hash))
                        label for={ "text-" (index) } { (words::DESK_TEXT_OF.fill(lang, &[&file.path])) }
                        // The first line break after the tag is the tag's.
                        textarea id={ "text-" (index) } name={ "text:" (file.path) } rows=(rows(&file.text)) spellcheck="false" { "\n" (file.text) }
                        div class="actions" { button type="submit" { (words::DESK_SAVE_FILE.get(lang)) } }
                    }
                }
            }
        }
    }
}

/// Both texts of each file, and the question which it is to be.
pub fn conflict(locale: &Locale, csrf: &str, name: &str, conflicts: &[Conflict]) -> Markup {
    let lang = locale.lang;
    html! {
        (ways(lang, name, Place::Edit))
        section class="card card-wide failed" role="alert" {
            p class="failed-title" { span aria-hidden="true" { "⚠ " } (words::DESK_CONFLICT.get(lang)) }
            p { (words::DESK_CONFLICT_NOTE.get(lang)) }
        }
        form class="sql-form" method="post" action={ "/scenarios/edit?name=" (percent_encode(name)) } {
            (csrf_field(csrf))
            input type="hidden" name="action" value="texts";
            @for (index, file) in conflicts.iter().enumerate() {
                section class="card card-wide" {
                    h2 { code { (file.path) } }
                    (hash(&file.path, &file.hash))
                    h3 id={ "theirs-" (index) } { (words::DESK_THEIRS.get(lang)) }
                    @match &file.theirs {
                        Some(theirs) => { pre tabindex="0" aria-labelledby={ "theirs-" (index) } { code { (theirs) } } },
                        None => { p { (words::DESK_GONE.get(lang)) } },
                    }
                    h3 { label for={ "mine-" (index) } { (words::DESK_MINE.get(lang)) } }
                    textarea id={ "mine-" (index) } name={ "text:" (file.path) } rows=(rows(&file.mine)) spellcheck="false" { "\n" (file.mine) }
                }
            }
            div class="actions" {
                button type="submit" { (words::DESK_KEEP_MINE.get(lang)) }
                a class="button" href=(Place::Edit.href(name)) { (words::DESK_KEEP_THEIRS.get(lang)) }
            }
        }
    }
}

fn hash(path: &str, hash: &str) -> Markup {
    html! { input type="hidden" name={ "hash:" (path) } value=(hash); }
}

fn fieldset(lang: Lang, group: &Group, files: &[FileText]) -> Markup {
    html! {
        fieldset class="card card-wide" {
            legend { (group.title) }
            @for field in &group.fields {
                input type="hidden" name=(field.was) value=(before(field, files));
                label class={ "field" @if field.kind == Kind::Lines { " field-lines" } } {
                    span { (field.label) }
                    @match &field.kind {
                        Kind::Line => { input type="text" name=(field.name) value=(field.value); },
                        Kind::Lines => { textarea name=(field.name) rows=(rows(&field.value)) { "\n" (field.value) } },
                        Kind::Choice(choices) => {
                            select name=(field.name) {
                                @if !choices.iter().any(|(value, _)| *value == field.value) {
                                    option value=(field.value) selected { (field.value) }
                                }
                                @for (value, word) in choices { option value=(value) selected[*value == field.value] { (word.get(lang)) } }
                            }
                        },
                    }
                }
            }
        }
    }
}

/// What a field was in the file that is on disk: what the form was made of may have changes that were not saved.
fn before<'a>(field: &'a Field, files: &'a [FileText]) -> &'a str {
    let mut known = files.iter().flat_map(|file| file.before.iter().flatten()).flat_map(|group| &group.fields);
    known.find(|known| known.name == field.name).map_or(&field.value, |known| &known.value)
}

fn rows(text: &str) -> usize {
    (text.lines().count() + 1).clamp(*ROWS.start(), *ROWS.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;

    const EVIL: &str = "\"></textarea><script>";

    fn editor() -> Editor<'static> {
        let field = |kind, value: &str| Field {
            name: format!("v:{value}"),
            was: format!("w:{value}"),
            label: EVIL.into(),
            kind,
            value: value.into(),
        };
        let choices = Kind::Choice(vec![("skip", words::DESK_SKIP), ("defer", words::DESK_DEFER)]);
        Editor {
            csrf: "t0ken",
            name: "a b",
            description: vec![EVIL.into()],
            groups: vec![Group {
                title: EVIL.into(),
                fields: vec![field(Kind::Line, EVIL), field(Kind::Lines, "1\n2\n3\n4"), field(choices, "defer")],
            }],
            files: vec![FileText { path: "scenarios/a.toml".into(), hash: "h4sh".into(), text: EVIL.into(), before: None }],
            problems: vec![Problem::new("scenarios/a.toml", 3, EVIL)],
            warnings: vec![Problem::new("messages/a.toml", 8, EVIL).with_remedy(EVIL)],
            notice: Some(words::DESK_SAVED),
        }
    }

    #[test]
    fn the_form_and_the_files() {
        let check = |lang, parts: &[&str]| {
            let page = draw(&locale(lang), &editor()).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
            // Each field has a label around it, each file's text one that names it.
            assert_eq!(page.matches("<label").count(), 4, "{page}");
        };
        check(
            Lang::Ja,
            &[
                "action=\"/scenarios/edit?name=a%20b\"",
                "value=\"t0ken\"",
                "name=\"hash:scenarios/a.toml\" value=\"h4sh\"",
                "保存しました",
            ],
        );
        check(Lang::En, &["<option value=\"defer\" selected>", "rows=\"5\"", "messages/a.toml:8</code>", "Saved"]);
    }

    #[test]
    fn what_was_not_saved_is_a_change_still() {
        let mut editor = editor();
        let mut before = editor.groups.clone();
        before[0].fields[2].value = "skip".into();
        editor.files[0].before = Some(before);
        let page = draw(&locale(Lang::En), &editor).into_string();
        assert!(page.contains("name=\"w:defer\" value=\"skip\"") && page.contains("<option value=\"defer\" selected>"), "{page}");
    }

    #[test]
    fn both_texts_are_shown() {
        let conflicts = [
            Conflict { path: "messages/a.toml".into(), hash: "n0w".into(), theirs: Some(EVIL.into()), mine: "mine".into() },
            Conflict { path: "messages/b.toml".into(), hash: String::new(), theirs: None, mine: EVIL.into() },
        ];
        let check = |lang, word: &str| {
            let page = conflict(&locale(lang), "t0ken", "a b", &conflicts).into_string();
            for part in [word, "value=\"n0w\"", "name=\"text:messages/a.toml\"", "\nmine", "role=\"alert\""] {
                assert!(page.contains(part), "{part}: {page}");
            }
            assert!(!page.contains("<script>"), "{page}");
        };
        check(Lang::Ja, "ファイルはもうありません");
        check(Lang::En, "The file is gone");
    }
}
