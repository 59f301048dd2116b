//! A listening socket and its connections: accepting, keeping them in hand, draining.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::Error;
use super::answer::Answer;
use super::gate::Gate;
use super::socket::Socket;

/// The smallest buffer for a request's head that the HTTP/1 parser works with.
const SMALLEST_HEAD: usize = 8 << 10;
/// How often an idle HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const STILL_THERE: Duration = Duration::from_secs(20);
/// Pause after a failure to accept that concerns the whole process, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);
/// How long aborted connections may take to end once the deadline of a drain has passed.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// What answers the requests of a listener.
pub(super) trait Front: Send + Sync + 'static {
    /// Counts the requests and knows whether the listener drains.
    fn gate(&self) -> &Arc<Gate>;

    /// Answers one request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Answer>> + Send;
}

/// Bounds on what a client may send before its request is understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) header_read_timeout: Duration,
    pub(super) max_header_size: u64,
    /// How long a client may leave its answer unread.
    pub(super) write_timeout: Duration,
}

/// What a drain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// How many requests had no complete answer when the deadline passed.
    pub abandoned: usize,
}

/// A socket that listens; nothing is accepted yet.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// A listener that accepts. Dropping it ends every connection at once.
#[derive(Debug)]
pub(super) struct Accepting {
    stop: oneshot::Sender<Instant>,
    task: JoinSet<Drained>,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr, key: &'static str) -> Result<Self, Error> {
        let listen = async {
            let socket = TcpListener::bind(address).await?;
            let address = socket.local_addr()?;
            Ok(Self { socket, address })
        };
        listen.await.map_err(|source: io::Error| Error::listen(address, key, source))
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to accept connections, on a task that the result owns.
    pub(super) fn accept<F: Front>(self, front: F, limits: Limits) -> Accepting {
        let (stop, stopped) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(Connections::new(Arc::new(front), limits).run(self.socket, stopped));
        Accepting { stop, task }
    }
}

impl Accepting {
    /// Stops accepting, finishes what is being answered, and returns at the latest shortly after `deadline`.
    pub(super) async fn drain(mut self, deadline: Instant) -> Drained {
        // The task can only have ended by a panic, which the join below reports.
        let _ = self.stop.send(deadline);
        match self.task.join_next().await {
            Some(Ok(drained)) => drained,
            Some(Err(error)) => {
                tracing::error!(%error, "the listener ended early");
                Drained { abandoned: 0 }
            }
            None => Drained { abandoned: 0 },
        }
    }
}

/// The connections of one listener.
struct Connections<F> {
    front: Arc<F>,
    builder: Builder<Streams>,
    limits: Limits,
    open: JoinSet<()>,
    streams: TaskTracker,
    closing: watch::Sender<bool>,
}

impl<F: Front> Connections<F> {
    fn new(front: Arc<F>, limits: Limits) -> Self {
        let streams = TaskTracker::new();
        let largest_head = usize::try_from(limits.max_header_size).unwrap_or(usize::MAX);
        let mut builder = Builder::new(Streams(streams.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_buf_size(largest_head.max(SMALLEST_HEAD));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(largest_head).unwrap_or(u32::MAX))
            .keep_alive_interval(STILL_THERE)
            .keep_alive_timeout(STILL_THERE);
        let (closing, _) = watch::channel(false);
        Self { front, builder, limits, open: JoinSet::new(), streams, closing }
    }

    async fn run(mut self, socket: TcpListener, mut stopped: oneshot::Receiver<Instant>) -> Drained {
        let deadline = loop {
            tokio::select! {
                biased;
                deadline = &mut stopped => break deadline.unwrap_or_else(|_| Instant::now()),
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => self.open(stream),
                    Err(error) => pause_after(&error).await,
                },
                Some(_) = self.open.join_next() => {}
            }
        };
        drop(socket);
        self.drain(deadline).await
    }

    fn open(&mut self, stream: TcpStream) {
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let (front, builder) = (Arc::clone(&self.front), self.builder.clone());
        self.open.spawn(serve(stream, front, builder, self.limits, self.closing.subscribe()));
    }

    async fn drain(mut self, deadline: Instant) -> Drained {
        let gate = Arc::clone(self.front.gate());
        gate.drain();
        self.closing.send_replace(true);
        self.streams.close();
        let all = async {
            while self.open.join_next().await.is_some() {}
            self.streams.wait().await;
        };
        let abandoned = match timeout_at(deadline, all).await {
            Ok(()) => 0,
            Err(_) => gate.in_flight(),
        };
        self.open.abort_all();
        let ended = async { while self.open.join_next().await.is_some() {} };
        if timeout_at(Instant::now() + LAST_MOMENT, ended).await.is_err() {
            tracing::warn!("a function holds a thread and cannot be stopped");
        }
        Drained { abandoned }
    }
}

/// Serves one connection to its end.
async fn serve<F: Front>(
    stream: TcpStream,
    front: Arc<F>,
    builder: Builder<Streams>,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) {
    let (first_request, gate) = (Arc::new(Notify::new()), Arc::clone(front.gate()));
    let unread = Arc::new(AtomicBool::new(false));
    let (seen, lingers) = (Arc::clone(&first_request), Arc::clone(&unread));
    let service = service_fn(move |request: Request<Incoming>| {
        seen.notify_one();
        let (front, lingers) = (Arc::clone(&front), Arc::clone(&lingers));
        async move {
            let has_body = !request.body().is_end_stream();
            let response = front.answer(request).await;
            // A refused body may still be on its way.
            lingers.store(has_body && response.status().is_client_error(), Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let stream = TokioIo::new(Socket::new(stream, limits.write_timeout, unread));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut began = pin!(tokio::time::timeout(limits.header_read_timeout, first_request.notified()));
    let mut closes = pin!(async { drop(closing.wait_for(|closing| *closing).await) });
    let closing = tokio::select! {
        biased;
        ended = connection.as_mut() => return report(ended),
        began = &mut began => match began {
            Ok(()) => false,
            Err(_) => return tracing::debug!("a client sent no request in time"),
        },
        () = &mut closes => true,
    };
    if !closing {
        // A wake-up is nearly always about the connection; looking at the other side each time would cost a lock.
        let mut asked: Option<Waker> = None;
        let ended = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if gate.is_draining() || !asked.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                asked = Some(cx.waker().clone());
                return closes.as_mut().poll(cx).map(|()| None);
            }
            Poll::Pending
        });
        if let Some(ended) = ended.await {
            return report(ended);
        }
    }
    connection.as_mut().graceful_shutdown();
    report(connection.await);
}

fn report<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection that was reset before it was accepted concerns nobody; anything else will not mend itself at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%error, "cannot accept connections");
    tokio::time::sleep(PAUSE).await;
}

/// Runs the streams of HTTP/2 connections on tasks that are counted.
#[derive(Debug, Clone)]
struct Streams(TaskTracker);

impl<T: Future<Output: Send> + Send + 'static> hyper::rt::Executor<T> for Streams {
    fn execute(&self, stream: T) {
        self.0.spawn(stream);
    }
}
