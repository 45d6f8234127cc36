//! One answer over HTTP/2: its head, and its body at the pace of who reads it.
//!
//! Promises: what a body has next is asked for only when HTTP/2 has taken what it had before, so
//! that a stream which is not read makes no progress; a reset by the client, and a cut by the hub,
//! end it at once, also where it is silent or stuck; what its client takes nothing of for the peer
//! time-out is reset, and so is a stream that has to be over and waits for its client. Does not:
//! know of other streams.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant, SystemTime},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::header::{self, HeaderName, HttpDate},
    web::Bytes,
};
use h2::{Reason, SendStream};
use tokio::time::timeout;

use crate::{connection::Lifeline, hub::Overdue};

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

/// How often is looked at the clock for an answer that waits for its client.
const LOOK: Duration = Duration::from_secs(1);

/// What ends an answer before its end.
pub struct Bounds {
    /// How long its client may take nothing.
    pub patience: Duration,
    /// Of a stream: what cuts it.
    pub lifeline: Option<Arc<Lifeline>>,
    /// Of a stream: whether it has to be over.
    pub overdue: Option<Overdue>,
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
    mut bounds: Bounds,
) -> Result<(), h2::Error> {
    let mut body = pin!(body);
    loop {
        let next = poll_fn(|cx| {
            if bounds.lifeline.as_ref().is_some_and(|lifeline| lifeline.poll_cut(cx)) {
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
            match room(&mut stream, piece.len(), &mut bounds).await {
                Room::For(length) => {
                    stream.send_data(piece.split_to(length.min(piece.len())), false)?;
                    if let Some(lifeline) = &bounds.lifeline {
                        lifeline.progress();
                    }
                }
                Room::Gone => return Ok(()),
                Room::Cut => return reset(&mut stream, Reason::CANCEL),
                Room::Never => {
                    // Who has its body learns why it goes.
                    if let Some(lifeline) = &bounds.lifeline {
                        lifeline.cut();
                    }
                    return reset(&mut stream, Reason::CANCEL);
                }
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
    /// Its client takes nothing, or too slowly for one that has to be over.
    Never,
}

/// Waits until something of so many bytes may be sent: the client has read, and the kernel taken.
async fn room(stream: &mut SendStream<Bytes>, wanted: usize, bounds: &mut Bounds) -> Room {
    stream.reserve_capacity(wanted);
    let since = Instant::now();
    loop {
        // Also one that takes a byte now and then waits here, again and again.
        let waits = stream.capacity() == 0;
        if waits && bounds.overdue.as_mut().is_some_and(Overdue::is_over) {
            return Room::Never;
        }
        if let Ok(room) = timeout(LOOK, some_room(stream, bounds.lifeline.as_deref())).await {
            return room;
        }
        if since.elapsed() >= bounds.patience {
            return Room::Never;
        }
    }
}

async fn some_room(stream: &mut SendStream<Bytes>, lifeline: Option<&Lifeline>) -> Room {
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
