//! What an operator sees: the start screen, the log, metrics.

pub mod journal;
pub mod logging;
pub mod metrics;
pub mod numbers;
pub mod panics;
pub mod screen;
