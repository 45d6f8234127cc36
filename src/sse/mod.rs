//! The wire format of `text/event-stream` (WHATWG HTML, 9.2).
//!
//! Owns: the bytes. [`Frame`] writes them, [`Decoder`] reads them. Promises: LF only, never a BOM,
//! a block always has `data` (some clients turn a block without it into an empty event), and no
//! value can end its own line. Does not: know who receives what.

mod decoder;
mod frame;

pub use decoder::{Decoded, Decoder};
pub use frame::Frame;
