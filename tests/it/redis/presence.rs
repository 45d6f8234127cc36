//! Who is there, whichever node has their streams.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::with;
use crate::support::{Fanfare, Redis, Stream, request, wait_until};

const KEY: &str = "what the tokens of this test are signed with";
const LIST: &str = "/.well-known/mercure/subscriptions";
const TOPIC: &str = "https%3A%2F%2Fexample.com%2Fbooks";

fn token() -> String {
    let claims = json!({ "mercure": { "subscribe": ["*"], "payload": { "name": "Zoë" } } });
    let key = EncodingKey::from_secret(KEY.as_bytes());
    format!("Bearer {}", encode(&Header::default(), &claims, &key).unwrap())
}

fn listen(hub: &Fanfare, topic: &str) -> Stream {
    let target = format!("/.well-known/mercure?topic={topic}");
    Stream::open(hub.0, &target, &[("Authorization", &token())])
}

fn ask(hub: &Fanfare, path: &str) -> Value {
    request(hub.0, "GET", path, &[("Authorization", &token())], b"").json()
}

/// Those who ask for the topic, as this node knows them.
fn visitors(hub: &Fanfare) -> Vec<Value> {
    let list = ask(hub, &format!("{LIST}/{TOPIC}"));
    list["subscriptions"].as_array().unwrap().clone()
}

/// The next event of someone who comes or goes for the topic.
fn next(watcher: &mut Stream) -> Value {
    loop {
        let document = watcher.event().json();
        if document["topic"] == "https://example.com/books" {
            return document;
        }
    }
}

#[test]
fn all_nodes_know_who_is_at_any_of_them_until_it_dies() {
    let redis = Redis::start();
    let url = redis.url();
    let settings =
        with(&url, &[("FANFARE_SUBSCRIPTIONS", "true"), ("FANFARE_SUBSCRIBER_JWT_KEY", KEY)]);
    let (mut a, b) = (Fanfare::start(&settings), Fanfare::start_another(&settings));
    let everyone = "/.well-known/mercure/subscriptions%7B/topic%7D%7B/subscriber%7D";
    let mut watcher = listen(&b, everyone);
    let visitor = listen(&a, TOPIC);
    let came = next(&mut watcher);
    assert_eq!((&came["active"], &came["payload"]["name"]), (&true.into(), &"Zoë".into()));
    // Told of after it was on the list.
    let (here, there) = (visitors(&a), visitors(&b));
    assert_eq!(here, there);
    assert_eq!((here.len(), &here[0]["subscriber"]), (1, &came["subscriber"]));
    let one = ask(&b, came["id"].as_str().unwrap());
    assert_eq!(one["subscriber"], came["subscriber"]);
    for hub in [&a, &b] {
        wait_until("streams are counted", || {
            hub.ready()["everywhere"] == json!({ "nodes": 2, "streams": 2 })
        });
    }
    // One that goes by itself is gone everywhere.
    visitor.leave();
    assert_eq!(next(&mut watcher)["active"], false);
    assert_eq!((visitors(&a).len(), visitors(&b).len()), (0, 0));
    // One whose node dies, some seconds later.
    let _visitor = listen(&a, TOPIC);
    let came = next(&mut watcher);
    a.signal("KILL");
    a.wait();
    let gone = next(&mut watcher);
    assert_eq!((&gone["active"], &gone["subscriber"]), (&false.into(), &came["subscriber"]));
    assert_eq!(visitors(&b).len(), 0);
    wait_until("only one node is left", || {
        b.ready()["everywhere"] == json!({ "nodes": 1, "streams": 1 })
    });
}

#[test]
fn who_is_there_is_known_again_when_redis_is_back() {
    let mut redis = Redis::with(&["--appendonly", "no"]);
    let url = redis.url();
    let settings =
        with(&url, &[("FANFARE_SUBSCRIPTIONS", "true"), ("FANFARE_SUBSCRIBER_JWT_KEY", KEY)]);
    let (a, b) = (Fanfare::start(&settings), Fanfare::start_another(&settings));
    let _visitor = listen(&a, TOPIC);
    wait_until("it is known", || visitors(&b).len() == 1);
    redis.kill();
    redis.launch();
    wait_until("it is known again", || {
        let list = request(b.0, "GET", LIST, &[("Authorization", &token())], b"");
        list.status == 200 && list.json()["subscriptions"].as_array().unwrap().len() == 1
    });
}
