use super::*;

/// Of all events that have come in requests that the hub holds for taken, the subscribers.
fn subscribers(requests: &[Received]) -> Vec<String> {
    let events = requests.iter().flat_map(Received::events);
    let of = |event: Value| event["subscriber"].as_str().map(str::to_owned);
    events.filter(|event| event["type"] == "subscribe").filter_map(of).collect()
}

const SUBSCRIBE: (&str, &str) = ("FANFARE_HOOK_EVENTS", "subscribe");

#[test]
fn what_fails_is_sent_again_as_it_was_and_in_order() {
    let receiver = Receiver::start();
    receiver.answer_with(&["500 Oh", "503 No", "429 Slow\r\nRetry-After: 3"]);
    let hub = hub_with(&receiver, &[SUBSCRIBE]);
    let ids: Vec<_> = (0..20)
        .map(|_| Stream::open(hub.0, "/events", &[]))
        .map(|mut stream| stream.greeting())
        .collect();
    wait_until("all are told", || count(&hub, "fanfare_hook_events_total") == 20);
    let requests = receiver.received();
    // The first one, four times: a receiver can tell by the id that it is the same.
    for again in &requests[1..4] {
        assert_eq!(again.header("webhook-id"), requests[0].header("webhook-id"));
        assert_eq!(again.body, requests[0].body);
        assert!(again.is_signed_with(SECRET));
    }
    let between = |n: usize| (requests[n + 1].at - requests[n].at).as_millis();
    assert!((250..1500).contains(&between(0)), "{}", between(0));
    assert!((500..2000).contains(&between(1)), "{}", between(1));
    assert!((3000..5000).contains(&between(2)), "it asked for 3 s: {}", between(2));
    assert_eq!(subscribers(&requests[3..]), ids);
    let mut others: Vec<_> = requests[3..].iter().map(|it| it.header("webhook-id")).collect();
    others.dedup();
    assert_eq!(others.len(), requests.len() - 3, "each other has an id of its own");
    hub.wait_for_log("does not take hooks: it answers 500; they are tried again");
    hub.wait_for_log("hooks are taken again");
}

#[test]
fn a_receiver_that_is_not_there_yet_is_told_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let settings = [("FANFARE_HOOK_URL", &*url), ("FANFARE_HOOK_SECRET", SECRET), SUBSCRIBE];
    let hub = Fanfare::start(&settings);
    let _stream = hub.subscribe("/events");
    let line = hub.wait_for_log("does not take hooks");
    assert!(line.contains(&format!("http://{address} does not")), "{line}");
    let receiver = Receiver::over(TcpListener::bind(address).unwrap());
    receiver.wait_for_types(&["subscribe"]);
}

#[test]
fn what_is_refused_is_not_sent_again_and_the_receiver_is_told_how_much_that_was() {
    let receiver = Receiver::start();
    receiver.answer_with(&["422 No", "302 Found\r\nLocation: /elsewhere"]);
    let hub = hub_with(&receiver, &[SUBSCRIBE]);
    let _first = hub.subscribe("/events");
    receiver.wait_for(1);
    let _second = hub.subscribe("/events");
    receiver.wait_for(2);
    wait_until("it is given up", || {
        count(&hub, "fanfare_hook_events_lost_total{reason=\"given_up\"}") == 2
    });
    let _third = hub.subscribe("/events");
    let requests = receiver.wait_for(3);
    assert!(requests.iter().all(|request| request.line.starts_with("POST /hooks")));
    let events = requests[2].events();
    assert_eq!((&events[0]["type"], &events[0]["count"]), (&"lost".into(), &2.into()));
    assert_eq!((&events[1]["type"], events.len()), (&"subscribe".into(), 2));
    hub.wait_for_log("refuses 1 hook events: it answers 422");
    wait_until("the third is told", || count(&hub, "fanfare_hook_events_total") == 1);
}

#[test]
fn who_fails_for_too_long_is_given_up() {
    let receiver = Receiver::start();
    receiver.answer_with(&["500 Oh", "500 Oh"]);
    let hub = hub_with(&receiver, &[SUBSCRIBE, ("FANFARE_HOOK_ATTEMPTS", "2")]);
    let _first = hub.subscribe("/events");
    wait_until("it is given up", || {
        count(&hub, "fanfare_hook_events_lost_total{reason=\"given_up\"}") == 1
    });
    let _second = hub.subscribe("/events");
    let events = receiver.wait_for(3)[2].events();
    assert_eq!((&events[0]["type"], &events[0]["count"]), (&"lost".into(), &1.into()));
}

#[test]
fn a_receiver_that_hangs_delays_no_stream_and_what_is_lost_is_counted() {
    let receiver = Receiver::start();
    receiver.answer_with(&["hang"]);
    let settings = [("FANFARE_HOOK_QUEUE", "100"), ("FANFARE_HOOK_TIMEOUT", "10s"), SUBSCRIBE];
    let hub = hub_with(&receiver, &settings);
    let _first = hub.subscribe("/events");
    receiver.wait_for(1);
    let mut longest = Duration::ZERO;
    for n in 0..500 {
        let begun = std::time::Instant::now();
        let mut stream = hub.subscribe("/events");
        if n % 50 == 0 {
            hub.publish("", "1");
            assert_eq!(stream.event().data, "1");
        }
        longest = longest.max(begun.elapsed());
        stream.leave();
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert_eq!(request(hub.0, "GET", "/health/ready", &[], b"").status, 200);
    let lost = "fanfare_hook_events_lost_total{reason=\"queue_full\"}";
    assert_eq!(receiver.received().len(), 1, "it hangs all the time");
    assert_eq!((count(&hub, lost), count(&hub, "fanfare_hook_queued")), (400, 100));

    // What waited comes later, and then the loss in its place.
    wait_until("it is told", || count(&hub, "fanfare_hook_events_total") == 101);
    hub.wait_for_log("400 hook events are lost: the queue was full (FANFARE_HOOK_QUEUE)");
    let _last = hub.subscribe("/events");
    wait_until("it is told", || count(&hub, "fanfare_hook_events_total") == 102);
    let events: Vec<_> = receiver.received()[1..].iter().flat_map(Received::events).collect();
    let (end, told) = events.split_last_chunk::<2>().map(|(told, end)| (end, told)).unwrap();
    assert!(told.iter().all(|event| event["type"] == "subscribe"));
    assert_eq!((&end[0]["type"], &end[0]["count"]), (&"lost".into(), &400.into()));
    assert_eq!(end[1]["type"], "subscribe");
    assert_eq!(told.len(), 101);
}

#[test]
fn a_receiver_that_hangs_does_not_hold_up_the_end() {
    let receiver = Receiver::start();
    receiver.answer_with(&["hang"]);
    let mut hub = hub_with(&receiver, &[("FANFARE_HOOK_TIMEOUT", "1m"), SUBSCRIBE]);
    let _streams: Vec<_> = (0..5).map(|_| hub.subscribe("/events")).collect();
    receiver.wait_for(1);
    let begun = std::time::Instant::now();
    hub.signal("TERM");
    assert!(hub.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(hub.log().contains("5 hook events are not told: the hub stops"), "{}", hub.log());
}
