//! What goes out.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use crate::event::Event;

/// Bytes for the wire, encoded once and shared by all who receive them.
#[derive(Debug, Clone)]
pub struct Frame(Bytes);

impl Frame {
    /// An event under the id it was given. Fields in this order, only those that are set:
    /// `event`, `retry`, `id`, `data`. The id stands in the block of its data: some clients ignore
    /// an id alone, others forget it after one event.
    pub fn event(event: &Event, id: &str) -> Self {
        // 64: the field names, a `retry` and the blank line.
        let mut text = String::with_capacity(event.data.len() + id.len() + 64);
        if let Some(kind) = &event.kind {
            push_field(&mut text, "event", kind.as_str());
        }
        if let Some(retry) = event.retry {
            push_retry(&mut text, retry.as_millis().into());
        }
        push_field(&mut text, "id", id);
        push_data(&mut text, &event.data);
        Self(text.into())
    }

    /// The first frame of a stream. The bytes are those of the Express tutorial, whose clients
    /// read `JSON.parse(event.data).id`.
    pub fn greeting(subscriber: Uuid) -> Self {
        Self(format!("data: {{\"id\":\"{subscriber}\"}}\n\n").into())
    }

    /// An event of the hub's own. It has no id, so that it does not move the place from which its
    /// receiver resumes.
    pub fn notice(kind: &str, data: &str) -> Self {
        let mut text = String::with_capacity(kind.len() + data.len() + 24);
        push_field(&mut text, "event", kind);
        push_data(&mut text, data);
        Self(text.into())
    }

    /// A comment that keeps proxies from closing an idle stream. One LF and no blank line: a
    /// comment block makes `fetch-event-source` fire an empty message.
    pub fn heartbeat() -> Self {
        Self(Bytes::from_static(b":\n"))
    }

    /// A last word before the hub ends a stream: come back after so many milliseconds. A browser
    /// obeys as soon as it has read the line; without a blank line it makes no event.
    pub fn come_back(after: Duration) -> Self {
        let mut text = String::new();
        push_retry(&mut text, after.as_millis());
        Self(text.into())
    }

    /// The frame's length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the frame has no bytes. None has.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, shared.
    pub fn into_bytes(self) -> Bytes {
        self.0
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
