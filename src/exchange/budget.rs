//! How much each member's acts may add to the logs in a day: what is logged stays for ever. Counted in
//! memory; a restart forgives.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::limits::{ENTRIES_PER_MEMBER_PER_DAY_MAX, LEAVES_PER_MEMBER_PER_DAY_MAX};
use crate::domain::{MemberCode, UnixMillis};
use crate::wire::{Refusal, RefusalCode};

/// What an entry of the directory takes, in leaves of the events log.
pub(super) const ENTRY_LEAVES: u64 = LEAVES_PER_MEMBER_PER_DAY_MAX / ENTRIES_PER_MEMBER_PER_DAY_MAX;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// What the members have spent. Only who can connect has a line in it.
#[derive(Default)]
pub(super) struct LeafBudget(Mutex<BTreeMap<MemberCode, Spent>>);

#[derive(Clone, Copy)]
struct Spent {
    since: UnixMillis,
    leaves: u64,
}

impl LeafBudget {
    /// Takes an act's leaves from its actor's budget.
    pub(super) fn spend(&self, member: &MemberCode, leaves: u64, now: UnixMillis) -> Result<(), Refusal> {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = spent.entry(member.clone()).or_insert(Spent { since: now, leaves: 0 });
        if now.0.saturating_sub(line.since.0) >= DAY_MS {
            *line = Spent { since: now, leaves: 0 };
        }
        if line.leaves + leaves > LEAVES_PER_MEMBER_PER_DAY_MAX {
            let detail = format!("{member} has added as much to the logs as one member may in the day since {}", line.since.to_second());
            return Err(Refusal::new(RefusalCode::TooManyActs, detail));
        }
        line.leaves += leaves;
        Ok(())
    }

    /// Gives back what an act took that was not logged.
    pub(super) fn give_back(&self, member: &MemberCode, leaves: u64) {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = spent.get_mut(member) {
            line.leaves = line.leaves.saturating_sub(leaves);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_holds_fifty_entries_of_one_member() {
        let (budget, member, now) = (LeafBudget::default(), "kg.gpo/01".parse().unwrap(), UnixMillis(1_795_465_140_000));
        (0..50).for_each(|_| budget.spend(&member, ENTRY_LEAVES, now).unwrap());
        assert_eq!(budget.spend(&member, ENTRY_LEAVES, now).unwrap_err().code, RefusalCode::TooManyActs);
    }

    #[test]
    fn a_day_holds_so_many_leaves_of_one_member_and_the_next_day_as_many_again() {
        let budget = LeafBudget::default();
        let [one, other] = ["kg.gpo/01", "tr.moj/01"].map(|code| code.parse::<MemberCode>().unwrap());
        let begin = UnixMillis(1_795_465_140_000);
        budget.spend(&one, LEAVES_PER_MEMBER_PER_DAY_MAX - 1, begin).unwrap();
        let refused = budget.spend(&one, 2, UnixMillis(begin.0 + DAY_MS - 1)).unwrap_err();
        assert_eq!(refused.code, RefusalCode::TooManyActs);
        budget.spend(&one, 1, begin).unwrap();
        budget.give_back(&one, 2);
        assert!(budget.spend(&one, 3, begin).is_err());
        budget.spend(&one, 2, begin).unwrap();
        budget.spend(&other, LEAVES_PER_MEMBER_PER_DAY_MAX, begin).unwrap();
        budget.spend(&one, LEAVES_PER_MEMBER_PER_DAY_MAX, UnixMillis(begin.0 + DAY_MS)).unwrap();
    }
}
