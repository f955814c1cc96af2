//! Read-outs that are shown to people without an account: what a page said when the link was made, kept as it was, until its time is over or somebody
//! takes it back. The link is signed over all of that, so neither a number nor the time can be changed by whoever has the file or the link.

use std::{fs, io::ErrorKind, path::PathBuf};

use model::{Instant, Text, id::hex, time::rfc3339};
use serde::{Deserialize, Serialize};

use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

const PURPOSE: &str = "shared read-out 1";
const ID_BYTES: usize = 8;
/// How long a link may be good for.
pub const DAYS: [i64; 4] = [7, 30, 90, 365];

/// What is shown, and until when. Nobody's data are in it but sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    pub experiment: String,
    pub title: Text,
    /// Brings the same numbers back: `tsubame readout NAME --pinned HASH`.
    pub pinned: String,
    #[serde(with = "model::time::instant")]
    pub as_of: Instant,
    #[serde(with = "model::time::instant")]
    pub made_at: Instant,
    #[serde(with = "model::time::instant")]
    pub until: Instant,
    /// Whose account made it; shown to those who have one.
    pub by: String,
    /// The page in each language.
    pub body: Text,
}

/// A link as those see it who may take it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub id: String,
    /// What stands in its address.
    pub token: String,
    pub shared: Shared,
}

/// Keeps what is shown; its link.
pub fn share(workspace: &Workspace, shared: Shared) -> Result<Link, Fault> {
    let mut id = [0; ID_BYTES];
    getrandom::fill(&mut id).map_err(|error| Fault::new(Exit::Failed, format!("could not draw a link: {error}")))?;
    let id = hex(&id);
    let text = serde_json::to_vec_pretty(&shared).expect("a read-out is plain JSON");
    let folder = folder(workspace);
    let path = folder.join(format!("{id}.json"));
    let part = path.with_extension("part");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&part, &text))
        .and_then(|()| fs::rename(&part, &path))
        .map_err(|source| Fault::io(format!("could not keep the shared read-out in {}", path.display()), source))?;
    Ok(link(workspace, id, &text, shared))
}

/// What a link shows; `None` if it is not one of ours, was taken back, or its time is over.
pub fn opened(workspace: &Workspace, token: &str, now: Instant) -> Result<Option<Shared>, Fault> {
    let Some((id, signature)) = token.split_once('.').filter(|(id, _)| is_id(id)) else { return Ok(None) };
    let Some(text) = read(workspace, id)? else { return Ok(None) };
    if !workspace.state.signer().is_ours(PURPOSE, &signed(id, &text), signature) {
        return Ok(None);
    }
    Ok(serde_json::from_slice::<Shared>(&text).ok().filter(|shared| now < shared.until))
}

/// The links of an experiment that are still good, the newest first.
pub fn links(workspace: &Workspace, experiment: &str, now: Instant) -> Result<Vec<Link>, Fault> {
    let folder = folder(workspace);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|source| Fault::io(format!("could not read {}", folder.display()), source))?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found = Vec::new();
    for id in names.filter_map(|name| name.strip_suffix(".json").map(String::from)).filter(|id| is_id(id)) {
        let Some(text) = read(workspace, &id)? else { continue };
        let shared = serde_json::from_slice::<Shared>(&text).ok();
        if let Some(shared) = shared.filter(|shared| shared.experiment == experiment && now < shared.until) {
            found.push(link(workspace, id, &text, shared));
        }
    }
    found.sort_by(|a, b| (b.shared.made_at, &b.id).cmp(&(a.shared.made_at, &a.id)));
    Ok(found)
}

/// Takes a link back; whether there was one.
pub fn take_back(workspace: &Workspace, id: &str) -> Result<bool, Fault> {
    if !is_id(id) {
        return Ok(false);
    }
    match fs::remove_file(folder(workspace).join(format!("{id}.json"))) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Fault::io("could not take a shared read-out back", source)),
    }
}

