//! Outcomes as HTTP: the one table from refusal codes to statuses, and faults that show only an id.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::domain::MemberCode;
use crate::exchange::ActError;
use crate::net::{OutgoingBody, RequestId, problem_response};
use crate::wire::{Refusal, RefusalCode};

pub(super) type Answer = Response<OutgoingBody>;

/// Why a request did not get the answer it asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// What the exchange says.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The thread that did the work panicked; it has told where itself.
    #[error("the work for the request panicked")]
    Panicked,
    /// The outcome has no form as an answer.
    #[error("the answer cannot be encoded: {0}")]
    Unencodable(String),
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        RequestError::Act(refusal.into())
    }
}

impl RequestError {
    pub(super) fn unencodable(cause: impl std::fmt::Display) -> Self {
        RequestError::Unencodable(cause.to_string())
    }
}

pub(super) fn bytes_answer(content_type: &'static str, bytes: impl Into<bytes::Bytes>) -> Answer {
    let mut answer = Response::new(OutgoingBody::from_bytes(bytes));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Says how long an answer may be kept.
pub(super) fn cached(mut answer: Answer, control: &'static str) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(control));
    answer
}

pub(super) fn json_answer<T: Serialize>(value: &T) -> Result<Answer, RequestError> {
    let bytes = serde_json::to_vec(value).map_err(RequestError::unencodable)?;
    Ok(bytes_answer("application/json", bytes))
}

/// The answer to what was refused or failed. The operator's trace has the same request id.
pub(super) fn answer_error(error: &RequestError, member: &MemberCode, id: Option<&RequestId>) -> Answer {
    let id = id.map(ToString::to_string).unwrap_or_default();
    match error {
        RequestError::Act(ActError::Refused(refusal)) => {
            tracing::info!(%id, %member, code = %refusal.code, detail = %refusal.detail, "refused");
            problem_response(status_of(refusal.code), refusal)
        }
        fault => {
            tracing::error!(%id, %member, %fault, "a request failed");
            let refusal = Refusal::new(RefusalCode::Internal, "the server could not do this now; nothing is lost");
            problem_response(status_of(RefusalCode::Internal), &refusal)
        }
    }
}

const fn status_of(code: RefusalCode) -> StatusCode {
    use RefusalCode::{
        BadRequest, Busy, CaseMoved, CertificateRefused, ClockSkew, DirectoryStale, EntryRefused, Internal, LogForked, Malformed, NotFound,
        NotReleased, NotTheActor, OffsetMismatch, RecipientRefused, RoleMissing, SignatureInvalid, SlipMismatch, StorageFull, TagTaken,
        TooLarge, TooManyActs, TooManyUploads, TransitionRefused, UploadBusy, UploadMismatch, WrongLog,
    };
    match code {
        BadRequest | Malformed | SignatureInvalid | WrongLog | SlipMismatch | UploadMismatch => StatusCode::BAD_REQUEST,
        CertificateRefused | NotTheActor | RoleMissing | RecipientRefused | EntryRefused | NotReleased => StatusCode::FORBIDDEN,
        NotFound => StatusCode::NOT_FOUND,
        CaseMoved | TransitionRefused | TagTaken | UploadBusy | OffsetMismatch | DirectoryStale | LogForked | ClockSkew => {
            StatusCode::CONFLICT
        }
        TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        TooManyUploads | TooManyActs => StatusCode::TOO_MANY_REQUESTS,
        StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Busy => StatusCode::SERVICE_UNAVAILABLE,
        Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_answer_that_cannot_be_encoded_does_not_blame_what_is_stored() {
        let unspeakable = BTreeMap::from([(vec![1u8], 1)]);
        let error = json_answer(&unspeakable).map(drop).expect_err("JSON has no such keys");
        assert!(error.to_string().starts_with("the answer cannot be encoded: "), "{error}");
        let answer = answer_error(&error, &"kg.gpo/07".parse().unwrap(), None);
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
