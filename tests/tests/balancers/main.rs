//! Several servers behind one address, with the balancers and the configurations of
//! docs/scaling.md: hundreds of clients, while servers join, drain, die and come back.

mod bed;
mod control_port;
mod crowd;
mod ecmp;
mod haproxy;
mod nftables;
mod nginx;
mod operation;
mod session;
