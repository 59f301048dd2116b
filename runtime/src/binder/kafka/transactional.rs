//! The ends of a function whose work is one transaction: an input, its outputs and its dead letters.

use std::sync::Arc;

use super::admin::cannot_make;
use super::config::Config;
use super::failure::failed;
use super::later::Waits;
use super::letters::{self, Routes};
use super::output::{KafkaOutput, Options};
use super::provision::Provisioner;
use super::replacing::Recipe;
use super::subscription;
use super::transaction::{Member, Parts, Transaction};
use crate::binder::changed::changed;
use crate::binder::{Error, InputSpec, Output, OutputSpec, Together};

/// Binds all of them to one producer. Blocks.
pub(super) fn bind(
    config: &Config,
    input: &InputSpec,
    group: &str,
    outputs: &[OutputSpec],
    dead_letters: Option<&str>,
) -> Result<Together, Error> {
    let provisioner = Provisioner::new(config)?;
    let ready = |spec: &OutputSpec| super::provision_output(config, &provisioner, spec);
    let ready: Vec<_> = outputs.iter().map(ready).collect::<Result<_, _>>()?;
    let routes = dead_letters.map(|to| letters::provisioned(config, input, to)).transpose()?;
    let limits = ready.iter().map(|(_, limit)| *limit).chain(routes.iter().map(Routes::limit));
    let limit = limits.flatten().min();
    let topics = outputs.iter().map(|spec| spec.destination.as_str());
    let Some(topic) = topics.chain(routes.iter().map(Routes::name)).next() else {
        let input = subscription::bind(config, input, group, None, Waits::new())?;
        return Ok(Together { input, outputs: Vec::new(), dead_letters: None });
    };
    let transaction = begin(config, input, topic, limit)?;
    let joined = outputs.iter().zip(ready).map(|(spec, (options, _))| {
        let member = Member::join(&transaction, &spec.destination);
        Box::new(KafkaOutput::shared(member, &spec.binding, &spec.destination, options)) as Box<dyn Output>
    });
    let outputs = joined.collect();
    let dead_letters = routes.map(|routes| {
        let settings = config.consumer(&input.binding).dlq_producer_properties;
        let options = Options { use_topic_header: true, ..Options::from(&settings) };
        let member = Member::join(&transaction, routes.name());
        let output = KafkaOutput::shared(member, &input.binding, routes.name(), options);
        changed(output, move |letter| routes.address(letter))
    });
    let input = subscription::bind(config, input, group, Some(transaction), Waits::new())?;
    Ok(Together { input, outputs, dead_letters })
}

fn begin(
    config: &Config,
    input: &InputSpec,
    topic: &str,
    limit: Option<u32>,
) -> Result<Arc<Transaction>, Error> {
    let binding = input.binding.as_str();
    let id = id(config.transaction_prefix().unwrap_or_default(), input);
    let (client, timeout) = config.transaction_client(binding, &id, limit);
    let recipe = Recipe::new(client, binding, topic);
    let outlet = recipe
        .make()
        .map_err(|error| failed(cannot_make(&format!("producer of `{binding}`"), config), error))?;
    let interval = config.transaction.interval;
    Transaction::begin(outlet, Parts { recipe, binding, id, interval, timeout }, config.bind_timeout)
}

/// The same after a restart, so that what was left open ends at once; another one for every instance.
fn id(prefix: &str, input: &InputSpec) -> String {
    let group = input.group.as_deref().unwrap_or("anonymous");
    let sharing = &input.sharing;
    format!("{prefix}{group}.{}.{}", input.binding, sharing.instance_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binder::Sharing;

    #[test]
    fn an_id_tells_instances_apart() {
        let of = |instance_index| {
            let sharing = Sharing { instance_index, ..Sharing::default() };
            let (binding, group) = ("f-in-0".to_owned(), Some("g".to_owned()));
            let spec = InputSpec { binding, destinations: Vec::new(), group, max_in_flight: 1, sharing };
            id("tx-", &spec)
        };
        assert_eq!(of(0), "tx-g.f-in-0.0");
        assert_eq!(of(2), "tx-g.f-in-0.2");
    }
}
