//! A part of the hub dies. No input makes it: some of these run in this process, the others stand
//! between the real one and its kernel.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use actix::{Context, Handler, Message};
use actix_web::rt::{self, System};
use clap::Parser;
use fanfare::{
    app::{Application, Console, RunError},
    config::Config,
    hub::{Broadcaster, Hub, PublishError},
    logbook::Logbook,
};
use tokio::{sync::mpsc, time::timeout};

use crate::support::{Fanfare, Fault, Folder, PATIENCE, Program, get, run_to_end, wait_until};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("as the test told it to");
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct StopWorker;

impl Handler<StopWorker> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _: StopWorker, _: &mut Context<Self>) {
        actix::Arbiter::current().stop();
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Hang;

impl Handler<Hang> for Broadcaster {
    type Result = actix::AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Hang, _: &mut Context<Self>) -> Self::Result {
        let never = std::future::pending::<()>();
        actix::AtomicResponse::new(Box::pin(actix::fut::wrap_future(never)))
    }
}

/// A log that nobody reads.
fn console() -> Console {
    let writer = env_logger::Builder::new().build();
    Console { logbook: Logbook::new(writer, "off").unwrap(), settings: Vec::new() }
}

/// Starts a service, lets something happen to its hub, and returns how it ended.
fn run_and<F: Future<Output = ()> + 'static>(
    happen: impl FnOnce(Hub) -> F + 'static,
) -> Result<(), RunError> {
    System::new().block_on(async {
        let arguments = ["fanfare", "--port", "0", "--host", "127.0.0.1", "--workers", "2"];
        let config = Settings::parse_from(arguments).config;
        let application = Application::start(&config, console()).await.unwrap();
        let hub = application.hub().clone();
        let (_told, stop) = mpsc::channel(1);
        rt::spawn(happen(hub));
        timeout(PATIENCE, application.run(stop)).await.expect("it has to notice")
    })
}

#[test]
fn a_broadcaster_that_panics_ends_the_process() {
    let ended = run_and(|hub| async move { hub.broadcasters()[1].do_send(Panic) });
    assert!(matches!(ended, Err(RunError::Broadcaster)), "{ended:?}");
}

#[test]
fn a_worker_that_ends_ends_the_process() {
    let ended = run_and(|hub| async move { hub.broadcasters()[0].do_send(StopWorker) });
    assert!(matches!(ended, Err(RunError::Broadcaster)), "{ended:?}");
}

#[test]
fn a_publisher_that_waits_for_a_dead_broadcaster_is_told() {
    let (told, mut answer) = mpsc::channel(1);
    let ended = run_and(move |hub| async move {
        hub.broadcasters()[0].do_send(Panic);
        let event = fanfare::event::Event {
            topics: fanfare::topic::Topics::new(Vec::new()).unwrap(),
            data: "1".to_owned(),
            id: None,
            kind: None,
            retry: None,
            ttl: None,
            private: false,
        };
        let _ = told.send(hub.publish(event).await).await;
        std::future::pending::<()>().await;
    });
    assert!(matches!(ended, Err(RunError::Broadcaster)), "{ended:?}");
    // It may also have been too late to be told anything: then its connection breaks.
    if let Ok(published) = answer.try_recv() {
        assert_eq!(published, Err(PublishError::Failing));
    }
}

#[test]
fn a_broadcaster_that_hangs_makes_the_hub_unready() {
    System::new().block_on(async {
        let arguments = ["fanfare", "--port", "0", "--host", "127.0.0.1", "--workers", "2"];
        let config = Settings::parse_from(arguments).config;
        let application = Application::start(&config, console()).await.unwrap();
        let hub = application.hub().clone();
        let patience = Duration::from_millis(200);
        assert!(hub.stats(patience).await.is_some());
        hub.broadcasters()[1].do_send(Hang);
        assert!(hub.stats(patience).await.is_none());

        let address = application.addresses()[0].trim_start_matches("http://").parse().unwrap();
        let (told, stop) = mpsc::channel(1);
        rt::spawn(application.run(stop));
        let answer = rt::task::spawn_blocking(move || get(address, "/health/ready")).await.unwrap();
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"not_ready".into()));
        drop(told);
    });
}

/// The process ends soon, with an error and the reason; what died has a line of its own.
fn assert_dies(mut hub: Fanfare) {
    let begun = Instant::now();
    assert_eq!(hub.wait().code(), Some(1), "{}", hub.log());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let log = hub.log();
    let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors[0].contains("panicked"), "{log}");
    assert!(errors.last().unwrap().contains("a Broadcaster has died"), "{log}");
}

#[test]
fn the_real_process_ends_with_an_error_when_a_worker_dies() {
    let fault = Fault::build();
    let hub = fault.start("FAULT_WHEN", &[("FANFARE_WORKERS", "2")]);
    let _streams: Vec<_> = (0..4).map(|_| hub.subscribe("/events")).collect();
    fault.begin();
    assert_dies(hub);
}

#[test]
fn a_worker_that_dies_while_the_hub_drains_ends_it_with_an_error_too() {
    let fault = Fault::build();
    // The death of the only one also ends all streams, which is what a drain waits for.
    for workers in ["1", "2"] {
        fault.end();
        let settings = [("FANFARE_DRAIN", "1h"), ("FANFARE_WORKERS", workers)];
        let hub = fault.start("FAULT_WHEN", &settings);
        let _streams: Vec<_> = (0..1000).map(|_| hub.subscribe("/events")).collect();
        hub.signal("TERM");
        wait_until("it drains", || get(hub.0, "/health/ready").status == 503);
        fault.begin();
        assert_dies(hub);
    }
}

#[test]
fn a_worker_that_cannot_start_ends_the_process_with_an_error() {
    let fault = Fault::build();
    let settings = [("LD_PRELOAD", fault.library()), ("FAULT_AT_START", "fail"), ("PORT", "0")];
    let output = run_to_end(&[], &settings);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    let last = log.lines().last().unwrap();
    assert!(last.contains("ERROR") && last.contains("the workers did not start"), "{log}");
}

#[test]
fn a_start_that_hangs_can_be_stopped() {
    let (fault, folder) = (Fault::build(), Folder::new());
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    let settings = [("LD_PRELOAD", fault.library()), ("FAULT_AT_START", "hang"), ("PORT", "0")];
    command.envs(settings).current_dir(&folder.0);
    let mut hub = Program::start(command);
    while !hub.line().contains("starting service") {}
    hub.signal("TERM");
    while !hub.line().contains("stopped before it had started") {}
    wait_until("it ends", || hub.has_ended());
}
