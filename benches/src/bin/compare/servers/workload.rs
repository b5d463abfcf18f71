//! What clients do.

/// One transfer.
#[derive(Debug, Clone)]
pub(super) enum Work {
    List { command: &'static str, directory: String },
    Retrieve { file: String, size: u64 },
    Store { size: u64 },
}

/// How a client acknowledges what it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acks {
    /// As the kernel likes: often delayed.
    Ordinary,
    /// `TCP_QUICKACK` after each read.
    Quickack,
}

impl Acks {
    pub(super) const BOTH: [Self; 2] = [Self::Ordinary, Self::Quickack];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary clients",
            Self::Quickack => "clients that acknowledge at once",
        }
    }
}

/// How long a measurement goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// For so many seconds; the transfer that has begun is finished.
    Seconds(f64),
    /// Each client has done its one transfer.
    Once,
}
