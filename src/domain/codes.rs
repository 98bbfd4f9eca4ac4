//! The names of states, authorities, members and logs.

use std::fmt;
use std::str::FromStr;

use super::limits;
use super::{Malformed, serde_as_text};

/// An ISO 3166-1 alpha-2 code of a state, written in capitals: `KG`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateCode([u8; 2]);

impl FromStr for StateCode {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes() {
            &[a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([a, b])),
            _ => Err(Malformed { what: "a state", rule: "it must be two capital letters, as in KG" }),
        }
    }
}

impl fmt::Display for StateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0[0] as char, self.0[1] as char)
    }
}

impl fmt::Debug for StateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateCode({self})")
    }
}

serde_as_text!(StateCode);

/// An authority: its state in small letters, then one to three labels, as in `kg.gpo.international`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorityCode(String);

impl AuthorityCode {
    /// The state in whose namespace this authority stands; only that state's registrar can name it.
    pub fn state(&self) -> StateCode {
        let bytes = self.0.as_bytes();
        StateCode([bytes[0].to_ascii_uppercase(), bytes[1].to_ascii_uppercase()])
    }

    /// The code as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// State and code together, as people are shown it: `KG kg.gpo`.
    pub fn label(&self) -> String {
        format!("{} {self}", self.state())
    }
}

const AUTHORITY_RULE: &str =
    "it must be a state in small letters and one to three labels of a-z, 0-9 and inner hyphens, joined by dots, as in kg.gpo";

fn is_label(label: &str) -> bool {
    let edges_ok = !label.starts_with('-') && !label.ends_with('-');
    let length_ok = (1..=limits::AUTHORITY_LABEL_CHARS_MAX).contains(&label.len());
    length_ok && edges_ok && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl FromStr for AuthorityCode {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut labels = text.split('.');
        let state_ok = labels.next().is_some_and(|state| state.len() == 2 && state.bytes().all(|b| b.is_ascii_lowercase()));
        let rest: Vec<&str> = labels.collect();
        if state_ok && (1..=3).contains(&rest.len()) && rest.iter().all(|label| is_label(label)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed { what: "an authority", rule: AUTHORITY_RULE })
        }
    }
}

impl fmt::Display for AuthorityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AuthorityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityCode({self})")
    }
}

serde_as_text!(AuthorityCode);

/// A person in an authority, by a number and never by name: `kg.gpo/07`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberCode {
    authority: AuthorityCode,
    number: String,
}

impl MemberCode {
    /// The authority this member acts for.
    pub fn authority(&self) -> &AuthorityCode {
        &self.authority
    }

    /// The state this member's authority belongs to.
    pub fn state(&self) -> StateCode {
        self.authority.state()
    }

    /// State and code together, as people are shown it: `KG kg.gpo/07`.
    pub fn label(&self) -> String {
        format!("{} {self}", self.state())
    }
}

impl FromStr for MemberCode {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "a member", rule: "it must be an authority, a slash and two to six digits, as in kg.gpo/07" };
        let (authority, number) = text.split_once('/').ok_or(malformed.clone())?;
        let digits_ok = (2..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        if !digits_ok {
            return Err(malformed);
        }
        Ok(Self { authority: authority.parse()?, number: number.to_owned() })
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.authority, self.number)
    }
}

impl fmt::Debug for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberCode({self})")
    }
}

serde_as_text!(MemberCode);

/// The origin of a log, the first line of its checkpoints (C2SP tlog-checkpoint): `mla.example/events`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let part_ok = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        if text.len() <= limits::ORIGIN_CHARS_MAX && text.split('/').all(part_ok) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "a log's origin",
                rule: "it must be parts of a-z, 0-9, dots and hyphens joined by slashes, as in mla.example/events",
            })
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

serde_as_text!(Origin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_know_their_state() {
        let member: MemberCode = "kg.gpo.international/07".parse().unwrap();
        assert_eq!(member.authority().as_str(), "kg.gpo.international");
        assert_eq!(member.state().to_string(), "KG");
        assert_eq!(member.to_string(), "kg.gpo.international/07");
    }

    #[test]
    fn other_spellings_are_refused() {
        for wrong in ["kg", "KG.gpo", "kg.", "kg.-gpo", "kg.gpo-", "kgz.gpo", "kg..gpo", "kg.g po", "kg.a.b.c.d", "kg.прокуратура", ""]
        {
            assert!(wrong.parse::<AuthorityCode>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in ["kg.gpo", "kg.gpo/7", "kg.gpo/0000001", "kg.gpo/07/1", "kg.gpo/a7", "/07", "kg.gpo/ 7"] {
            assert!(wrong.parse::<MemberCode>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in ["kg", "KGZ", "K1", ""] {
            assert!(wrong.parse::<StateCode>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in ["", "a//b", "/a", "a/", "a b", "a+b", "Mla.example"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong:?} was accepted");
        }
    }
}
