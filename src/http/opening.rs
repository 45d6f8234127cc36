//! How a connection begins: TLS where it is spoken, and which protocol follows.
//!
//! Promises: this takes no longer than the head of a request may, and gives way to others as all
//! connections do that carry no stream.

use std::{future::poll_fn, io, task::Poll, time::Duration};

use tokio::time::timeout;

use crate::{
    connection::{Guest, Transport},
    tls::{Certificate, H2},
};

/// How the connections of a listener begin.
#[derive(Clone)]
pub struct Opening {
    pub certificate: Option<Certificate>,
    /// Whether HTTP/2 may begin without TLS.
    pub h2c: bool,
    /// How long this may take.
    pub header_timeout: Duration,
}

/// What a client speaks.
pub enum Opened {
    H1(Transport),
    H2(Transport),
    Not(io::Error),
}

impl Opening {
    /// Whether there is nothing to find out: it is HTTP/1.
    pub fn is_plain(&self) -> bool {
        self.certificate.is_none() && !self.h2c
    }

    /// Finds out.
    pub async fn open(&self, transport: Transport, guest: &Guest) -> Opened {
        let shown_out =
            poll_fn(|cx| if guest.is_shown_out(cx) { Poll::Ready(()) } else { Poll::Pending });
        let opened = tokio::select! {
            opened = timeout(self.header_timeout, self.speak(transport)) => opened,
            () = shown_out => return Opened::Not(io::ErrorKind::ConnectionAborted.into()),
        };
        match opened {
            Ok(Ok((transport, true))) => Opened::H2(transport),
            Ok(Ok((transport, false))) => Opened::H1(transport),
            Ok(Err(why)) => Opened::Not(why),
            Err(_) => Opened::Not(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Whether it is HTTP/2.
    async fn speak(&self, mut transport: Transport) -> io::Result<(Transport, bool)> {
        if let Some(certificate) = &self.certificate {
            let transport = transport.secure(certificate.config()).await?;
            let is_h2 = transport.protocol() == Some(H2);
            return Ok((transport, is_h2));
        }
        let is_h2 = transport.begins_as_h2().await?;
        Ok((transport, is_h2))
    }
}
