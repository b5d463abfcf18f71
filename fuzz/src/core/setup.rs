//! From bytes to a table and what is done with it.

use mux_core::PortSet;
use mux_core::table::oracle::Operation;

/// Sets that differ in width and holes: with one port, about as wide as a client's inline list of
/// taken ports, and far wider.
const PORTS: [&str; 7] =
    ["7", "8192-8193", "8192-8200", "1,3,5-6,65535", "2000-2079", "10000-26383", "1-65535"];

/// What a table is made from.
pub(crate) struct Setup {
    pub(crate) ports: PortSet,
    pub(crate) capacity: usize,
    pub(crate) seed: u64,
}

/// The first four bytes choose the table, every three after them are an operation. `None` if
/// there are no four bytes.
pub(crate) fn decode(
    bytes: &[u8],
) -> Option<(Setup, impl ExactSizeIterator<Item = Operation> + Clone)> {
    let (&[ports, capacity, seed @ ..], rest) = bytes.split_first_chunk::<4>()?;
    let setup = Setup {
        ports: PORTS[usize::from(ports) % PORTS.len()].parse().expect("a good port set"),
        capacity: usize::from(capacity) + 1,
        seed: u16::from_le_bytes(seed).into(),
    };
    let (operations, _) = rest.as_chunks::<3>();
    Some((setup, operations.iter().copied().map(Operation::from_bytes)))
}
