use std::{fs, io::Read as _, os::unix::fs::symlink};

use super::{
    Secure,
    openssl::{Ca, s_client},
    read_until,
};
use crate::support::{Connection, Fanfare, PATIENCE, Stream, get, run_to_end, wait_until};

fn subject(secure: &Secure) -> String {
    let text = s_client(secure.hub.0.port(), &[]);
    let line = text.lines().find(|line| line.starts_with("subject=")).unwrap_or_default();
    line.rsplit("= ").next().unwrap().to_owned()
}

#[test]
fn both_protocols_are_spoken_and_old_versions_of_tls_are_not() {
    let secure = Secure::start(&[]);
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let output = secure.ask(&[flag, "--write-out", "%{http_version}"], "/health/live");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.ends_with(&format!("}}{version}")), "{text}");
        let mut stream = secure.stream(flag);
        wait_until("it is live", || secure.ready()["subscribers"] == 1);
        assert_eq!(secure.publish(&format!("\"over {version}\""))["subscribers"], 1);
        assert_eq!(read_until(&mut stream, "data: "), format!("data: \"over {version}\""));
        drop(stream);
        wait_until("it has left", || secure.ready()["streams"] == 0);
    }
    let port = secure.hub.0.port();
    assert!(s_client(port, &["-alpn", "h2,http/1.1"]).contains("ALPN protocol: h2\n"));
    assert!(s_client(port, &["-alpn", "http/1.1"]).contains("ALPN protocol: http/1.1\n"));
    assert!(s_client(port, &[]).contains("No ALPN negotiated"));
    assert!(s_client(port, &["-tls1_3"]).contains("TLSv1.3"));
    assert!(s_client(port, &["-tls1_2"]).contains("TLSv1.2"));
    assert!(s_client(port, &["-tls1_1"]).contains("Cipher is (NONE)"));
    assert!(secure.hub.log().contains("started at https://127.0.0.1:"));
    // A client without TLS gets no answer, and the log is not full of it.
    let mut plain = Connection::open(secure.hub.0);
    plain.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = plain.read_to_end();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(!secure.hub.log().contains("ERROR"));
}

#[test]
fn keys_are_taken_in_every_format_that_there_is() {
    let ca = Ca::new();
    ca.issue("first");
    // PKCS#8 is what `issue` makes.
    ca.openssl(&["ec", "-in", "first.key", "-out", "sec1.key"]);
    ca.openssl(&["genrsa", "-traditional", "-out", "pkcs1.key", "2048"]);
    ca.openssl(&["req", "-new", "-key", "pkcs1.key", "-subj", "/CN=rsa", "-out", "rsa.csr"]);
    ca.sign("rsa");
    for (certificate, key, begins) in [
        ("first.pem", "sec1.key", "-----BEGIN EC PRIVATE KEY-----"),
        ("rsa.pem", "pkcs1.key", "-----BEGIN RSA PRIVATE KEY-----"),
    ] {
        assert!(fs::read_to_string(ca.path(key)).unwrap().contains(begins));
        let hub = Fanfare::start(&[
            ("FANFARE_TLS_CERT", &ca.path(certificate)),
            ("FANFARE_TLS_KEY", &ca.path(key)),
        ]);
        assert!(s_client(hub.0.port(), &[]).contains("subject="), "{key}");
    }
}

#[test]
fn files_that_can_not_be_used_are_refused_by_name() {
    let ca = Ca::new();
    let (certificate, key) = ca.issue("first");
    let (_, other) = ca.issue("other");
    let nothing = ca.path("nothing.pem");
    fs::write(&nothing, "nothing").unwrap();
    let (no_key, no_certificate) = ("FANFARE_TLS_KEY is missing", "FANFARE_TLS_CERT is missing");
    for (cert, key, says) in [
        (Some(&certificate), None, no_key),
        (None, Some(&key), no_certificate),
        (Some(&certificate), Some(&other), "FANFARE_TLS_KEY (--tls-key) can't be"),
        (Some(&certificate), Some(&other), "is not the key of the certificate"),
        (Some(&nothing), Some(&key), "no certificate in it"),
        (Some(&certificate), Some(&nothing), "no private key in it"),
        (Some(&certificate), Some(&ca.path("none")), "No such file"),
        (Some(&ca.path("none")), Some(&key), "FANFARE_TLS_CERT (--tls-cert) can't be"),
    ] {
        let cert = cert.map(|path| ("FANFARE_TLS_CERT", &**path));
        let key = key.map(|path| ("FANFARE_TLS_KEY", &**path));
        let settings: Vec<_> = cert.into_iter().chain(key).chain([("PORT", "0")]).collect();
        let output = run_to_end(&["serve"], &settings);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{settings:?} {text}");
        assert!(text.contains(says), "{settings:?} {text}");
    }
}

#[test]
fn a_new_certificate_is_for_new_connections_and_streams_go_on() {
    let secure = Secure::start(&[]);
    let ca = &secure.ca;
    let mut streams = ["--http2", "--http1.1"].map(|version| secure.stream(version));
    assert_eq!(subject(&secure), "first");
    // By the signal: without waiting for a look at the files, and where nothing has changed too.
    let loads = || secure.hub.log().matches("new connections get the certificate").count();
    secure.hub.signal("HUP");
    wait_until("it is loaded again", || loads() == 1);
    // By itself: one file after the other, as `certbot` does.
    let (certificate, key) = ca.issue("second");
    fs::rename(&certificate, ca.path("first.pem")).unwrap();
    fs::rename(&key, ca.path("first.key")).unwrap();
    wait_until("the second is there", || subject(&secure) == "second");
    secure.publish("1");
    for stream in &mut streams {
        assert_eq!(read_until(stream, "data: "), "data: 1");
    }
    assert!(!secure.hub.log().contains("ERROR"), "{}", secure.hub.log());
}

