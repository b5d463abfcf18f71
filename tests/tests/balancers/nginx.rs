//! nginx, whose PROXY headers are of version 1.

use std::path::Path;

use mux_tests::Program::Muxftpd;
use mux_tests::machine::{Has, Lacking};
use mux_tests::{crowd, needs};

use crate::bed::{Bed, IPV4, IPV6, balancer};
use crate::crowd::Crowd;
use crate::operation::all_serve;
use crate::session::{Manner, greeting_within_tls};

fn stream_module() -> Has {
    if Path::new("/usr/lib/nginx/modules/ngx_stream_module.so").exists() {
        return Ok(());
    }
    Err(Lacking {
        what: "nginx with its stream module".to_owned(),
        remedy: "Install it; on Debian and its like: apt-get install libnginx-mod-stream."
            .to_owned(),
    })
}

#[test]
fn clients_behind_nginx_are_told_apart() {
    needs!(Muxftpd, balancer(&[("nginx", "nginx")]), stream_module());
    let config = Some("muxftpd-proxy.toml");
    Bed::inside("clients_behind_nginx_are_told_apart", config, |bed| {
        bed.start_with_config(1, |launch| launch.option("--tls-listen", "0.0.0.0:990"));
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/balancers/nginx.conf");
        bed.spawn("nginx", &["-c", config.to_str().unwrap()]);
        bed.until_reached(IPV4);
        bed.until_reached(IPV6);
        let greeting = greeting_within_tls(1, (IPV4.ip(), 990).into(), bed.authority());
        assert!(greeting.starts_with("220 "), "{greeting}");
        let crowd = Crowd::start(bed, crowd(100), &Manner::ALL);
        all_serve(bed, &crowd, &[1]);
        let outcome = crowd.stop();
        assert_eq!(outcome.lost, [0; 5], "{outcome:?}");
        assert_eq!(bed.strangers(1), 0, "every data connection was somebody's");
    });
}
