use fanfare::{
    event::{Event as Published, EventId, EventType, Retry},
    sse::{Decoder, Frame},
    topic::Topics,
};
use proptest::prelude::*;

use crate::support::{Event, decode};

fn event(data: &str, id: Option<&str>, kind: Option<&str>, retry: Option<u32>) -> Published {
    Published {
        topics: Topics::new(Vec::new()).unwrap(),
        data: data.to_owned(),
        id: id.map(|id| EventId::parse(id).unwrap()),
        kind: kind.map(|kind| EventType::parse(kind).unwrap()),
        ttl: None,
        retry: retry.map(|retry| Retry::parse(&retry.to_string()).unwrap()),
        private: false,
    }
}

fn encode(event: &Published, id: &str) -> String {
    String::from_utf8(Frame::event(event, id).bytes().to_vec()).unwrap()
}

/// Text with many line ends, colons and characters that only look like line ends.
fn text() -> impl Strategy<Value = String> {
    const PARTS: [&str; 11] =
        ["\r", "\n", "\r\n", ":", " ", "data", "id: x", "\0", "\u{feff}", "\u{2028}", "é"];
    let part = prop_oneof![
        3 => proptest::sample::select(&PARTS[..]).prop_map(str::to_owned),
        1 => ".{0,5}",
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("x{}", text.replace(['\r', '\n', '\0'], "")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_encoded_is_read_back_by_an_independent_decoder(
        data in text(),
        id in line(),
        kind in proptest::option::of(line()),
        retry in proptest::option::of(0..=i32::MAX as u32),
        after in text(),
    ) {
        let first = encode(&event(&data, None, kind.as_deref(), retry), &id);
        let second = encode(&event(&after, None, None, None), "next");
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let expected = Event {
            kind: kind.unwrap_or_else(|| "message".to_owned()),
            data: lines(&data),
            last_event_id: id.clone(),
            id: Some(id),
            retry: retry.map(u64::from),
        };
        let events = decode(&(first.clone() + ":\n" + &second));
        prop_assert_eq!(events.len(), 2);
        prop_assert_eq!(&events[0], &expected);
        prop_assert_eq!(&events[1].data, &lines(&after));
        prop_assert!(!first.contains('\r') && first.ends_with("\n\n"));
        prop_assert!(!first.trim_end_matches('\n').contains("\n\n"));
    }

    #[test]
    fn the_decoder_reads_any_stream_as_the_independent_one_does_in_whatever_pieces(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("\n".to_owned()), Just("\r".to_owned()), Just("\r\n".to_owned()),
                Just("\n\n".to_owned()), Just("data".to_owned()), Just("data: ".to_owned()),
                Just("event:e".to_owned()), Just("id: 7".to_owned()), Just("id".to_owned()),
                Just("id:\0".to_owned()), Just("retry: 50".to_owned()), Just("retry: 5x".to_owned()),
                Just(":".to_owned()), text(),
            ],
            0..30,
        ),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        bom in any::<bool>(),
    ) {
        let stream = if bom { "\u{feff}" } else { "" }.to_owned() + &parts.concat();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for cut in cuts.windows(2) {
            found.extend(decoder.push(&stream.as_bytes()[cut[0]..cut[1]]));
        }
        let expected = decode(&stream);
        let plain = |events: &[Event]| -> Vec<_> {
            events.iter().map(|e| (e.kind.clone(), e.data.clone(), e.id.clone())).collect()
        };
        let found: Vec<_> = found.into_iter().map(|e| (e.kind, e.data, e.id)).collect();
        prop_assert_eq!(found, plain(&expected), "{:?}", stream);
        let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
        let finished = lines.rfind("\n\n").map_or("", |end| &lines[..end + 2]);
        let probe = decode(&format!("{finished}data\n\n"));
        prop_assert_eq!(decoder.last_event_id(), &probe.last().unwrap().last_event_id);
    }

    #[test]
    fn no_line_end_or_nul_passes_the_doors(text in text()) {
        let bad = text.contains(['\r', '\n', '\0']);
        prop_assert!(!bad || EventId::parse(&text).is_err());
        prop_assert!(!bad || EventType::parse(&text).is_err());
    }
}

/// The worked examples of the standard and of the browsers' own tests.
#[test]
fn vectors() {
    for (stream, data) in [
        ("data\n\n", vec![""]),
        ("data\ndata\n\n", vec!["\n"]),
        ("data:test\n\ndata: test\n\n", vec!["test", "test"]),
        ("data:  third\n\n", vec![" third"]),
        (": c\n\n", vec![]),
        ("data: unfinished\n", vec![]),
        ("event: e\n\nid: 1\n\nretry: 1\n\n", vec![]),
        ("data: a\u{2028}\u{85}\u{b}\u{c}b\n\n", vec!["a\u{2028}\u{85}\u{b}\u{c}b"]),
        ("\u{feff}data: 1\n\n\u{feff}data: 2\n\ndata: 3\n\n", vec!["1", "3"]),
        ("data: a\r\rdata: b\r\n\r\n", vec!["a", "b"]),
    ] {
        let found: Vec<_> = Decoder::default().push(stream.as_bytes());
        assert_eq!(found.iter().map(|event| &*event.data).collect::<Vec<_>>(), data, "{stream:?}");
        assert_eq!(decode(stream).iter().map(|e| &*e.data).collect::<Vec<_>>(), data, "{stream:?}");
    }
}

#[test]
fn a_reconnect_keeps_the_id_and_forgets_the_unfinished() {
    let mut decoder = Decoder::default();
    decoder.push(b"retry: 7\nid: 1\ndata: a\n\nid: 2\ndata: unfinished\n");
    decoder.reconnect();
    assert_eq!((decoder.last_event_id(), decoder.retry()), ("1", Some(7)));
    let events = decoder.push(b"\xef\xbb\xbfdata: b\n\n");
    assert_eq!((&*events[0].data, &events[0].id), ("b", &None));
    assert_eq!(decoder.last_event_id(), "1");
}
