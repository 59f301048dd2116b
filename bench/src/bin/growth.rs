//! Does work at one size, for `./bench/run growth` to look at from outside.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use wellspring_bench::Failure;
use wellspring_bench::growth::{self, Broker, LookUp};

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["start", functions, bindings] => {
            println!("{}", growth::start(functions.parse()?, bindings.parse()?, None)?);
        }
        ["start", functions, bindings, binder, setting] => {
            let broker = Broker { binder: (*binder).to_owned(), setting: (*setting).to_owned() };
            println!("{}", growth::start(functions.parse()?, bindings.parse()?, Some(&broker))?);
        }
        ["in-flight", window, messages] => {
            println!("{}", growth::in_flight(window.parse()?, messages.parse()?)?);
        }
        ["look-up", what, count, times] => LookUp::named(what)?.repeat(count.parse()?, times.parse()?)?,
        other => return Err(format!("`{}` is no work that grows", other.join(" ")).into()),
    }
    Ok(())
}
