use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use socket2::SockRef;

use crate::support::{Fanfare, wait_until};

/// Nothing is written to the streams of these tests: the heartbeat is an hour away.
const SILENT: (&str, &str) = ("FANFARE_HEARTBEAT", "1h");

#[test]
fn one_that_closes_is_gone_within_a_second_without_a_write() {
    let hub = Fanfare::start(&[SILENT]);
    let streams: Vec<_> = (0..20).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(20);
    for stream in streams {
        stream.leave();
    }
    let took = hub.wait_for_streams(0);
    assert!(took < Duration::from_secs(1), "after {took:?}");
    assert_eq!(hub.ready()["subscribers"], 0);
    assert_eq!(hub.publish("", "1")["subscribers"], 0);
    hub.wait_for_log("ended: left");
    assert_eq!(hub.ready()["ended"]["left"], 20);
}

#[test]
fn one_that_is_reset_is_gone_within_a_second_without_a_write() {
    let hub = Fanfare::start(&[SILENT]);
    let stream = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    SockRef::from(&stream.connection.socket).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    let took = hub.wait_for_streams(0);
    assert!(took < Duration::from_secs(1), "after {took:?}");
}

#[test]
fn one_that_leaves_during_a_long_replay_is_gone_too() {
    let hub = Fanfare::start(&[SILENT]);
    let large = format!("\"{}\"", "x".repeat(100_000));
    for _ in 0..100 {
        hub.publish("", &large);
    }
    let stream = hub.resume("/events", "earliest");
    stream.leave();
    hub.wait_for_streams(0);
}

/// Two hosts with a cable between them, gone with this value.
struct Hosts {
    server: String,
    client: String,
}

impl Hosts {
    fn new(name: &str) -> Self {
        let tag = format!("{name}{}", std::process::id() % 10_000);
        let hosts = Self { server: format!("ffs{tag}"), client: format!("ffc{tag}") };
        let (server, client) = (&hosts.server, &hosts.client);
        run(&["ip", "netns", "add", server]);
        run(&["ip", "netns", "add", client]);
        run(&[
            "ip", "link", "add", server, "netns", server, "type", "veth", "peer", "name", client,
            "netns", client,
        ]);
        for (host, address) in [(server, "10.77.0.1/24"), (client, "10.77.0.2/24")] {
            run(&["ip", "-n", host, "addr", "add", address, "dev", host]);
            run(&["ip", "-n", host, "link", "set", host, "up"]);
            run(&["ip", "-n", host, "link", "set", "lo", "up"]);
        }
        hosts
    }

    fn on_server(&self) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server]);
        command
    }

    fn pull_the_cable(&self) {
        run(&["ip", "-n", &self.client, "link", "set", &self.client, "down"]);
    }

    /// Opens a stream with curl, and waits for its greeting.
    fn subscribe(&self, port: u16) -> Client {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.client, "curl", "-sN"])
            .arg(format!("http://10.77.0.1:{port}/events"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("apt-get install iproute2 curl");
        let mut greeting = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut greeting).unwrap();
        assert!(greeting.starts_with("data: "), "{greeting:?}");
        Client(child)
    }

    /// How many streams the hub holds: asked on the hub's own host.
    fn streams(&self, port: u16) -> u64 {
        let url = format!("http://127.0.0.1:{port}/health/ready");
        let output = self.on_server().args(["curl", "-s", &url]).output().expect("curl");
        let ready: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        ready["streams"].as_u64().expect("a number")
    }

    fn publish(&self, port: u16) {
        let url = format!("http://127.0.0.1:{port}/send-event");
        let output = self.on_server().args(["curl", "-sd", "a=1", &url]).output().expect("curl");
        assert!(output.status.success());
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in [&self.server, &self.client] {
            let _ = Command::new("ip").args(["netns", "del", host]).status();
        }
    }
}

struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status();
    let done = status.is_ok_and(|status| status.success());
    assert!(
        done,
        "{command:?} failed: this test needs iproute2, and root for a network of its own"
    );
}

fn vanish(name: &str, heartbeat: &str, publish: bool) {
    let hosts = Hosts::new(name);
    let hub = Fanfare::start_through(
        hosts.on_server(),
        &[
            ("FANFARE_HOST", "0.0.0.0"),
            ("FANFARE_PEER_TIMEOUT", "4s"),
            ("FANFARE_HEARTBEAT", heartbeat),
        ],
    );
    let port = hub.0.port();
    let _client = hosts.subscribe(port);
    assert_eq!(hosts.streams(port), 1);
    hosts.pull_the_cable();
    let took = wait_until("the stream is gone", || {
        if publish {
            hosts.publish(port);
        }
        hosts.streams(port) == 0
    });
    assert!(took < Duration::from_millis(4500), "gone after {took:?} only");
}

#[test]
fn one_whose_cable_is_pulled_is_gone_in_time_though_nothing_is_sent() {
    vanish("a", "1h", false);
}

#[test]
fn one_whose_cable_is_pulled_is_gone_in_time_though_heartbeats_are_sent() {
    vanish("b", "1500ms", false);
}

#[test]
fn one_whose_cable_is_pulled_is_gone_in_time_though_events_are_sent() {
    vanish("c", "1h", true);
}
