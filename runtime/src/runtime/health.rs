//! The health of bindings, as the management listener shows it.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::binder::Connection;
use crate::binding::{End, Ends, State};
use crate::http::{Component, Observed};

/// How long a broker may take to tell how much waits; without an answer the figure is left out.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Every input and output, to be looked at.
#[derive(Debug)]
pub(super) struct BindingHealth(Ends);

impl BindingHealth {
    pub(super) fn of(ends: &Ends) -> Self {
        Self(ends.clone())
    }
}

impl Observed for BindingHealth {
    fn components(&self) -> BTreeMap<Box<str>, Component> {
        self.0.all().iter().map(|end| (end.name().into(), component(end, None))).collect()
    }

    fn measured(&self) -> BoxFuture<'_, BTreeMap<Box<str>, Component>> {
        let backlogs = self.0.all().iter().map(async |end| {
            if end.is_input() { timeout(PATIENCE, end.backlog()).await.ok().flatten() } else { None }
        });
        // Everything else is looked at in one go, so that it fits together.
        let seen = |backlogs: Vec<_>| {
            let ends = self.0.all().iter().zip(backlogs);
            ends.map(|(end, backlog)| (end.name().into(), component(end, backlog))).collect()
        };
        join_all(backlogs).map(seen).boxed()
    }
}

/// One that an operator has paused is well.
fn component(end: &End, backlog: Option<u64>) -> Component {
    let (state, connection) = (end.state(), end.connection());
    let component = match (state, &connection) {
        (State::Connecting, _) => {
            Component::down(end.waits_for().unwrap_or_else(|| "is being made".to_owned()))
        }
        (State::Stopped, _) => Component::down("stopped"),
        (State::Failed, _) => {
            Component::down(end.waits_for().unwrap_or_else(|| "ended with an error: see the log".to_owned()))
        }
        (_, Connection::Down(why)) => Component::down(why.as_str()),
        (State::Suspended, Connection::Up) => {
            Component::down("too many failures in a row: it calls nothing until it tries one delivery again")
        }
        (State::Paused, Connection::Up) => Component::up().with_detail("paused"),
        (_, Connection::Up) => Component::up(),
    };
    let is_made = !matches!(state, State::Connecting | State::Stopped | State::Failed);
    let is_connected = is_made && connection == Connection::Up;
    let mut component = component
        .with_fact("state", state.to_string())
        .with_fact("connection", if is_connected { "up" } else { "down" })
        .with_fact("binder", end.binder())
        .with_fact("destination", end.destination());
    if let Some(group) = end.group() {
        component = component.with_fact("group", group);
    }
    if let Some(backlog) = backlog {
        component = component.with_fact("backlog", backlog);
    }
    component.with_fact("counts", counts(end))
}

fn counts(end: &End) -> Value {
    let stats = end.stats();
    let counts: &[(&str, u64)] = if end.is_input() {
        &[
            ("received", stats.received.get()),
            ("succeeded", stats.succeeded.get()),
            ("failed", stats.failed.get()),
            ("deadLettered", stats.dead_lettered.get()),
            ("dropped", stats.dropped.get()),
            ("requeued", stats.requeued.get()),
            ("stuck", stats.stuck.get()),
        ]
    } else {
        &[("sent", end.sent())]
    };
    let counts: Map<_, _> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    counts.into()
}
