//! `fanfare import`: lines of JSON, or what a Mercure hub has stored, into a history.
//!
//! Promises: the lines before a bad one are kept, and it is named; nothing goes to subscribers,
//! since no hub runs on the history meanwhile.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    process::ExitCode,
};

use actix_web::rt::{self, System};
use clap::Args;
use tokio::sync::oneshot;

use super::{bolt, line::Line};
use crate::{
    config::Kept,
    history::{Delivered, History, Next, StorageError, Tail},
};

/// How many events wait to be kept at a time, and how many bytes of lines: less than a history
/// lets wait.
const WINDOW: usize = 4096;
const WINDOW_BYTES: usize = 16 << 20;

/// What to import, and where to.
#[derive(Debug, Args)]
pub struct Import {
    /// A file with one JSON object a line, such as `export` writes; or the database of a Mercure
    /// hub (`mercure.db`); `-` is standard input
    from: String,
    #[command(flatten)]
    kept: Kept,
}

type Answer = oneshot::Receiver<Result<Delivered, StorageError>>;

/// Appends all events, and says how many.
pub fn run(import: &Import) -> ExitCode {
    super::report(System::new().block_on(append_all(import)))
}

async fn append_all(import: &Import) -> Result<(), String> {
    let kept = &import.kept;
    super::in_a_file(&kept.place)?;
    let name = |error: io::Error| format!("{}: {error}", import.from);
    let lines = read(&import.from).map_err(name)?;
    let (history, tail) = History::open(&kept.place, kept.retention(), kept.durability)
        .map_err(|error| error.to_string())?;
    rt::spawn(answer(tail));
    let (mut waiting, mut appended, mut bytes) = (Vec::new(), 0, 0);
    let mut result = Ok(());
    for (line, number) in lines.zip(1_u64..) {
        let line = line.map_err(name)?;
        if line.trim().is_empty() {
            continue;
        }
        bytes += line.len();
        let bad = |why: &dyn std::fmt::Display| format!("{}, line {number}: {why}", import.from);
        let event = match serde_json::from_str::<Line>(&line) {
            Ok(line) => line.into_event().map_err(|error| bad(&error)),
            Err(error) => Err(bad(&error)),
        };
        match event {
            Ok(event) => {
                let (receipt, answer) = oneshot::channel();
                history.append(event, receipt);
                waiting.push(answer);
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
        if waiting.len() == WINDOW || bytes > WINDOW_BYTES {
            appended += wait_for(&mut waiting).await?;
            bytes = 0;
        }
    }
    appended += wait_for(&mut waiting).await?;
    history.close().await;
    println!("{appended} events imported into {}", kept.place);
    result
}

type Lines = Box<dyn Iterator<Item = io::Result<String>>>;

/// The lines of a file; of a database its values, which are such lines, too.
fn read(from: &str) -> io::Result<Lines> {
    if from == "-" {
        return Ok(Box::new(io::stdin().lines()));
    }
    let file = File::open(from)?;
    Ok(match bolt::open(&file)? {
        Some(values) => {
            let text = |value| String::from_utf8(value).map_err(io::Error::other);
            Box::new(values.map(move |value| value.and_then(text)))
        }
        None => Box::new(BufReader::new(file).lines()),
    })
}

/// Takes what the history has kept, in the place of a hub.
async fn answer(mut tail: Tail) {
    while let Some(next) = tail.next(WINDOW, usize::MAX).await {
        let Next::Round(round) = next else { continue };
        for next in round {
            // Nobody waits for it after a bad line.
            let _ = next.receipt.send(Ok(Delivered { entry: next.entry, subscribers: 0 }));
        }
    }
}

async fn wait_for(waiting: &mut Vec<Answer>) -> Result<usize, String> {
    let count = waiting.len();
    for answer in waiting.drain(..) {
        let kept = answer.await.map_err(|_| "the history has died".to_owned())?;
        kept.map_err(|error| error.to_string())?;
    }
    Ok(count)
}
