//! Each proxy is started by its test, with the file of `deploy/` that users copy: only the port
//! numbers are replaced.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{
    Connection, Fanfare, Folder, Hub, Program, Redis, Stream, request, request_from, wait_until,
};

/// A proxy that waits for more before it sends takes longer than this; one that doesn't takes 1 ms.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Ports that the system gives to no client, so that nobody but a server can have one.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// A program that listens on 8080, and passes on to 127.0.0.1:3000.
struct Software {
    config: String,
    command: fn(&Path) -> Command,
}

struct Proxy {
    address: SocketAddr,
    _program: Program,
    _folder: Folder,
}

impl Proxy {
    /// Starts it before this hub, on a port that is free.
    fn start(software: &Software, hub: Hub) -> Self {
        let config = &software.config;
        assert!(config.contains("8080") && config.contains("127.0.0.1:3000"), "{config}");
        loop {
            let port = fastrand::u16(PORTS);
            if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_err() {
                continue;
            }
            let folder = Folder::new();
            let config = config.replace("8080", &port.to_string());
            let config = config.replace("127.0.0.1:3000", &hub.0.to_string());
            std::fs::write(folder.0.join("config"), config).expect("the folder can be written");
            let mut program = Program::start((software.command)(&folder.0));
            let address = (Ipv4Addr::LOCALHOST, port).into();
            let listens = || TcpStream::connect(address).is_ok();
            wait_until("the proxy listens", || program.has_ended() || listens());
            if !program.has_ended() {
                return Self { address, _program: program, _folder: folder };
            }
            // Another program was quicker with this port.
            let said = program.end();
            assert!(said.contains("ddress already in use"), "it does not start:\n{said}");
        }
    }
}

fn nginx(site: &str) -> Software {
    // One process, that ends when it is killed; and nothing outside its own folder.
    let config = format!(
        "daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            {site}
        }}"
    );
    let command = |folder: &Path| {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).args(["-e", "stderr", "-c", "config"]);
        command
    };
    Software { config, command }
}

fn haproxy() -> Software {
    let config = include_str!("../../deploy/haproxy.cfg").to_owned();
    let command = |folder: &Path| {
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(folder.join("config"));
        command
    };
    Software { config, command }
}

/// The balancer of compose.yaml, before these nodes and the hub that it is started for.
fn balancer(others: [Hub; 2]) -> Software {
    let config =
        include_str!("../../deploy/haproxy-nodes.cfg").replace("node1:3000", "127.0.0.1:3000");
    let config = config.replace("node2:3000", &others[0].0.to_string());
    Software { config: config.replace("node3:3000", &others[1].0.to_string()), ..haproxy() }
}

fn caddy() -> Software {
    // Its admin port would be one more to choose.
    let site = include_str!("../../deploy/Caddyfile");
    let config = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}");
    let command = |folder: &Path| {
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("config"));
        command.env("HOME", folder).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        command
    };
    Software { config, command }
}

fn passes_everything_on_at_once(software: &Software) -> (Fanfare, Proxy) {
    let hub = Fanfare::start_alone(&[]);
    let proxy = Proxy::start(software, *hub);
    let through = Hub(proxy.address);

    let begun = Instant::now();
    let mut stream = through.subscribe("/events");
    let greeted = begun.elapsed();
    // One that buffers holds it until the first heartbeat.
    assert!(greeted < Duration::from_secs(1), "the greeting took {greeted:?}");

    hub.wait_for_subscribers(1);
    let mut latencies: Vec<_> = (0..41)
        .map(|number| {
            let begun = Instant::now();
            hub.publish("", &number.to_string());
            assert_eq!(stream.event().data, number.to_string());
            begun.elapsed()
        })
        .collect();
    latencies.sort();
    let median = latencies[latencies.len() / 2];
    assert!(median < AT_ONCE, "an event takes {median:?}; all: {latencies:?}");

    let receipt = through.publish("", "\"through the proxy\"");
    assert_eq!(receipt["subscribers"], 1);
    let event = stream.event();
    assert_eq!(event.data, "\"through the proxy\"");

    stream.leave();
    let left = hub.wait_for_streams(0);
    assert!(left < AT_ONCE * 5, "the hub noticed after {left:?}");

    hub.publish("", "\"missed\"");
    // The proxy may pass on several chunks as one.
    let resume = [("Last-Event-ID", &*event.last_event_id)];
    let mut stream = Stream::open(through.0, "/events", &resume);
    assert!(stream.event().json()["id"].is_string());
    assert_eq!(stream.event().data, "\"missed\"");
    hub.publish("", "\"live\"");
    assert_eq!(stream.event().data, "\"live\"");

    println!("greeting {greeted:.1?}; event {median:.1?}; leaving {left:.1?}");
    (hub, proxy)
}

/// A browser's `EventSource` comes back when its stream has ended, but never after an error; and a
/// publisher may only be told of success when there was one.
fn bridges_a_restart_of_the_hub((mut hub, proxy): (Fanfare, Proxy)) {
    hub.signal("TERM");
    assert!(hub.wait().success());

    let ask = |request| {
        let mut connection = Connection::open(proxy.address);
        connection.send(request);
        connection
    };
    let mut subscriber =
        ask("GET /events HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n");
    let mut publisher = ask("POST /send-event HTTP/1.1\r\nHost: hub\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: 4\r\n\r\n\"hi\"");
    let _restarted = Fanfare::start_another(&[("PORT", &hub.0.port().to_string())]);

    let head = subscriber.read_head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    let answer = publisher.read_response();
    assert!(answer.status == 502 || answer.json()["success"] == true, "{answer:?}");
    Hub(proxy.address).subscribe("/events");
}

