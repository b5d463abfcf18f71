//! Where there is no steering: a type of which there is no value.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::errors::BindError;
use crate::PortSet;

#[derive(Debug)]
pub(super) enum Groups {}

impl Groups {
    pub(super) fn new(_: &PortSet) -> Result<Self, BindError> {
        Err(BindError::SteeringUnsupported)
    }

    pub(super) fn bind(&mut self, _: SocketAddr, _: u32) -> io::Result<Arc<TcpListener>> {
        match *self {}
    }

    pub(super) fn close(&self) {
        match *self {}
    }

    pub(super) fn trim(&self) {
        match *self {}
    }
}
