//! The acts a statement can be, and the kinds of submissions.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Log, Malformed};

/// A closed list of words, each with one spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word as statements write it.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or(Malformed { what: $what, rule: $rule })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

words!(
    /// What a statement does. PROTOCOL.md has the lines, roles and leaves of each, and the transitions.
    Op, "an op", "it must be one of the ops of PROTOCOL.md",
    {
        /// Sends documents into a case.
        Submit = "submit",
        /// Asks for blobs.
        Release = "release",
        /// Says that documents were opened and verified.
        Opened = "opened",
        /// The requested central authority has taken the request up (art. 18(24): answer progress queries).
        Acknowledge = "acknowledge",
        /// Hands documents to another authority (art. 18(13): transmit to the competent authority).
        Forward = "forward",
        /// The requesting authority has what it needs.
        Close = "close",
        /// Asks for the own authority's slips of documents, to be sealed anew; not for blobs.
        Unwrap = "unwrap",
        /// Seals the own authority's slips of documents to its key in force.
        Rewrap = "rewrap",
        /// Says that slips which somebody else of the own authority sealed anew hand over what the old ones do.
        Confirm = "confirm",
        /// Says that the newest slip of documents does not open them.
        Reject = "reject",
        /// Says that an auditor reads the statements of the cases on an authority's register.
        Inspect = "inspect",
        /// Names an authority in the directory.
        Authority = "authority",
        /// Names a member in the directory.
        Member = "member",
        /// Ends a member's entry, at once.
        Revoke = "revoke",
        /// Puts another sealing key in the place of an authority's.
        Replace = "replace",
        /// Undoes a replacement before it takes effect.
        Cancel = "cancel",
        /// Says that a member holds their authority's sealing identity.
        Grant = "grant",
        /// Says that a custodian has put their authority's sealing identity together from its shares.
        Recover = "recover",
    }
);

impl Op {
    /// The log this op is written to.
    pub const fn log(self) -> Log {
        match self {
            Op::Authority | Op::Member | Op::Revoke | Op::Replace | Op::Cancel | Op::Grant | Op::Recover => Log::Directory,
            Op::Submit | Op::Release | Op::Opened | Op::Acknowledge | Op::Forward | Op::Close => Log::Events,
            Op::Unwrap | Op::Rewrap | Op::Confirm | Op::Reject | Op::Inspect => Log::Events,
        }
    }

    /// Whether an act of this op moves its case: it builds on the case's last event, and becomes the last one.
    pub const fn moves_case(self) -> bool {
        match self {
            Op::Submit | Op::Acknowledge | Op::Forward | Op::Close => true,
            Op::Release | Op::Opened | Op::Unwrap | Op::Rewrap | Op::Confirm | Op::Reject | Op::Inspect => false,
            Op::Authority | Op::Member | Op::Revoke | Op::Replace | Op::Cancel | Op::Grant | Op::Recover => false,
        }
    }
}

words!(
    /// What a submission is.
    SubmissionKind, "a kind", "it must be request or response",
    {
        /// Opens a case (art. 18(15)).
        Request = "request",
        /// Answers it, inside a state or across the border.
        Response = "response",
    }
);

words!(
    /// Why a member's entry ended.
    RevocationReason, "a reason", "it must be key-compromise, left or superseded",
    {
        /// A key was lost or copied.
        KeyCompromise = "key-compromise",
        /// The person no longer works there.
        Left = "left",
        /// A new entry takes its place.
        Superseded = "superseded",
    }
);
