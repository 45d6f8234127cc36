//! `fanfare publish`: sends one event.

use std::{io::Read as _, process::ExitCode};

use actix_web::rt::System;
use clap::Args;

use super::{
    answer,
    hub_url::{HubUrl, client},
    refusal::Ask,
    token::TokenArgs,
};

/// What to publish, and where.
#[derive(Debug, Args)]
pub struct Publish {
    /// The event's data, a JSON value; read from standard input where it is left out or `-`
    data: Option<String>,
    /// Take the data as plain text, and send it as a JSON string
    #[arg(long)]
    text: bool,
    /// A topic; may be repeated
    #[arg(long)]
    topic: Vec<String>,
    /// The type that browsers dispatch the event under [default: message]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// An id in place of the hub's
    #[arg(long)]
    id: Option<String>,
    /// The reconnection time that receivers are told, in milliseconds
    #[arg(long, value_name = "MS")]
    retry: Option<String>,
    /// For how long it is for those who come later: seconds, or a time such as `500ms` or `2m`
    #[arg(long, value_name = "TIME")]
    ttl: Option<String>,
    /// How long it waits before it is published: seconds, or a time such as `500ms` or `2m`
    #[arg(long, value_name = "TIME", conflicts_with = "at")]
    delay: Option<String>,
    /// When it is published: a time in UTC within 7 days, as YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only for subscribers whose tokens cover one of its topics
    #[arg(long)]
    private: bool,
    /// Publish once, however often it is sent with this key
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    token: TokenArgs,
    /// The hub
    #[arg(long, default_value_t = HubUrl::local())]
    url: HubUrl,
}

/// Publishes, and prints the hub's answer.
pub fn run(publish: &Publish) -> ExitCode {
    super::report(System::new().block_on(send(publish)))
}

async fn send(publish: &Publish) -> Result<(), String> {
    let reads_data = matches!(publish.data.as_deref(), None | Some("-"));
    if reads_data && publish.token.is_standard_input() {
        return Err("standard input can't be both: give the data as an argument, or the token \
                    in a file"
            .to_owned());
    }
    let token = publish.token.open()?.next()?;
    let data = match publish.data.as_deref() {
        None | Some("-") => read_input()?,
        Some(data) => data.to_owned(),
    };
    let data = if publish.text {
        serde_json::to_string(&data).map_err(|error| error.to_string())?
    } else {
        data
    };
    let mut query: Vec<_> = publish.topic.iter().map(|topic| ("topic", &**topic)).collect();
    query.extend(publish.kind.as_deref().map(|kind| ("type", kind)));
    query.extend(publish.id.as_deref().map(|id| ("id", id)));
    query.extend(publish.retry.as_deref().map(|retry| ("retry", retry)));
    query.extend(publish.ttl.as_deref().map(|ttl| ("ttl", ttl)));
    query.extend(publish.delay.as_deref().map(|delay| ("delay", delay)));
    query.extend(publish.at.as_deref().map(|at| ("at", at)));
    query.extend(publish.private.then_some(("private", "1")));

    let request = client().post(publish.url.with("/send-event", &query));
    let request = request.content_type("application/json");
    let request = match &token {
        Some(token) => request.insert_header(("authorization", token.authorization())),
        None => request,
    };
    let request = match &publish.idempotency_key {
        Some(key) => {
            let quoted = key.replace('\\', "\\\\").replace('"', "\\\"");
            request.insert_header(("idempotency-key", format!("\"{quoted}\"")))
        }
        None => request,
    };
    let claim = "a claim `mercure.publish` that covers each --topic";
    let ask = Ask { token: token.as_ref(), claim };
    answer::print(&publish.url, request.send_body(data), Some(ask)).await
}

fn read_input() -> Result<String, String> {
    let mut data = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut data);
    read.map_err(|error| format!("standard input: {error}"))?;
    Ok(data)
}
