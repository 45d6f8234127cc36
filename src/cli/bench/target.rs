//! The hub that is measured, and how to speak to it.
//!
//! Owns: addresses, paths and headers. Promises: what is built here is sent as it is. Does not:
//! send it.

use std::{
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use actix_web::http::Uri;
use clap::Args;

use super::mark::Mark;
use crate::cli::{hub_url::HubUrl, token::Token};

/// How long the hub may take to accept the first connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// What stands around mark and padding: an object, as Express's parser takes nothing less.
const BODY: [&str; 2] = [r#"{"bench":""#, r#""}"#];

/// The shortest payload.
pub const MIN_PAYLOAD: usize = BODY[0].len() + Mark::LENGTH + BODY[1].len();

/// How the hub is spoken to. In a path `{topic}` stands for a topic's name.
#[derive(Debug, Args)]
pub struct Manner {
    /// Where streams are opened; `{topic}` stands for a topic's name
    #[arg(long, value_name = "PATH", default_value = "/events?topic={topic}",
          value_parser = parse_path)]
    subscribe_path: String,
    /// Where events are published; `{topic}` stands for a topic's name
    #[arg(long, value_name = "PATH", default_value = "/send-event?topic={topic}",
          value_parser = parse_path)]
    publish_path: String,
    /// The content type of what is published: it is a JSON object
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
    /// One more header of every request; may be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = parse_header)]
    header: Vec<String>,
}

fn parse_path(text: &str) -> Result<String, &'static str> {
    let valid = text.starts_with('/') && !text.contains(|c: char| c == ' ' || c.is_control());
    if valid { Ok(text.to_owned()) } else { Err("allowed is a path such as `/events/{topic}`") }
}

fn parse_header(text: &str) -> Result<String, &'static str> {
    let valid = text.split_once(':').is_some_and(|(name, _)| !name.is_empty())
        && !text.contains(['\r', '\n']);
    if valid { Ok(text.to_owned()) } else { Err("allowed is a header such as `X-Name: value`") }
}

/// A hub that is there.
#[derive(Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// The request of a subscriber, by topic.
    subscribe: Vec<Vec<u8>>,
    /// The request of a publisher, by topic.
    publish: Vec<Request>,
}

/// A request whose mark is still to be written.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    mark: usize,
}

impl Request {
    /// The request with this mark.
    pub fn with(&mut self, mark: Mark) -> &[u8] {
        mark.write(&mut self.bytes[self.mark..self.mark + Mark::LENGTH]);
        &self.bytes
    }
}

impl Target {
    /// Finds the hub, and makes the requests for this many topics.
    pub fn find(
        url: &HubUrl,
        manner: &Manner,
        token: Option<&Token>,
        topics: usize,
        payload: usize,
    ) -> Result<Self, String> {
        for (flag, path) in
            [("subscribe", &manner.subscribe_path), ("publish", &manner.publish_path)]
        {
            if topics > 1 && !path.contains("{topic}") {
                return Err(format!("--{flag}-path has no {{topic}}: there can be one topic only"));
            }
        }
        let uri: Uri = url.to_string().parse().map_err(|error| format!("{url}: {error}"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let base = uri.path().trim_end_matches('/');
        let place = if uri.port().is_some() { authority } else { &format!("{authority}:80") };
        let address = reach(place).map_err(|why| format!("there is no hub at {url}: {why}"))?;

        let token = token.map(|token| format!("Authorization: {}", token.authorization()));
        let headers = manner.header.iter().chain(&token).map(|header| format!("{header}\r\n"));
        let headers = format!("Host: {authority}\r\n{}", headers.collect::<String>());
        let path = |template: &str, topic: usize| {
            format!("{base}{}", template.replace("{topic}", &format!("bench{topic}")))
        };
        let subscribe = |topic| {
            let path = path(&manner.subscribe_path, topic);
            format!("GET {path} HTTP/1.1\r\n{headers}Accept: text/event-stream\r\n\r\n").into()
        };
        let publish = |topic| {
            let mut bytes = format!(
                "POST {} HTTP/1.1\r\n{headers}Content-Type: {}\r\nContent-Length: {payload}\r\n\r\n{}",
                path(&manner.publish_path, topic),
                manner.content_type,
                BODY[0],
            )
            .into_bytes();
            let mark = bytes.len();
            let padding = payload.saturating_sub(MIN_PAYLOAD);
            bytes.resize(mark + Mark::LENGTH + padding, b'.');
            bytes.extend(BODY[1].as_bytes());
            Request { bytes, mark }
        };
        Ok(Self {
            address,
            subscribe: (0..topics).map(subscribe).collect(),
            publish: (0..topics).map(publish).collect(),
        })
    }

    pub fn topics(&self) -> usize {
        self.subscribe.len()
    }

    /// What a subscriber sends.
    pub fn subscribe(&self, topic: usize) -> &[u8] {
        &self.subscribe[topic]
    }

    /// What publishers send, by topic.
    pub fn publish(&self) -> Vec<Request> {
        self.publish.clone()
    }
}

/// The first address of this name that takes a connection.
fn reach(place: &str) -> Result<SocketAddr, String> {
    let mut why = "the name has no address".to_owned();
    for address in place.to_socket_addrs().map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(address),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}
