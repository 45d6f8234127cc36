//! One answer over HTTP/2: its head, and its body at the pace of who reads it.
//!
//! Promises: what a body has next is asked for only when HTTP/2 has taken what it had before, so
//! that a stream which is not read makes no progress; a reset by the client, and a cut by the hub,
//! end it at once, also where it is silent or stuck. Does not: know of other streams.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::SystemTime};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::header::{self, HeaderName, HttpDate},
    web::Bytes,
};
use h2::{Reason, SendStream};

use crate::connection::Lifeline;

/// Headers that are about a connection of HTTP/1 (RFC 9113, 8.2.2).
const OF_HTTP_1: [HeaderName; 3] = [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE];

/// The head of an answer.
pub fn head_of<Body: MessageBody>(response: &HttpResponse<Body>) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = response.status();
    let headers = head.headers_mut();
    for (name, value) in response.headers() {
        if !OF_HTTP_1.contains(name) {
            headers.append(name, value.clone());
        }
    }
    if let BodySize::Sized(length) = response.body().size() {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    if !headers.contains_key(header::DATE)
        && let Ok(now) = HttpDate::from(SystemTime::now()).to_string().parse()
    {
        headers.insert(header::DATE, now);
    }
    head
}

/// What happens next to an answer.
enum Next {
    Piece(Option<Result<Bytes, ()>>),
    /// The client has reset the stream, or its connection is gone.
    Gone,
    Cut,
}

/// Sends the body until its end, or that of the stream.
pub async fn send_body(
    body: impl MessageBody,
    mut stream: SendStream<Bytes>,
    lifeline: Option<Arc<Lifeline>>,
) -> Result<(), h2::Error> {
    let mut body = pin!(body);
    loop {
        let next = poll_fn(|cx| {
            if lifeline.as_ref().is_some_and(|lifeline| lifeline.poll_cut(cx)) {
                return Poll::Ready(Next::Cut);
            }
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Next::Gone);
            }
            body.as_mut().poll_next(cx).map(|piece| Next::Piece(piece.map(|it| it.map_err(drop))))
        });
        let mut piece = match next.await {
            Next::Piece(Some(Ok(piece))) => piece,
            Next::Piece(None) => return stream.send_data(Bytes::new(), true),
            Next::Piece(Some(Err(()))) => return reset(&mut stream, Reason::INTERNAL_ERROR),
            Next::Gone => return Ok(()),
            Next::Cut => return reset(&mut stream, Reason::CANCEL),
        };
        while !piece.is_empty() {
            match room(&mut stream, piece.len(), lifeline.as_deref()).await {
                Room::For(length) => {
                    stream.send_data(piece.split_to(length.min(piece.len())), false)?;
                    if let Some(lifeline) = &lifeline {
                        lifeline.progress();
                    }
                }
                Room::Gone => return Ok(()),
                Room::Cut => return reset(&mut stream, Reason::CANCEL),
            }
        }
    }
}

/// Throws away what waits.
#[expect(clippy::unnecessary_wraps, reason = "it is how an answer ends")]
fn reset(stream: &mut SendStream<Bytes>, reason: Reason) -> Result<(), h2::Error> {
    stream.send_reset(reason);
    Ok(())
}

enum Room {
    For(usize),
    Gone,
    Cut,
}

/// Waits until something of so many bytes may be sent: the client has read, and the kernel taken.
async fn room(stream: &mut SendStream<Bytes>, wanted: usize, lifeline: Option<&Lifeline>) -> Room {
    stream.reserve_capacity(wanted);
    poll_fn(|cx| {
        if lifeline.is_some_and(|lifeline| lifeline.poll_cut(cx)) {
            return Poll::Ready(Room::Cut);
        }
        loop {
            let capacity = stream.capacity();
            if capacity > 0 {
                return Poll::Ready(Room::For(capacity));
            }
            // It may tell of room that is none yet.
            match stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Room::Gone),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}
