//! What a stream decodes to does not depend on the pieces it comes in, and what the hub writes
//! decodes to what was published.

#![no_main]

use arbitrary::Arbitrary;
use fanfare::{
    event::{Event, EventId, EventType, Retry},
    sse::{Decoder, Frame},
    topic::{Topic, Topics},
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    stream: &'a [u8],
    cuts: Vec<u8>,
    data: &'a str,
    id: &'a str,
    kind: Option<&'a str>,
    retry: Option<u32>,
}

fuzz_target!(|input: Input<'_>| {
    let mut whole = Decoder::default();
    let events = whole.push(input.stream);

    let mut pieces = Decoder::default();
    let (mut found, mut rest) = (Vec::new(), input.stream);
    for cut in &input.cuts {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(*cut)));
        found.extend(pieces.push(piece));
        rest = after;
    }
    found.extend(pieces.push(rest));
    assert_eq!(found, events);
    assert_eq!((pieces.last_event_id(), pieces.retry()), (whole.last_event_id(), whole.retry()));
    round_trip(&input);
});

fn round_trip(input: &Input<'_>) {
    let Ok(id) = EventId::parse(input.id) else { return };
    let kind = input.kind.map(EventType::parse);
    let retry = input.retry.map(|retry| Retry::parse(&retry.to_string()));
    let (Ok(kind), Ok(retry)) = (kind.transpose(), retry.transpose()) else { return };
    let topics = Topics::new(vec![Topic::default()]).expect("one topic");
    // A browser ends a line at each of these.
    let data = input.data.replace("\r\n", "\n").replace('\r', "\n");
    let event = Event {
        topics,
        data: data.clone(),
        id: Some(id.clone()),
        kind: kind.clone(),
        retry,
        ttl: None,
        private: false,
    };
    let mut decoder = Decoder::default();
    let decoded = decoder.push(&Frame::event(&event, id.as_str()).bytes());
    let [decoded] = &decoded[..] else { panic!("one event: {decoded:?}") };
    assert_eq!(decoded.data, data);
    assert_eq!(decoded.id.as_deref(), Some(id.as_str()));
    assert_eq!(decoded.kind, kind.as_ref().map_or("message", EventType::as_str));
    assert_eq!(decoder.retry(), retry.map(|retry| u64::from(retry.as_millis())));
}
