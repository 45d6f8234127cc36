//! A short question to a hub, over whatever carries bytes: the HTTP client of the other commands
//! knows TCP alone.

use std::{
    fmt::Display,
    io::{self, Read, Write},
    time::Duration,
};

use super::refusal;

/// How long the answer may take, as with the client of the other commands.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for a path, and prints the answer where it is a success. `place` is for errors.
pub fn knock(
    place: &impl Display,
    connected: io::Result<impl Read + Write>,
    path: &str,
) -> Result<(), String> {
    let ask = || -> io::Result<Vec<u8>> {
        let mut stream = connected?;
        // HTTP/1.0: the answer has no chunks, and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        stream.flush()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| format!("{place}: {error}"))?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let (Ok(httparse::Status::Complete(length)), Some(status)) = (head.parse(&answer), head.code)
    else {
        return Err(format!("{place}: the answer is no HTTP"));
    };
    let body = &answer[length..];
    match status {
        200..300 => super::print(String::from_utf8_lossy(body)),
        _ => Err(refusal::tell(status, body)),
    }
}
