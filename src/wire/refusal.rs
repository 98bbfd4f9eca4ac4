//! Refusals: what is theirs to fix. A stable code, a sentence, a hint; safe to show (RFC 9457).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an act was refused. The word is stable; programs may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The HTTP request itself is not as PROTOCOL.md has it.
    BadRequest,
    /// The statement, a slip or a body does not parse.
    Malformed,
    /// Larger than a limit.
    TooLarge,
    /// There is nothing there, or nothing for you: one answer for both.
    NotFound,
    /// The signature does not verify.
    SignatureInvalid,
    /// The signing certificate is not valid for this, or not the one the statement or the directory names.
    CertificateRefused,
    /// The statement is for another log.
    WrongLog,
    /// The statement's time is too far from the server's.
    ClockSkew,
    /// The connection and the statement name different members.
    NotTheActor,
    /// The directory has no valid entry for the actor, or not with the role.
    RoleMissing,
    /// The case has moved on since the actor looked.
    CaseMoved,
    /// The life cycle does not allow this act now.
    TransitionRefused,
    /// A tag that must be new is not.
    TagTaken,
    /// An upload is incomplete, or not what the statement says.
    UploadMismatch,
    /// Another connection is writing this upload.
    UploadBusy,
    /// The offset is not where the upload stands.
    OffsetMismatch,
    /// A slip is missing, surplus, weaker than allowed, or not what the statement says.
    SlipMismatch,
    /// A recipient is unknown, or may not be addressed this way.
    RecipientRefused,
    /// The directory changed for the actor or a recipient since the actor saw it.
    DirectoryStale,
    /// The statement builds on a tree that is not this log's: proof of a fork, on one side or the other.
    LogForked,
    /// No release of this document to this member is in force.
    NotReleased,
    /// A directory entry that the rules of the directory forbid.
    EntryRefused,
    /// The member has too many uploads under way.
    TooManyUploads,
    /// The member's acts have added as much to the log as one member may in a day.
    TooManyActs,
    /// The disk has no room. Reading goes on.
    StorageFull,
    /// The server is too busy, or stopping.
    Busy,
    /// A fault of the server; its operator finds it by the request id.
    Internal,
}

impl RefusalCode {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        self.describe().0
    }

    /// What the person can do.
    pub const fn hint(self) -> &'static str {
        self.describe().1
    }

    /// Whether the act itself was judged, so that it surely does not stand in the log. After the others the same
    /// act may be sent again as it is, and perhaps it stands there already.
    pub const fn is_judgement(self) -> bool {
        !matches!(self, RefusalCode::BadRequest | RefusalCode::StorageFull | RefusalCode::Busy | RefusalCode::Internal)
    }

    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            RefusalCode::BadRequest => ("bad-request", "use a client of the version that PROTOCOL.md describes"),
            RefusalCode::Malformed => ("malformed", "use a client of the version that PROTOCOL.md describes"),
            RefusalCode::TooLarge => ("too-large", "send fewer or smaller documents"),
            RefusalCode::NotFound => ("not-found", "check the tag; ask the sender whether your authority is among the recipients"),
            RefusalCode::SignatureInvalid => ("signature-invalid", "sign again with the statement key of your profile"),
            RefusalCode::CertificateRefused => {
                ("certificate-refused", "ask your registrar whether your certificates are valid and in the directory")
            }
            RefusalCode::WrongLog => ("wrong-log", "check that your profile belongs to this server"),
            RefusalCode::ClockSkew => ("clock-skew", "set this machine's clock, then do it again"),
            RefusalCode::NotTheActor => ("not-the-actor", "connect with the TLS certificate of the member who signs"),
            RefusalCode::RoleMissing => ("role-missing", "ask your registrar for the role, or a colleague who has it"),
            RefusalCode::CaseMoved => ("case-moved", "look at the case again, then decide"),
            RefusalCode::TransitionRefused => ("transition-refused", "look at the case's state; PROTOCOL.md lists what may follow"),
            RefusalCode::TagTaken => ("tag-taken", "send again as a new submission"),
            RefusalCode::UploadMismatch => ("upload-mismatch", "upload the document again"),
            RefusalCode::UploadBusy => ("upload-busy", "wait until the other connection has ended"),
            RefusalCode::OffsetMismatch => ("offset-mismatch", "ask for the offset with HEAD and go on from there"),
            RefusalCode::SlipMismatch => ("slip-mismatch", "look at the case again: keys or slips may have changed; then do it again"),
            RefusalCode::RecipientRefused => ("recipient-refused", "across the border only central authorities are addressed"),
            RefusalCode::DirectoryStale => ("directory-stale", "fetch the directory again, look at what changed, then decide"),
            RefusalCode::LogForked => ("log-forked", "stop, keep your profile as it is, and tell your state's auditor"),
            RefusalCode::NotReleased => ("not-released", "ask for it first: opening a document signs a release, an audit an inspection"),
            RefusalCode::EntryRefused => ("entry-refused", "PROTOCOL.md lists what the directory allows"),
            RefusalCode::TooManyUploads => {
                ("too-many-uploads", "send what is under way first; what is left alone goes by itself after six days")
            }
            RefusalCode::TooManyActs => ("too-many-acts", "go on tomorrow, or let a colleague do it; ask why there are so many"),
            RefusalCode::StorageFull => ("storage-full", "try again later, or tell the server's operator; reading goes on"),
            RefusalCode::Busy => ("busy", "try again in a moment"),
            RefusalCode::Internal => ("internal", "give the request id to the server's operator"),
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: a code and one sentence that says what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({code})")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// One sentence, for a person.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The one answer to what is not there and to what is not yours.
    pub fn not_found() -> Self {
        Self::new(RefusalCode::NotFound, "there is nothing here for you")
    }
}

/// A problem document (RFC 9457) as the server writes it and the client reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// `urn:elchi:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status again.
    pub status: u16,
    /// The stable code.
    pub code: RefusalCode,
    /// One sentence, for a person.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

impl Problem {
    /// The problem document of a refusal.
    pub fn of(refusal: &Refusal, status: u16) -> Self {
        let Refusal { code, detail } = refusal;
        Self { kind: format!("urn:elchi:problem:{code}"), status, code: *code, detail: detail.clone(), hint: code.hint().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_json_is_the_stable_word() {
        for code in [RefusalCode::CaseMoved, RefusalCode::NotTheActor, RefusalCode::Internal] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
