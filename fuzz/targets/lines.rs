//! Lines of events: what is taken is JSON, has data, and nothing in it ends a line on the wire.

#![no_main]

use fanfare::http::read_line;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let Ok((parts, data)) = read_line(line) else { return };
    // Numbers are kept as they are written, also those that this reader has no room for.
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) {
        let value = value.get("data").expect("it has data");
        assert_eq!(serde_json::from_str(&data).ok().as_ref(), Some(value));
    }
    assert!(!data.contains(['\n', '\r']), "it fits into a line of data");
    let Ok(topics) = parts.topics() else { return };
    let Ok(event) = parts.event(topics, data) else { return };
    let id = event.id.iter().all(|id| !id.as_str().contains(['\n', '\r', '\0']));
    let kind = event.kind.iter().all(|kind| !kind.as_str().contains(['\n', '\r', '\0']));
    assert!(id && kind && !event.topics.is_empty());
});
