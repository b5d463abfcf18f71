//! Numbers for Prometheus, and whether the server is well and ready, over HTTP.

use crate::listen;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OPENMETRICS_ACCEPTED: &str = "application/openmetrics-text";

/// Connections at the same time; others wait.
const CONNECTIONS: usize = 16;

/// How long a client may take over a request, and how long to wait after an error.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// Binds where the numbers are to be had.
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let wrong =
        |error: io::Error| format!("cannot serve metrics on {address}: {}", listen::why(&error));
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}

/// What is served.
#[derive(Debug)]
pub struct Exporter {
    pub registry: Registry,
    /// Cancelled when the server is about to take no more sessions.
    pub draining: CancellationToken,
}

/// Serves it for ever.
pub async fn serve(listener: TcpListener, exporter: Exporter) {
    let exporter = Arc::new(exporter);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let exporter = Arc::clone(&exporter);
                tokio::spawn(async move {
                    converse(stream, &exporter).await;
                    drop(permit);
                });
            }
            // Out of descriptors, most likely.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, exporter: &Exporter) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, exporter)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong is the client's affair.
    let _ = tokio::time::timeout(2 * PATIENCE, connection).await;
}

fn answer(request: &Request<Incoming>, exporter: &Exporter) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => metrics(request, &exporter.registry),
        (&Method::GET | &Method::HEAD, "/healthz") => short(StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, "/readyz") if exporter.draining.is_cancelled() => {
            short(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        }
        (&Method::GET | &Method::HEAD, "/readyz") => short(StatusCode::OK, "ready\n"),
        _ => short(StatusCode::NOT_FOUND, ""),
    }
}

fn short(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

/// OpenMetrics for those who ask for it, as Prometheus does; else Prometheus' older text.
fn metrics(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    let accepted = request.headers().get_all(ACCEPT).into_iter();
    let wants_openmetrics = accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(OPENMETRICS_ACCEPTED));
    let mut body = String::new();
    let (kind, encoded) = if wants_openmetrics {
        (OPENMETRICS, text::encode(&mut body, registry))
    } else {
        (prometheus_text::CONTENT_TYPE, prometheus_text::encode(&mut body, registry))
    };
    if encoded.is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.body_mut() = Full::from(body);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn why_nothing_is_served_is_said() {
        let (_held, taken) = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        for (address, why) in [
            (taken, "another program listens there already"),
            ("192.0.2.1:0".parse().unwrap(), "this machine does not have that address"),
        ] {
            let said = bind(address).await.unwrap_err();
            assert_eq!(said, format!("cannot serve metrics on {address}: {why}"));
        }
    }
}
