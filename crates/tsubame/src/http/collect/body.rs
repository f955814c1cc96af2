//! A body, read within limits: of bytes on the wire, of bytes inflated, of time, and of what all requests hold together.

use std::{io::Read, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;

/// On the wire.
pub const WIRE_BYTES_MAX: usize = 4 << 20;
pub const INFLATED_BYTES_MAX: usize = 8 << 20;
/// JSON of many events of one kind shrinks to a thirtieth; a bomb to a thousandth.
const INFLATED_RATIO_MAX: usize = 100;
/// Inflated whatever it came from.
const INFLATED_BYTES_SMALL: usize = 1 << 20;
pub const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// A body, and its part of the memory that bodies may take together.
pub struct Held {
    pub bytes: Bytes,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Counts `bytes` more to this request.
    pub fn reserve(&mut self, bytes: usize, memory: &Arc<Semaphore>) -> Result<(), Refusal> {
        let Ok(more) = memory.clone().try_acquire_many_owned(bytes as u32) else { return Err(Refusal::Busy) };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }

    /// Gives back what was counted and not needed.
    pub fn release(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.permit {
            drop(permit.split(bytes));
        }
    }
}

pub async fn read(body: Body, memory: &Arc<Semaphore>, time_max: Duration) -> Result<Held, Refusal> {
    match tokio::time::timeout(time_max, whole(body, memory)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::Slow),
    }
}

async fn whole(body: Body, memory: &Arc<Semaphore>) -> Result<Held, Refusal> {
    let mut held = Held { bytes: Bytes::new(), permit: None };
    let mut stream = body.into_data_stream();
    let mut gathered = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::Malformed("the body ends before its length".into()))?;
        if held.bytes.len() + gathered.len() + chunk.len() > WIRE_BYTES_MAX {
            return Err(Refusal::TooLarge(format!("a body has at most {} MiB", WIRE_BYTES_MAX >> 20)));
        }
        held.reserve(chunk.len(), memory)?;
        // Nearly every body comes as one piece and is not copied.
        match (held.bytes.is_empty(), gathered.is_empty()) {
            (true, true) => held.bytes = chunk,
            (false, _) => {
                gathered.extend_from_slice(&std::mem::take(&mut held.bytes));
                gathered.extend_from_slice(&chunk);
            }
            (true, false) => gathered.extend_from_slice(&chunk),
        }
    }
    if !gathered.is_empty() {
        held.bytes = gathered.freeze();
    }
    Ok(held)
}

/// By its first bytes: a proxy may have inflated it and left the header, and some clients do not say so.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

pub fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let most = inflated_bytes_max(bytes.len());
    let mut inflated = Vec::with_capacity(most.min(bytes.len() * 8));
    let mut reader = MultiGzDecoder::new(bytes).take(most as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|_| Refusal::Malformed("the body cannot be inflated as gzip".into()))?;
    match inflated.len() > most {
        true => Err(Refusal::TooLarge(format!(
            "a body inflates to at most {} MiB and {INFLATED_RATIO_MAX} times its size",
            INFLATED_BYTES_MAX >> 20
        ))),
        false => Ok(inflated),
    }
}

pub fn inflated_bytes_max(wire_bytes: usize) -> usize {
    wire_bytes.saturating_mul(INFLATED_RATIO_MAX).clamp(INFLATED_BYTES_SMALL, INFLATED_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let check = |bytes: &[u8], expect: Result<usize, u16>| {
            let got = inflate(bytes).map(|inflated| inflated.len()).map_err(|refusal| refusal.status());
            assert_eq!(got, expect);
        };
        check(&gzip(b"{}"), Ok(2));
        check(&gzip(&[b' '; INFLATED_BYTES_SMALL]), Ok(INFLATED_BYTES_SMALL));
        check(&gzip(&[b' '; INFLATED_BYTES_SMALL + 1]), Err(413));
        check(&gzip(&vec![b' '; 64 << 20]), Err(413));
        // Two members are one body; a cut one is none.
        let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
        check(&two, Ok(7));
        check(&two[..two.len() - 3], Err(400));
        check(&[0x1f, 0x8b, 0xff], Err(400));
    }

    #[tokio::test]
    async fn what_all_requests_hold_is_bounded() {
        let memory = Arc::new(Semaphore::new(10));
        let check = async |size: usize, expect: Result<usize, u16>| {
            let read = read(Body::from(vec![0; size]), &memory, READ_TIME_MAX).await;
            assert_eq!(read.as_ref().map(|held| held.bytes.len()).map_err(|refusal| refusal.status()), expect, "{size}");
            read.ok()
        };
        let first = check(8, Ok(8)).await;
        check(3, Err(503)).await;
        check(2, Ok(2)).await;
        drop(first);
        check(10, Ok(10)).await;
    }

    #[tokio::test]
    async fn pieces_are_put_together_and_a_slow_client_is_left() {
        let memory = Arc::new(Semaphore::new(WIRE_BYTES_MAX * 2));
        let check = async |pieces: Vec<Vec<u8>>, then_waits: bool, expect: Result<&[u8], u16>| {
            let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
            let body = match then_waits {
                true => Body::from_stream(pieces.chain(futures::stream::pending())),
                false => Body::from_stream(pieces),
            };
            let most = if then_waits { Duration::from_millis(20) } else { READ_TIME_MAX };
            let read = read(body, &memory, most).await;
            assert_eq!(read.as_ref().map(|held| &held.bytes[..]).map_err(|refusal| refusal.status()), expect);
        };
        check(vec![], false, Ok(b"")).await;
        check(vec![b"{\"".to_vec(), b"a".to_vec(), b"\":1}".to_vec()], false, Ok(b"{\"a\":1}")).await;
        check(vec![b"{".to_vec()], true, Err(408)).await;
        check(vec![vec![0; WIRE_BYTES_MAX], vec![0]], false, Err(413)).await;
    }
}
