//! The client's publisher as an expert would use it: as many publishes in flight as the loop has deliveries.

use std::collections::VecDeque;
use std::sync::Arc;

use lapin::options::ConfirmSelectOptions;
use lapin::types::ShortString;
use lapin::{Connection, ConnectionProperties};

use super::rabbitmq::{Confirm, confirmed, properties, publish};
use super::{Ending, Task};
use crate::Failure;
use crate::story::{AccountsMsg, FIRST, PAYLOAD};

/// How many publishes may be unconfirmed.
const WINDOW: usize = 10_000;

/// Sends one message after the other.
pub(super) fn run(task: &Task, ending: &Ending) -> Result<(), Failure> {
    tokio::runtime::Runtime::new()?.block_on(send(task, ending))
}

async fn send(task: &Task, ending: &Ending) -> Result<(), Failure> {
    let connection = Connection::connect(&task.address, ConnectionProperties::default()).await?;
    let channel = Arc::new(connection.create_channel().await?);
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (exchange, properties) = (ShortString::from(task.output.as_str()), properties());
    let (mut pending, mut next): (VecDeque<Confirm>, u64) = (VecDeque::new(), FIRST);
    while !ending.has_come() {
        while pending.len() < WINDOW {
            let payload = serde_json::to_vec(&AccountsMsg::numbered(next, PAYLOAD.len()))?;
            pending.push_back(publish(&channel, &exchange, &properties, payload));
            next += 1;
        }
        if let Some(oldest) = pending.pop_front() {
            confirmed(oldest.await?)?;
        }
    }
    for confirm in pending {
        confirmed(confirm.await?)?;
    }
    Ok(connection.close(200, "done".into()).await?)
}
