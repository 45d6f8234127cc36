use std::{collections::BTreeMap, fmt::Write as _};

use clap::CommandFactory as _;
use fanfare::config::Config;

use crate::support::{Fanfare, get, run_to_end};

#[derive(clap::Parser)]
struct Serve {
    #[command(flatten)]
    _config: Config,
}

/// The variables that there are.
pub fn names() -> Vec<String> {
    let command = Serve::command();
    let names = command.get_arguments().filter_map(|arg| arg.get_env());
    names.map(|name| name.to_str().unwrap().to_owned()).collect()
}

/// The one line that a wrong setting ends with.
fn refusal(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let output = run_to_end(arguments, settings);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{settings:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{settings:?}: {text}");
    text
}

#[test]
fn a_wrong_setting_is_named_in_one_line_with_what_is_allowed() {
    for (name, flag, values, allowed) in [
        ("PORT", "--port", &["x", "65536", "-1", ""][..], "from 0 to 65535"),
        ("FANFARE_HOST", "--host", &["nowhere", ""], "an address such as 127.0.0.1"),
        ("FANFARE_WORKERS", "--workers", &["0", "257", "x"], "from 1 to 256"),
        (
            "FANFARE_CORS_ORIGINS",
            "--cors-origins",
            &[
                "example.com",
                "https://a/b",
                "https://u@a",
                "https://a?b",
                "https://a#b",
                "https://*.*.a",
                "*,https://a",
                "http://a\"b",
                "http://ä",
                "https://a:443",
                ",",
            ],
            "a list",
        ),
        ("FANFARE_HEARTBEAT", "--heartbeat", &["15", "0", "x", "2h"], "from 10ms to 1h"),
        (
            "FANFARE_HISTORY",
            "--history",
            &["disk", "", "file://", "file://history", "file:///a/", "file:/a", "file:///%ff"],
            "memory, or file:// and an absolute path",
        ),
        ("FANFARE_HISTORY_AGE", "--history-age", &["x", "5"], "from 0s to 3650days"),
        ("FANFARE_DURABILITY", "--durability", &["never", ""], "always or interval"),
        ("FANFARE_HISTORY_EVENTS", "--history-events", &["-1", "x"], "from 0 to 100000000"),
        ("FANFARE_HISTORY_BYTES", "--history-bytes", &["x", "-1"], "64KiB or 1MiB"),
        ("FANFARE_QUEUE_EVENTS", "--queue-events", &["0"], "from 1 to"),
        ("FANFARE_QUEUE_BYTES", "--queue-bytes", &["1B"], "from 1KiB to 1GiB"),
        ("FANFARE_PEER_TIMEOUT", "--peer-timeout", &["1s"], "from 2s to 1h"),
        ("FANFARE_SEND_BUFFER", "--send-buffer", &["1"], "from 4KiB"),
        ("FANFARE_MAX_BODY", "--max-body", &["0", "1TiB"], "from 1 to 64MiB"),
        ("FANFARE_MAX_SUBSCRIBERS", "--max-subscribers", &["x"], "from 0 to"),
        ("FANFARE_MAX_PER_ADDRESS", "--max-per-address", &["x"], "from 0 to"),
        ("FANFARE_MAX_AGE", "--max-age", &["x", "100days"], "from 0s to 30days"),
        ("FANFARE_DRAIN", "--drain", &["x"], "from 0s to 1h"),
        ("FANFARE_HEADER_TIMEOUT", "--header-timeout", &["999ms"], "from 1s"),
        ("FANFARE_BODY_TIMEOUT", "--body-timeout", &["0"], "from 100ms"),
        ("FANFARE_KEEP_ALIVE", "--keep-alive", &["0"], "from 1s"),
        (
            "FANFARE_METRICS",
            "--metrics",
            &["", "yes", "9090", "localhost:9090", "http://127.0.0.1:9090"],
            "off, on, or an address and a port",
        ),
        ("RUST_LOG", "--log", &["fanfare=loud", "a=b=c", "info/x/y"], "debug"),
        (
            "FANFARE_PUBLISHER_JWT_ALG",
            "--publisher-jwt-alg",
            &["none", "ES521", ""],
            "HS256, HS384",
        ),
        ("FANFARE_SUBSCRIBER_JWT_ALG", "--subscriber-jwt-alg", &["hs256"], "HS256, HS384"),
        (
            "FANFARE_PUBLISHER_JWKS_URL",
            "--publisher-jwks-url",
            &["x", "", "file://"],
            "an https://",
        ),
        ("FANFARE_SUBSCRIBER_JWKS_URL", "--subscriber-jwks-url", &["ftp://x/"], "an https://"),
        ("FANFARE_ANONYMOUS", "--anonymous", &["yes", "", "TRUE"], "true, 1 or on"),
        ("FANFARE_SUBSCRIPTIONS", "--subscriptions", &["2"], "true, 1 or on"),
        (
            "FANFARE_COOKIE_NAME",
            "--cookie-name",
            &["", "a b", "a=b", "a;b"],
            "the name of a cookie",
        ),
        (
            "FANFARE_PUBLISH_ORIGINS",
            "--publish-origins",
            &["", "a.example", "https://a/b"],
            "a list",
        ),
        ("FANFARE_ISSUERS", "--issuers", &["", " "], "give it a value"),
        ("FANFARE_ISSUERS", "--issuers", &["a=b", "a=ftp://x/"], "an https://"),
        ("FANFARE_AUDIENCE", "--audience", &[""], "give it a value"),
        ("FANFARE_RESOURCE_IDENTIFIER", "--resource-identifier", &[""], "give it a value"),
        (
            "FANFARE_RESOURCE_IDENTIFIER",
            "--resource-identifier",
            &["hub", "urn:hub", "https://hub.example#x"],
            "a URL such as",
        ),
    ] {
        assert_named(name, flag, values, allowed);
    }
}

fn assert_named(name: &str, flag: &str, values: &[&str], allowed: &str) {
    for value in values {
        let line = refusal(&[], &[(name, value)]);
        for part in [name, flag, allowed, &format!("{value:?}")] {
            assert!(line.contains(part), "{name}={value:?} should say {part}: {line}");
        }
    }
}

#[test]
fn the_password_of_a_url_that_is_wrong_is_not_repeated() {
    for (name, url) in [
        ("FANFARE_SUBSCRIBER_JWKS_URL", "http://user:hush@127.0.0.1/jwks?back=https://y"),
        ("FANFARE_HISTORY", "ftp://user:hush@localhost"),
        ("FANFARE_HISTORY", "redis://user:hu?sh@localhost:port"),
    ] {
        let line = refusal(&[], &[(name, url)]);
        assert!(line.contains("***") && !line.contains("hush") && !line.contains("hu?"), "{line}");
    }
}

#[test]
fn so_is_a_wrong_limit() {
    for (name, flag, values, allowed) in [
        ("FANFARE_MAX_PER_SUBJECT", "--max-per-subject", &["x"][..], "from 0 to"),
        (
            "FANFARE_PUBLISH_RATE",
            "--publish-rate",
            &["", "100", "100/d", "0/s", "1/s:0", "-1/s"],
            "such as 100/s",
        ),
        (
            "FANFARE_PUBLISH_RATE_PER_SUBJECT",
            "--publish-rate-per-subject",
            &["off"],
            "such as 100/s",
        ),
        ("FANFARE_CONNECT_RATE", "--connect-rate", &["1/ms"], "such as 100/s"),
        (
            "FANFARE_CONNECT_RATE_PER_SUBJECT",
            "--connect-rate-per-subject",
            &["1000001/s"],
            "such as 100/s",
        ),
        (
            "FANFARE_TRUSTED_PROXIES",
            "--trusted-proxies",
            &["", "proxy.example", "10.0.0.0/33", "10.0.0.1,", "10.0.0.1:80"],
            "a list of addresses and networks",
        ),
        (
            "FANFARE_CLIENT_ADDRESS_HEADER",
            "--client-address-header",
            &["", "a b", "Forwarded"],
            "X-Forwarded-For",
        ),
    ] {
        assert_named(name, flag, values, allowed);
    }
}

#[test]
fn a_wrong_place_to_listen_at_is_named_too() {
    for (name, flag, values, allowed) in [
        ("FANFARE_SOCKET", "--socket", &["", "fanfare.sock", "/run/", "/"][..], "an absolute path"),
        ("FANFARE_SOCKET_MODE", "--socket-mode", &["", "x", "1777", "0o660"], "a mode in octal"),
        ("FANFARE_TLS_CERT", "--tls-cert", &["", "cert.pem"], "an absolute path"),
        ("FANFARE_TLS_KEY", "--tls-key", &["", "key.pem"], "an absolute path"),
        ("FANFARE_H2C", "--h2c", &["", "yes"], "on, off"),
    ] {
        assert_named(name, flag, values, allowed);
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_with_the_one_that_it_sends() {
    for (origin, sent) in [
        ("https://a.example/", "https://a.example"),
        ("https://a.example/path", "https://a.example"),
        ("https://a.example?query", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:08080", "http://localhost:8080"),
        ("http://localhost:", "http://localhost"),
        ("https://user@a.example", "https://a.example"),
    ] {
        let list = format!("http://fine.example,{origin}");
        let line = refusal(&[], &[("FANFARE_CORS_ORIGINS", &list)]);
        assert!(line.contains(&format!("`{origin}`")), "{line}");
        assert!(line.contains(&format!("browsers send `{sent}`")), "{line}");
    }
    let list = "null,HTTPS://Upper.example,http://a.example:443,https://b.example:80,http://[::1]:3000,\
                chrome-extension://abcdef,capacitor://localhost";
    Fanfare::start(&[("FANFARE_CORS_ORIGINS", list)]);
}

#[test]
fn flags_come_before_variables_and_fanfare_port_before_port() {
    let line = refusal(&["--heartbeat", "x"], &[("FANFARE_HEARTBEAT", "15s")]);
    assert!(line.contains("\"x\""), "{line}");
    let line = refusal(&["serve", "--nonsense"], &[]);
    assert!(line.contains("--nonsense") && line.contains("--help"), "{line}");
    let line = refusal(&["nonsense"], &[]);
    assert!(line.contains("nonsense"), "{line}");
    let line = refusal(&[], &[("FANFARE_PORT", "x"), ("PORT", "1")]);
    assert!(line.contains("FANFARE_PORT (--port)"), "{line}");
    // PORT is 0, a free one, in all these tests.
    let hub = Fanfare::start(&[("FANFARE_PORT", "0"), ("PORT", "nonsense")]);
    assert_eq!(get(hub.0, "/health/ready").status, 200);
}

#[test]
fn a_file_dot_env_is_read_and_the_environment_comes_first() {
    let folder = std::env::temp_dir().join(format!("fanfare-dot-env-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let run = |file: &str, drain: Option<&str>| {
        std::fs::write(folder.join(".env"), file).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command.current_dir(&folder).envs(drain.map(|value| ("FANFARE_DRAIN", value)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run("# a comment\nFANFARE_DRAIN=from-file\n", None);
    assert!(code == Some(2) && text.contains("\"from-file\""), "{text}");
    let (code, text) = run("FANFARE_DRAIN=from-file\n", Some("from-environment"));
    assert!(code == Some(2) && text.contains("\"from-environment\""), "{text}");
    let (code, text) = run("no setting\n", None);
    assert!(code == Some(2) && text.contains(".env") && text.lines().count() == 1, "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_misspelt_variable_is_warned_of() {
    let hub = Fanfare::start(&[("FANFARE_HEARTBEET", "1s")]);
    hub.wait_for_log("FANFARE_HEARTBEET is not a setting");
}

/// What a pod has in its environment where a service is called `fanfare`.
#[test]
fn what_kubernetes_sets_for_a_service_of_this_name_is_no_setting() {
    let links = [
        ("FANFARE_PORT", "tcp://10.0.0.1:80"),
        ("FANFARE_SERVICE_HOST", "10.0.0.1"),
        ("FANFARE_SERVICE_PORT", "80"),
        ("FANFARE_SERVICE_PORT_HTTP", "80"),
        ("FANFARE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("FANFARE_PORT_80_TCP_PROTO", "tcp"),
        ("FANFARE_PORT_80_TCP_PORT", "80"),
        ("FANFARE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("FANFARE_PORT_80X", "misspelt"),
    ];
    let hub = Fanfare::start(&links);
    let line = hub.wait_for_log("FANFARE_PORT is tcp://10.0.0.1:80");
    assert!(line.contains("WARN") && line.contains("enableServiceLinks: false"), "{line}");
    hub.wait_for_log("FANFARE_PORT_80X is not a setting");
    assert_eq!(hub.log().matches("is not a setting").count(), 1, "{}", hub.log());
    // The other commands look where the hub is.
    let port = hub.0.port().to_string();
    let output = run_to_end(&["health"], &[links[0], ("PORT", &port)]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_variable_of_the_official_image_that_is_not_read_is_warned_of() {
    let key = ("MERCURE_PUBLISHER_JWT_KEY", "!ChangeThisMercureHubJWTSecretKey!");
    let hub = Fanfare::start(&[key, ("MERCURE_EXTRA_DIRECTIVES", "anonymous")]);
    hub.wait_for_log("MERCURE_EXTRA_DIRECTIVES is not a setting");
    assert!(!hub.log().contains("MERCURE_PUBLISHER_JWT_KEY"), "this one is");
}

#[test]
fn the_defaults_warn_that_everything_is_open() {
    let hub = Fanfare::start(&[]);
    hub.wait_for_log("anyone who reaches this address may publish and subscribe");
}

/// `.env.example` as the settings themselves describe it.
fn described() -> String {
    let mut text = String::from(
        "# All settings with their defaults. `fanfare` reads a file `.env` in its working\n\
         # directory; variables that are set already come first, and flags before them.\n",
    );
    for argument in Serve::command().get_arguments().filter(|arg| arg.get_env().is_some()) {
        let name = argument.get_env().unwrap().to_str().unwrap();
        let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
        let default = argument.get_default_values().first().map(|value| value.to_str().unwrap());
        text.push('\n');
        for line in textwrap(&format!("{help}."), 90) {
            writeln!(text, "# {line}").unwrap();
        }
        match default {
            Some(default) => writeln!(text, "{name}={default}").unwrap(),
            None => writeln!(text, "# {name}=").unwrap(),
        }
    }
    text
}

fn textwrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if !last.is_empty() && last.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// Run with `BLESS=1` in the environment to write the file anew.
#[test]
fn the_example_file_lists_every_setting_with_its_default() {
    let described = described();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(".env.example", &described).unwrap();
    }
    let file = std::fs::read_to_string(".env.example").unwrap();
    assert_eq!(file, described, "write it anew with BLESS=1");
    // And the README's table has the same names and defaults.
    let settings: BTreeMap<_, _> = Serve::command()
        .get_arguments()
        .filter_map(|arg| {
            let default = arg.get_default_values().first();
            Some((arg.get_env()?.to_owned(), default.cloned()))
        })
        .collect();
    let readme = std::fs::read_to_string("README.md").unwrap();
    for (name, default) in settings {
        let name = name.to_str().unwrap();
        let default = default.as_ref().map(|value| value.to_str().unwrap());
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("the README's table has no {name}"));
        if let Some(default) = default {
            assert!(row.contains(&format!("| `{default}` |")), "{name} is {default}: {row}");
        }
    }
}

#[test]
fn a_hub_starts_with_the_example_file_as_it_is() {
    let settings = std::fs::read_to_string(".env.example").unwrap();
    let settings: Vec<(&str, &str)> = settings
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !matches!(*name, "PORT" | "FANFARE_HOST"))
        .collect();
    assert!(settings.len() > 15);
    let hub = Fanfare::start(&settings);
    assert_eq!(get(hub.0, "/health/ready").status, 200);
}

#[test]
fn help_names_all_commands_and_settings() {
    let output = run_to_end(&["--help"], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for command in ["serve", "publish", "subscribe", "health", "fanfare serve --help"] {
        assert!(text.contains(command), "{text}");
    }
    let output = run_to_end(&["serve", "--help"], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for argument in Serve::command().get_arguments() {
        let env = argument.get_env().map(|env| env.to_string_lossy().into_owned());
        assert!(text.contains(&env.unwrap_or_default()), "{argument:?}: {text}");
    }
}
