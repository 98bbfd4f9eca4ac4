//! The life cycle of a case as a table. What is not in the table is refused.
//!
//! Only a central authority transmits across the border (art. 18(13)). *Delivered* and *Opened* are
//! derived from the log and never the start of an enforced transition, so they do not stand here.

use std::fmt;

use super::SubmissionKind;

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum CaseState {
    /// The request lies with the requested central authority.
    Submitted,
    /// It has been taken up.
    Acknowledged,
    /// Other offices of the requested state have it.
    ForwardedToCompetent,
    /// An executing authority has answered its own central authority.
    Executed,
    /// The answer has crossed the border.
    Responded,
    /// The requesting authority has what it needs.
    Closed,
}

impl fmt::Display for CaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CaseState::Submitted => "submitted",
            CaseState::Acknowledged => "acknowledged",
            CaseState::ForwardedToCompetent => "forwarded to the competent authority",
            CaseState::Executed => "executed",
            CaseState::Responded => "responded",
            CaseState::Closed => "closed",
        })
    }
}

/// An act that moves a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseAct {
    /// A submission of this kind.
    Submit(SubmissionKind),
    /// See `Op::Acknowledge`.
    Acknowledge,
    /// See `Op::Forward`.
    Forward,
    /// See `Op::Close`.
    Close,
}

impl fmt::Display for CaseAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaseAct::Submit(kind) => write!(f, "submit a {kind}"),
            CaseAct::Acknowledge => f.write_str("acknowledge"),
            CaseAct::Forward => f.write_str("forward"),
            CaseAct::Close => f.write_str("close"),
        }
    }
}

/// The side of a case that the actor's state is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The state that asks.
    Requesting,
    /// The state that is asked.
    Requested,
}

/// What the actor's authority is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Office {
    /// The one that transmits across the border.
    Central,
    /// One that the case was forwarded to.
    Competent,
}

/// Where the act is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To nobody in particular: it is about the case.
    Nobody,
    /// To authorities of the actor's own state only.
    Inside,
    /// To a central authority of the other state only.
    Across,
}

/// One row of the life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before; none for an act that opens a case.
    pub from: Option<CaseState>,
    /// The act.
    pub act: CaseAct,
    /// Whose act it is.
    pub side: Side,
    /// The office that may do it.
    pub office: Office,
    /// To whom.
    pub direction: Direction,
    /// The state after.
    pub to: CaseState,
}

const fn row(from: Option<CaseState>, act: CaseAct, side: Side, office: Office, direction: Direction, to: CaseState) -> Transition {
    Transition { from, act, side, office, direction, to }
}

const REQUEST: CaseAct = CaseAct::Submit(SubmissionKind::Request);
const RESPONSE: CaseAct = CaseAct::Submit(SubmissionKind::Response);

/// The whole life cycle of today. A new act is a new row; the form's issue brings the rest of MLA law's.
pub const LIFE_CYCLE: &[Transition] = {
    use CaseAct::{Acknowledge, Close, Forward};
    use CaseState::{Acknowledged, Closed, Executed, ForwardedToCompetent, Responded, Submitted};
    use Direction::{Across, Inside, Nobody};
    use Office::{Central, Competent};
    use Side::{Requested, Requesting};
    &[
        row(None, REQUEST, Requesting, Central, Across, Submitted),
        row(Some(Submitted), Acknowledge, Requested, Central, Nobody, Acknowledged),
        row(Some(Acknowledged), Forward, Requested, Central, Inside, ForwardedToCompetent),
        row(Some(ForwardedToCompetent), Forward, Requested, Central, Inside, ForwardedToCompetent),
        row(Some(ForwardedToCompetent), RESPONSE, Requested, Competent, Inside, Executed),
        row(Some(Acknowledged), RESPONSE, Requested, Central, Across, Responded),
        row(Some(Executed), RESPONSE, Requested, Central, Across, Responded),
        row(Some(Responded), Forward, Requesting, Central, Inside, Responded),
        row(Some(Responded), Close, Requesting, Central, Nobody, Closed),
    ]
};

/// The row that allows this act, if there is one.
pub fn permit_transition(
    from: Option<CaseState>,
    act: CaseAct,
    side: Side,
    office: Office,
    direction: Direction,
) -> Option<&'static Transition> {
    LIFE_CYCLE
        .iter()
        .find(|row| row.from == from && row.act == act && row.side == side && row.office == office && row.direction == direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [Option<CaseState>; 7] = [
        None,
        Some(CaseState::Submitted),
        Some(CaseState::Acknowledged),
        Some(CaseState::ForwardedToCompetent),
        Some(CaseState::Executed),
        Some(CaseState::Responded),
        Some(CaseState::Closed),
    ];

    const ACTS: [CaseAct; 5] = [
        CaseAct::Submit(SubmissionKind::Request),
        CaseAct::Submit(SubmissionKind::Response),
        CaseAct::Acknowledge,
        CaseAct::Forward,
        CaseAct::Close,
    ];

    fn every_combination() -> impl Iterator<Item = (Option<CaseState>, CaseAct, Side, Office, Direction)> {
        STATES.into_iter().flat_map(|from| {
            ACTS.into_iter().flat_map(move |act| {
                [Side::Requesting, Side::Requested].into_iter().flat_map(move |side| {
                    [Office::Central, Office::Competent].into_iter().flat_map(move |office| {
                        [Direction::Nobody, Direction::Inside, Direction::Across]
                            .into_iter()
                            .map(move |direction| (from, act, side, office, direction))
                    })
                })
            })
        })
    }

    #[test]
    fn exactly_the_rows_of_the_table_are_permitted() {
        let permitted = every_combination()
            .filter(|&(from, act, side, office, direction)| permit_transition(from, act, side, office, direction).is_some());
        assert_eq!(permitted.count(), LIFE_CYCLE.len(), "a row stands twice, or one is unreachable");
    }

    #[test]
    fn only_central_authorities_act_across_the_border() {
        assert!(LIFE_CYCLE.iter().all(|row| row.direction != Direction::Across || row.office == Office::Central));
    }

    #[test]
    fn nothing_follows_closed_and_every_state_is_reached() {
        assert!(LIFE_CYCLE.iter().all(|row| row.from != Some(CaseState::Closed)));
        for state in STATES.into_iter().flatten() {
            assert!(LIFE_CYCLE.iter().any(|row| row.to == state), "{state} is never reached");
        }
    }
}
