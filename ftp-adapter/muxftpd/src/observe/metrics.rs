//! Numbers for Prometheus, over HTTP.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Connections at the same time; others wait.
const CONNECTIONS: usize = 16;

/// How long a client may take over a request, and how long to wait after an error.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// Binds where the numbers are to be had.
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let wrong = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("cannot serve metrics on {address}: another program listens there already")
        }
        _ => format!("cannot serve metrics on {address}: {error}"),
    };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}

/// Serves `registry` for ever.
pub async fn serve(listener: TcpListener, registry: Registry) {
    let registry = Arc::new(registry);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let registry = Arc::clone(&registry);
                tokio::spawn(async move {
                    converse(stream, &registry).await;
                    drop(permit);
                });
            }
            // Out of descriptors, most likely.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, registry: &Registry) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, registry)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong is the client's affair.
    let _ = tokio::time::timeout(2 * PATIENCE, connection).await;
}

fn answer(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    let is_right = request.method() == Method::GET && request.uri().path() == "/metrics";
    let mut text = String::new();
    if !is_right {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if encode(&mut text, registry).is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    } else if let Ok(kind) = OPENMETRICS.parse() {
        response.headers_mut().insert(CONTENT_TYPE, kind);
        *response.body_mut() = Full::from(text);
    }
    response
}
