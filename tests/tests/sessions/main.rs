//! Sessions on shared ports from start to end, and servers from start to shutdown.

mod descriptors;
mod epsv_and_ipv6;
mod harness;
mod many_clients;
mod pasv_twice;
mod reservation_ttl;
mod same_client_limit;
mod session_end;
mod shutdown;
mod stale_cleanup;
mod startup;
mod strangers;
