//! `fanfare serve`: the hub.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io, panic,
    process::ExitCode,
    time::Duration,
};

use actix_web::rt::{self, System};
use env_logger::Target;
use log::LevelFilter;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::journal::Journal;
use crate::{
    app::{Application, Console, Setting, StartError},
    config::Config,
    logbook::Logbook,
};

/// How long a log that nobody reads may hold up the end.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs until a signal, or until it fails.
pub fn run(config: &Config, settings: Vec<Setting>, warnings: &[String]) -> ExitCode {
    let (journal, logbook) = match begin_log(config) {
        Ok(begun) => begun,
        Err(error) => return super::report(Err(format!("the log can't begin: {error}"))),
    };
    for warning in warnings {
        log::warn!("{warning}");
    }
    let code = match System::new().block_on(serve(config, Console { logbook, settings })) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            match error.downcast_ref() {
                Some(StartError::Settings(_) | StartError::Keys(_) | StartError::Tls(_)) => {
                    ExitCode::from(2)
                }
                _ => ExitCode::FAILURE,
            }
        }
    };
    journal.flush(LAST_LINES);
    code
}

fn begin_log(config: &Config) -> Result<(Journal, Logbook), Box<dyn std::error::Error>> {
    let journal = Journal::start()?;
    let writer = env_logger::Builder::new()
        // The logbook has the filter.
        .filter_level(LevelFilter::Trace)
        .target(Target::Pipe(Box::new(journal.clone())))
        .write_style(anstream::AutoStream::choice(&io::stderr()).into())
        .build();
    let logbook = Logbook::new(writer, &config.log)?;
    logbook.begin()?;
    // Or a thread that panics would wait for whoever reads stderr, before anyone learns of it.
    panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().replace('\n', " ");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            log::error!("{text}\n{backtrace}");
        } else {
            log::error!("{text}");
        }
    }));
    Ok((journal, logbook))
}

async fn serve(config: &Config, console: Console) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything listens: who waits for the port may stop us as soon as it is open.
    let mut stop = stop_signals()?;
    // Without a listener this signal ends the process.
    let mut hang_up = signal(SignalKind::hangup())?;
    let application = tokio::select! {
        started = Application::start(config, console) => started?,
        _ = stop.recv() => {
            log::info!("stopped before it had started");
            return Ok(());
        }
    };
    let authority = application.authority().clone();
    let certificate = application.certificate().cloned();
    rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            log::info!("reading the keys again");
            authority.reload().await;
            if let Some(certificate) = &certificate {
                certificate.reload().await;
            }
        }
    });
    Ok(application.run(stop).await?)
}

/// A word for each SIGTERM and Ctrl-C. As process 1 of a container they would have no effect.
fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let (told, stop) = mpsc::channel(2);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    rt::spawn(async move {
        while next(&mut terminate, &mut interrupt).await && told.send(()).await.is_ok() {}
    });
    Ok(stop)
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> bool {
    tokio::select! {
        received = terminate.recv() => received.is_some(),
        received = interrupt.recv() => received.is_some(),
    }
}
