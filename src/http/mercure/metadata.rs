//! `GET /.well-known/oauth-protected-resource/.well-known/mercure`: what a client has to know to
//! get a token (RFC 9728).

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;

use super::{access::Access, error::MercureError};
use crate::auth::DETAIL;

/// Where it is.
pub const METADATA: &str = "/.well-known/oauth-protected-resource/.well-known/mercure";
