//! A replay on its page: begun by asking, waited for by a page that refreshes itself, kept as a file.

use super::*;

const QUERY: &str = "scenario=f2-followup&from=2026-06-29&to=2026-07-01";

#[test]
fn a_replay_runs_apart_and_stays() {
    deep(async {
        let site = Site::open(true, made()).await;
        let session = site.signed_in(Role::Marketer).await;
        let form = site.get("/scenarios/replay?lang=en", &session).await;
        assert!(form.status == 200 && form.body.contains("f2-followup") && form.body.contains("2026-07-01"), "{}", form.body);
        // Before it has run there is no file of it.
        let file = format!("/scenarios/replay/sends.csv?{QUERY}");
        assert_eq!(site.get(&file, &session).await.status, 400);

        let before = site.workspace.state.journal().last_position().await.unwrap();
        let first = site.get(&format!("/scenarios/replay?{QUERY}&lang=en"), &session).await;
        assert_eq!((first.status, first.header("refresh")), (200, vec!["3"]), "{}", first.body);
        // Another one waits for it, or is told that it has ended already.
        let other = site.get("/scenarios/replay?scenario=f2-followup&from=2026-06-28&to=2026-07-01&lang=en", &session).await;
        assert_eq!(other.status, 200);
        let mut page = first;
        while !page.header("refresh").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            page = site.get(&format!("/scenarios/replay?{QUERY}&lang=en"), &session).await;
            assert_eq!(page.status, 200, "{}", page.body);
        }
        assert!(page.body.contains("They say no lift") && page.body.contains("Who bought anyway"), "{}", page.body);
        let csv = site.get(&file, &session).await;
        assert_eq!((csv.status, csv.header("content-type")), (200, vec!["text/csv; charset=utf-8"]));
        assert!(csv.body.contains("\"send_id\""), "{}", csv.body);
        // Nothing of the shop has changed.
        assert_eq!(site.workspace.state.journal().last_position().await.unwrap(), before);
        assert!(site.workspace.state.ledger().counts().await.unwrap().is_empty());
    });
}

#[test]
fn what_cannot_be_replayed_is_refused_with_what_to_do() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        let session = site.signed_in(Role::Marketer).await;
        for (query, expect) in [
            ("scenario=nothing&from=2026-06-01&to=2026-06-02", "There is no such scenario"),
            ("scenario=f2-followup&from=soon&to=2026-06-02", "The days cannot be read"),
            ("scenario=f2-followup&from=2026-06-02&to=2026-06-02", "cannot be replayed"),
            ("scenario=f2-followup&from=2025-01-01&to=2026-06-02", "400 days at most"),
        ] {
            let page = site.get(&format!("/scenarios/replay?{query}&lang=en"), &session).await;
            assert!(page.status == 400 && page.body.contains(expect), "{query}: {}", page.body);
        }
    });
}
