//! Writes one stream to its socket until its Broadcaster can do that.
//!
//! For a subscriber that has fallen behind after its socket was taken over from actix: it reads
//! the history at the speed of its socket, and hands the socket back when it is up to date. Also
//! for the last words of a stream whose socket did not take them at once.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{
    account::{Account, End},
    subscription::{Next, Subscription},
};
use crate::sse::Frame;

/// How long the last words may take. The kernel frees a stalled socket in its own time.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs until the subscription is up to date or over.
pub async fn carry(
    mut subscription: Subscription,
    socket: TcpStream,
    backlog: impl IntoIterator<Item = Bytes>,
) {
    for chunk in backlog {
        if let Err(why) = write(&socket, chunk, subscription.account()).await {
            return subscription.account().end(why);
        }
    }
    while !subscription.is_settled() {
        let (chunk, last) = match subscription.next().await {
            Next::Frame(frame) => (frame.chunk().clone(), false),
            Next::Live => continue,
            Next::End => (Bytes::from_static(Frame::LAST_CHUNK), true),
        };
        if let Err(why) = write(&socket, chunk, subscription.account()).await {
            return subscription.account().end(why);
        }
        if last {
            return;
        }
    }
    subscription.hand_over(socket);
}

/// Writes what is left of a stream that has ended.
pub async fn finish(subscription: Subscription, socket: TcpStream, rest: Vec<Bytes>) {
    let write_all = async {
        for chunk in rest {
            write(&socket, chunk, subscription.account()).await?;
        }
        Ok::<(), End>(())
    };
    // Whatever comes of it, the stream is over.
    let _ = timeout(LAST_WORDS, write_all).await;
}

async fn write(socket: &TcpStream, mut chunk: Bytes, account: &Account) -> Result<(), End> {
    while !chunk.is_empty() {
        socket.writable().await.map_err(|error| End::of(&error))?;
        match socket.try_write(&chunk) {
            Ok(written) => {
                chunk.advance(written);
                account.progress();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(End::of(&error)),
        }
    }
    Ok(())
}
