//! How much is measured: sizes, times, rounds.

use std::time::Duration;

/// What a mode measures.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    pub(crate) name: &'static str,
    pub(crate) rounds: u32,
    pub(crate) table: TableEffort,
    pub(crate) sockets: SocketsEffort,
    pub(crate) scale: ScaleEffort,
    pub(crate) servers: ServersEffort,
}

/// Of the mux's deliveries.
#[derive(Debug, Clone)]
pub(crate) struct SocketsEffort {
    /// How long connections are made.
    pub(crate) seconds: f64,
    /// How many bytes a transfer has.
    pub(crate) bulk: u64,
}

/// Of the number of reservations that are pending, in ascending order.
#[derive(Debug, Clone)]
pub(crate) struct ScaleEffort {
    pub(crate) streams: Vec<usize>,
    pub(crate) leases: Vec<usize>,
}

/// Of whole servers.
#[derive(Debug, Clone)]
pub(crate) struct ServersEffort {
    pub(crate) kinds: Vec<String>,
    /// Texts of which an operation must have one in its name.
    pub(crate) operations: Option<Vec<String>>,
    /// How many clients work at the same time.
    pub(crate) clients: Vec<u16>,
    /// How long a measurement of cycles takes.
    pub(crate) seconds: f64,
    /// How many bytes all clients together move in a transfer of bulk.
    pub(crate) bulk: u64,
    /// How many files are in the crowded directory.
    pub(crate) crowded: usize,
    /// How many strangers come a second.
    pub(crate) strangers: Vec<u32>,
}

/// Of the table.
#[derive(Debug, Clone)]
pub(crate) struct TableEffort {
    /// How many reservations are pending, on nine ports.
    pub(crate) pending: Vec<usize>,
    pub(crate) widths: Vec<u16>,
    /// With how many of them each width is measured.
    pub(crate) pending_at_widths: Vec<usize>,
    pub(crate) threads: Vec<usize>,
    /// How long each operation is repeated in each round.
    pub(crate) time: Duration,
    /// Up to how many reservations all of them expire at once.
    pub(crate) expire_all: usize,
}

impl Effort {
    /// Everything.
    pub(crate) fn full() -> Self {
        Self {
            name: "full",
            rounds: 9,
            table: TableEffort {
                pending: vec![10, 1_000, 100_000, 1_000_000],
                widths: vec![1, 9, 100, 16_384],
                pending_at_widths: vec![10, 1_000, 100_000, 1_000_000],
                threads: vec![1, 2, 4],
                time: Duration::from_millis(20),
                expire_all: 1_000_000,
            },
            sockets: SocketsEffort { seconds: 2.0, bulk: 1 << 30 },
            scale: ScaleEffort {
                streams: vec![10, 100, 1_000, 10_000, 100_000],
                leases: vec![10, 100, 500, 1_000, 2_000],
            },
            servers: ServersEffort {
                kinds: [
                    "muxftpd-9",
                    "default-2700-nodelay",
                    "pooled-9-nodelay",
                    "default-2700",
                    "default-9",
                    "pooled-9",
                    "vsftpd-1000",
                    "proftpd-1000",
                    "pure_ftpd-1000",
                    "pyftpdlib-1000",
                ]
                .map(str::to_owned)
                .into(),
                operations: None,
                clients: vec![1, 4, 32],
                seconds: 2.0,
                bulk: 1 << 30,
                crowded: 10_000,
                strangers: vec![0, 1_000, 10_000, 100_000],
            },
        }
    }

    /// Within ten minutes on two processors.
    pub(crate) fn quick() -> Self {
        let full = Self::full();
        Self {
            name: "quick",
            rounds: 3,
            table: TableEffort {
                pending_at_widths: vec![100_000],
                time: Duration::from_millis(5),
                expire_all: 100_000,
                ..full.table
            },
            sockets: SocketsEffort { seconds: 0.5, bulk: 256 << 20 },
            scale: full.scale,
            servers: ServersEffort { seconds: 0.4, bulk: 64 << 20, ..full.servers },
        }
    }

    /// Only to see that everything runs; the figures mean nothing.
    pub(crate) fn smoke() -> Self {
        Self {
            name: "smoke",
            rounds: 2,
            table: TableEffort {
                pending: vec![10, 300],
                widths: vec![1, 9, 100],
                pending_at_widths: vec![300],
                threads: vec![1, 2],
                time: Duration::from_micros(100),
                expire_all: 300,
            },
            sockets: SocketsEffort { seconds: 0.05, bulk: 1 << 20 },
            scale: ScaleEffort { streams: vec![10, 100], leases: vec![5, 10] },
            servers: ServersEffort {
                kinds: [
                    "muxftpd-9",
                    "default-2700-nodelay",
                    "pooled-9",
                    "vsftpd-100",
                    "proftpd-100",
                    "pure_ftpd-100",
                    "pyftpdlib-100",
                ]
                .map(str::to_owned)
                .into(),
                operations: None,
                clients: vec![1, 3],
                seconds: 0.15,
                bulk: 1 << 20,
                crowded: 100,
                strangers: vec![0, 100],
            },
        }
    }
}
