//! A wire between a binder and its broker that can be cut, held and slowed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Found;

/// Changes what the broker says on its way to the binder; gets the address of the wire.
type Rewrite = dyn Fn(&mut Vec<u8>, SocketAddr) + Send + Sync;

/// Stands between a binder and its broker.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    target: String,
    /// Counts the cuts: connections that see another number end.
    cuts: watch::Sender<u64>,
    /// New connections are turned away.
    is_down: AtomicBool,
    /// How long each piece is held, in milliseconds.
    delay: AtomicU64,
}

impl Wire {
    /// A wire to the broker at `host:port`.
    ///
    /// # Errors
    /// When nothing can be listened to.
    pub async fn to(target: impl Into<String>) -> Result<Self, Found> {
        Self::open(target.into(), None).await
    }

    /// A wire to a broker that tells its clients where it is, in messages that begin with their length in four bytes:
    /// each is changed on its way, so that the clients stay on the wire. The length must stay the same.
    ///
    /// # Errors
    /// When nothing can be listened to.
    pub async fn rewriting(
        target: impl Into<String>,
        rewrite: impl Fn(&mut Vec<u8>, SocketAddr) + Send + Sync + 'static,
    ) -> Result<Self, Found> {
        Self::open(target.into(), Some(Arc::new(rewrite))).await
    }

    async fn open(target: String, rewrite: Option<Arc<Rewrite>>) -> Result<Self, Found> {
        let failed = |error: std::io::Error| Found::new(format!("the wire cannot listen: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(State {
            target,
            cuts: watch::channel(0).0,
            is_down: AtomicBool::new(false),
            delay: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, address, Arc::clone(&state), rewrite));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Where the binder has to connect to.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends every connection and turns new ones away, or lets them in again.
    pub fn set_down(&self, down: bool) {
        self.state.is_down.store(down, Ordering::SeqCst);
        if down {
            self.cut();
        }
    }

    /// Holds everything that passes for so long.
    pub fn slow_down(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.delay.store(delay, Ordering::SeqCst);
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
    rewrite: Option<Arc<Rewrite>>,
) {
    let mut pipes = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        if state.is_down.load(Ordering::SeqCst) {
            continue;
        }
        let (state, rewrite) = (Arc::clone(&state), rewrite.clone());
        let mut cuts = state.cuts.subscribe();
        pipes.spawn(async move {
            tokio::select! {
                _ = cuts.changed() => {}
                _ = connect(near, address, &state, rewrite) => {}
            }
        });
        while pipes.try_join_next().is_some() {}
    }
}

async fn connect(
    near: TcpStream,
    address: SocketAddr,
    state: &State,
    rewrite: Option<Arc<Rewrite>>,
) -> std::io::Result<()> {
    let far = TcpStream::connect(&state.target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let there = pieces(near_in, far_out, state);
    match rewrite {
        None => first(there, pieces(far_in, near_out, state)).await,
        Some(rewrite) => {
            let change = |frame: &mut Vec<u8>| rewrite(frame, address);
            first(there, frames(far_in, near_out, state, change)).await
        }
    }
}

/// A connection ends with either of its directions.
async fn first(
    one: impl Future<Output = std::io::Result<()>>,
    other: impl Future<Output = std::io::Result<()>>,
) -> std::io::Result<()> {
    tokio::select! {
        ended = one => ended,
        ended = other => ended,
    }
}

async fn pieces(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        state.hold().await;
        to.write_all(&buffer[..count]).await?;
    }
}

async fn frames(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    change: impl Fn(&mut Vec<u8>),
) -> std::io::Result<()> {
    loop {
        let length = from.read_u32().await?;
        let mut frame = vec![0; length as usize];
        from.read_exact(&mut frame).await?;
        change(&mut frame);
        state.hold().await;
        to.write_u32(length).await?;
        to.write_all(&frame).await?;
    }
}

impl State {
    async fn hold(&self) {
        let delay = self.delay.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
    }
}
