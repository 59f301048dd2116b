//! A binder that lacks a capability: a configuration that asks for it is refused at start.

use std::sync::Arc;

use super::cases::Need;
use super::found::{Outcome, holds, same};
use super::world::{World, message, plain};
use crate::binder::Kind;
use crate::config::Sources;
use crate::runtime::Runtime;

/// Checks that what a binder cannot do is refused when it is asked for.
pub(super) async fn is_refused(world: &World, need: Need) -> Outcome {
    let (yaml, lacks) = match need {
        Need::Groups => ("same-in-0: { group: g }", "groups"),
        Need::DurableGroups => ("same-out-0: { producer: { required-groups: g } }", "groups that outlive"),
        Need::Partitions => ("same-out-0: { producer: { partition-count: 4 } }", "partitions"),
        Need::Requeue => ("same-in-0: { destination: d }", "redelivery"),
        Need::Tombstones => return no_tombstone(world).await,
    };
    let yaml = format!(
        "function: {{ definition: same }}\nstream:\n  default-binder: memory\n  bindings:\n    {yaml}\n"
    );
    let arguments = ["--http.enabled=false", "--management.enabled=false"];
    let sources = Sources::new().args(arguments).built_in("application.yaml", &yaml);
    let builder = Runtime::builder()
        .functions(|catalog| catalog.function("same", |text: String| text))
        .binder("memory", Arc::clone(&world.binder()))
        .sources(sources);
    let said = builder.build().err().map(|problems| problems.to_string()).unwrap_or_default();
    holds(
        || format!("a configuration that asks for {need:?} is answered by `{said}`, expected a refusal"),
        said.contains(&format!("has no {lacks}")),
    )
}

/// No configuration asks for null payloads; a message does.
async fn no_tombstone(world: &World) -> Outcome {
    let destination = world.create("deleted", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let null = wellspring_functions::Message::new(None);
    let results = writer.send(vec![plain(null), plain(message("next"))]).await?;
    let kinds: Vec<_> = results.iter().map(|one| one.as_ref().err().map(|error| error.kind())).collect();
    same("what became of a null and a text", &kinds, &vec![Some(Kind::Refused), None])?;
    same("what arrives", &super::world::payloads(&reader.take(1).await?), &vec!["next".to_owned()])?;
    reader.close().await
}
