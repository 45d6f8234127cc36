//! Mercure at `/.well-known/mercure`: 0.x and 1.0 at the same time.
//!
//! Owns: the routes below `/.well-known/`, and the headers that all answers there have. Promises:
//! what nobody has a key for is not there. Does not: have events of its own; what is published here
//! is in the one history, and reaches `/events` too.

mod dialect;
mod document;
mod error;
mod fields;
mod metadata;
mod presence;
mod subscriptions;

pub use dialect::Dialect;
pub use error::MercureError;
pub use presence::Presence;

/// The path of the protocol.
pub const PATH: &str = "/.well-known/mercure";
