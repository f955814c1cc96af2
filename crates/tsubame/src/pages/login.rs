//! The sign-in page.

use maud::{Markup, html};

use super::{Locale, csrf_field, words};

#[derive(Debug, Clone, Default)]
pub struct Login<'a> {
    pub csrf: &'a str,
    /// Kept after a failure.
    pub user: &'a str,
    /// The path to go on to.
    pub next: &'a str,
    pub problem: Option<LoginProblem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginProblem {
    Wrong,
    Wait { seconds: u64 },
}

pub fn draw(locale: &Locale, login: &Login) -> Markup {
    let lang = locale.lang;
    let problem = login.problem.map(|problem| match problem {
        LoginProblem::Wrong => words::SIGN_IN_FAILED.get(lang).to_string(),
        LoginProblem::Wait { seconds } => words::SIGN_IN_WAIT.fill(lang, &[&seconds.to_string()]),
    });
    html! {
        form class="card login" method="post" action="/login" {
            h1 { (words::SIGN_IN.get(lang)) }
            @if let Some(problem) = &problem { p class="failed" role="alert" { span aria-hidden="true" { "⚠ " } (problem) } }
            (csrf_field(login.csrf))
            input type="hidden" name="next" value=(login.next);
            label { span { (words::USER_NAME.get(lang)) } input name="user" value=(login.user) autocomplete="username" required autofocus; }
            label {
                span { (words::PASSWORD.get(lang)) }
                input name="password" type="password" autocomplete="current-password" required;
            }
            button class="primary" type="submit" { (words::SIGN_IN.get(lang)) }
            p class="note" { (words::FIRST_PASSWORD.get(lang)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{chart::tests::locale, words::Lang};

    #[test]
    fn a_failure_keeps_the_name_and_says_why() {
        let check = |lang, problem, words: &str| {
            let login = Login { csrf: "t0ken", user: "<script>", next: "/d/rfm?a=\"1", problem: Some(problem) };
            let html = draw(&locale(lang), &login).into_string();
            assert!(html.contains(words) && html.contains("value=\"t0ken\"") && !html.contains("<script"), "{html}");
        };
        check(Lang::Ja, LoginProblem::Wrong, "パスワードが違います");
        check(Lang::En, LoginProblem::Wait { seconds: 30 }, "in 30 seconds");
    }
}
