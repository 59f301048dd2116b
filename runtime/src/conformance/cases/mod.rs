//! The cases, as data: what each is called, what it needs, how much trouble it can bear.

mod faults;
mod groups;
mod headers;
mod later;
mod letters;
mod lifecycle;
mod partitions;
mod payloads;
mod provisioning;
mod settlement;

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::chaos::Trouble;
use super::found::Outcome;
use super::world::World;
use crate::binder::Capabilities;

/// What a binder must be able to do for a case to make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// [`Capabilities::groups`]
    Groups,
    /// [`Capabilities::durable_groups`]
    DurableGroups,
    /// [`Capabilities::partitions`]
    Partitions,
    /// [`Capabilities::requeue`]
    Requeue,
    /// [`Capabilities::tombstones`]
    Tombstones,
}

impl Need {
    /// Whether a binder can do it.
    #[must_use]
    pub const fn is_met(self, by: Capabilities) -> bool {
        match self {
            Self::Groups => by.groups,
            Self::DurableGroups => by.durable_groups,
            Self::Partitions => by.partitions,
            Self::Requeue => by.requeue,
            Self::Tombstones => by.tombstones,
        }
    }
}

/// One case.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of its test: the id and the sentence in one.
    pub name: &'static str,
    /// What the binder must be able to do.
    pub needs: &'static [Need],
    pub(super) trouble: Trouble,
    pub(super) run: for<'a> fn(&'a World) -> BoxFuture<'a, Outcome>,
}

impl Case {
    /// The id by which exclusions name it: `A4`.
    #[must_use]
    pub fn id(&self) -> String {
        self.name.split('_').next().unwrap_or_default().to_uppercase()
    }

