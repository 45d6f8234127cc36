//! What goes out.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use crate::event::Event;

/// Room for the size of a chunk: eight hexadecimal digits, CR and LF.
const CHUNK_HEAD: usize = 10;
const CHUNK_END: &[u8] = b"\r\n";

/// Bytes for the wire, encoded once and shared by all who receive them: as they are, and as a
/// chunk of HTTP/1.1 (RFC 9112, 7.1).
#[derive(Debug, Clone)]
pub struct Frame {
    chunk: Bytes,
    /// Where the bytes begin in the chunk.
    start: usize,
}

impl Frame {
    /// What ends a chunked stream.
    pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

    /// An event under the id it was given. Fields in this order, only those that are set:
    /// `event`, `retry`, `id`, `data`. The id stands in the block of its data: some clients ignore
    /// an id alone, others forget it after one event.
    pub fn event(event: &Event, id: &str) -> Self {
        // 64: the field names, a `retry` and the blank line.
        Self::build(event.data.len() + id.len() + 64, |text| {
            if let Some(kind) = &event.kind {
                push_field(text, "event", kind.as_str());
            }
            if let Some(retry) = event.retry {
                push_retry(text, retry.as_millis().into());
            }
            push_field(text, "id", id);
            push_data(text, &event.data);
        })
    }

    /// The first frame of a stream. The bytes are those of the Express tutorial, whose clients
    /// read `JSON.parse(event.data).id`.
    pub fn greeting(subscriber: Uuid) -> Self {
        Self::build(64, |text| push_data(text, &format!("{{\"id\":\"{subscriber}\"}}")))
    }

    /// An event of the hub's own. It has no id, so that it does not move the place from which its
    /// receiver resumes.
    pub fn notice(kind: &str, data: &str) -> Self {
        Self::build(kind.len() + data.len() + 24, |text| {
            push_field(text, "event", kind);
            push_data(text, data);
        })
    }

    /// A comment that keeps proxies from closing an idle stream. One LF and no blank line: a
    /// comment block makes `fetch-event-source` fire an empty message.
    pub fn heartbeat() -> Self {
        Self { chunk: Bytes::from_static(b"2\r\n:\n\r\n"), start: 3 }
    }

    /// A last word before the hub ends a stream: come back after so many milliseconds. A browser
    /// obeys as soon as it has read the line; without a blank line it makes no event.
    pub fn come_back(after: Duration) -> Self {
        Self::build(24, |text| push_retry(text, after.as_millis()))
    }

    /// Writes the bytes behind a gap, and the size of the chunk to the gap's end: the size is
    /// known only then, and the bytes are not copied again.
    fn build(capacity: usize, write: impl FnOnce(&mut String)) -> Self {
        let mut text = String::with_capacity(CHUNK_HEAD + capacity + CHUNK_END.len());
        text.push_str("          ");
        write(&mut text);
        let mut bytes = text.into_bytes();
        let head = format!("{:X}\r\n", bytes.len() - CHUNK_HEAD);
        let unused = CHUNK_HEAD - head.len();
        bytes[unused..CHUNK_HEAD].copy_from_slice(head.as_bytes());
        bytes.extend_from_slice(CHUNK_END);
        Self { chunk: Bytes::from(bytes).slice(unused..), start: head.len() }
    }

    /// The length of the bytes themselves.
    pub fn len(&self) -> usize {
        self.chunk.len() - self.start - CHUNK_END.len()
    }

    /// Whether there are none. There always are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as they are, shared.
    pub fn bytes(&self) -> Bytes {
        self.chunk.slice(self.start..self.chunk.len() - CHUNK_END.len())
    }

    /// The bytes as a chunk, shared.
    pub fn chunk(&self) -> &Bytes {
        &self.chunk
    }
}

fn push_field(text: &mut String, name: &str, value: &str) {
    // The space is always there: a reader drops one, so a value's own first space survives.
    text.extend([name, ": ", value, "\n"]);
}

fn push_retry(text: &mut String, ms: u128) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "retry: {ms}");
}

/// One `data` line for each line, ended by CRLF, CR or LF, of the payload; an empty payload and
/// an empty last line count too. Ends the block.
fn push_data(text: &mut String, data: &str) {
    let mut rest = data;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        push_field(text, "data", &rest[..end]);
        let line_end = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + line_end..];
    }
    push_field(text, "data", rest);
    text.push('\n');
}
