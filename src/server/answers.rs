//! Outcomes as HTTP: the one table from refusal codes to statuses, and faults that show only an id.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::domain::MemberCode;
use crate::exchange::{ActError, ExchangeFault};
use crate::net::{OutgoingBody, RequestId, problem_response};
use crate::wire::{Refusal, RefusalCode};

pub(super) type Answer = Response<OutgoingBody>;

pub(super) fn bytes_answer(content_type: &'static str, bytes: impl Into<bytes::Bytes>) -> Answer {
    let mut answer = Response::new(OutgoingBody::from_bytes(bytes));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

pub(super) fn json_answer<T: Serialize>(value: &T) -> Result<Answer, ActError> {
    let bytes = serde_json::to_vec(value).map_err(|_| ExchangeFault::Damaged { what: "answer" })?;
    Ok(bytes_answer("application/json", bytes))
}

/// The answer to what was refused or failed. The operator's trace has the same request id.
pub(super) fn answer_error(error: &ActError, member: &MemberCode, id: Option<&RequestId>) -> Answer {
    let id = id.map(ToString::to_string).unwrap_or_default();
    match error {
        ActError::Refused(refusal) => {
            tracing::info!(%id, %member, code = %refusal.code, detail = %refusal.detail, "refused");
            problem_response(status_of(refusal.code), refusal)
        }
        ActError::Fault(fault) => {
            tracing::error!(%id, %member, %fault, "a request failed");
            let refusal = Refusal::new(RefusalCode::Internal, "the server could not do this now; nothing is lost");
            problem_response(status_of(RefusalCode::Internal), &refusal)
        }
    }
}

const fn status_of(code: RefusalCode) -> StatusCode {
    use RefusalCode::{
        BadRequest, Busy, CaseMoved, CertificateRefused, ClockSkew, DirectoryStale, EntryRefused, Internal, LogForked, Malformed,
        NotAParty, NotFound, NotReleased, NotTheActor, OffsetMismatch, RecipientRefused, RoleMissing, SignatureInvalid, SlipMismatch,
        StorageFull, TagTaken, TooLarge, TooManyActs, TooManyUploads, TransitionRefused, UploadBusy, UploadMismatch, WrongLog,
    };
    match code {
        BadRequest | Malformed | SignatureInvalid | WrongLog | SlipMismatch | UploadMismatch => StatusCode::BAD_REQUEST,
        CertificateRefused | NotTheActor | RoleMissing | NotAParty | RecipientRefused | EntryRefused | NotReleased => StatusCode::FORBIDDEN,
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
