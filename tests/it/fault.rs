//! A part of the hub dies. These run in this process, since no input of the real one makes it.

use std::time::Duration;

use actix::{Context, Handler, Message};
use actix_web::rt::{self, System};
use clap::Parser;
use fanfare::{
    app::{Application, RunError},
    config::Config,
    hub::{Broadcaster, Hub, PublishError},
};
use tokio::{sync::mpsc, time::timeout};

use crate::support::{PATIENCE, get};

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

/// Starts a service, lets something happen to its hub, and returns how it ended.
fn run_and<F: Future<Output = ()> + 'static>(
    happen: impl FnOnce(Hub) -> F + 'static,
) -> Result<(), RunError> {
    System::new().block_on(async {
        let arguments = ["fanfare", "--port", "0", "--host", "127.0.0.1", "--workers", "2"];
        let config = Settings::parse_from(arguments).config;
        let application = Application::start(&config).await.unwrap();
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
        let application = Application::start(&config).await.unwrap();
        let hub = application.hub().clone();
        let patience = Duration::from_millis(200);
        assert!(hub.stats(patience).await.is_some());
        hub.broadcasters()[1].do_send(Hang);
        assert!(hub.stats(patience).await.is_none());

        let (address, (told, stop)) = (application.address(), mpsc::channel(1));
        rt::spawn(application.run(stop));
        let answer = rt::task::spawn_blocking(move || get(address, "/health/ready")).await.unwrap();
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"not_ready".into()));
        drop(told);
    });
}
