//! What a worker serves: an actix application on [`Connection`]s of our own.
//!
//! Promises: a worker has one Broadcaster, however many listeners there are.

use std::{
    cell::RefCell,
    future::ready,
    net::SocketAddr,
    rc::{Rc, Weak},
};

use actix::Addr;
use actix_http::{HttpService, Request, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    Service, ServiceFactory as _,
    boxed::{self, BoxServiceFactory},
    fn_factory, fn_service, map_config,
};
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{AppConfig, ServiceResponse},
    middleware::{Condition, from_fn},
    web::Data,
};

use super::{
    Connections, Secure, ServerSettings, answer_preflights, cors, end_unread, h2, log_end,
    log_end_of_h2, log_request, mercure,
    opening::{Opened, Opening},
    part, routes, show_rates,
    stream::Streams,
};
use crate::{
    connection::{Connection, Guest, LINGER, Lobby, Options, Transport},
    hub::{AlarmMaker, Broadcaster, Hub},
    tls::Certificate,
};

/// What all workers are made of.
#[derive(Clone)]
pub struct Worker {
    pub settings: ServerSettings,
    pub hub: Hub,
    pub alarms: AlarmMaker,
    /// Told when connections have to end.
    pub stopping: GracefulShutdownSignal,
}

/// What all listeners of one worker share.
struct Thread {
    broadcaster: Addr<Broadcaster>,
    lobby: Lobby,
}

thread_local! {
    /// actix makes a service for each listener, one after another, on the thread of the worker.
    static THREAD: RefCell<Weak<Thread>> = const { RefCell::new(Weak::new()) };
}

impl Worker {
    fn thread(&self) -> Rc<Thread> {
        THREAD.with_borrow_mut(|known| {
            known.upgrade().unwrap_or_else(|| {
                let (files, hub) = (self.settings.files, self.hub.clone());
                let thread = Rc::new(Thread {
                    broadcaster: self.hub.start_broadcaster(self.alarms.alarm()),
                    lobby: Lobby::new(move || files.for_others(hub.streams())),
                });
                *known = Rc::downgrade(&thread);
                thread
            })
        })
    }

    /// What serves the connections of one listener, with TLS where there is a certificate.
    pub fn service<Socket: Into<Transport> + 'static>(
        &self,
        certificate: Option<Certificate>,
    ) -> BoxServiceFactory<(), Socket, (), (), ()> {
        let Self { settings, hub, stopping, .. } = self.clone();
        let thread = self.thread();
        let streams = Streams::new(hub.clone(), thread.broadcaster.clone(), settings.direct_write);
        let app = App::new()
            .app_data(Data::new(hub.clone()))
            .app_data(Data::new(streams))
            .app_data(Data::new(settings.body.clone()))
            .app_data(Data::new(settings.origins.clone()))
            .app_data(Data::new(settings.credentials.clone()))
            .app_data(Data::new(settings.refusals.clone()))
            .app_data(Secure(certificate.is_some()))
            .app_data(Data::new(settings.drain))
            .app_data(Data::new(settings.desk.clone()))
            .app_data(Data::new(settings.limits.clone()))
            .app_data(Data::new(settings.repeats.clone()))
            .wrap(Condition::new(settings.limits.are_set(), from_fn(show_rates)))
            .wrap(cors(&settings.origins))
            .wrap(from_fn(answer_preflights))
            .wrap(from_fn(mercure::secure))
            .wrap(from_fn(end_unread))
            .wrap(from_fn(part))
            .wrap(from_fn(log_request))
            .configure(|config| {
                if let Some(proxies) = &settings.proxies {
                    config.app_data(Data::new(proxies.clone()));
                }
                let ServerSettings { credentials, presence, shows_metrics, .. } = &settings;
                routes(config, credentials, presence.as_ref(), *shows_metrics);
            });
        let app = map_config(app, |()| AppConfig::default());
        let header_timeout = settings.header_timeout;
        let opening = Opening { certificate, h2c: settings.h2c, header_timeout };
        let peer_timeout = settings.connection.peer_timeout;
        let keep_alive = settings.keep_alive;
        let rules = h2::Rules { header_timeout, keep_alive, peer_timeout, stopping, hub };
        boxed::factory(fn_factory(move || {
            let (settings, rules) = (settings.clone(), rules.clone());
            let (opening, thread) = (opening.clone(), Rc::clone(&thread));
            let app = app.new_service(());
            async move {
                // One for both protocols.
                let app = Rc::new(app.await?);
                let options = settings.connection;
                let connections = settings.connections.clone();
                let h1 = h1(Rc::clone(&app), settings, rules.stopping.clone()).await?;
                let line = Rc::new(Line { opening, options, connections, rules, h1, app });
                Ok(fn_service(move |socket: Socket| {
                    let (line, guest) = (Rc::clone(&line), thread.lobby.welcome());
                    async move {
                        line.serve(socket.into(), guest).await;
                        Ok(())
                    }
                }))
            }
        }))
    }
}

/// What the connections of one listener are served with.
struct Line<H1, App> {
    opening: Opening,
    options: Options,
    connections: Connections,
    rules: h2::Rules,
    h1: H1,
    app: Rc<App>,
}

impl<H1, App, Body> Line<H1, App>
where
    H1: Service<(Connection, Option<SocketAddr>), Response = (), Error = DispatchError>,
    App: Service<Request, Response = ServiceResponse<Body>, Error = Error> + 'static,
    Body: MessageBody + 'static,
{
    async fn serve(&self, transport: Transport, guest: Guest) {
        let _held = self.connections.hold();
        let peer = transport.peer();
        let opened = if self.opening.is_plain() {
            Opened::H1(transport)
        } else {
            // Boxed, as below: what most connections don't need, none has room for.
            Box::pin(self.opening.open(transport, &guest)).await
        };
        match opened {
            Opened::H1(transport) => {
                let connection = Connection::new(transport, self.options, guest);
                let watch = connection.watch();
                let end = self.h1.call((connection, peer)).await;
                log_end(peer, &watch, &end);
            }
            Opened::H2(transport) => {
                let (app, rules) = (Rc::clone(&self.app), self.rules.clone());
                log_end_of_h2(peer, Box::pin(h2::serve(transport, app, guest, rules)).await);
            }
            Opened::Not(why) => log_end_of_h2(peer, Err(why)),
        }
    }
}

/// What serves HTTP/1.
async fn h1<App, Body>(
    app: Rc<App>,
    settings: ServerSettings,
    stopping: GracefulShutdownSignal,
) -> Result<impl Service<(Connection, Option<SocketAddr>), Response = (), Error = DispatchError>, ()>
where
    App: Service<Request, Response = ServiceResponse<Body>, Error = Error> + 'static,
    Body: MessageBody + 'static,
{
    let http = HttpService::build()
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.header_timeout)
        .client_disconnect_timeout(LINGER)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.watch());
        })
        .h1(fn_factory(move || ready(Ok::<_, ()>(Rc::clone(&app)))));
    http.new_service(()).await
}
