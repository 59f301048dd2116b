//! The ledger, and that every delivery closes exactly once.

use super::*;
use wellspring_functions::{Kind, Message};

fn delivery(position: u64) -> Delivery {
    let message = Message::new(None);
    Delivery { message, key: None, partition: 0, position, attempt: 1, ticket: Ticket::new(position) }
}

/// Notes what became of one message.
fn confirm(ledger: &mut Ledger, number: u64, failure: Option<Error>) -> Option<Closed> {
    let mut closed = None;
    ledger.confirmed([(number, failure)].into_iter(), |_, told| closed = Some(told));
    closed
}

#[test]
fn a_delivery_closes_when_it_is_finished_and_all_its_messages_are_confirmed() {
    let mut ledger = Ledger::default();
    let number = ledger.open(Open::new(delivery(0), Instant::now()));
    ledger.sent(number);
    ledger.sent(number);
    assert!(confirm(&mut ledger, number, None).is_none());
    assert!(ledger.finished(number).is_none());
    assert!(matches!(confirm(&mut ledger, number, None), Some(Closed::Confirmed(_))));
    assert_eq!(ledger.len(), 0);
    assert!(confirm(&mut ledger, number, None).is_none(), "a late confirmation finds nothing");
}

#[test]
fn a_delivery_that_was_opened_as_sent_closes_with_its_confirmation() {
    let mut ledger = Ledger::default();
    let number = ledger.open(Open::sent(delivery(0), Instant::now()));
    assert_eq!(ledger.len(), 1);
    assert!(matches!(confirm(&mut ledger, number, None), Some(Closed::Confirmed(_))));
}

#[test]
fn a_delivery_without_messages_closes_when_it_is_finished() {
    let mut ledger = Ledger::default();
    let (one, two) = (
        ledger.open(Open::new(delivery(0), Instant::now())),
        ledger.open(Open::new(delivery(1), Instant::now())),
    );
    assert!(
        matches!(ledger.finished(two), Some(Closed::Confirmed(ticket)) if ticket == Some(Ticket::new(1)))
    );
    assert_eq!(ledger.len(), 1);
    assert!(ledger.finished(one).is_some());
    assert_eq!(ledger.open(Open::new(delivery(2), Instant::now())), 2, "numbers are never used again");
}

#[test]
fn a_refused_message_fails_its_delivery_once_the_others_are_told() {
    let mut ledger = Ledger::default();
    let number = ledger.open(Open::new(delivery(0), Instant::now()));
    ledger.sent(number);
    ledger.sent(number);
    ledger.finished(number);
    assert!(confirm(&mut ledger, number, Some(Error::message(Kind::OutputFailed, "full"))).is_none());
    let Some(Closed::Failed(error)) = confirm(&mut ledger, number, None) else {
        panic!("expected a failure")
    };
    assert_eq!((error.text(), ledger.len()), ("full", 1), "it stays open");
    assert!(matches!(ledger.finished(number), Some(Closed::Confirmed(Some(_)))));
}

#[test]
fn of_several_messages_that_were_not_accepted_the_one_that_waiting_does_not_help_is_told() {
    let (away, refused) = (Kind::OutputUnreachable, Kind::OutputRefused);
    for (told, expected) in [([away, refused], refused), ([refused, away], refused), ([away, away], away)] {
        let mut ledger = Ledger::default();
        let number = ledger.open(Open::new(delivery(0), Instant::now()));
        told.iter().for_each(|_| ledger.sent(number));
        ledger.finished(number);
        let closed = told.map(|kind| confirm(&mut ledger, number, Some(Error::message(kind, "no"))));
        let [None, Some(Closed::Failed(error))] = closed else { panic!("expected a failure") };
        assert_eq!(error.kind(), expected);
    }
}

#[test]
fn what_is_open_for_long_does_not_keep_what_came_after_it() {
    let mut ledger = Ledger::default();
    let open = |ledger: &mut Ledger, n| ledger.open(Open::new(delivery(n), Instant::now()));
    let old = open(&mut ledger, 0);
    ledger.sent(old);
    for n in 1..100_000 {
        let number = open(&mut ledger, n);
        assert!(ledger.finished(number).is_some());
    }
    assert!(ledger.open.len() <= LONG, "{} entries for one that is open", ledger.open.len());
    assert_eq!((ledger.len(), ledger.remaining().map(|open| open.position).collect()), (1, vec![0]));
    assert!(ledger.finished(old).is_none());
    assert_eq!(ledger.get_mut(old).map(|open| open.unconfirmed()), Some(1));
    assert!(matches!(confirm(&mut ledger, old, None), Some(Closed::Confirmed(Some(_)))));
    assert_eq!((ledger.len(), ledger.bytes()), (0, 0));
}

#[test]
fn what_is_confirmed_together_closes_whatever_was_forgotten_meanwhile() {
    let mut ledger = Ledger::default();
    let open = |ledger: &mut Ledger, n| ledger.open(Open::sent(delivery(n), Instant::now()));
    let old = open(&mut ledger, 0);
    for n in 1..2 * LONG as u64 {
        let number = open(&mut ledger, n);
        assert!(confirm(&mut ledger, number, None).is_some());
    }
    let latest: Vec<_> = (0..10).map(|n| open(&mut ledger, n)).collect();
    // The old one is kept elsewhere by now, and closing it forgets those before the latest.
    let told = latest[..5].iter().chain([&old]).chain(&latest[5..]);
    let mut closed = Vec::new();
    ledger.confirmed(told.map(|number| (*number, None)), |number, _| closed.push(number));
    closed.sort_unstable();
    assert_eq!(closed, [&[old], &latest[..]].concat());
    assert_eq!((ledger.len(), ledger.bytes(), ledger.open.len()), (0, 0, 0));
}

proptest::proptest! {
    /// Whatever the order of events, each delivery closes exactly once and none is left behind.
    #[test]
    fn every_delivery_closes_exactly_once(
        sends in proptest::collection::vec(0u32..4, 1..30),
        order in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 200),
    ) {
        let mut ledger = Ledger::default();
        let mut events = Vec::new();
        for (position, sent) in sends.iter().enumerate() {
            let number = ledger.open(Open::new(delivery(position as u64), Instant::now()));
            (0..*sent).for_each(|_| ledger.sent(number));
            events.extend(std::iter::repeat_n((number, false), *sent as usize));
            events.push((number, true));
        }
        let mut closed = Vec::new();
        for pick in order.iter().cycle() {
            if events.is_empty() { break; }
            let (number, finish) = events.swap_remove(pick.index(events.len()));
            let result = if finish { ledger.finished(number) } else { confirm(&mut ledger, number, None) };
            if let Some(Closed::Confirmed(ticket)) = result { closed.push(ticket.unwrap().into_number()); }
        }
        closed.sort_unstable();
        proptest::prop_assert_eq!(closed, (0..sends.len() as u64).collect::<Vec<_>>());
        proptest::prop_assert_eq!((ledger.len(), ledger.open.len()), (0, 0));
    }
}
