//! Memory for the bodies of acts. Each is taken whole, so there is a limit for all of them together, and one for
//! those of one member. Who finds no room is told to come back before a byte of the body is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::MemberCode;
use crate::domain::limits::{ACT_BODIES_BYTES_MAX, ACT_BODIES_PER_MEMBER_BYTES_MAX};
use crate::wire::ACT_REQUEST_BYTES_MAX;

// The largest act finds room when its member has no other under way.
const _: () = assert!(ACT_REQUEST_BYTES_MAX <= ACT_BODIES_PER_MEMBER_BYTES_MAX && ACT_BODIES_PER_MEMBER_BYTES_MAX < ACT_BODIES_BYTES_MAX);

/// What the bodies of acts hold. It keeps no more members than have one under way.
#[derive(Default)]
pub(super) struct ActMemory(Mutex<Held>);

#[derive(Default)]
struct Held {
    bytes: usize,
    by_member: HashMap<MemberCode, usize>,
}

/// The memory of one body, given back when dropped.
pub(super) struct ActShare {
    memory: Arc<ActMemory>,
    member: MemberCode,
    bytes: usize,
}

impl ActMemory {
    /// Takes memory for a body of `bytes`, unless all acts or this member's hold too much already.
    pub(super) fn take(self: &Arc<Self>, member: &MemberCode, bytes: usize) -> Option<ActShare> {
        let mut held = self.lock();
        let of_all = held.bytes.checked_add(bytes).filter(|sum| *sum <= ACT_BODIES_BYTES_MAX)?;
        let of_member = held.by_member.get(member).copied().unwrap_or(0) + bytes;
        if of_member > ACT_BODIES_PER_MEMBER_BYTES_MAX {
            return None;
        }
        held.bytes = of_all;
        held.by_member.insert(member.clone(), of_member);
        Some(ActShare { memory: self.clone(), member: member.clone(), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing that can panic stands between the two counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ActShare {
    fn drop(&mut self) {
        let mut held = self.memory.lock();
        held.bytes -= self.bytes;
        match held.by_member.get_mut(&self.member) {
            Some(of_member) if *of_member > self.bytes => *of_member -= self.bytes,
            _ => _ = held.by_member.remove(&self.member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: usize) -> MemberCode {
        format!("kg.gpo/{number:02}").parse().unwrap()
    }

    #[test]
    fn all_acts_together_hold_so_much_and_no_more() {
        let memory = Arc::new(ActMemory::default());
        let take = |number| memory.take(&member(number), ACT_BODIES_PER_MEMBER_BYTES_MAX);
        let members = ACT_BODIES_BYTES_MAX / ACT_BODIES_PER_MEMBER_BYTES_MAX;
        let mut shares: Vec<ActShare> = (0..members).map(|number| take(number).unwrap()).collect();
        assert!(memory.take(&member(members), 1).is_none(), "another member's single byte");
        drop(shares.pop());
        shares.push(take(members).unwrap());
        drop(shares);
        let held = memory.lock();
        assert!(held.bytes == 0 && held.by_member.is_empty(), "what was given back leaves no trace");
    }

    #[test]
    fn one_member_holds_a_part_and_the_rest_is_for_others() {
        let memory = Arc::new(ActMemory::default());
        let first = memory.take(&member(1), ACT_REQUEST_BYTES_MAX).unwrap();
        assert!(memory.take(&member(1), ACT_REQUEST_BYTES_MAX).is_none());
        let small = memory.take(&member(1), 1024 * 1024).unwrap();
        let others = memory.take(&member(2), ACT_REQUEST_BYTES_MAX).unwrap();
        drop(first);
        let again = memory.take(&member(1), ACT_REQUEST_BYTES_MAX).unwrap();
        drop((small, others, again));
        assert!(memory.take(&member(1), usize::MAX).is_none());
    }
}
