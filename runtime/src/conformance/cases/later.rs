//! R*: messages that wait at the broker for another attempt; refused where a binder keeps nothing for later.

use std::time::{Duration, Instant};

use wellspring_functions::header_names;

use crate::binder::{Binder, Delayed, Delivery, InputSpec, Kind, Outgoing, Settlement};
use crate::conformance::Raw;
use crate::conformance::ends::{Reader, Writer};
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, payload, payloads};

const SOON: Duration = Duration::from_millis(200);
/// So much later that what begins to wait a little after it is due first all the same.
const LATE: Duration = Duration::from_secs(5);

pub(super) async fn r1_what_waits_comes_again_to_its_group_when_it_is_due(world: &World) -> Outcome {
    let destination = world.create("waits", 1).await?;
    let spec = world.input(&destination, Some("g"));
    let Some((mut reader, mut places)) = bind(world, &*world.binder(), spec).await? else { return Ok(()) };
    let mut others = world.join(&destination, "others").await?;
    let messages = ["late", "soon"].map(|text| Raw::of(text).with_header("tenant", "acme"));
    world.publish(&destination, messages.to_vec()).await?;
    let came = reader.receive(2).await?;
    let begun = Instant::now();
    for (delivery, place) in came.iter().zip([1, 0]) {
        places[place].send_all(vec![waiting(delivery)]).await?;
    }
    let tenant = came[0].message.headers().get("tenant").cloned();
    reader.settle_all(came, Settlement::Ack).await?;
    for (text, wait) in [("soon", SOON), ("late", LATE)] {
        let again = reader.take(1).await?;
        let waited = begun.elapsed();
        same("what is due next", &payloads(&again), &vec![text.to_owned()])?;
        holds(|| format!("`{text}` came after {waited:?}, expected at least {wait:?}"), waited >= wait)?;
        let headers = again[0].message.headers();
        same("the attempts", &headers.integer(header_names::RETRY_ATTEMPTS), &Some(1))?;
        same("another header", &headers.get("tenant").cloned(), &tenant)?;
    }
    let seen = others.take(2).await?.iter().map(payload).collect::<Vec<_>>();
    same("what another group gets", &seen, &["late", "soon"].map(str::to_owned).to_vec())?;
    same("what another group gets again", &payloads(&others.quiet().await?), &Vec::new())?;
    others.close().await?;
    reader.close().await
}

pub(super) async fn r2_what_waits_outlives_its_reader(world: &World) -> Outcome {
    let destination = world.create("outlives", 1).await?;
    let spec = world.input(&destination, Some("g"));
    let binder = world.binder();
    let Some((mut reader, mut places)) = bind(world, &*binder, spec.clone()).await? else { return Ok(()) };
    world.publish(&destination, vec![Raw::of("waits")]).await?;
    let came = reader.receive(1).await?;
    places[0].send_all(vec![waiting(&came[0])]).await?;
    reader.settle_all(came, Settlement::Ack).await?;
    for place in places {
        place.close().await?;
    }
    reader.close().await?;
    drop(binder);
    let Some((mut reader, _)) = bind(world, &*world.binder(), spec).await? else { return Ok(()) };
    same("what comes to the next one", &payloads(&reader.take(1).await?), &vec!["waits".to_owned()])?;
    reader.close().await
}

/// An input and its two places; nothing where the binder refuses both the question and the binding.
async fn bind(world: &World, binder: &dyn Binder, spec: InputSpec) -> Outcome<Option<(Reader, Vec<Writer>)>> {
    let waits = vec![SOON, LATE];
    let refused = binder.check_delays(&spec, &waits).err();
    match (world.in_time("binding an input with waits", binder.bind_delayed(spec, waits)).await?, refused) {
        (Ok(Delayed { input, delays }), None) => {
            same("places", &delays.len(), &2)?;
            let places = delays.into_iter().map(|place| Writer::new(place, world.patience)).collect();
            Ok(Some((Reader::new(input, world.patience), places)))
        }
        (Err(error), Some(refused)) => {
            same(
                "the kinds of the refusals",
                &(error.kind(), refused.kind()),
                &(Kind::Refused, Kind::Refused),
            )?;
            same("why nothing can wait", &error.to_string(), &refused.to_string())?;
            Ok(None)
        }
        (Err(error), None) => Err(error.into()),
        (Ok(_), Some(refused)) => {
            holds(|| format!("what `{refused}` speaks against is bound all the same"), false).map(|()| None)
        }
    }
}

/// A delivery after its first attempt, as an application sends it.
fn waiting(delivery: &Delivery) -> Outgoing {
    let mut message = delivery.message.clone();
    message.headers_mut().set(header_names::RETRY_ATTEMPTS, 1);
    Outgoing { message, key: delivery.key.clone(), partition: None }
}
