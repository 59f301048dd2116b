//! What is done at a size, in a process of its own: an application that starts, deliveries in flight, look-ups.

use std::fmt::{self, Display};
use std::future::poll_fn;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use wellspring::binder::memory::{Config as MemoryConfig, Memory};
use wellspring::binder::{Binder, Delivery, Input, InputSpec, Outgoing, Output, OutputSpec, Settlement};
use wellspring::config::{Config, Sources};
use wellspring::http::Server;
use wellspring::invocation::Functions;
use wellspring::{Catalog, CatalogBuilder, ContentType, Message, Runtime};

use crate::Failure;
use crate::harness::proc;

/// How many calls come before those that are looked at.
const PROOFS: usize = 64;

/// What a look-up is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUp {
    /// A function by its name.
    Name,
    /// A composition that was asked for before.
    Composition,
    /// A composition that is put together anew.
    Joining,
    /// A name that no function has.
    Unknown,
    /// A function by its path: a whole request over HTTP.
    Request,
}

/// A broker to bind to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// The binder.
    pub binder: String,
    /// What says where the broker is: a key, `=` and its value.
    pub setting: String,
}

/// How one process stands after its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How long it took.
    pub took: Duration,
    /// Memory that is resident, in bytes.
    pub resident: u64,
    /// How many threads there are.
    pub threads: u64,
}

impl Standing {
    /// Reads what another process has written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { took: Duration::from_micros(next()?), resident: next()?, threads: next()? })
    }

    /// How this process stands after work that took so long.
    fn now(took: Duration) -> Result<Self, Failure> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let resident = proc::bytes_in(&status, "VmRSS").ok_or("no `VmRSS`")?;
        let threads = std::fs::read_dir("/proc/self/task")?.count() as u64;
        Ok(Self { took, resident, threads })
    }
}

impl Display for Standing {
    /// Microseconds, bytes and threads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.took.as_micros(), self.resident, self.threads)
    }
}

impl LookUp {
    /// Every one, with its name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Name, "name"),
        (Self::Composition, "composition"),
        (Self::Joining, "joining"),
        (Self::Unknown, "unknown"),
        (Self::Request, "request"),
    ];

    /// The look-up of a name.
    ///
    /// # Errors
    /// When no look-up has the name.
    pub fn named(name: &str) -> Result<Self, Failure> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name).map(|(look_up, _)| *look_up);
        found.ok_or_else(|| format!("`{name}` is no look-up").into())
    }

    /// Looks up so many times among so many functions; the names differ.
    ///
    /// # Errors
    /// When something is not found.
    pub fn repeat(self, count: usize, times: usize) -> Result<(), Failure> {
        let functions = Functions::new(catalog(Catalog::builder(), count).build()?, &[], None)?;
        let names: Vec<_> = (0..64).map(|index| self.text(index * count.max(1) / 64, count)).collect();
        if self == Self::Request {
            return block_on(requests(functions, &names, times));
        }
        for name in names.iter().cycle().take(times) {
            let name = black_box(name.as_str());
            match self {
                Self::Joining => drop(functions.catalog().compose(name)?),
                Self::Unknown => drop(functions.get(name).err()),
                Self::Name | Self::Composition | Self::Request => drop(functions.get(name)?),
            }
        }
        Ok(())
    }

    fn text(self, index: usize, count: usize) -> String {
        match self {
            Self::Name | Self::Request => name(index),
            Self::Unknown => format!("another{index:05}"),
            Self::Composition | Self::Joining => format!("{}|{}", name(index), name((index + 1) % count)),
        }
    }
}

/// Starts an application of so many functions, of which so many are bound, with an input and an output each: to
/// destinations of their own in memory, or all to the same of a broker.
///
/// # Errors
/// When it cannot start.
pub fn start(functions: usize, bindings: usize, broker: Option<&Broker>) -> Result<Standing, Failure> {
    let begun = Instant::now();
    tokio::runtime::Runtime::new()?.block_on(async {
        let sources = Sources::new()
            .arg("--http.address=127.0.0.1")
            .arg("--http.port=0")
            .arg("--management.port=0")
            .built_in("application.yaml", configuration(bindings, broker.is_some()));
        let sources = match broker {
            Some(Broker { binder, setting }) => {
                sources.arg(format!("--stream.default-binder={binder}")).arg(format!("--{setting}"))
            }
            None => sources,
        };
        let add = move |builder| catalog(builder, functions);
        let running = Runtime::builder().functions(add).sources(sources).build()?.start().await?;
        let took = begun.elapsed();
        for binding in running.bindings() {
            binding.reached(wellspring::binding::State::Running).await;
        }
        let standing = Standing::now(took)?;
        running.stop().await;
        Ok(standing)
    })
}

