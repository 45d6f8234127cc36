//! All tests that go through a socket. Each module is one promise of the product.
//!
//! They start the real binary on a free port and speak to it as users do. None waits by sleeping:
//! each waits for the thing itself, and gives up after `support::PATIENCE`.

/// What a client of the tutorial sees, and every answer that is not an error.
mod api;
/// The machinery.
mod support;
