//! What an analyst and a marketer look up: the tables with their columns, what figures mean in this shop, and what SQL can compute here.

use maud::{Markup, html};
use query::{dictionary::Table, functions::Function};

use super::{Locale, percent_encode, words};
use crate::conventions::Convention;

/// All tables, and the conventions in force.
pub fn tables(locale: &Locale, tables: &[Table], conventions: &[Convention]) -> Markup {
    let lang = locale.lang;
    html! {
        section class="card card-wide" {
            p class="note" { (words::DICTIONARY_NOTE.get(lang)) " " a href="/functions" { (words::FUNCTIONS.get(lang)) } }
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { (words::DICTIONARY_TABLE.get(lang)) }
                            th scope="col" { (words::DICTIONARY_SAYS.get(lang)) }
                            th scope="col" class="number" { (words::DICTIONARY_COLUMNS.get(lang)) }
                        }
                    }
                    tbody {
                        @for table in tables {
                            tr {
                                td { a href={ "/dictionary/" (percent_encode(&table.name)) } { code { (table.name) } } }
                                td { (table.title) }
                                td class="number" { (locale.count(table.columns.len() as u64)) }
                            }
                        }
                    }
                }
            }
        }
        section class="card card-wide" {
            h2 { (words::CONVENTIONS.get(lang)) }
            p class="note" { (words::CONVENTIONS_NOTE.get(lang)) }
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { (words::DICTIONARY_SAYS.get(lang)) }
                            th scope="col" { (words::CONVENTION_VALUE.get(lang)) }
                            th scope="col" { (words::CONVENTION_CHANGE.get(lang)) }
                        }
                    }
                    tbody {
                        @for convention in conventions {
                            tr {
                                td { (convention.says.get(lang.name())) }
                                td { (convention.value) }
                                td { code { (convention.change) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One table.
pub fn table(locale: &Locale, table: &Table) -> Markup {
    let lang = locale.lang;
    html! {
        section class="card card-wide" {
            p { (table.description) }
            p class="note" {
                (words::DICTIONARY_FROM.get(lang)) ": "
                @for (index, name) in table.made_from.iter().enumerate() {
                    @if index > 0 { ", " }
                    @match name.ends_with("_history") {
                        true => code { (name) },
                        false => a href={ "/dictionary/" (percent_encode(name)) } { code { (name) } },
                    }
                }
                " · " code { (table.file) }
            }
            div class="table-scroll" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { (words::DICTIONARY_COLUMN.get(lang)) }
                            th scope="col" { (words::DICTIONARY_TYPE.get(lang)) }
                            th scope="col" { (words::DICTIONARY_LABEL.get(lang)) }
                            th scope="col" { (words::DICTIONARY_SAYS.get(lang)) }
                            th scope="col" { (words::DICTIONARY_UNIT.get(lang)) }
                            th scope="col" { (words::DICTIONARY_PERSONAL.get(lang)) }
                        }
                    }
                    tbody {
                        @for column in &table.columns {
                            tr {
                                td { code { (column.name) } }
                                td { (column.kind.name()) }
                                td { (column.label.get(lang.name())) }
                                td { (column.says.get(lang.name())) }
                                td { (column.unit.get(lang.name())) }
                                td { @if column.personal { (words::YES.get(lang)) } }
                            }
                        }
                    }
                }
            }
            p { a href="/dictionary" { (words::DICTIONARY.get(lang)) } }
        }
    }
}

/// Every function of the shop, in full: what it takes, what it gives, and an example.
pub fn functions<'a>(locale: &Locale, functions: impl Iterator<Item = &'a Function>) -> Markup {
    let lang = locale.lang;
    html! {
        section class="card card-wide" {
            p class="note" { (words::FUNCTIONS_NOTE.get(lang)) " " a href="/dictionary" { (words::DICTIONARY.get(lang)) } }
        }
        @for function in functions {
            section class="card card-wide" id=(function.name) {
                h2 { code { (function.name) } }
                p { (function.says.get(lang.name())) }
                p { code { (function.signature()) } }
                ul {
                    @for arg in function.takes {
                        li {
                            code { (arg.name) } " (" (arg.of.name()) ") " (arg.says.get(lang.name()))
                            @if let Some(default) = arg.default { " · " code { (default) } }
                        }
                    }
                }
                @if let members @ [_, ..] = function.gives.members() {
                    p { (words::FUNCTION_MEMBERS.fill(lang, &[function.name])) }
                    ul {
                        @for member in members {
                            li { code { (member.name) } " (" (member.of.name()) ") " (member.says.get(lang.name())) }
                        }
                    }
                }
                p class="note" { (function.nulls.get(lang.name())) " " (words::FUNCTION_SOURCE.get(lang)) ": " (function.source) }
                @for example in function.examples {
                    pre { code { (example.sql) "\n→ " @if example.answer.is_empty() { "NULL" } @else { (example.answer) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Text;
    use query::{Library, dictionary};

    use super::*;
    use crate::pages::{Lang, chart::tests::locale};

    #[test]
    fn what_is_looked_up_is_found_in_both_languages() {
        let (library, _) = Library::load(None);
        let convention = Convention {
            says: Text::new("通貨<b>", "Currency<b>"),
            value: "JPY".into(),
            change: "tsubame.toml: currency".into(),
        };
        let orders = dictionary::find(&library, "orders").expect("a table");
        let check = |page: Markup, parts: &[&str]| {
            let page = page.into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<b>"), "{page}");
        };
        let list = dictionary::tables(&library);
        check(
            tables(&locale(Lang::Ja), &list, std::slice::from_ref(&convention)),
            &["href=\"/dictionary/orders\"", "通貨", "JPY", "tsubame.toml: currency"],
        );
        check(tables(&locale(Lang::En), &list, &[convention]), &["Currency", "href=\"/functions\""]);
        check(
            table(&locale(Lang::Ja), &orders),
            &["純売上。税抜", "ショップの通貨", "href=\"/dictionary/survivors\"", "<code>orders_history</code>"],
        );
        check(table(&locale(Lang::En), &orders), &["Personal", "Net revenue: without tax", "shop day"]);
        check(
            functions(&locale(Lang::Ja), query::functions::all()),
            &["id=\"kaplan_meier\"", "カプラン・マイヤー", "survival_low"],
        );
        check(
            functions(&locale(Lang::En), query::functions::all()),
            &["Null if an argument is null.", "days_between(a date, b date)"],
        );
    }
}
