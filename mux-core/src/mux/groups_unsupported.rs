//! Where there is no steering.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::core::Core;
use super::errors::BindError;
use crate::table::ReservationId;
use crate::{Client, ClientKey};

/// There is none.
#[derive(Debug)]
pub(super) enum Groups {}

impl Groups {
    pub(super) fn new() -> Result<Self, BindError> {
        Err(BindError::SteeringUnsupported)
    }

    pub(super) fn bind(&mut self, _: SocketAddr, _: u32) -> io::Result<Arc<TcpListener>> {
        match *self {}
    }
}

impl Core {
    pub(super) fn revoke(&self, _: u16, _: u16, _: Client, _: ReservationId) {}

    pub(super) fn look(&self, _: ClientKey) -> bool {
        false
    }

    pub(super) fn relieve(&self) {}

    pub(super) fn close_groups(&self) {
        match &self.groups {
            None => {}
            Some(groups) => match *groups {},
        }
    }
}
