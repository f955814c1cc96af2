//! Segments: saved questions that return `customer_id`. Why somebody is in one or not, what tells two answers apart, and who was in one night
//! after night.

mod clauses;
mod difference;
mod explained;
mod nights;

pub use clauses::{Clauses, Falls, Flip, Held};
pub use difference::{Change, Side, difference};
pub use explained::{Explained, explain};
pub use nights::Rosters;
pub(crate) use nights::bind_some;

use crate::{Library, Query, QueryError, statement::Tokens};

/// The segments a segment selects from, by name.
pub fn selects_from(library: &Library, query: &Query) -> Result<Vec<String>, QueryError> {
    let tokens = Tokens::read(&query.file, &query.sql)?;
    Ok(tokens.segments().into_iter().filter(|name| library.segment(name).is_some()).collect())
}
