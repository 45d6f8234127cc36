use crate::support::{Fanfare, Stream, get, post_json, request};

#[test]
fn a_stream_begins_with_the_tutorials_greeting_and_the_heads_that_proxies_need() {
    let hub = Fanfare::start(&[]);
    let mut stream = Stream::open(hub.0, "/events", &[]);
    let header = |name| stream.head.header(name);
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("transfer-encoding"), Some("chunked"));
    assert_eq!(header("content-encoding"), None);
    let mut other = Stream::open(hub.0, "/events", &[]);
    assert_ne!(stream.greeting(), other.greeting());
}
