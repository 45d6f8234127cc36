//! Answers of a hub, as far as a load tool has to understand them.
//!
//! Promises: it reads what HTTP/1.1 servers really send: lengths, chunks, bodies up to the end of
//! the connection. Does not: keep a body; an answer to a publisher is thrown away.

use httparse::{EMPTY_HEADER, Response, Status};

use crate::cli::refusal;

/// The most that the head of an answer may take.
const MAX_HEAD: usize = 16 * 1024;
/// How much is told of an answer that is not what was asked for, in characters.
const LONGEST: usize = 150;

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    reason: String,
    /// Its length in bytes.
    pub length: usize,
    body: Body,
    /// Whether the server closes the connection after this answer.
    pub closes: bool,
    is_event_stream: bool,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Length(usize),
    Chunks,
    UntilTheEnd,
}

impl Head {
    /// `None` while it is not there as a whole.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut headers = [EMPTY_HEADER; 64];
        let mut response = Response::new(&mut headers);
        let length = match response.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() > MAX_HEAD => {
                return Err("the head of the answer is too long".to_owned());
            }
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(format!("the answer is not HTTP: {error}")),
        };
        let status = response.code.unwrap_or_default();
        let mut head = Self {
            status,
            reason: response.reason.unwrap_or_default().to_owned(),
            length,
            body: if matches!(status, 204 | 304) { Body::Length(0) } else { Body::UntilTheEnd },
            closes: response.version == Some(0),
            is_event_stream: false,
        };
        for header in response.headers.iter() {
            let value = String::from_utf8_lossy(header.value).to_ascii_lowercase();
            match header.name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let length = value.trim().parse();
                    head.body = Body::Length(length.map_err(|_| "the answer has no length")?);
                }
                "transfer-encoding" if value.contains("chunked") => head.body = Body::Chunks,
                "connection" => head.closes = value.contains("close"),
                "content-type" => head.is_event_stream = value.starts_with("text/event-stream"),
                _ => {}
            }
        }
        Ok(Some(head))
    }

    /// Whether the answer is there as a whole. There is nothing after it, as no request is sent
    /// before the last one is answered.
    pub fn is_whole(&self, answer: &[u8], at_end: bool) -> bool {
        let body = &answer[self.length..];
        match self.body {
            Body::Length(length) => body.len() >= length,
            Body::Chunks => body.ends_with(b"0\r\n\r\n"),
            Body::UntilTheEnd => at_end,
        }
    }

    pub fn is_chunked(&self) -> bool {
        matches!(self.body, Body::Chunks)
    }

    /// Whether this is the head of a stream that goes on. A hub that is full gives browsers one
    /// that has ended already.
    pub fn is_stream(&self) -> bool {
        self.is_event_stream && !matches!(self.body, Body::Length(_))
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a user is told of an answer that is not what was asked for, with the beginning of its
    /// body.
    pub fn explain(&self, answer: &[u8]) -> String {
        let status = format!("{} {}", self.status, self.reason);
        let said = refusal::tell(status.trim_end(), &answer[self.length..]);
        let text: String = said.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        text.trim_end_matches([':', ' ']).to_owned()
    }
}