fn link(workspace: &Workspace, id: String, text: &[u8], shared: Shared) -> Link {
    let signature = workspace.state.signer().sign(PURPOSE, &signed(&id, text));
    Link { token: format!("{id}.{signature}"), id, shared }
}

fn signed(id: &str, text: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b"\n", text].concat()
}

fn read(workspace: &Workspace, id: &str) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(folder(workspace).join(format!("{id}.json"))) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Fault::io("could not read a shared read-out", source)),
    }
}

fn is_id(id: &str) -> bool {
    id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.path("data/readouts/shared")
}

impl Link {
    pub fn href(&self) -> String {
        format!("/shared/{}", self.token)
    }
}

impl Shared {
    /// For the log: what, and until when; not the link.
    pub fn said(&self) -> String {
        format!("the read-out {} of {} until {}", self.pinned, self.experiment, rfc3339(self.until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        workspace::{Access, parse_instant},
    };

    async fn shop(folder: &std::path::Path) -> Workspace {
        std::fs::write(folder.join("tsubame.toml"), "name = \"x\"\n").unwrap();
        Workspace::open(folder, Clock::Real, Access::Write).await.unwrap()
    }

    fn shared(experiment: &str) -> Shared {
        let at = |text: &str| parse_instant(text).unwrap();
        Shared {
            experiment: experiment.into(),
            title: Text::new("色", "Colour"),
            pinned: "0123456789abcdef".into(),
            as_of: at("2026-11-01T00:00:00+09:00"),
            made_at: at("2026-11-01T00:00:00+09:00"),
            until: at("2026-11-08T00:00:00+09:00"),
            by: "admin".into(),
            body: Text::new("<p>12</p>", "<p>12</p>"),
        }
    }

    #[tokio::test]
    async fn a_link_opens_what_it_was_made_for_until_its_time_is_over() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (ours, theirs) = (shop(here.path()).await, shop(elsewhere.path()).await);
        let link = share(&ours, shared("button")).unwrap();
        let other = share(&ours, shared("banner")).unwrap();
        // The same file in a shop with another key.
        std::fs::create_dir_all(folder(&theirs)).unwrap();
        let name = format!("{}.json", link.id);
        std::fs::copy(folder(&ours).join(&name), folder(&theirs).join(&name)).unwrap();
        let check = |workspace: &Workspace, token: &str, at: &str, expect: bool| {
            let found = opened(workspace, token, parse_instant(at).unwrap()).unwrap();
            assert_eq!(found.is_some(), expect, "{token} at {at}");
            assert!(found.is_none_or(|found| found == shared("button")));
        };
        let then = "2026-11-07T23:59:59+09:00";
        check(&ours, &link.token, then, true);
        check(&ours, &link.token, "2026-11-08T00:00:00+09:00", false);
        check(&theirs, &link.token, then, false);
        check(&ours, &link.id, then, false);
        check(&ours, &format!("{}.", link.id), then, false);
        check(&ours, &format!("{}.{}", link.id, other.token.split_once('.').unwrap().1), then, false);
        check(&ours, &format!("../{}", link.token), then, false);
        let now = parse_instant(then).unwrap();
        assert_eq!(links(&ours, "button", now).unwrap(), std::slice::from_ref(&link));
        // A file that was changed shows nothing.
        let text = std::fs::read_to_string(folder(&ours).join(&name)).unwrap();
        std::fs::write(folder(&ours).join(&name), text.replace("<p>12</p>", "<p>13</p>")).unwrap();
        check(&ours, &link.token, then, false);
        std::fs::write(folder(&ours).join(&name), text).unwrap();
        check(&ours, &link.token, then, true);
        assert!(take_back(&ours, &link.id).unwrap() && !take_back(&ours, &link.id).unwrap());
        check(&ours, &link.token, then, false);
        assert!(!take_back(&ours, "../../state").unwrap());
        assert_eq!(links(&ours, "button", now).unwrap(), []);
    }
}
