use crate::support::{Fanfare, get, post_json};

#[test]
fn there_is_one_line_a_request_and_its_secrets_are_left_out() {
    let hub = Fanfare::start(&[]);
    post_json(hub.0, "/send-event?topic=a%0Ab&token=SECRET1&Authorization=SECRET2", "\"SECRET3\"");
    get(hub.0, "/nowhere?access_token=SECRET4");
    let line = hub.wait_for_log("/nowhere");
    assert!(line.contains("127.0.0.1 GET /nowhere?access_token=*** 404"), "{line}");
    let line = hub.wait_for_log("/send-event");
    let expected = "POST /send-event?topic=a%0Ab&token=***&Authorization=*** 200";
    assert!(line.contains(expected), "{line}");
    assert!(!hub.log().contains("SECRET"), "{}", hub.log());
    assert_eq!(hub.log().matches("/send-event").count(), 1);
}

#[test]
fn a_stream_that_ends_says_who_why_and_how_much() {
    let hub = Fanfare::start(&[]);
    let mut stream = crate::support::Stream::open(hub.0, "/events", &[]);
    let id = stream.greeting();
    hub.publish("", "1");
    let bytes = format!("data: {{\"id\":\"{id}\"}}\n\n").len() + stream.chunk().unwrap().len();
    stream.leave();
    let line = hub.wait_for_log(&id);
    assert!(line.contains(" of 127.0.0.1 ended: left, after "), "{line}");
    assert!(line.ends_with(&format!(" 1 events, {bytes} bytes")), "{line}");
}
