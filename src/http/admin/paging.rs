//! Lists that are shown in pages: which part, and in which order.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, Query};
use crate::invalid::Invalid;

/// The most rows of a page, and the usual number.
pub const MAX_LIMIT: usize = 500;
pub const LIMIT: usize = 50;
/// The last page that can be asked for.
pub const MAX_PAGE: usize = 1_000_000;

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    number: usize,
    limit: usize,
}

/// That part, and how much there is.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub struct Part<T> {
    /// Of all pages together.
    total: usize,
    pages: usize,
    page: usize,
    limit: usize,
    rows: Vec<T>,
}

/// In which direction a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

impl Order {
    /// What `order` says; without it this one.
    pub fn parse(query: &Query, usual: Self) -> Result<Self, ApiError> {
        let words = [("asc", Self::Ascending), ("desc", Self::Descending)];
        Ok(choice(query, "order", &words, "asc, desc")?.unwrap_or(usual))
    }

    /// Applies it to two that are compared in ascending order.
    pub fn of(self, ascending: std::cmp::Ordering) -> std::cmp::Ordering {
        match self {
            Self::Ascending => ascending,
            Self::Descending => ascending.reverse(),
        }
    }
}

impl Page {
    /// What `page` and `limit` say.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        let number = |field, max, usual| match query.one(field)? {
            None => Ok::<_, ApiError>(usual),
            Some(text) => {
                let number = text.parse().ok().filter(|number| (1..=max).contains(number));
                Ok(number.ok_or(Invalid::Number { field, min: 1, max })?)
            }
        };
        Ok(Self { number: number("page", MAX_PAGE, 1)?, limit: number("limit", MAX_LIMIT, LIMIT)? })
    }

    /// Takes this part of all rows.
    pub fn of<T, R>(self, all: Vec<T>, row: impl FnMut(T) -> R) -> Part<R> {
        let Self { number, limit } = self;
        let total = all.len();
        let rows = all.into_iter().skip((number - 1) * limit).take(limit).map(row).collect();
        Part { total, pages: total.div_ceil(limit).max(1), page: number, limit, rows }
    }
}

/// What one of these words stands for; `None` where the parameter is not there.
pub fn choice<T: Copy>(
    query: &Query,
    field: &'static str,
    words: &[(&str, T)],
    allowed: &'static str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = query.one(field)? else { return Ok(None) };
    let found = words.iter().find(|(word, _)| *word == text);
    Ok(Some(found.ok_or(Invalid::Choice { field, allowed })?.1))
}

/// Refuses a query with anything else in it.
pub fn only(query: &Query, allowed: &'static str) -> Result<(), ApiError> {
    let known = |name: &str| allowed.split(", ").any(|one| one == name);
    if query.names().all(known) {
        Ok(())
    } else if allowed.is_empty() {
        Err(Invalid::NoQuery.into())
    } else {
        Err(Invalid::Unknown { allowed }.into())
    }
}
