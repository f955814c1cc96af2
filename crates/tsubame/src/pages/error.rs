//! Pages for what went wrong: what happened, and what to do next.

use maud::{Markup, html};

use super::{Locale, words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    BadRequest,
    Forbidden,
    NotFound,
    Internal,
}

impl Failure {
    pub fn status(self) -> u16 {
        match self {
            Failure::BadRequest => 400,
            Failure::Forbidden => 403,
            Failure::NotFound => 404,
            Failure::Internal => 500,
        }
    }

    pub fn title(self, locale: &Locale) -> &'static str {
        match self {
            Failure::BadRequest => words::BAD_REQUEST,
            Failure::Forbidden => words::FORBIDDEN,
            Failure::NotFound => words::NOT_FOUND,
            Failure::Internal => words::FAILED,
        }
        .get(locale.lang)
    }
}

/// `message` and `remedy` take the place of the general words where the cause is known; `incident` is what the log has it under.
pub fn draw(locale: &Locale, failure: Failure, message: Option<&str>, remedy: Option<&str>, incident: Option<&str>) -> Markup {
    let lang = locale.lang;
    let general = match failure {
        Failure::BadRequest => None,
        Failure::Forbidden => Some(words::FORBIDDEN_REMEDY.get(lang)),
        Failure::NotFound => Some(words::NOT_FOUND_REMEDY.get(lang)),
        Failure::Internal => Some(words::FAILED_REMEDY.get(lang)),
    };
    html! {
        section class="card error-page" {
            p class="error-code" { (failure.status()) }
            h2 { (failure.title(locale)) }
            @if let Some(message) = message { p { (message) } }
            @if let Some(remedy) = remedy.or(general) { p { (remedy) } }
            @if let Some(incident) = incident { p class="note" { (words::INCIDENT.get(lang)) ": " code { (incident) } } }
            p { a class="button" href="/" { (words::BACK_HOME.get(lang)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{chart::tests::locale, words::Lang};

    #[test]
    fn each_failure_says_what_to_do() {
        let check = |lang, failure: Failure, parts: &[&str]| {
            let html = draw(&locale(lang), failure, Some("<script>"), None, Some("<script>8f3a")).into_string();
            for part in parts {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("<script") && html.contains(&failure.status().to_string()), "{html}");
        };
        check(Lang::Ja, Failure::NotFound, &["ページが見つかりません", "選んでください"]);
        check(Lang::En, Failure::Internal, &["Something went wrong", "No data was lost", "8f3a"]);
        check(Lang::Ja, Failure::Forbidden, &["許可されていません"]);
        check(Lang::En, Failure::BadRequest, &["could not be read"]);
    }
}
