//! What the server and its worker say to each other over two pipes: frames of a kind, a length and that many bytes.

use std::io::{self, Read, Write};

/// No frame is longer: whoever says so is not believed.
pub const FRAME_BYTES_MAX: usize = 512 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the worker: the question and all it needs (JSON).
    Assignment = b'A',
    /// To the worker: a table's tail (Arrow IPC), as many as the assignment has.
    Tail = b'T',
    /// To the worker: bytes that it asked for.
    Fetched = b'F',
    /// From the worker: the columns (Arrow IPC).
    Schema = b'S',
    /// From the worker: rows (Arrow IPC, going on where the last frame ended).
    Batch = b'B',
    /// From the worker: what would be answered (JSON), after the columns.
    Described = b'D',
    /// From the worker: bytes of a file that it may not read by itself (JSON).
    Fetch = b'R',
    /// From the worker: the answer is complete (JSON).
    End = b'E',
    /// From the worker: there is no answer, or no more of it (JSON).
    Error = b'X',
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        use Kind::*;
        [Assignment, Tail, Fetched, Schema, Batch, Described, Fetch, End, Error].into_iter().find(|kind| *kind as u8 == byte)
    }
}

pub fn write(out: &mut (impl Write + ?Sized), kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("a frame is too long"))?;
    out.write_all(&[kind as u8])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(bytes)?;
    out.flush()
}

/// The next frame; `None` where the other side has ended.
pub fn read(from: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    let mut have = 0;
    while have < head.len() {
        match from.read(&mut head[have..])? {
            0 if have == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => have += read,
        }
    }
    let kind = Kind::of(head[0]).ok_or_else(|| io::Error::other(format!("{:#x} is no kind of frame", head[0])))?;
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    // Not reserved at once: a length is only a claim.
    let mut bytes = Vec::new();
    let read = from.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    if read < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Some((kind, bytes))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_or_not_at_all() {
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Batch, b"rows").unwrap();
        write(&mut bytes, Kind::End, b"").unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(read(&mut from).unwrap(), Some((Kind::Batch, b"rows".to_vec())));
        assert_eq!(read(&mut from).unwrap(), Some((Kind::End, Vec::new())));
        assert_eq!(read(&mut from).unwrap(), None);
        let check = |bytes: &[u8]| assert!(read(&mut &*bytes).is_err(), "{bytes:?}");
        check(&bytes[..3]);
        check(&bytes[..7]);
        check(b"Z\x00\x00\x00\x00");
        check(b"B\xff\xff\xff\xff");
    }
}
