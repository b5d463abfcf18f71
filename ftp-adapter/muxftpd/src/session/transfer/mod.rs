//! What goes over data connections.

pub mod ascii;
