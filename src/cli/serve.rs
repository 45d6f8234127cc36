//! `fanfare serve`: the hub.

use std::process::ExitCode;

use actix_web::rt::{self, System};
use log::LevelFilter;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{
    app::{Application, StartError},
    config::Config,
};

/// Runs until a signal, or until it fails.
pub fn run(config: &Config, unknown_variables: &[String]) -> ExitCode {
    env_logger::Builder::new()
        .parse_filters(&config.log)
        // It calls it an error when a stream ends itself, which is how a socket is taken over.
        .filter_module("actix_http::h1::dispatcher", LevelFilter::Off)
        .init();
    for name in unknown_variables {
        log::warn!("{name} is not a setting: is it misspelt?");
    }
    match System::new().block_on(serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            match error.downcast_ref() {
                Some(StartError::Settings(_) | StartError::Keys(_)) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn serve(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything listens: who waits for the port may stop us as soon as it is open.
    let stop = stop_signals()?;
    // Without a listener this signal ends the process.
    let mut hang_up = signal(SignalKind::hangup())?;
    let application = Application::start(config).await?;
    let authority = application.authority().clone();
    rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            log::info!("reading the keys again");
            authority.reload().await;
        }
    });
    Ok(application.run(stop).await?)
}

/// A word for each SIGTERM and Ctrl-C. As process 1 of a container they would have no effect.
fn stop_signals() -> std::io::Result<mpsc::Receiver<()>> {
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
