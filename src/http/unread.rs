//! Answers that are given before their request's body was read.
//!
//! Promises: such an answer is the last on its connection, which is closed soon. actix would skip
//! the rest of a chunked body, however long that takes. Does not: read anything.

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
};

use crate::connection::Watch;

/// Among the extensions of a request whose body has been read to its end.
pub struct BodyRead;

/// The middleware. Goes around everything that gives answers.
pub async fn end_unread(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let has_body = !matches!(request.parts_mut().1, Payload::None);
    let mut response = next.call(request).await?;
    // What comes into a stream is thrown away there.
    let streams = response.response().body().size() == BodySize::Stream;
    let read = || response.request().extensions().contains::<BodyRead>();
    if has_body && !streams && !read() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        if let Some(connection) = response.request().conn_data::<Watch>() {
            connection.give_up();
        }
    }
    Ok(response)
}
