//! Where a transaction stands: what was given out and sent in it, and what is to be done with it. Pure bookkeeping.

use std::time::{Duration, Instant};

/// By how much a transaction is smaller than one that failed.
const SHRINK: usize = 4;

/// How large a transaction gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many deliveries it has at most.
    pub(super) most: usize,
    /// How long deliveries are given out in it.
    pub(super) interval: Duration,
    /// How long it may be open once something was sent: the broker ends it soon after.
    pub(super) longest: Duration,
}

/// What a transaction goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Deliveries are given out, messages are sent.
    Open,
    /// Nothing more is given out: it is committed when everything is settled.
    Closing,
    /// What its only delivery has sent does not count. It is begun again, and messages wait until then.
    Again,
    /// It will not be committed. Messages are dropped: all its deliveries come again.
    Failed,
    /// It was given up at the broker, too; some of its deliveries are not settled.
    Aborted,
    /// Its producer has failed for good. Messages are dropped until another one has taken over: all its deliveries come
    /// again.
    Lost,
    /// Everything that was given out in it is to be read again.
    Rewinding,
    /// The input was closed.
    Over,
}

/// What is to be done by the thread that may wait for the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Commit,
    Abort,
    /// To make another producer.
    Replace,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    Go,
    /// There is no room for it now.
    Wait,
    /// It does not matter any more: what it was made from comes again.
    Drop,
}

/// One transaction after another.
#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    stage: Stage,
    /// How many deliveries the next transactions may have: fewer after one has failed, until the cause is alone.
    room: usize,
    /// Deliveries that were given out.
    given: usize,
    /// Those of them that are not settled.
    open: usize,
    /// Whether somebody is about to give out deliveries.
    is_giving: bool,
    began: Option<Instant>,
    sent: Option<Instant>,
}

