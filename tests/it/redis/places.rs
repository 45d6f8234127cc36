//! Redis behind TLS, behind Sentinels, and in a Cluster.

use std::path::Path;

use super::start;
use crate::support::{Fanfare, Redis, Stream, free_port, request, wait_until};

/// What was answered 503 may be kept all the same: the key has it published once.
fn publish(hub: &Fanfare, n: usize) -> bool {
    let n = n.to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", &*n)];
    request(hub.0, "POST", "/send-event", &headers, n.as_bytes()).status == 200
}

fn assert_next(stream: &mut Stream, numbers: impl IntoIterator<Item = usize>) {
    for n in numbers {
        let event = stream.event();
        assert_eq!((&*event.kind, event.data), ("message", n.to_string()));
    }
}

/// Kills the server that a hub writes to. Another takes over; nothing is lost, as all of it had
/// reached the other.
fn goes_over(url: &str, master: &mut Redis, replica: &Redis) {
    let hub = start(url, &[]);
    let mut stream = hub.subscribe("/events");
    for n in 0..10 {
        assert!(publish(&hub, n));
    }
    wait_until("all of it is at the replica", || {
        let offset = |redis: &Redis| {
            let info = redis.ask(&["INFO", "replication"]);
            let field = |line: &str| line.strip_prefix("master_repl_offset:").map(str::to_owned);
            info.lines().find_map(field).unwrap()
        };
        offset(master) == offset(replica)
    });
    master.kill();
    let took = wait_until("another has taken over", || publish(&hub, 10));
    eprintln!("published again after {took:.1?}");
    assert!(publish(&hub, 11));
    assert_next(&mut stream, 0..12);
    assert_next(&mut hub.resume("/events", "earliest"), 0..12);
}

#[test]
fn sentinels_are_asked_for_the_server() {
    let mut master = Redis::start();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    let sentinel = Redis::sentinel(&master);
    wait_until("the Sentinel knows the replica", || {
        sentinel.ask(&["SENTINEL", "REPLICAS", "main"]).contains(&replica.port.to_string())
    });
    // One that is not there is passed over.
    let url = format!("redis+sentinel://127.0.0.1:1,{}/main", sentinel.address());
    goes_over(&url, &mut master, &replica);
}

#[test]
fn a_name_that_sentinels_do_not_know_is_refused() {
    let master = Redis::start();
    let sentinel = Redis::sentinel(&master);
    let url = format!("redis+sentinel://{}/other", sentinel.address());
    super::refused::assert_refused(&url, "the Sentinels know no other");
}

#[test]
fn any_member_of_a_cluster_leads_to_the_server() {
    let member = || {
        let bus = free_port().to_string();
        Redis::with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-node-timeout",
            "1000",
        ])
    };
    let mut members: Vec<_> = (0..4).map(|_| member()).collect();
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (redis, (first, last)) in members.iter().zip(slots) {
        assert_eq!(redis.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]), "+OK\r\n");
    }
    for redis in &members[1..] {
        let bus = redis.ask(&["CONFIG", "GET", "cluster-port"]);
        let bus = bus.lines().last().unwrap().to_owned();
        let port = redis.port.to_string();
        assert_eq!(members[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "+OK\r\n");
    }
    for redis in &members {
        wait_until("the members know each other", || {
            let info = redis.ask(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
        });
    }
    let slot = members[0].ask(&["CLUSTER", "KEYSLOT", "{fanfare}:log"]);
    let slot: usize = slot.trim().trim_start_matches(':').parse().unwrap();
    let owner = slot / 5461;
    let id = members[owner].ask(&["CLUSTER", "MYID"]).lines().nth(1).unwrap().to_owned();
    let replica = members.pop().unwrap();
    wait_until("it is let be a replica", || {
        replica.ask(&["CLUSTER", "REPLICATE", &id]) == "+OK\r\n"
    });
    wait_until("it is one", || {
        replica.ask(&["INFO", "replication"]).contains("master_link_status:up")
    });
    let mut master = members.remove(owner);
    // Neither of these has the log.
    let url = format!("redis://{},{}", members[0].address(), members[1].address());
    goes_over(&url, &mut master, &replica);
}

#[test]
fn tls_is_spoken_and_checked() {
    let key = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
        path.to_str().unwrap().to_owned()
    };
    let (port, certificate) = (free_port().to_string(), key("tls.crt.pem"));
    let _redis = Redis::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key("tls.pem"),
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    super::refused::assert_refused(&url, "ertificate");
    let hub = start(&url, &[("SSL_CERT_FILE", &certificate)]);
    let mut stream = hub.subscribe("/events");
    assert!(publish(&hub, 1));
    assert_next(&mut stream, [1]);
    assert_next(&mut hub.resume("/events", "earliest"), [1]);
}
