//! Places that are taken and given back: how many connections one address, one peer or one group of peers has.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by key. It holds no more keys than places are taken.
pub(super) struct Tally<K>(Mutex<HashMap<K, usize>>);

/// One taken place, given back when dropped.
pub(super) struct Place<K: Eq + Hash> {
    tally: Arc<Tally<K>>,
    key: K,
}

impl<K: Eq + Hash + Copy> Tally<K> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(HashMap::new())))
    }

    /// Takes a place for `key`, unless it has `places_max` already.
    pub(super) fn take(self: &Arc<Self>, key: K, places_max: usize) -> Option<Place<K>> {
        let mut counts = self.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= places_max {
            return None;
        }
        counts.insert(key, count + 1);
        Some(Place { tally: self.clone(), key })
    }
}

impl<K: Eq + Hash> Tally<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // A count is changed in one step, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.tally.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = counts.remove(&self.key),
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has to themselves.
pub(super) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_and_leave_no_trace() {
        let tally = Tally::new();
        let (first, second) = (tally.take(7, 2).unwrap(), tally.take(7, 2).unwrap());
        assert!(tally.take(7, 2).is_none());
        assert!(tally.take(8, 2).is_some());
        drop(first);
        assert!(tally.take(7, 2).is_some());
        drop(second);
        assert!(tally.lock().is_empty());
    }

    #[test]
    fn one_customer_is_one_address() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
