//! What comes in: the reader of the `subscribe` command.

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The type; `message` where none was sent.
    pub kind: String,
    /// The payload, its lines joined by LF.
    pub data: String,
    /// The `id` of its own block. A browser shows the last one instead, where there is none.
    pub id: Option<String>,
}

/// Reads a stream in whatever pieces it arrives. Follows "interpreting an event stream" of
/// WHATWG HTML, 9.2.6, bad UTF-8 included (it is replaced, not refused).
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    /// The last byte was a CR; a LF that follows belongs to the same line end.
    after_cr: bool,
    begun: bool,
    kind: String,
    data: String,
    id: Option<String>,
    /// The last `id` of a finished block: what a reconnect sends.
    last_event_id: String,
    retry: Option<u64>,
}

impl Decoder {
    /// Takes the next piece of the stream and returns the events that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Decoded> {
        let mut events = Vec::new();
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\r', b'\n', rest) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            events.extend(self.end_line(&line));
        }
        events
    }

    /// A new connection: an unfinished block is forgotten, the last id and the reconnection time
    /// stay.
    pub fn reconnect(&mut self) {
        *self = Self {
            last_event_id: std::mem::take(&mut self.last_event_id),
            retry: self.retry,
            ..Self::default()
        };
    }

    /// The id to resume from; empty where there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The last reconnection time that was sent, in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn end_line(&mut self, line: &[u8]) -> Option<Decoded> {
        let line = if std::mem::replace(&mut self.begun, true) {
            line
        } else {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Decoded> {
        let id = self.id.take();
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        let mut data = std::mem::take(&mut self.data);
        let mut kind = std::mem::take(&mut self.kind);
        // The LF after the last line. None: there was no data, and nothing is dispatched.
        data.pop()?;
        if kind.is_empty() {
            "message".clone_into(&mut kind);
        }
        Some(Decoded { kind, data, id })
    }
}
