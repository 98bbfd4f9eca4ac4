//! Refusals as HTTP: RFC 9457 problem documents, and the id that joins an answer to the operator's traces.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::OutgoingBody;
use super::head::HeadRefused;
use crate::crypto::random_array;
use crate::wire::{Problem, Refusal, RefusalCode};

/// The response header that carries the [`RequestId`].
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The random name of one request: in its extensions, in the response's `request-id` header, and in traces.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    pub(super) fn draw() -> Self {
        Self(random_array())
    }

    /// The id that an answer carries; none if it is not spelt as ids are.
    pub fn of_answer(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let id = Self(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// A refusal as a response with a problem document.
pub fn problem_response(status: StatusCode, refusal: &Refusal) -> Response<OutgoingBody> {
    let mut response = Response::new(OutgoingBody::from_bytes(problem_json(status, refusal)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// The whole answer to a head that hyper never sees.
pub(super) fn head_refusal(refused: HeadRefused) -> Bytes {
    let HeadRefused { status, detail } = refused;
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => RefusalCode::TooLarge,
        _ => RefusalCode::BadRequest,
    };
    let id = RequestId::draw();
    tracing::info!(%id, %status, detail, "a request's head is refused");
    let body = problem_json(status, &Refusal::new(code, detail));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n{REQUEST_ID}: {id}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat().into()
}

fn problem_json(status: StatusCode, refusal: &Refusal) -> Vec<u8> {
    // Strings and numbers always have a JSON form; an empty body would still carry the status.
    serde_json::to_vec(&Problem::of(refusal, status.as_u16())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_head_is_answered_with_a_whole_response() {
        let answer = head_refusal(HeadRefused { status: StatusCode::BAD_REQUEST, detail: "no" });
        let text = std::str::from_utf8(&answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!((problem.status, problem.code), (400, RefusalCode::BadRequest));
    }

    #[test]
    fn ids_differ() {
        assert_ne!(RequestId::draw(), RequestId::draw());
        assert_eq!(RequestId::draw().to_string().len(), 32);
    }
}
