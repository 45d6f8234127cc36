//! A reader of event streams that follows the grammar of WHATWG HTML, 9.2.5, over a whole text:
//! written without a look at the product's own, to be its judge.

/// An event as a browser would dispatch it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    pub kind: String,
    pub data: String,
    /// What `lastEventId` shows: also that of an earlier block.
    pub last_event_id: String,
    /// The id of its own block.
    pub id: Option<String>,
    /// The last `retry` up to and with this block.
    pub retry: Option<u64>,
}

impl Event {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("data is not JSON: {error}: {:?}", self.data))
    }
}

/// All events of a stream; what comes after the last blank line is left out.
pub fn decode(text: &str) -> Vec<Event> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let (mut last_event_id, mut retry) = (String::new(), None);
    let Some((finished, _)) = text.rsplit_once("\n\n") else { return events };
    for block in finished.split("\n\n") {
        let (mut kind, mut lines, mut id) = (String::new(), Vec::new(), None);
        for line in block.split('\n').filter(|line| !line.is_empty() && !line.starts_with(':')) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => value.clone_into(&mut kind),
                "data" => lines.push(value),
                "id" if !value.contains('\0') => id = Some(value.to_owned()),
                "retry" if value.chars().all(|c| c.is_ascii_digit()) => retry = value.parse().ok(),
                _ => {}
            }
        }
        if let Some(id) = &id {
            last_event_id.clone_from(id);
        }
        if !lines.is_empty() {
            let kind = if kind.is_empty() { "message".to_owned() } else { kind };
            let data = lines.join("\n");
            events.push(Event { kind, data, last_event_id: last_event_id.clone(), id, retry });
        }
    }
    events
}
