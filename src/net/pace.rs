//! Deadlines that a connection's wrapper polls while it waits for the peer, and for nothing else.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::limits::Rate;

/// One reusable timer.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    set: bool,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), set: false }
    }

    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    pub(super) fn set(&mut self, after: Duration) {
        self.sleep.as_mut().reset(Instant::now() + after);
        self.set = true;
    }

    /// Stops the alarm and says how much time was left on it.
    pub(super) fn clear(&mut self) -> Duration {
        self.set = false;
        self.sleep.deadline().saturating_duration_since(Instant::now())
    }

    /// Ready once the time is over. The alarm must be set.
    pub(super) fn poll_rung(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }
}

/// A [`Rate`] being kept: a store of time that waiting uses up and moving bytes fill again.
pub(super) struct Pace {
    rate: Rate,
    store: Duration,
    alarm: Alarm,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, store: rate.grace, alarm: Alarm::new() }
    }

    /// A new message begins, with the whole grace again.
    pub(super) fn restart(&mut self) {
        self.alarm.clear();
        self.store = self.rate.grace;
    }

    /// The peer is to move and has not: ready once it has used up its time.
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.alarm.is_set() {
            self.alarm.set(self.store);
        }
        self.alarm.poll_rung(cx)
    }

    /// The peer has moved this many bytes.
    pub(super) fn moved(&mut self, bytes: usize) {
        if self.alarm.is_set() {
            self.store = self.alarm.clear();
        }
        let earned = Duration::from_secs_f64(bytes as f64 / f64::from(self.rate.bytes_per_second_min.max(1)));
        self.store = self.rate.grace.min(self.store.saturating_add(earned));
    }
}
