//! How the server parts from its clients when the process is about to end.
//!
//! Owns: how many connections actix holds. Promises: while the hub drains, each answer is the last
//! on its connection: so that when the server stops, no client is about to send the next request on
//! one that is being closed. Does not: close anything.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
    web::Data,
};

use crate::hub::Hub;

/// The connections that actix holds, on all workers. Streams that Broadcasters write are not among
/// them. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<AtomicUsize>);

/// One of them.
#[derive(Debug)]
pub struct Held(Arc<AtomicUsize>);

impl Connections {
    /// One more, until that is dropped.
    pub fn hold(&self) -> Held {
        self.0.fetch_add(1, Relaxed);
        Held(Arc::clone(&self.0))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The middleware.
pub async fn part(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if response.request().app_data::<Data<Hub>>().is_some_and(|hub| hub.is_draining()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
