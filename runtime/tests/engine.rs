//! What the delivery engine promises, row by row, as whole applications on every binder: the rows that concern
//! settlement, order, retry, dead letters, bounds, faults and stopping.
//!
//! Messages are written and read by bare clients, as in the conformance suite. What a binder answers otherwise on
//! purpose is [data](exclusions), and a row that passes all the same fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/app.rs"]
#[expect(dead_code, reason = "rows have bare clients for most of it")]
mod app;
#[path = "engine/batches.rs"]
mod batches;
#[path = "engine/coverage.rs"]
mod coverage;
#[path = "engine/exclusions.rs"]
mod exclusions;
#[path = "engine/failing.rs"]
mod failing;
#[path = "engine/faults.rs"]
mod faults;
#[cfg(feature = "kafka")]
#[path = "conformance/kafka.rs"]
mod kafka;
#[path = "engine/letters.rs"]
mod letters;
#[path = "engine/lifecycle.rs"]
mod lifecycle;
#[path = "conformance/memory.rs"]
mod memory;
#[path = "engine/order.rs"]
mod order;
#[path = "support/prefixed.rs"]
mod prefixed;
#[cfg(feature = "rabbitmq")]
#[path = "conformance/rabbitmq.rs"]
mod rabbitmq;
#[path = "engine/retry.rs"]
mod retry;
#[path = "engine/script.rs"]
mod script;
#[path = "engine/settlement.rs"]
mod settlement;
#[cfg(any(feature = "kafka", feature = "rabbitmq"))]
#[path = "support/skip.rs"]
mod skip;
#[path = "engine/world.rs"]
mod world;

/// Every row, given to a macro: its module and its name, which begins with its id.
macro_rules! rows {
    ($callback:ident $($arguments:tt)*) => {
        $callback! {
            $($arguments)*
            settlement::b1_what_succeeds_is_settled_once_its_outputs_are_there;
            settlement::b2_what_is_given_back_comes_again_as_the_same_message;
            settlement::b5_what_is_settled_out_of_order_loses_nothing_in_a_crash;
            settlement::b6_what_was_settled_before_a_stop_does_not_come_again_and_the_rest_does;
            settlement::b6b_what_was_settled_before_a_crash_does_not_come_again_and_the_rest_does;
            settlement::b8_a_panic_is_the_failure_of_one_message;
            settlement::b9_the_answer_that_comes_after_the_deadline_is_not_used;
            settlement::b10_what_is_given_back_comes_after_its_wait;
            settlement::b12_reading_goes_on_when_what_was_in_flight_is_settled;
            retry::c1_three_attempts_are_three_calls_and_one_dead_letter;
            letters::c2_a_dead_letter_is_the_original_and_says_why_it_is_there;
            letters::c4_what_cannot_be_read_is_never_called_and_becomes_a_dead_letter;
            retry::c5_waits_between_attempts_grow_within_their_bounds;
            retry::c6_a_thousand_others_go_on_while_one_waits_for_its_next_attempt;
            retry::c8_two_members_of_a_group_make_no_more_attempts_than_one;
            retry::c9_each_kind_of_failure_has_the_end_that_is_configured;
            letters::c10_a_dead_letter_that_is_refused_leaves_the_original_until_it_is_accepted;
            order::d8_what_is_tried_again_holds_up_its_own_key_and_no_other;
            order::d8b_with_one_at_a_time_what_is_tried_again_stays_before_those_behind_it;
            order::d9b_members_that_come_and_go_lose_nothing;
            order::d13_lanes_are_full_and_two_of_one_key_never_run_side_by_side;
            faults::e2b_what_connections_that_break_interrupt_comes_again;
            faults::e4b_a_slow_connection_loses_nothing;
            faults::e5b_what_comes_during_an_outage_is_processed_after_it;
            faults::e5c_an_output_that_is_away_holds_its_input_up_within_bounds;
            lifecycle::e6_stopping_finishes_what_is_in_flight_and_leaves_the_rest;
            lifecycle::e8_ending_at_once_in_the_middle_of_stopping_loses_nothing;
            lifecycle::e12_an_application_that_vanishes_under_load_loses_nothing;
            script::e13_the_same_script_goes_as_in_memory;
            batches::f1_batches_are_no_larger_than_said_and_keep_their_order;
            batches::f2_a_batch_waits_no_longer_than_said_while_others_trickle_in;
            batches::f4_an_item_that_fails_is_tried_again_and_becomes_a_dead_letter_alone;
            batches::f5_an_item_that_cannot_be_read_is_set_apart_and_the_others_are_processed;
            batches::f6_a_batch_that_panics_takes_nobody_along;
            lifecycle::i5_two_bindings_of_one_group_share_its_messages;
            lifecycle::i9_a_pause_takes_nothing_in_and_going_on_loses_nothing;
            lifecycle::j9_what_is_in_flight_for_long_is_counted_until_it_is_done;
        }
    };
}

/// Makes a test of every row for a binder.
macro_rules! tests {
    ($find:expr; $($module:ident::$name:ident;)*) => {
        $(#[test]
        fn $name() {
            $crate::world::run(stringify!($name), $find, async |world| $crate::$module::$name(&world).await);
        })*
    };
}

/// The names of the rows.
macro_rules! names {
    ($($module:ident::$name:ident;)*) => {
        &[$(stringify!($name)),*]
    };
}

/// The name of every row.
const NAMES: &[&str] = rows!(names);

mod on_memory {
    rows!(tests Some(crate::memory::MemoryUnderTest::default()););
}

#[cfg(feature = "kafka")]
mod on_kafka {
    rows!(tests crate::kafka::KafkaUnderTest::find(););
}

#[cfg(feature = "rabbitmq")]
mod on_rabbitmq {
    rows!(tests crate::rabbitmq::RabbitUnderTest::find(););
}