impl State {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            room: limits.most,
            limits,
            stage: Stage::Open,
            given: 0,
            open: 0,
            is_giving: false,
            began: None,
            sent: None,
        }
    }

    /// How many deliveries may be given out; [`gave`](Self::gave) tells how many were.
    pub(super) fn room(&mut self) -> usize {
        if self.stage == Stage::Open && (self.given >= self.room || self.is_old()) {
            self.stage = Stage::Closing;
        }
        if self.stage != Stage::Open {
            return 0;
        }
        self.is_giving = true;
        self.room - self.given
    }

    /// So many deliveries were given out. Tells whether the thread has something to do: with nothing left to be given
    /// out, what is settled waits no longer.
    pub(super) fn gave(&mut self, count: usize) -> bool {
        self.is_giving = false;
        self.given += count;
        self.open += count;
        if count > 0 {
            self.began.get_or_insert_with(Instant::now);
        } else if self.stage == Stage::Open && self.given > 0 && self.open == 0 {
            self.stage = Stage::Closing;
        } else if self.stage == Stage::Aborted && self.open == 0 {
            self.stage = Stage::Rewinding;
        }
        self.is_waiting()
    }

    /// A delivery was settled, or given back. Tells whether somebody has something to do.
    pub(super) fn settled(&mut self, is_given_back: bool) -> bool {
        if is_given_back {
            self.fail();
        }
        self.open = self.open.saturating_sub(1);
        if self.open == 0 && self.stage == Stage::Aborted {
            self.stage = Stage::Rewinding;
        }
        self.is_waiting()
    }

    /// Whether everything that was given out is settled and what follows is not up to the input alone.
    fn is_waiting(&self) -> bool {
        self.open == 0 && self.stage != Stage::Open
    }

    /// A message is to be sent.
    pub(super) fn sending(&mut self) -> Sending {
        match self.stage {
            Stage::Open | Stage::Closing => {
                self.sent.get_or_insert_with(Instant::now);
                Sending::Go
            }
            Stage::Again => Sending::Wait,
            Stage::Failed | Stage::Aborted | Stage::Lost | Stage::Rewinding | Stage::Over => Sending::Drop,
        }
    }

    /// A message was not accepted, or what was sent for a delivery shall not count. Tells whether its sender is to know:
    /// if not, everything comes again.
    pub(super) fn refused(&mut self) -> bool {
        if matches!(self.stage, Stage::Open | Stage::Closing) && self.sent.is_some() {
            if self.given == 1 {
                self.stage = Stage::Again;
            } else {
                self.fail();
            }
        }
        self.counts()
    }

    /// Whether what becomes of messages counts.
    pub(super) const fn counts(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Closing | Stage::Again)
    }

    /// The transaction cannot be committed.
    pub(super) fn fail(&mut self) {
        if self.counts() {
            self.room = (self.given / SHRINK).max(1);
            self.stage = Stage::Failed;
        }
    }

    /// The producer has failed for good: the transaction cannot even be given up.
    pub(super) fn lose(&mut self) {
        if self.stage != Stage::Over {
            self.stage = Stage::Lost;
            self.sent = None;
        }
    }

    /// Nothing more is given out until the transaction has ended.
    pub(super) fn close(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Closing;
        }
    }

    /// Nothing is given out any more, ever.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Over;
    }

    /// How many deliveries are not settled; one that may just be given out is one of them.
    pub(super) fn open(&self) -> usize {
        self.open + usize::from(self.is_giving)
    }

    /// Whether everything that was settled is committed.
    pub(super) fn is_clean(&self) -> bool {
        self.stage == Stage::Open && self.given == 0
    }

    /// Whether a message was sent.
    pub(super) const fn has_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// What the thread is to do.
    pub(super) fn due(&mut self) -> Due {
        match self.stage {
            Stage::Open | Stage::Closing
                if self.sent.is_some_and(|sent| sent.elapsed() > self.limits.longest) =>
            {
                self.fail();
                Due::Abort
            }
            Stage::Open if self.given > 0 && self.open == 0 && !self.is_giving && self.is_old() => {
                self.stage = Stage::Closing;
                Due::Commit
            }
            Stage::Closing if self.open == 0 && !self.is_giving => Due::Commit,
            Stage::Again | Stage::Failed => Due::Abort,
            Stage::Lost => Due::Replace,
            _ => Due::Nothing,
        }
    }

    /// The transaction was committed, and another was begun.
    pub(super) fn committed(&mut self) {
        self.room = (self.room * 2).min(self.limits.most);
        self.begin();
    }

    /// The transaction was given up, or lost with its producer, and another was begun.
    pub(super) fn aborted(&mut self) {
        self.sent = None;
        self.stage = match self.stage {
            Stage::Again => Stage::Closing,
            Stage::Over => Stage::Over,
            _ if self.open() > 0 => Stage::Aborted,
            _ => Stage::Rewinding,
        };
    }

    /// Whether everything that was given out is to be read again.
    pub(super) fn is_rewinding(&self) -> bool {
        self.stage == Stage::Rewinding
    }

    /// It is read again from now on.
    pub(super) fn rewound(&mut self) {
        if self.stage == Stage::Rewinding {
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.given = 0;
        self.began = None;
        self.sent = None;
        if self.stage != Stage::Over {
            self.stage = Stage::Open;
        }
    }

    fn is_old(&self) -> bool {
        self.began.is_some_and(|began| began.elapsed() >= self.limits.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { most: 100, interval: Duration::from_secs(60), longest: Duration::from_secs(60) };

    /// A transaction in which so many deliveries were given out.
    fn given(count: usize) -> State {
        let mut state = State::new(LIMITS);
        assert!(state.room() >= count);
        assert!(!state.gave(count));
        state
    }

    #[test]
    fn is_committed_when_everything_is_settled_and_nothing_else_is_there() {
        let mut state = given(2);
        assert!(!state.settled(false));
        assert_eq!((state.room(), state.gave(0)), (98, false), "one is open");
        assert!(!state.settled(false));
        assert_eq!(state.due(), Due::Nothing, "more may be there");
        state.room();
        assert!(state.gave(0));
        assert_eq!((state.room(), state.due()), (0, Due::Commit));
        state.committed();
        assert_eq!((state.room(), state.due()), (100, Due::Nothing));
    }

    #[test]
    fn is_not_committed_while_somebody_gives_out_deliveries() {
        let mut state = State::new(Limits { interval: Duration::ZERO, ..LIMITS });
        state.room();
        state.gave(1);
        state.settled(false);
        assert_eq!(state.room(), 0, "the interval has passed");
        assert_eq!(state.due(), Due::Commit);
        state.committed();
        assert_eq!(state.room(), 100);
        assert_eq!(state.due(), Due::Nothing, "somebody is at it");
    }

    #[test]
    fn closes_when_it_is_full() {
        let mut state = given(100);
        assert_eq!(state.room(), 0);
        assert!((0..100).map(|_| state.settled(false)).last().unwrap());
        assert_eq!(state.due(), Due::Commit);
    }

    #[test]
    fn after_a_failure_messages_are_dropped_until_everything_is_settled_and_read_again_in_smaller_pieces() {
        let mut state = given(40);
        assert_eq!(state.sending(), Sending::Go);
        assert!(!state.refused(), "nobody has to know");
        assert_eq!((state.sending(), state.due(), state.room()), (Sending::Drop, Due::Abort, 0));
        state.aborted();
        assert_eq!(
            (state.sending(), state.due(), state.is_rewinding()),
            (Sending::Drop, Due::Nothing, false)
        );
        (0..39).for_each(|_| assert!(!state.settled(false)));
        assert!(state.settled(true));
        assert!(state.is_rewinding());
        assert_eq!(state.sending(), Sending::Drop);
        state.rewound();
        assert_eq!((state.room(), state.sending()), (10, Sending::Go));
    }

    #[test]
    fn a_delivery_that_is_alone_is_told_of_a_refusal_and_goes_on_in_a_new_transaction() {
        let mut state = given(1);
        state.sending();
        assert!(state.refused());
        assert_eq!((state.sending(), state.due()), (Sending::Wait, Due::Abort));
        state.aborted();
        assert_eq!((state.sending(), state.due()), (Sending::Go, Due::Nothing));
        assert!(state.settled(false));
        assert_eq!(state.due(), Due::Commit);
    }

    #[test]
    fn a_refusal_before_anything_was_sent_spoils_nothing() {
        let mut state = given(9);
        assert!(state.refused());
        assert_eq!(state.due(), Due::Nothing);
    }

    #[test]
    fn one_that_is_lost_with_its_producer_comes_again_when_there_is_another() {
        let mut state = given(2);
        state.sending();
        state.lose();
        assert_eq!((state.sending(), state.room(), state.due()), (Sending::Drop, 0, Due::Replace));
        assert!(!state.refused(), "nobody has to know");
        state.settled(false);
        state.aborted();
        assert_eq!(
            (state.sending(), state.due(), state.is_rewinding()),
            (Sending::Drop, Due::Nothing, false)
        );
        state.settled(false);
        assert!(state.is_rewinding());
        state.rewound();
        assert_eq!((state.room(), state.sending()), (100, Sending::Go));
        state.lose();
        state.aborted();
        assert!(!state.is_rewinding(), "somebody is about to give out deliveries");
        state.gave(0);
        assert!(state.is_rewinding());
    }

    #[test]
    fn one_that_takes_longer_than_the_broker_allows_is_given_up() {
        let mut state = State::new(Limits { longest: Duration::ZERO, ..LIMITS });
        state.room();
        state.gave(3);
        assert_eq!(state.due(), Due::Nothing, "nothing was sent: the broker knows of none");
        state.sending();
        std::thread::yield_now();
        assert_eq!(state.due(), Due::Abort);
    }
}
