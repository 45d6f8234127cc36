//! Writes one stream to its socket until its Broadcaster can do that.
//!
//! For a subscriber that has fallen behind after its socket was taken over from actix: it reads
//! the history at the speed of its socket, and hands the socket back when it is up to date. Also
//! for the last words of a stream whose socket did not take them at once. It stops as soon as the
//! stream is cut.

use std::{sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{
    account::{Account, End},
    subscription::{Next, Subscription},
};
use crate::{connection::discard_on_close, sse::Frame};

/// How long the last words may take. The kernel frees a stalled socket in its own time.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs until the subscription is up to date or over.
pub async fn carry(
    mut subscription: Subscription,
    socket: TcpStream,
    backlog: impl IntoIterator<Item = Bytes>,
) {
    let account = Arc::clone(subscription.account());
    let carried = tokio::select! {
        biased;
        () = account.lifeline.is_cut() => return discard_on_close(&socket),
        carried = catch_up(&mut subscription, &socket, backlog) => carried,
    };
    account.lifeline.let_go();
    match carried {
        Ok(true) => subscription.hand_over(socket),
        Ok(false) => {}
        Err(why) => account.end(why),
    }
}

/// Tells whether the subscription is up to date. Otherwise it is over.
async fn catch_up(
    subscription: &mut Subscription,
    socket: &TcpStream,
    backlog: impl IntoIterator<Item = Bytes>,
) -> Result<bool, End> {
    for chunk in backlog {
        write(socket, chunk, subscription.account()).await?;
    }
    while !subscription.is_settled() {
        match subscription.next().await {
            Next::Frame(frame) => {
                write(socket, frame.chunk().clone(), subscription.account()).await?;
            }
            Next::Live => {}
            Next::End => {
                let last = Bytes::from_static(Frame::LAST_CHUNK);
                write(socket, last, subscription.account()).await?;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Writes what is left of a stream that has ended.
pub async fn finish(subscription: Subscription, socket: TcpStream, rest: Vec<Bytes>) {
    let write_all = async {
        for chunk in rest {
            write(&socket, chunk, subscription.account()).await?;
        }
        Ok::<(), End>(())
    };
    if timeout(LAST_WORDS, write_all).await.is_err() {
        discard_on_close(&socket);
    }
}

async fn write(socket: &TcpStream, mut chunk: Bytes, account: &Account) -> Result<(), End> {
    while !chunk.is_empty() {
        socket.writable().await.map_err(|error| End::of(&error))?;
        match socket.try_write(&chunk) {
            Ok(written) => {
                chunk.advance(written);
                account.lifeline.progress();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(End::of(&error)),
        }
    }
    Ok(())
}
