#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::{Kind, Message};

    fn delivery(position: u64) -> Delivery {
        let message = Message::new(None);
        Delivery { message, key: None, partition: 0, position, attempt: 1, ticket: Ticket::new(position) }
    }

    #[test]
    fn a_delivery_closes_when_it_is_finished_and_all_its_messages_are_confirmed() {
        let mut ledger = Ledger::default();
        let number = ledger.open(delivery(0));
        ledger.sent(number);
        ledger.sent(number);
        assert!(ledger.confirmed(number, None).is_none());
        assert!(ledger.finished(number).is_none());
        assert!(matches!(ledger.confirmed(number, None), Some(Closed::Confirmed(_))));
        assert_eq!(ledger.len(), 0);
        assert!(ledger.confirmed(number, None).is_none(), "a late confirmation finds nothing");
    }

    #[test]
    fn a_delivery_that_was_opened_as_sent_closes_with_its_confirmation() {
        let mut ledger = Ledger::default();
        let number = ledger.open_sent(delivery(0));
        assert_eq!(ledger.len(), 1);
        assert!(matches!(ledger.confirmed(number, None), Some(Closed::Confirmed(_))));
    }

    #[test]
    fn a_delivery_without_messages_closes_when_it_is_finished() {
        let mut ledger = Ledger::default();
        let (one, two) = (ledger.open(delivery(0)), ledger.open(delivery(1)));
        assert!(matches!(ledger.finished(two), Some(Closed::Confirmed(ticket)) if ticket == Ticket::new(1)));
        assert_eq!(ledger.len(), 1);
        assert!(ledger.finished(one).is_some());
        assert_eq!(ledger.open(delivery(2)), 2, "numbers are never used again");
    }

    #[test]
    fn a_refused_message_fails_its_delivery_once_the_others_are_told() {
        let mut ledger = Ledger::default();
        let number = ledger.open(delivery(0));
        ledger.sent(number);
        ledger.sent(number);
        ledger.finished(number);
        assert!(ledger.confirmed(number, Some(Error::message(Kind::OutputFailed, "full"))).is_none());
        let Some(Closed::Failed(open, error)) = ledger.confirmed(number, None) else {
            panic!("expected a failure")
        };
        assert_eq!(error.text(), "full");
        let again = ledger.reopen(*open);
        assert!(matches!(ledger.finished(again), Some(Closed::Confirmed(_))));
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
                let number = ledger.open(delivery(position as u64));
                (0..*sent).for_each(|_| ledger.sent(number));
                events.extend(std::iter::repeat_n((number, false), *sent as usize));
                events.push((number, true));
            }
            let mut closed = Vec::new();
            for pick in order.iter().cycle() {
                if events.is_empty() { break; }
                let (number, finish) = events.swap_remove(pick.index(events.len()));
                let result = if finish { ledger.finished(number) } else { ledger.confirmed(number, None) };
                if let Some(Closed::Confirmed(ticket)) = result { closed.push(ticket.into_number()); }
            }
            closed.sort_unstable();
            proptest::prop_assert_eq!(closed, (0..sends.len() as u64).collect::<Vec<_>>());
            proptest::prop_assert_eq!((ledger.len(), ledger.open.len()), (0, 0));
        }
    }
}
