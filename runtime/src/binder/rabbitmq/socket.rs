//! Sockets that tell their host when the client asks for them, and what else the client needs to run on tokio.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::{DummyIO, RuntimeParts};
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::stream::Stream;

use super::host::Host;

/// Counts connections, so that a later one is known as such.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// What the client is to run on, so that its thread is that of a host. To be called on tokio.
pub(super) fn runtime(host: &Arc<Host>) -> Runtime<RuntimeParts<Tokio, Sockets>> {
    let tokio = Tokio::current();
    let sockets = Sockets { tokio: tokio.clone(), host: Arc::clone(host) };
    Runtime::new(RuntimeParts::new(tokio, sockets))
}

/// Makes the sockets of a host.
#[derive(Debug, Clone)]
pub(super) struct Sockets {
    tokio: Tokio,
    host: Arc<Host>,
}

/// A socket that is read and written by the thread of its host.
pub(super) struct Socket {
    inner: <Tokio as Reactor>::TcpStream,
    host: Arc<Host>,
    /// Which connection this is.
    number: u64,
}

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// The client registers no sockets of its own.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.tokio.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.tokio.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Socket>> + Send + 'static {
        let (connecting, host) = (self.tokio.tcp_connect_addr(address), Arc::clone(&self.host));
        async move {
            let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
            Ok(Socket { inner: connecting.await?, host, number })
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if polled.is_pending() {
            self.host.is_on(cx.waker(), self.number);
        }
        polled
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [io::IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_read_vectored(cx, buffers);
        if polled.is_pending() {
            self.host.is_on(cx.waker(), self.number);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

    /// The client flushes after it has handed out what it has read, before it writes, and holds none of its locks.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.host.work();
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.host.leaves(self.number);
    }
}