/// Keeps a number of deliveries in flight, each with its call under way, while so many messages pass.
///
/// # Errors
/// When the bindings cannot be made.
pub fn in_flight(window: usize, messages: usize) -> Result<Standing, Failure> {
    block_on(async {
        let memory = Memory::new(MemoryConfig { capacity: window + 1, ..MemoryConfig::default() });
        let gate = Arc::new(Semaphore::new(0));
        let waits = Arc::clone(&gate);
        let hold = move |bytes: Bytes| {
            let waits = Arc::clone(&waits);
            async move {
                waits.acquire().await.map_err(wellspring::Error::fatal)?.forget();
                Ok::<_, wellspring::Error>(bytes)
            }
        };
        let sources = [
            "--http.enabled=false",
            "--management.enabled=false",
            "--stream.bindings.hold-in-0.destination=in",
            "--stream.bindings.hold-in-0.group=g",
            "--stream.bindings.hold-out-0.destination=out",
            "--stream.bindings.hold-in-0.consumer.order=none",
        ];
        let sources = sources.into_iter().fold(Sources::new(), Sources::arg);
        let sources = ["concurrency", "max-in-flight"].into_iter().fold(sources, |sources, key| {
            sources.arg(format!("--stream.bindings.hold-in-0.consumer.{key}={window}"))
        });
        let runtime = Runtime::builder().functions(|catalog| catalog.function("hold", hold));
        let runtime = runtime.binder("memory", Arc::new(memory.clone())).sources(sources).build()?;
        let running = runtime.start().await?;
        let (mut sender, mut reader) = (sender(&memory).await?, reader(&memory).await?);
        // The first calls prove that the function is quick to begin.
        for number in 0..PROOFS {
            send(&mut *sender, number).await?;
            gate.add_permits(1);
            receive(&mut *reader).await?;
        }
        for number in PROOFS..PROOFS + window {
            send(&mut *sender, number).await?;
        }
        let stats = running.bindings().first().ok_or("expected one binding")?;
        while stats.stats().received.get() < (PROOFS + window) as u64 {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        for number in 0..messages {
            gate.add_permits(1);
            receive(&mut *reader).await?;
            send(&mut *sender, PROOFS + window + number).await?;
        }
        let standing = Standing::now(begun.elapsed())?;
        gate.add_permits(window);
        running.stop().await;
        Ok(standing)
    })
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn name(index: usize) -> String {
    format!("function{index:05}")
}

fn catalog(builder: CatalogBuilder, count: usize) -> CatalogBuilder {
    (0..count).fold(builder, |builder, index| builder.function(&name(index), |bytes: Bytes| bytes))
}

/// Bindings of so many functions; those to one destination are of anonymous groups, which leave nothing behind.
fn configuration(bindings: usize, to_one: bool) -> String {
    let names: Vec<_> = (0..bindings).map(name).collect();
    let ends = names.iter().map(|name| match to_one {
        true => format!(
            "    {name}-in-0: {{ destination: ws-growth-to }}\n    {name}-out-0: {{ destination: ws-growth-from }}\n"
        ),
        false => format!(
            "    {name}-in-0: {{ destination: to-{name}, group: g }}\n    {name}-out-0: {{ destination: from-{name} }}\n"
        ),
    });
    let ends: String = ends.collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("function:\n  definition: {}\nstream:\n  bindings:\n{ends}", names.join(";")),
    }
}

async fn sender(memory: &Memory) -> Result<Box<dyn Output>, Failure> {
    let spec = OutputSpec {
        binding: "sender".to_owned(),
        destination: "in".to_owned(),
        partition_count: 1,
        required_groups: Vec::new(),
    };
    Ok(memory.bind_output(spec).await?)
}

async fn reader(memory: &Memory) -> Result<Box<dyn Input>, Failure> {
    let spec = InputSpec {
        binding: "reader".to_owned(),
        destinations: vec!["out".to_owned()],
        group: Some("reader".to_owned()),
        max_in_flight: 1,
        sharing: Default::default(),
    };
    Ok(memory.bind_input(spec).await?)
}

async fn send(output: &mut dyn Output, number: usize) -> Result<(), Failure> {
    poll_fn(|cx| output.poll_ready(cx)).await?;
    let message = Message::encoded(crate::story::PAYLOAD, ContentType::JSON);
    output.send(Outgoing { message, key: None, partition: None }, number as u64);
    Ok(poll_fn(|cx| output.poll_confirmed(cx, &mut Vec::new())).await?)
}

async fn receive(input: &mut dyn Input) -> Result<(), Failure> {
    let mut batch = Vec::new();
    poll_fn(|cx| input.poll_receive(cx, &mut batch, 1)).await?;
    batch.into_iter().for_each(|Delivery { ticket, .. }| input.settle(ticket, Settlement::Ack));
    Ok(())
}

async fn requests(functions: Functions, names: &[String], times: usize) -> Result<(), Failure> {
    let config = Config::load(&Sources::new().arg("--http.address=127.0.0.1").arg("--http.port=0"))?;
    let server = Server::new(functions, config.http).bind().await?;
    let (address, running) = (server.address(), server.start());
    let mut stream = TcpStream::connect(address).await?;
    let mut answer = [0; 1024];
    for name in names.iter().cycle().take(times) {
        let request = format!(
            "POST /{name} HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nbob"
        );
        stream.write_all(request.as_bytes()).await?;
        let read = stream.read(&mut answer).await?;
        if !answer[..read].starts_with(b"HTTP/1.1 200") {
            return Err(format!("`{name}` was answered {}", String::from_utf8_lossy(&answer[..read])).into());
        }
    }
    drop(stream);
    running.drain(Duration::from_secs(1)).await;
    Ok(())
}