    /// What must be so.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.name.split_once('_').map_or(self.name, |(_, sentence)| sentence).replace('_', " ")
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// Every case, with what it needs and how much trouble it can bear, given to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    (@list $callback:ident { $($arguments:tt)* }) => {
        $crate::$callback! {
            $($arguments)*
            payloads::a1_what_others_publish_arrives_once_and_unchanged: [], Delay;
            payloads::a1b_what_is_sent_is_what_others_read: [], Delay;
            payloads::a2_what_is_sent_before_a_group_exists_is_kept_or_refused: [Groups], Delay;
            payloads::a3_what_became_of_a_message_is_told_once: [], Delay;
            payloads::a4_payloads_of_any_size_and_content_arrive_unchanged: [], Delay;
            payloads::a4b_a_null_payload_is_not_an_empty_one: [Tombstones], Delay;
            payloads::a5_a_message_over_the_limit_is_refused_and_the_next_arrives: [], Delay;
            payloads::a8_many_members_process_each_message_once: [Groups], Delay;
            payloads::a10_a_message_that_nobody_will_get_is_an_error: [], Delay;
            payloads::a11_five_thousand_messages_arrive_whatever_happens: [Groups, DurableGroups, Requeue], Redelivery;
            headers::a6_headers_of_every_kind_arrive_as_they_were_sent: [], Delay;
            headers::a6b_others_read_the_headers_that_were_sent: [], Delay;
            headers::a6c_headers_that_others_write_are_read: [], Delay;
            headers::h4_content_types_arrive_as_they_were_sent: [], Delay;
            headers::h6_the_context_of_a_trace_passes_untouched: [], Delay;
            headers::h8_no_header_from_outside_poses_as_a_fact_of_the_binder: [], Delay;
            headers::x1_what_no_codec_can_read_is_delivered_as_it_is: [], Delay;
            headers::x2_headers_that_cannot_be_sent_are_refused_and_the_next_arrives: [], Delay;
            provisioning::a9_unusual_names_work_or_are_refused_with_the_name: [], Delay;
            provisioning::v1_an_input_makes_its_destination: [], Delay;
            provisioning::v2_binding_again_changes_nothing: [Groups, DurableGroups], Delay;
            provisioning::v3_many_bindings_at_once_agree_on_a_new_destination: [Groups], Delay;
            provisioning::v4_a_destination_has_the_partitions_that_an_output_asks_for: [Partitions], Delay;
            settlement::b1_what_is_acknowledged_never_comes_again: [Groups, DurableGroups], Delay;
            settlement::b2_what_is_given_back_comes_again_as_another_attempt: [Requeue], Delay;
            settlement::b3_what_is_rejected_does_not_come_again: [Groups, DurableGroups], Delay;
            settlement::b4_no_more_is_in_flight_than_may_be: [], Delay;
            settlement::b5_settling_out_of_order_loses_nothing: [Groups, DurableGroups, Requeue], Redelivery;
            settlement::b6_a_member_that_vanishes_leaves_what_is_open_and_takes_what_is_settled: [Groups, DurableGroups, Requeue], Delay;
            settlement::b7_what_a_member_leaves_open_goes_to_another: [Groups, Requeue], Delay;
            settlement::b8_closing_keeps_what_was_settled: [Groups, DurableGroups], Delay;
            settlement::b12_reading_goes_on_after_everything_was_in_flight: [], Delay;
            groups::d1_every_group_gets_every_message: [Groups], Delay;
            groups::d1b_an_anonymous_group_sees_only_what_comes_from_now_on: [], Delay;
            groups::d2_members_of_a_group_share_its_messages: [Groups], Delay;
            groups::d3_one_input_reads_several_destinations: [], Delay;
            groups::d4_a_required_group_keeps_what_is_sent_before_it_reads: [DurableGroups], Delay;
            groups::d9_members_that_come_and_go_lose_nothing: [Groups, DurableGroups, Requeue], Redelivery;
            partitions::d5_messages_of_one_key_keep_their_order: [Partitions], Delay;
            partitions::d5b_a_destination_with_one_partition_keeps_its_order: [], Delay;
            partitions::d6_a_message_goes_to_the_partition_that_it_names: [Partitions], Delay;
            partitions::d8_what_is_given_back_comes_before_what_was_not_delivered: [Requeue], Delay;
            partitions::d10_each_instance_reads_exactly_its_partitions: [Partitions, Groups], Delay;
            later::r1_what_waits_comes_again_to_its_group_when_it_is_due: [Groups], Delay;
            later::r2_what_waits_outlives_its_reader: [Groups, DurableGroups], Delay;
            letters::l1_dead_letters_are_found_removed_and_sent_again: [Groups], Delay;
            lifecycle::e1_a_broker_that_is_not_there_is_told_in_time: [], Delay;
            lifecycle::e6_what_was_sent_before_an_output_closes_is_there: [], Delay;
            lifecycle::e9_making_a_binder_needs_no_broker: [], Delay;
            lifecycle::e12_a_member_that_vanishes_in_the_middle_loses_nothing: [Groups, DurableGroups, Requeue], Redelivery;
            lifecycle::e13_the_same_script_goes_as_in_memory: [Groups, Requeue], Delay;
            lifecycle::e14_no_password_is_in_an_error: [], Delay;
            faults::e2_nothing_confirmed_is_lost_when_connections_are_cut: [Groups, DurableGroups, Requeue], Delay;
            faults::e3_a_reader_that_is_cut_gets_again_what_was_open: [Groups, DurableGroups, Requeue], Delay;
            faults::e4_a_slow_wire_loses_nothing: [Groups], Delay;
            faults::e5_sending_while_the_broker_is_away_is_bounded: [], Delay;
            faults::e15_a_broker_that_comes_back_is_found_again: [Groups, DurableGroups], Delay;
        }
    };
}

/// The table of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_table {
    ($($module:ident :: $name:ident: [$($need:ident),*], $trouble:ident;)*) => {
        &[$(Case {
            name: stringify!($name),
            needs: &[$(Need::$need),*],
            trouble: Trouble::$trouble,
            run: |world| $module::$name(world).boxed(),
        }),*]
    };
}

/// Every case of the suite.
#[must_use]
pub fn cases() -> &'static [Case] {
    const CASES: &[Case] = __conformance_cases! { @list __conformance_table {} };
    CASES
}
