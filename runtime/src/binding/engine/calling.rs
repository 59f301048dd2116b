//! How the function is called with a message: one that says of what type its payload is.

use std::task::Context;

use wellspring_functions::{EncodedMessage, Output as Answer, Step};

use super::driver::DriverEnds;
use crate::invocation::Invocation;

impl DriverEnds {
    /// Whether it is to be said what the payload of a message is, because the message does not.
    #[inline]
    pub(super) const fn labels(&self, message: &EncodedMessage) -> bool {
        self.input_type.is_some() && message.headers().content_type().is_none()
    }

    /// Calls the function with a message that stays as it is. How far the call has come is written to `step`.
    #[inline(always)]
    pub(super) fn call(
        &self,
        invocation: &Invocation,
        cx: &mut Context<'_>,
        message: &EncodedMessage,
        step: &mut Step,
    ) {
        if self.labels(message) {
            return self.call_labelled(invocation, cx, message.clone(), step);
        }
        invocation.lend_and_poll(cx, message, &self.wanted, step);
    }

    fn call_labelled(
        &self,
        invocation: &Invocation,
        cx: &mut Context<'_>,
        mut message: EncodedMessage,
        step: &mut Step,
    ) {
        self.label(&mut message);
        invocation.lend_and_poll(cx, &message, &self.wanted, step);
    }

    /// Whether an answer goes nowhere.
    #[inline]
    pub(super) const fn sends_nothing(&self, step: &Step) -> bool {
        match step {
            Step::Ready(Ok(Answer::Nothing)) => true,
            Step::Ready(Ok(Answer::One(_))) => self.output.is_none(),
            _ => false,
        }
    }

    /// Says what a payload is when its message does not.
    pub(super) fn label(&self, message: &mut EncodedMessage) {
        if self.labels(message) {
            message.headers_mut().set_content_type(self.input_type.clone());
        }
    }
}
