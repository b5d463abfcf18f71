//! What an operator sees: the start screen, the log, metrics.

pub mod events;
pub mod exporter;
pub mod journal;
pub mod logging;
pub mod metrics;
pub mod output;
pub mod panics;
pub mod printable;
pub mod rate;
pub mod screen;
