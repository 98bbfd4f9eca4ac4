//! Who must stand behind a checkpoint, as a registrar puts it, and the C2SP tlog-policy that says so.
//!
//! ```text
//! --witness KG=kg-1.json --witness KG=kg-2.json --witness TR=tr.json --witness court=court.json
//!
//! witness kg.1 …    group kg any kg.1 kg.2         a state votes by any of its witnesses
//! witness kg.2 …    group tr any tr.1
//! witness tr.1 …    group court any court.1        and so does a third party
//! witness court.1 … group voters all kg tr court   the quorum is all of them
//!                   quorum voters
//! ```

use std::str::FromStr;

use crate::client::ClientError;
use crate::domain::StateCode;
use crate::tlog::WitnessVerifierKey;
use crate::trust::ProvisionalWork;
use crate::wire::{PolicyLine, PolicyName, Quorum, Threshold, VerifierKey, WitnessSheet};

const QUORUM_NAME: &str = "voters";

/// Whose witness it is: a state's, or a third party's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voter {
    /// One of the states.
    State(StateCode),
    /// A court, a bar, an international body: small letters, digits and hyphens.
    Third(String),
}

impl Voter {
    /// What the policy's text calls its group.
    fn group_name(&self) -> String {
        match self {
            Voter::State(state) => state.to_string().to_lowercase(),
            Voter::Third(name) => name.clone(),
        }
    }
}

impl FromStr for Voter {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(state) = text.parse() {
            return Ok(Voter::State(state));
        }
        let is_name = text.len() > 2 && text != QUORUM_NAME && text != "none";
        let chars_ok = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_name && chars_ok {
            Ok(Voter::Third(text.to_owned()))
        } else {
            Err(format!("{text:?} is neither a state, such as KG, nor a name such as court"))
        }
    }
}

/// Which witnesses a policy asks for. Without any, it asks for none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WitnessRule {
    /// Each voter's witnesses, of which one is enough.
    pub witnesses: Vec<(Voter, WitnessSheet)>,
    /// What may be done while others than the own state's are away.
    pub provisional: Option<ProvisionalWork>,
}

/// The parts of a policy that say it.
pub(super) struct WitnessLines {
    pub(super) lines: Vec<PolicyLine>,
    pub(super) votes: Vec<(StateCode, PolicyName)>,
    pub(super) provisional: Option<ProvisionalWork>,
}

impl WitnessRule {
    pub(super) fn to_lines(&self, own: StateCode) -> Result<WitnessLines, ClientError> {
        if self.witnesses.is_empty() {
            return Ok(WitnessLines { lines: vec![PolicyLine::Quorum(Quorum::None)], votes: Vec::new(), provisional: None });
        }
        let mut voters: Vec<&Voter> = self.witnesses.iter().map(|(voter, _)| voter).collect();
        voters.sort();
        voters.dedup();
        if !voters.contains(&&Voter::State(own)) {
            return Err(ClientError::not_possible(
                format!("the policy asks for witnesses, and none of them is {own}'s"),
                format!("give your own state's witness as well: --witness {own}=FILE"),
            ));
        }
        let (mut witnesses, mut groups, mut votes, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for voter in voters {
            let name = policy_name(&voter.group_name())?;
            let mut members = Vec::new();
            let of_voter = self.witnesses.iter().filter(|(of, _)| of == voter).map(|(_, sheet)| sheet);
            for (number, sheet) in (1u32..).zip(of_voter) {
                let member = policy_name(&format!("{name}.{number}"))?;
                witnesses.push(PolicyLine::Witness { name: member.clone(), key: parse_key(sheet)?, url: None });
                members.push(member);
            }
            groups.push(PolicyLine::Group { name: name.clone(), threshold: Threshold::Any, members });
            if let Voter::State(state) = voter {
                votes.push((*state, name.clone()));
            }
            names.push(name);
        }
        let quorum = policy_name(QUORUM_NAME)?;
        groups.push(PolicyLine::Group { name: quorum.clone(), threshold: Threshold::All, members: names });
        let lines = witnesses.into_iter().chain(groups).chain([PolicyLine::Quorum(Quorum::Of(quorum))]).collect();
        Ok(WitnessLines { lines, votes, provisional: self.provisional.clone() })
    }
}

fn policy_name(text: &str) -> Result<PolicyName, ClientError> {
    text.parse().map_err(ClientError::unproven)
}

fn parse_key(sheet: &WitnessSheet) -> Result<VerifierKey, ClientError> {
    let unusable =
        |reason: String| ClientError::not_possible(format!("a witness's sheet: {reason}"), "ask its operator for the sheet again");
    let key: VerifierKey = sheet.key.parse().map_err(|fault: crate::domain::Malformed| unusable(fault.to_string()))?;
    WitnessVerifierKey::from_wire(&key).map_err(|refused| unusable(refused.to_string()))?;
    Ok(key)
}
