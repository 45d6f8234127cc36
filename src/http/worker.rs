//! What a worker serves: an actix application on [`Connection`]s of our own.
//!
//! Promises: a worker has one Broadcaster, however many listeners there are.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use actix::Addr;
use actix_http::{HttpService, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    Service as _, apply_fn_factory,
    boxed::{self, BoxServiceFactory},
    map_config,
};
use actix_web::{
    App,
    dev::AppConfig,
    middleware::{Condition, from_fn},
    web::Data,
};

use super::{
    ServerSettings, answer_preflights, cors, end_unread, log_end, log_request, mercure, part,
    routes, show_rates, stream::Streams,
};
use crate::{
    connection::{Connection, LINGER, Lobby, Transport},
    hub::{AlarmMaker, Broadcaster, Hub},
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

    /// What serves the connections of one listener.
    pub fn service<Socket: Into<Transport> + 'static>(
        &self,
    ) -> BoxServiceFactory<(), Socket, (), DispatchError, ()> {
        let Self { settings, hub, stopping, .. } = self.clone();
        let thread = self.thread();
        let streams = Streams::new(hub.clone(), thread.broadcaster.clone(), settings.direct_write);
        let app = App::new()
            .app_data(Data::new(hub))
            .app_data(Data::new(streams))
            .app_data(Data::new(settings.body.clone()))
            .app_data(Data::new(settings.origins.clone()))
            .app_data(Data::new(settings.credentials.clone()))
            .app_data(Data::new(settings.refusals.clone()))
            .app_data(Data::new(settings.limits.clone()))
            .app_data(Data::new(settings.drain))
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
            .h1(map_config(app, |()| AppConfig::default()));
        let (options, connections) = (settings.connection, settings.connections);
        boxed::factory(apply_fn_factory(http, move |socket: Socket, http| {
            let connection = Connection::new(socket.into(), options, thread.lobby.welcome());
            let peer = connection.peer();
            let watch = connection.watch();
            let (served, held) = (http.call((connection, peer)), connections.hold());
            async move {
                let end = served.await;
                log_end(peer, &watch, &end);
                drop(held);
                end
            }
        }))
    }
}
