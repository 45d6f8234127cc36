//! `fanfare drain`: moves all subscribers off a hub, for whoever is about to stop it.
//!
//! Promises: returns when no stream is left, or the hub has ended. Does not: stop the hub; the
//! signal does.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use actix_web::rt::System;
use awc::{Client, ClientRequest};
use clap::Args;
use serde::Deserialize;
use tokio::time::sleep;

use super::{
    bench::Progress,
    hub_url::{HubUrl, client},
    refusal,
    token::Tokens,
};
use crate::config::{self, ADMIN_TOKEN};

/// How often it is asked how many are left.
const ASK: Duration = Duration::from_millis(200);

/// What to drain, and how.
#[derive(Debug, Args)]
pub struct Drain {
    /// Over what time streams end [default: the hub's `FANFARE_DRAIN`]
    #[arg(long, value_name = "TIME")]
    over: Option<String>,
    /// The most streams that end in a second [default: the hub's `FANFARE_DRAIN_RATE`]
    #[arg(long, value_name = "COUNT")]
    rate: Option<String>,
    /// Wait before that: while others still send clients here
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = config::duration("0s", "1h"))]
    after: Duration,
    /// Don't wait until the last stream has ended
    #[arg(long)]
    no_wait: bool,
    /// A file with the hub's admin token, or `-` for standard input [default: the variable
    /// `FANFARE_ADMIN_TOKEN`]
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// The hub
    #[arg(long, default_value_t = HubUrl::local())]
    url: HubUrl,
}

#[derive(Deserialize)]
struct State {
    streams: u64,
    milliseconds: Option<u64>,
}

/// Drains, and prints how many streams there were.
pub fn run(drain: &Drain) -> ExitCode {
    super::report(System::new().block_on(drain.run()))
}

impl Drain {
    async fn run(&self) -> Result<(), String> {
        let token = Tokens::open(self.token_file.as_deref(), ADMIN_TOKEN, config::admin_token())?;
        let authorization = token.next()?.map(|token| token.authorization()).ok_or_else(|| {
            format!("set {ADMIN_TOKEN}, or name a file with the hub's admin token: --token-file")
        })?;
        let authorized =
            |request: ClientRequest| request.insert_header(("authorization", &*authorization));
        sleep(self.after).await;

        let mut query = Vec::new();
        query.extend(self.over.as_deref().map(|over| ("over", over)));
        query.extend(self.rate.as_deref().map(|rate| ("rate", rate)));
        let client = client();
        let begin = authorized(client.post(self.url.with("/admin/drain", &query)));
        let begun = self.ask(begin).await?.map_err(|why| format!("{}: {why}", self.url))?;
        let over = Duration::from_millis(begun.milliseconds.unwrap_or_default());
        super::print(format!("{} streams end over {over:?}", begun.streams))?;
        if self.no_wait {
            return Ok(());
        }
        self.wait(&client, authorized, begun.streams).await
    }

    async fn wait(
        &self,
        client: &Client,
        authorized: impl Fn(ClientRequest) -> ClientRequest,
        streams: u64,
    ) -> Result<(), String> {
        let progress = Progress::begin("streams end", streams);
        loop {
            // A hub that is gone has none.
            let Ok(state) =
                self.ask(authorized(client.get(self.url.with("/admin/drain", &[])))).await?
            else {
                return Ok(());
            };
            progress.at(streams.saturating_sub(state.streams));
            if state.streams == 0 {
                return Ok(());
            }
            sleep(ASK).await;
        }
    }

    /// What the hub says; the inner error is of a hub that can't be reached.
    async fn ask(&self, request: ClientRequest) -> Result<Result<State, String>, String> {
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Ok(body) = response.body().await else { return Ok(Err("it broke off".to_owned())) };
        if !response.status().is_success() {
            return Err(refusal::tell(response.status(), &body));
        }
        serde_json::from_slice(&body).map(Ok).map_err(|_| format!("{} is no such hub", self.url))
    }
}