/// Kubernetes' files are links to a folder that is a link, which is replaced.
#[test]
fn a_certificate_behind_a_link_that_is_replaced_is_found() {
    let ca = Ca::new();
    let (first, second) = (ca.path("..1"), ca.path("..2"));
    for (name, folder) in [("first", &first), ("second", &second)] {
        let (certificate, key) = ca.issue(name);
        fs::create_dir(folder).unwrap();
        fs::rename(certificate, format!("{folder}/tls.crt")).unwrap();
        fs::rename(key, format!("{folder}/tls.key")).unwrap();
    }
    symlink(&first, ca.path("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), ca.path(file)).unwrap();
    }
    let hub = Fanfare::start(&[
        ("FANFARE_TLS_CERT", &ca.path("tls.crt")),
        ("FANFARE_TLS_KEY", &ca.path("tls.key")),
    ]);
    let secure = Secure { hub, ca };
    assert_eq!(subject(&secure), "first");
    symlink(&second, secure.ca.path("..new")).unwrap();
    fs::rename(secure.ca.path("..new"), secure.ca.path("..data")).unwrap();
    wait_until("the second is there", || subject(&secure) == "second");
}

#[test]
fn files_that_break_are_an_error_in_the_log_and_the_old_ones_stay() {
    let secure = Secure::start(&[]);
    let ca = &secure.ca;
    fs::write(ca.path("first.pem"), "half a certifi").unwrap();
    secure.hub.wait_for_log("ERROR fanfare::tls] the certificate stays what it was");
    assert_eq!(subject(&secure), "first");
    // A key that is of another certificate.
    let (certificate, key) = ca.issue("second");
    fs::rename(&certificate, ca.path("first.pem")).unwrap();
    secure.hub.wait_for_log("it is not the key of the certificate");
    assert_eq!(subject(&secure), "first");
    assert_eq!(secure.ready()["success"], true);
    fs::rename(&key, ca.path("first.key")).unwrap();
    wait_until("the second is there", || subject(&secure) == "second");
    assert_eq!(secure.hub.log().matches("ERROR").count(), 2, "each is told once");
}

#[test]
fn handshakes_that_are_not_finished_hold_up_nobody_and_end() {
    let secure = Secure::start(&[("FANFARE_HEADER_TIMEOUT", "2s")]);
    let mut silent: Vec<_> = (0..300).map(|_| Connection::open(secure.hub.0)).collect();
    silent[0].send([0x16, 3, 1]);
    assert_eq!(secure.ready()["success"], true);
    for connection in &mut silent {
        connection.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // An end of any kind.
        let _ = connection.socket.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:?}");
    }
    assert_eq!(secure.ready()["success"], true);
    assert!(!secure.hub.log().contains("WARN  fanfare::http"), "{}", secure.hub.log());
}

#[test]
fn health_asks_where_the_settings_say_that_tls_is_spoken() {
    let mut secure = Secure::start(&[]);
    let port = secure.hub.0.port().to_string();
    let settings = [("FANFARE_TLS_CERT", &*secure.ca.path("first.pem")), ("PORT", &port)];
    let health = || run_to_end(&["health"], &settings);
    let output = health();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"status\":\"ready\""));
    secure.hub.signal("TERM");
    assert!(secure.hub.wait().success());
    assert_eq!(health().status.code(), Some(1));
}

/// What Mercure tells of itself is of the URL that clients have.
#[test]
fn the_hub_knows_that_its_url_is_https() {
    let key = "a key of 32 bytes, or some more of them";
    let settings = [("FANFARE_SUBSCRIBER_JWT_KEY", key), ("FANFARE_ISSUERS", "https://a.example")];
    let path = "/.well-known/oauth-protected-resource/.well-known/mercure";
    let secure = Secure::start(&settings);
    let url = secure.url("/.well-known/mercure");
    for version in ["--http2", "--http1.1"] {
        // Whoever says that it is not is wrong: TLS ends here.
        let output = secure.ask(&[version, "--header", "X-Forwarded-Proto: http"], path);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("\"resource\":\"{url}\"")), "{version} {text}");
    }
    let hub = Fanfare::start_another(&settings);
    assert_eq!(get(hub.0, path).json()["resource"], format!("{}/.well-known/mercure", hub.url()));
}

/// A Unix socket is this machine: TLS is for what comes from others.
#[test]
fn a_unix_socket_speaks_no_tls() {
    let ca = Ca::new();
    let (certificate, key) = ca.issue("first");
    let socket = ca.path("fanfare.sock");
    let _hub = Fanfare::start(&[
        ("FANFARE_TLS_CERT", &certificate),
        ("FANFARE_TLS_KEY", &key),
        ("FANFARE_SOCKET", &socket),
    ]);
    let output = run_to_end(&["health", "--unix-socket", &socket], &[]);
    assert!(output.status.success(), "{output:?}");
}

/// Where TLS is not set, nothing has changed.
#[test]
fn without_a_certificate_streams_are_handed_over_as_ever() {
    let hub = Fanfare::start(&[("FANFARE_H2C", "on")]);
    let _stream = Stream::open(hub.0, "/events", &[]);
    wait_until("it is written to directly", || hub.ready()["direct"] == 1);
}
