//! The sender from code: many messages by each `send_all`, several calls on their way, from a task of a runtime such as
//! applications have.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use wellspring::Sender;
use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};

use super::{Task, configuration};
use crate::Failure;
use crate::ending::Ending;
use crate::story::{AccountsMsg, FIRST, PAYLOAD, functions};

/// Messages sent by one call.
const TOGETHER: u64 = 500;
/// Calls on their way: twice as many messages as may be unconfirmed, so that some wait for room.
const CALLS: usize = 40;
const OUTPUT: &str = "emailsms-out-0";

pub(super) fn run(task: &Task) -> Result<(), Failure> {
    let (task, ending) = (task.clone(), Ending::listen()?);
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    tokio.block_on(tokio.spawn(async move { send(&task, ending).await }))?
}

async fn send(task: &Task, ending: Ending) -> Result<(), Failure> {
    let binder = task.work.trim_end_matches("-sender");
    let sources = Sources::new().binder(binder).built_in("application.yaml", configuration(task));
    let config = Config::load(&sources)?;
    let catalog = functions().build()?;
    let outputs = SenderOutputs::default();
    let sender = Sender::new(Arc::new(outputs.clone()), catalog.codecs().clone());
    let plan = Plan::new(&config, &catalog)?;
    let plan = Plan { outputs: plan.all_outputs().cloned().collect(), ..Plan::default() };
    let binders = Binders::default().make(&plan, &config.stream)?;
    let mut bindings = Bindings::start(&plan, &binders, &outputs).await?;
    let (mut calls, mut next) = (FuturesUnordered::new(), FIRST);
    while !ending.has_come() {
        while calls.len() < CALLS {
            let accounts = (next..next + TOGETHER).map(|number| AccountsMsg::numbered(number, PAYLOAD.len()));
            calls.push(sender.send_all(OUTPUT, accounts));
            next += TOGETHER;
        }
        calls.next().await.transpose()?;
    }
    while let Some(sent) = calls.next().await {
        sent?;
    }
    bindings.stop(Duration::from_secs(5)).await;
    bindings.close(Duration::from_secs(5)).await;
    Ok(())
}
