use std::{
    io::{BufRead as _, BufReader, Read as _},
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

/// Two hosts with a cable between them: networks of their own, which end with this value. Who is not
/// root is root in a user namespace that has both of them.
struct Hosts {
    server: Host,
    client: Host,
}

impl Hosts {
    fn new() -> Self {
        let (make, enter): (&[_], &[_]) = match run(&mut Command::new("id"), &["-u"]).trim() {
            "0" => (&["--net"], &["--net"]),
            _ => (
                &["--user", "--map-root-user", "--net"],
                &["--user", "--preserve-credentials", "--net"],
            ),
        };
        let server = Host::new(Command::new("unshare").args(make), enter);
        let client = Host::new(server.command("unshare").arg("--net"), enter);
        let peer = client.process.id();
        for (host, command) in [
            (&server, &*format!("link add cable type veth peer name cable netns {peer}")),
            (&server, "addr add 10.77.0.1/24 dev cable"),
            (&client, "addr add 10.77.0.2/24 dev cable"),
        ] {
            run(&mut host.command("ip"), &command.split(' ').collect::<Vec<_>>());
        }
        for host in [&server, &client] {
            for device in ["cable", "lo"] {
                run(&mut host.command("ip"), &["link", "set", device, "up"]);
            }
        }
        Self { server, client }
    }

    fn pull_the_cable(&self) {
        run(&mut self.client.command("ip"), &["link", "set", "cable", "down"]);
    }

    /// Opens a stream with curl, and waits for its greeting.
    fn subscribe(&self, port: u16) -> Client {
        let mut child = self
            .client
            .command("curl")
            .arg("-sN")
            .arg(format!("http://10.77.0.1:{port}/events"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter has just been there");
        let mut greeting = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut greeting).unwrap();
        assert!(greeting.starts_with("data: "), "{greeting:?}");
        Client(child)
    }

    /// How many streams the hub holds: asked on the hub's own host.
    fn streams(&self, port: u16) -> u64 {
        let url = format!("http://127.0.0.1:{port}/health/ready");
        let answer = run(&mut self.server.command("curl"), &["-s", &url]);
        let ready: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        ready["streams"].as_u64().expect("a number")
    }

    fn publish(&self, port: u16) {
        let url = format!("http://127.0.0.1:{port}/send-event");
        run(&mut self.server.command("curl"), &["-sd", "a=1", &url]);
    }
}

/// A process that does nothing, in a network of its own. It ends when its input does.
struct Host {
    process: Child,
    /// How its namespaces are entered.
    enter: &'static [&'static str],
}

impl Host {
    fn new(unshare: &mut Command, enter: &'static [&'static str]) -> Self {
        let command = unshare.args(["sh", "-c", "echo && exec cat"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().expect(NEEDS);
        let mut ready = [0];
        process.stdout.take().expect("it is piped").read_exact(&mut ready).expect(NEEDS);
        Self { process, enter }
    }

    /// A command that runs there.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.process.id())).args(self.enter).arg(program);
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

const NEEDS: &str = "this test makes networks of its own: it needs `unshare -Urn` to work (a kernel \
                     that lets users have namespaces), or root";

struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs it to its end, which has to be a good one, and returns what it says.
fn run(command: &mut Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).output().expect(NEEDS);
    assert!(output.status.success(), "{command:?}: {output:?}; {NEEDS}");
    String::from_utf8(output.stdout).expect("it says text")
}

fn vanish(heartbeat: &str, publish: bool) {
    let hosts = Hosts::new();
    let hub = Fanfare::start_through(
        hosts.server.command("env"),
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
    vanish("1h", false);
}

#[test]
fn one_whose_cable_is_pulled_is_gone_in_time_though_heartbeats_are_sent() {
    vanish("1500ms", false);
}

#[test]
fn one_whose_cable_is_pulled_is_gone_in_time_though_events_are_sent() {
    vanish("1h", true);
}
