//! L*: dead letters looked after from outside their binding; refused by name where a binder does not do it.

use wellspring_functions::header_names;

use crate::binder::{Binder, Delivery, InputSpec, Kind, Letter, Letters, LettersAt, Outgoing};
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, numbers, payloads, plain};
use crate::conformance::{Found, Settings};

pub(super) async fn l1_dead_letters_are_found_removed_and_sent_again(world: &World) -> Outcome {
    let binder = world.binder_with(&Settings { keeps_letters: true, ..Settings::default() });
    let destination = world.create("failed", 1).await?;
    let spec = world.input(&destination, Some("g"));
    let Some(place) = binder.dead_letters(&spec) else { return is_refused(world, &*binder, spec).await };
    let mut reader = world.bind(&*binder, spec.clone()).await?;
    world.publish_numbers(&destination, 0..4).await?;
    let failed = reader.receive(4).await?;
    let mut buried = world.ends_at(&place, binder.bind_dead_letters(spec.clone(), place.clone())).await?;
    buried.send_all(failed.iter().map(|delivery| letter_of(delivery, &spec)).collect()).await?;
    reader.settle_all(failed, crate::binder::Settlement::Ack).await?;

    let mut open = Open::of(world, &*binder, &spec).await?;
    let mut letters = open.all().await?;
    same("the letters", &texts(&letters), &numbers(0..4))?;
    same("letters at their places", &open.letters.places().iter().map(|place| place.count).sum(), &4)?;
    open.remove(letters.remove(1)).await?;
    open.close().await?;

    let mut open = Open::of(world, &*binder, &spec).await?;
    let mut letters = open.all().await?;
    let left = ["0", "2", "3"].map(str::to_owned).to_vec();
    same("the letters after one was removed", &texts(&letters), &left)?;
    let first = letters.remove(0);
    let to = first.origin.clone().ok_or_else(|| Found::new("a letter does not say where it came from"))?;
    let mut again = world.ends_at(&to, binder.bind_redrive(spec.clone(), to.clone())).await?;
    again.send_all(vec![first.original.clone()]).await?;
    open.remove(first).await?;
    open.close().await?;

    let came = reader.take(1).await?;
    same("what was sent again", &payloads(&came), &numbers(0..1))?;
    for name in [header_names::EXCEPTION_MESSAGE, header_names::EXCEPTION_KIND] {
        let tells = came[0].message.headers().contains(name);
        holds(|| format!("what was sent again still tells of its failure (`{name}`)"), !tells)?;
    }
    let mut open = Open::of(world, &*binder, &spec).await?;
    let left = ["2", "3"].map(str::to_owned).to_vec();
    same("the letters at last", &texts(&open.all().await?), &left)?;
    open.close().await?;
    reader.close().await
}

/// A binder that keeps none says so, and whose.
async fn is_refused(world: &World, binder: &dyn Binder, spec: InputSpec) -> Outcome {
    let (binding, at) = (spec.binding.clone(), LettersAt::Destination(world.name("letters")));
    match world.in_time("opening dead letters", binder.bind_letters(spec, at)).await? {
        Ok(_) => Err(Found::new("dead letters are opened, but the binder says nowhere where it keeps any")),
        Err(error) => {
            same("the kind of the refusal", &error.kind(), &Kind::Refused)?;
            holds(|| format!("`{error}` does not name `{binding}`"), error.to_string().contains(&binding))
        }
    }
}

/// What an application sends when a delivery has failed for good.
fn letter_of(delivery: &Delivery, spec: &InputSpec) -> Outgoing {
    let mut letter = delivery.message.clone();
    let headers = letter.headers_mut();
    headers.set(header_names::EXCEPTION_KIND, "fatal");
    headers.set(header_names::EXCEPTION_MESSAGE, "on purpose");
    headers.set(header_names::ORIGINAL_DESTINATION, spec.destinations.join(","));
    headers.set(header_names::ORIGINAL_PARTITION, delivery.partition);
    headers.set(header_names::ORIGINAL_OFFSET, delivery.position.cast_signed());
    headers.set(header_names::ATTEMPTS, 1);
    headers.set(header_names::BINDING, spec.binding.as_str());
    plain(letter)
}

fn texts(letters: &[Letter]) -> Vec<String> {
    letters
        .iter()
        .map(|letter| String::from_utf8_lossy(letter.original.message.bytes()).into_owned())
        .collect()
}

/// The letters of an input, opened.
struct Open<'a> {
    world: &'a World,
    letters: Box<dyn Letters>,
}

impl<'a> Open<'a> {
    async fn of(world: &'a World, binder: &dyn Binder, spec: &InputSpec) -> Outcome<Self> {
        let opening = binder.bind_letters(spec.clone(), LettersAt::Settings);
        match world.in_time("opening dead letters", opening).await?? {
            Some(letters) => Ok(Self { world, letters }),
            None => Err(Found::new("there are no dead letters, but the binder says where it keeps them")),
        }
    }

    async fn all(&mut self) -> Outcome<Vec<Letter>> {
        let mut all = Vec::new();
        while let Some(letter) = self.world.in_time("the next letter", self.letters.next()).await?? {
            all.push(letter);
        }
        Ok(all)
    }

    async fn remove(&mut self, letter: Letter) -> Outcome {
        Ok(self.world.in_time("removing a letter", self.letters.remove(vec![letter.ticket])).await??)
    }

    async fn close(self) -> Outcome {
        Ok(self.world.in_time("closing dead letters", self.letters.close()).await??)
    }
}