/// A proxy on the same machine needs no port of the hub.
#[test]
fn nginx_reaches_a_hub_on_a_unix_socket() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let socket = socket.to_str().unwrap();
    let _hub = Fanfare::start(&[("FANFARE_SOCKET", socket)]);
    // As in deploy/nginx.conf, but for the place of the hub.
    let site = include_str!("../../deploy/nginx.conf")
        .replace("127.0.0.1:3000", &format!("unix:{socket}"));
    let proxy =
        Proxy::start(&nginx(&format!("{site} # 127.0.0.1:3000\n")), Hub(([0, 0, 0, 0], 0).into()));
    let through = Hub(proxy.address);
    let mut stream = through.subscribe("/events");
    through.wait_for_subscribers(1);
    let begun = Instant::now();
    assert_eq!(through.publish("", "1")["subscribers"], 1);
    assert_eq!(stream.event().data, "1");
    assert!(begun.elapsed() < AT_ONCE * 5, "{:?}", begun.elapsed());
    stream.leave();
    through.wait_for_streams(0);
}

#[test]
fn nginx_with_its_defaults_passes_everything_on_at_once() {
    let site = "server { listen 8080; location / { proxy_pass http://127.0.0.1:3000; } }";
    passes_everything_on_at_once(&nginx(site));
}

#[test]
fn nginx_passes_everything_on_at_once_and_bridges_a_restart_of_the_hub() {
    let software = nginx(include_str!("../../deploy/nginx.conf"));
    bridges_a_restart_of_the_hub(passes_everything_on_at_once(&software));
}

#[test]
fn haproxy_passes_everything_on_at_once_and_bridges_a_restart_of_the_hub() {
    bridges_a_restart_of_the_hub(passes_everything_on_at_once(&haproxy()));
}

#[test]
fn caddy_passes_everything_on_at_once_and_bridges_a_restart_of_the_hub() {
    bridges_a_restart_of_the_hub(passes_everything_on_at_once(&caddy()));
}

#[test]
fn a_stream_whose_node_dies_goes_on_at_another_through_the_balancer() {
    let redis = Redis::start();
    let settings = [("FANFARE_HISTORY", &*redis.url())];
    let mut first = Fanfare::start(&settings);
    let others = [(), ()].map(|()| Fanfare::start_another(&settings));
    let proxy = Proxy::start(&balancer([*others[0], *others[1]]), *first);
    let through = Hub(proxy.address);
    // Each goes to the node with the fewest.
    let mut streams = [(), (), ()].map(|()| through.subscribe("/events"));
    for hub in [&first, &others[0], &others[1]] {
        assert_eq!(hub.ready()["streams"], 1, "they are spread");
    }
    assert_eq!(through.publish("", "1")["success"], true);
    let ids = streams.each_mut().map(|stream| stream.event().last_event_id);
    assert!(ids.iter().all(|id| *id == ids[0]), "one history: {ids:?}");

    first.signal("KILL");
    first.wait();
    others[0].publish("", "2");
    // Those of the other nodes go on, and whoever comes back is taken in.
    for _ in 0..6 {
        let resume = [("Last-Event-ID", &*ids[0])];
        let mut stream = Stream::open(through.0, "/events", &resume);
        assert!(stream.event().json()["id"].is_string());
        assert_eq!(stream.event().data, "2");
    }
}

/// A page of the hub comes from where the browser found it: at the proxy.
#[test]
fn the_hubs_own_page_may_publish_through_every_proxy() {
    let nginx = nginx(include_str!("../../deploy/nginx.conf"));
    for software in [nginx, haproxy(), caddy()] {
        let hub = Fanfare::start(&[("FANFARE_CORS_ORIGINS", "https://a.example")]);
        let proxy = Proxy::start(&software, *hub);
        let publish = |origin: &str| {
            let headers = [("Origin", origin), ("Content-Type", "application/json")];
            request(proxy.address, "POST", "/send-event", &headers, b"1").status
        };
        assert_eq!(publish(&Hub(proxy.address).url()), 200, "{}", software.config);
        assert_eq!(publish("http://b.example"), 403);
    }
}

/// The client's address, for limits and the log, and not what the client says of itself.
#[test]
fn every_proxy_passes_on_who_has_asked() {
    let nginx = nginx(include_str!("../../deploy/nginx.conf"));
    for software in [nginx, haproxy(), caddy()] {
        let hub = Fanfare::start(&[
            ("FANFARE_TRUSTED_PROXIES", "127.0.0.1"),
            ("FANFARE_CLIENT_ADDRESS_HEADER", "X-Forwarded-For"),
            ("FANFARE_PUBLISH_RATE", "1/h:2"),
            ("FANFARE_MAX_PER_ADDRESS", "1"),
        ]);
        let proxy = Proxy::start(&software, *hub);
        let spoofed = ("X-Forwarded-For", "192.0.2.66");
        let publish = |source| {
            let headers = [spoofed, ("Content-Type", "application/json")];
            request_from(source, proxy.address, "POST", "/send-event", &headers, b"1").status
        };
        let statuses = [(); 3].map(|()| publish("127.0.0.2"));
        assert_eq!(statuses, [200, 200, 429], "{}", software.config);
        assert_eq!(publish("127.0.0.3"), 200);
        hub.wait_for_log(" 127.0.0.3 POST /send-event");

        let open = |source: &str| {
            let connection = Connection::open_from(source.parse().unwrap(), proxy.address);
            Stream::over(connection, proxy.address, "/events", &[spoofed])
        };
        let mut stream = open("127.0.0.2");
        stream.greeting();
        let headers = [spoofed];
        let again = request_from("127.0.0.2", proxy.address, "GET", "/events", &headers, b"");
        assert_eq!(again.status, 503);
        open("127.0.0.3").greeting();
        assert!(!hub.log().contains("192.0.2.66"), "{}", hub.log());
    }
}
