//! The state of an end's channels.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::Channel;
use tokio::time::{Instant, Sleep, sleep};

use super::connection::Line;
use crate::binder::{Connection, Health};

/// How often an output that has nothing to send looks whether its channel is still there.
const LOOK: Duration = Duration::from_secs(1);

/// The channels of an end, by the number of the queue; an output has one.
#[derive(Default)]
pub(super) struct Pulse(Mutex<Vec<Beat>>);

#[derive(Clone, Default)]
struct Beat {
    channel: Weak<Channel>,
    /// Why there is none at the moment.
    lost: Option<String>,
}

impl Pulse {
    /// A channel is open.
    pub(super) fn up(&self, index: usize, line: &Line) {
        self.set(index, Beat { channel: Arc::downgrade(&line.channel), lost: None });
    }

    /// A channel is lost and is made anew.
    pub(super) fn lost(&self, index: usize, why: &str) {
        self.set(index, Beat { channel: Weak::new(), lost: Some(why.to_owned()) });
    }

    fn set(&self, index: usize, beat: Beat) {
        let mut beats = self.beats();
        if beats.len() <= index {
            beats.resize(index + 1, Beat::default());
        }
        beats[index] = beat;
    }

    fn beats(&self) -> MutexGuard<'_, Vec<Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health for Pulse {
    fn connection(&self) -> Connection {
        let is_up = |beat: &Beat| beat.channel.upgrade().is_some_and(|channel| channel.status().connected());
        match self.beats().iter().find(|beat| !is_up(beat)) {
            None => Connection::Up,
            Some(beat) => {
                let why = beat.lost.as_deref().unwrap_or("the channel is closed");
                Connection::Down(format!("not connected to RabbitMQ: {why}"))
            }
        }
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pulse").field(&self.connection()).finish()
    }
}

/// Reminds an output to look after its channel while nothing is sent.
pub(super) struct Reminder(Pin<Box<Sleep>>);

impl Default for Reminder {
    fn default() -> Self {
        Self(Box::pin(sleep(LOOK)))
    }
}

impl Reminder {
    /// Ready when it is time to look; the task is woken at the next time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut due = Poll::Pending;
        while self.0.as_mut().poll(cx).is_ready() {
            due = Poll::Ready(());
            self.0.as_mut().reset(Instant::now() + LOOK);
        }
        due
    }
}
