//! What was refused goes through its door once more, after somebody mended the cause: in the order it came, as of the time it came. What
//! is a fact afterwards counts once, however often this is done.

use state::{DeadLetterSummary, Letters, Newest};

use super::{
    collect::{self, LIVE},
    webhooks,
};
use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// Letters that are held at a time.
const CHUNK: usize = 500;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    pub accepted: u64,
    /// They wait again, with the reason of today.
    pub refused: u64,
    /// Lines of files: they come in when the file is imported again.
    pub of_files: u64,
}

pub async fn replay(workspace: &Workspace, which: Letters<'_>) -> Result<Replayed, Fault> {
    let mut replayed = Replayed::default();
    let mut after = which.after;
    loop {
        let chunk = workspace.state.vault().letters(Letters { after, ..which }, Newest::Last, workspace.now(), CHUNK).await?;
        let Some(last) = chunk.last() else { return Ok(replayed) };
        after = last.id;
        for letter in &chunk {
            if !letter.file.starts_with(LIVE) && webhooks::topic_of(&letter.file).is_none() {
                replayed.of_files += 1;
                continue;
            }
            match again(workspace, letter).await? {
                None => replayed.accepted += 1,
                Some(why) => {
                    workspace.state.vault().letter_refused(letter.id, why.code, &why.reason, &why.remedy).await?;
                    replayed.refused += 1;
                }
            }
        }
    }
}

struct Why {
    code: &'static str,
    reason: String,
    remedy: String,
}

impl Why {
    fn new(code: &'static str, reason: impl Into<String>, remedy: &str) -> Option<Why> {
        Some(Why { code, reason: reason.into(), remedy: remedy.into() })
    }
}

/// Why it was refused again, if it was.
async fn again(workspace: &Workspace, letter: &DeadLetterSummary) -> Result<Option<Why>, Fault> {
    let now = workspace.now();
    let vault = workspace.state.vault();
    let Some(source) = workspace.shop().sources.iter().find(|source| source.name == letter.source) else {
        return Err(Fault::new(
            Exit::Config,
            format!("source `{}` of letter {} is not in tsubame.toml", letter.source, letter.id),
        )
        .remedy("put the source back, or drop its letters"));
    };
    let Some(raw) = vault.reveal(letter.id, now).await? else {
        return Ok(None); // Its time was over since it was listed.
    };
    if raw.expose().is_empty() {
        return Ok(Why::new("not_kept", "its bytes were not kept", "send the event again, or drop the letter"));
    }
    if let Some(topic) = webhooks::topic_of(&letter.file) {
        let mut delivered = webhooks::read_letter(workspace, source, topic, raw.expose());
        if let Some(refused) = delivered.refused.first() {
            return Ok(Why::new(refused.code, refused.reason.clone(), &refused.remedy));
        }
        delivered.facts = delivered.facts.into_iter().map(|fact| fact.known_from(now)).collect();
        webhooks::keep(workspace, source, topic, delivered, webhooks::Known::Now).await?;
        vault.letter_replayed(letter.id, now).await?;
        return Ok(None);
    }
    let mut collected = match collect::read_letter(workspace, source, raw.expose(), letter.arrived_at) {
        Ok(collected) => collected,
        Err(malformed) => {
            return Ok(Why::new(malformed.code(), malformed.to_string(), "send the event again, or drop the letter"));
        }
    };
    if let Some(refused) = collected.refused.first() {
        return Ok(Why::new(refused.code, refused.reason.clone(), &refused.remedy));
    }
    // What is decided from here on may use it; what was decided before could not.
    collected.facts = collected.facts.into_iter().map(|fact| fact.known_from(now)).collect();
    collected.contacts.iter_mut().for_each(|(_, known_at)| *known_at = now.max(*known_at));
    collected.consents.iter_mut().for_each(|(_, known_at)| *known_at = now.max(*known_at));
    collect::keep(workspace, source, collected, Vec::new()).await?;
    vault.letter_replayed(letter.id, now).await?;
    Ok(None)
}
