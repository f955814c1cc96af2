//! Everything others say: import formats, mappings, senders, templates, destinations, as codecs.
//!
//! Nothing here opens a file or a socket or asks the time: bytes (or a reader that the caller opened), settings and `now` come in; facts,
//! calls and bytes go out. `tsubame` carries them.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`collect`] | bodies of live events | facts, addresses, claims of identity, refusals |
//! | [`shops`] | signed deliveries of shop systems, pages of their APIs | deltas of orders, facts, addresses, consents, refusals |
//! | [`formats`] | bytes of a file | a header and [`formats::Row`]s, or rejections |
//! | [`mapping`] | a mapping file | which column means what |
//! | [`import`] | rows | facts, addresses, consents, rejections |
//! | [`detect`] | a header and sample rows | a mapping file to correct |
//! | [`personal`] | free text | the same without addresses and numbers of people |
//! | [`template`] | words with holes | words for one person |
//! | [`wording`] | words with holes | what a law may have against them |
//! | [`senders`] | messages | calls to a provider, and its answers as outcomes |
//! | [`destinations`] | an audience | files with a manifest |

pub mod collect;
pub mod destinations;
pub mod detect;
pub mod formats;
pub mod import;
mod json_text;
pub mod mapping;
pub mod personal;
pub mod senders;
pub mod serving;
pub mod shops;
pub mod template;
pub mod wording;
